-- A rider in a programme, and for each programme the shard's own sink. The only place that ties an address to a user; every figure is a fold of journal
-- entries. lapses_ms and collects_ms say when time alone will change it. What has a default is nothing of a ride, and left out where rides open an account.
CREATE TABLE IF NOT EXISTS account_{shard} (
    user_id BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    address VARBINARY(32) NOT NULL,
    wrapped_key VARBINARY(128) NOT NULL,
    available_ug BIGINT NOT NULL DEFAULT 0,
    waiting_ug BIGINT NOT NULL,
    quantified_ug BIGINT NOT NULL,
    capped_ug BIGINT NOT NULL,
    collected_ug BIGINT NOT NULL DEFAULT 0,
    lapsed_ug BIGINT NOT NULL DEFAULT 0,
    issued_ug BIGINT NOT NULL DEFAULT 0,
    spent_ug BIGINT NOT NULL DEFAULT 0,
    expired_ug BIGINT NOT NULL DEFAULT 0,
    longest_trip_s BIGINT NOT NULL,
    last_end_s BIGINT NULL,
    last_day BIGINT NULL,
    last_day_count BIGINT NOT NULL,
    last_day_ug BIGINT NOT NULL,
    unspent_count BIGINT NOT NULL DEFAULT 0,
    lapses_ms BIGINT NULL,
    collects_ms BIGINT NULL,
    PRIMARY KEY (user_id, programme),
    UNIQUE (lapses_ms, user_id, programme),
    UNIQUE (collects_ms, user_id, programme)
)
