-- Certificates of riders and sinks, one row each, kept for ever: what was sent is judged by the one valid then. der is signed by the
-- authority; serial, key_id, not_before_ms and not_after_ms are recomputed from it; user_id is the user_key row of that key_id, shard
-- is that of user_id. Unseen until the journal knows of revocations: revoked_ms; and a row taken away that nothing on the chain names.
CREATE TABLE IF NOT EXISTS certificate (
    shard BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    serial VARBINARY(16) NOT NULL,
    key_id VARBINARY(32) NOT NULL,
    der BLOB NOT NULL,
    not_before_ms BIGINT NOT NULL,
    not_after_ms BIGINT NOT NULL,
    revoked_ms BIGINT NULL,
    PRIMARY KEY (shard, user_id, serial),
    UNIQUE (serial)
)
