-- One row while the key-encryption key is being changed: the key that rows are being wrapped under. No gateway starts on such a folder,
-- since some of its rows are under the one key and some under the other. It goes in the transaction that names the new key in deployment.
CREATE TABLE IF NOT EXISTS kek_change (
    kek_id VARBINARY(8) NOT NULL PRIMARY KEY,
    started_ms BIGINT NOT NULL
)
