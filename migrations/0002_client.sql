-- API keys: only digests are stored.
CREATE TABLE IF NOT EXISTS client (
    key_digest VARBINARY(32) NOT NULL PRIMARY KEY,
    name VARCHAR(512) NOT NULL,
    rights VARCHAR(255) NOT NULL,
    programmes VARCHAR(2048) NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NULL,
    revoked_ms BIGINT NULL
)
