-- One row: what this deployment is, for ever. The genesis seal of every shard covers id, zone and created_ms. The source secret hides trips
-- from the chain, the chain secret keeps the ids of what is sent from being taken first; kek_id names the key-encryption key that wraps both.
CREATE TABLE IF NOT EXISTS deployment (
    id VARBINARY(16) NOT NULL PRIMARY KEY,
    zone VARCHAR(64) NOT NULL,
    created_ms BIGINT NOT NULL,
    kek_id VARBINARY(8) NOT NULL,
    source_secret VARBINARY(128) NOT NULL,
    chain_secret VARBINARY(128) NOT NULL
)
