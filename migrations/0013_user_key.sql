-- Signing keys of riders and sinks; the highest number signs. wrapped_key is bound to user_id, number, key_id and created_ms as its
-- additional data, so that under the key-encryption key every column is checked; key_id is the digest of point, the public half of the
-- key inside, kept so that a key opens without a multiplication on the curve; shard is that of user_id; numbers of a user begin at 1 without a gap. Unseen: the highest key of a user taken away before it certified or
-- signed anything.
CREATE TABLE IF NOT EXISTS user_key (
    shard BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    key_id VARBINARY(32) NOT NULL,
    point VARBINARY(65) NOT NULL,
    wrapped_key VARBINARY(128) NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (shard, user_id, number),
    UNIQUE (key_id)
)
