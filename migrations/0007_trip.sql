-- Written once but for issued_by, the content id of the issue that turned its claim into credits. record and evidence are canonical bytes under the trip digest; the other columns repeat what laws and indexes need; source_key is the name under which an issue's bytes speak of the trip, so that it is found from there. By its primary key a server keeps a rider's trips together.
CREATE TABLE IF NOT EXISTS trip_{shard} (
    seq BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    source_key VARBINARY(32) NOT NULL,
    programme VARCHAR(64) NOT NULL,
    activity_day BIGINT NOT NULL,
    started_s BIGINT NOT NULL,
    ended_s BIGINT NOT NULL,
    outcome VARCHAR(32) NOT NULL,
    amount_ug BIGINT NOT NULL,
    record MEDIUMBLOB NOT NULL,
    evidence MEDIUMBLOB NOT NULL,
    issued_by VARBINARY(32) NULL,
    PRIMARY KEY (user_id, activity_day, seq),
    UNIQUE (seq),
    UNIQUE (user_id, source_key)
)
