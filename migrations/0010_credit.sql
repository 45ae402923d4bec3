-- Credits: made once, consumed once. spent_by is the content id of what consumed it; created_seq is the seq of what made it.
CREATE TABLE IF NOT EXISTS credit_{shard} (
    hash VARBINARY(32) NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    programme VARCHAR(64) NOT NULL,
    gas BIGINT NOT NULL,
    vintage BIGINT NOT NULL,
    expiry_month BIGINT NOT NULL,
    amount_ug BIGINT NOT NULL,
    expires_ms BIGINT NULL,
    created_by VARBINARY(32) NOT NULL,
    created_seq BIGINT NOT NULL,
    output BIGINT NOT NULL,
    spent_by VARBINARY(32) NULL,
    UNIQUE (user_id, spent_by, expires_ms, hash),
    UNIQUE (user_id, created_seq, output)
)
