-- What happened: canonical bytes under their content id. seq is that of its entry.
CREATE TABLE IF NOT EXISTS ledger_tx_{shard} (
    seq BIGINT NOT NULL PRIMARY KEY,
    content_id VARBINARY(32) NOT NULL,
    user_id BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    amount_ug BIGINT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (content_id)
)
