-- What was answered under a caller's key, kept 30 days. seq is that of its entry.
CREATE TABLE IF NOT EXISTS idempotency (
    shard BIGINT NOT NULL,
    key_digest VARBINARY(32) NOT NULL,
    request_digest VARBINARY(32) NOT NULL,
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    answer BLOB NOT NULL,
    PRIMARY KEY (shard, key_digest)
)
