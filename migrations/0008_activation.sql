-- Which programmes, parameter sets, factor tables and networks have been in force, with their bytes. Each is an entry of shard 0, under its seq.
CREATE TABLE IF NOT EXISTS activation (
    seq BIGINT NOT NULL PRIMARY KEY,
    kind VARCHAR(16) NOT NULL,
    id VARCHAR(128) NOT NULL,
    version VARCHAR(64) NOT NULL,
    digest VARBINARY(32) NOT NULL,
    confirmed_by VARCHAR(512) NOT NULL,
    bytes MEDIUMBLOB NOT NULL
)
