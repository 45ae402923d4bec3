-- Our certificate authority (ca) and the gateway itself as sender (issuer); of each name the highest number signs, a renewed certificate
-- is a further row. wrapped_key is bound to name, number, key_id and created_ms; key_id is recomputed from the key inside and from the
-- certificate, which the authority has signed. Unseen until the journal knows of them: an authority replaced whole by who holds the
-- key-encryption key, the highest row taken away, revoked_ms.
CREATE TABLE IF NOT EXISTS authority (
    name VARCHAR(16) NOT NULL,
    number BIGINT NOT NULL,
    key_id VARBINARY(32) NOT NULL,
    wrapped_key VARBINARY(128) NOT NULL,
    certificate BLOB NOT NULL,
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT NULL,
    PRIMARY KEY (name, number)
)
