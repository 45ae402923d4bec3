-- One page per shard and batch, linked by seals.
CREATE TABLE IF NOT EXISTS journal (
    shard BIGINT NOT NULL,
    seq_from BIGINT NOT NULL,
    seq_to BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    previous_seal VARBINARY(32) NOT NULL,
    seal VARBINARY(32) NOT NULL,
    entries MEDIUMBLOB NOT NULL,
    PRIMARY KEY (shard, seq_from)
)
