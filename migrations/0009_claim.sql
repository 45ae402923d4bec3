-- Claims that wait; a row goes when its claim is collected or lapses. seq is the trip's.
CREATE TABLE IF NOT EXISTS claim_{shard} (
    user_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    opens_ms BIGINT NOT NULL,
    closes_ms BIGINT NULL,
    PRIMARY KEY (user_id, seq)
)
