-- A rider in a programme, and for each programme the shard's own sink. The only place that ties an address to a user; every figure is a fold of journal
-- entries. lapses_ms and collects_ms say when time alone will change it.
CREATE TABLE IF NOT EXISTS account_{shard} (
    user_id BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    address VARBINARY(32) NOT NULL,
    wrapped_key VARBINARY(128) NOT NULL,
    available_ug BIGINT NOT NULL,
    waiting_ug BIGINT NOT NULL,
    quantified_ug BIGINT NOT NULL,
    capped_ug BIGINT NOT NULL,
    collected_ug BIGINT NOT NULL,
    lapsed_ug BIGINT NOT NULL,
    issued_ug BIGINT NOT NULL,
    spent_ug BIGINT NOT NULL,
    expired_ug BIGINT NOT NULL,
    longest_trip_s BIGINT NOT NULL,
    last_end_s BIGINT NULL,
    last_day BIGINT NULL,
    last_day_count BIGINT NOT NULL,
    last_day_ug BIGINT NOT NULL,
    unspent_count BIGINT NOT NULL,
    lapses_ms BIGINT NULL,
    collects_ms BIGINT NULL,
    PRIMARY KEY (user_id, programme),
    UNIQUE (lapses_ms, user_id, programme),
    UNIQUE (collects_ms, user_id, programme)
)
