-- Who runs a job at present, and until when: a lease, which ends by itself. No state of the ledger: two that run a job at once only ask twice.
CREATE TABLE IF NOT EXISTS job (
    name VARCHAR(32) NOT NULL PRIMARY KEY,
    holder VARBINARY(16) NOT NULL,
    until_ms BIGINT NOT NULL
)
