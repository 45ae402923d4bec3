-- A rider in a programme. The only place that ties an address to a user; every figure is a fold of journal entries.
CREATE TABLE IF NOT EXISTS account_{shard} (
    user_id BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    address VARBINARY(32) NOT NULL,
    wrapped_key VARBINARY(128) NOT NULL,
    waiting_ug BIGINT NOT NULL,
    quantified_ug BIGINT NOT NULL,
    capped_ug BIGINT NOT NULL,
    longest_trip_s BIGINT NOT NULL,
    PRIMARY KEY (user_id, programme)
)
