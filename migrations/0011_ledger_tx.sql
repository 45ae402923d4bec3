-- What happened: canonical bytes under their content id. seq is that of its entry. The rest is its way to the chain: unmet counts the transactions not
-- confirmed yet that made its inputs, next_attempt_ms is beyond all time while there are any, pack bounds the envelope that may carry it, chain_tx_id
-- names the last envelope that did and earlier those before, 32 bytes each.
CREATE TABLE IF NOT EXISTS ledger_tx_{shard} (
    seq BIGINT NOT NULL PRIMARY KEY,
    content_id VARBINARY(32) NOT NULL,
    user_id BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    amount_ug BIGINT NOT NULL,
    body MEDIUMBLOB NOT NULL,
    status VARCHAR(16) NOT NULL,
    unmet BIGINT NOT NULL,
    next_attempt_ms BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    pack BIGINT NOT NULL,
    chain_tx_id VARBINARY(32) NULL,
    earlier VARBINARY(2048) NOT NULL,
    height BIGINT NULL,
    block_index BIGINT NULL,
    block_at_ms BIGINT NULL,
    reason VARCHAR(512) NULL,
    UNIQUE (content_id),
    UNIQUE (status, next_attempt_ms, seq)
)
