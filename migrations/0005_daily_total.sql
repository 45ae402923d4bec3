-- Postings summed in the same commit, by statements that add; the bounds, one short of 64 bits, are for SQLite, where a sum beyond those would become a fraction; rows of past booked days never change again.
CREATE TABLE IF NOT EXISTS daily_total (
    shard BIGINT NOT NULL,
    booked_day BIGINT NOT NULL,
    activity_day BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    gas VARCHAR(8) NOT NULL,
    figure VARCHAR(16) NOT NULL,
    mode VARCHAR(64) NOT NULL,
    methodology VARCHAR(128) NOT NULL,
    count BIGINT NOT NULL,
    amount_ug BIGINT NOT NULL,
    CHECK (count BETWEEN -9223372036854775807 AND 9223372036854775806 AND amount_ug BETWEEN -9223372036854775807 AND 9223372036854775806),
    PRIMARY KEY (shard, booked_day, activity_day, programme, gas, figure, mode, methodology)
)
