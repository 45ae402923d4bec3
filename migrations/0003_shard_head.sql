-- The lock that orders writers, and the end of each shard's journal. home is the deployment's id.
CREATE TABLE IF NOT EXISTS shard_head (
    shard BIGINT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    seal VARBINARY(32) NOT NULL,
    at_ms BIGINT NOT NULL,
    home VARBINARY(16) NOT NULL
)
