-- What the chain rests on: one row, written with the contract's installation.
CREATE TABLE IF NOT EXISTS genesis (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    document BLOB NOT NULL
) STRICT;

-- Headers. The hash of each stands in the next header, and here, so that the last one is covered too.
CREATE TABLE IF NOT EXISTS block (
    height INTEGER NOT NULL PRIMARY KEY,
    header BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;

-- Transactions with what became of them, failed ones too. An id is used up by whatever stands here.
CREATE TABLE IF NOT EXISTS chain_tx (
    tx_id BLOB NOT NULL,
    height INTEGER NOT NULL,
    position INTEGER NOT NULL,
    request BLOB NOT NULL,
    result BLOB NOT NULL,
    PRIMARY KEY (height, position),
    UNIQUE (tx_id)
) STRICT;

-- The state as of the last block: what the contract keeps, and which certificates are revoked.
CREATE TABLE IF NOT EXISTS state (
    state_key BLOB NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
