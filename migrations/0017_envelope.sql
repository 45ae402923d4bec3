-- What is on its way to the chain, under the id by which the chain knows it: no state of the ledger, and not in the journal. Whoever has the lease, until
-- lease_ms, cares for it. When the envelope has ended, lease_ms is that instant, the signed bytes go, and some time later the row.
CREATE TABLE IF NOT EXISTS envelope_{shard} (
    chain_tx_id VARBINARY(32) NOT NULL PRIMARY KEY,
    kind VARCHAR(16) NOT NULL,
    status VARCHAR(16) NOT NULL,
    lease_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    reason VARCHAR(512) NULL,
    request MEDIUMBLOB NOT NULL,
    UNIQUE (status, lease_ms, chain_tx_id)
)
