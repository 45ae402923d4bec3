-- How far the journal of a shard that is at home here has been published: the seq of the last entry whose event a broker has taken. No state of the
-- ledger: behind what was published, an event is published again.
CREATE TABLE IF NOT EXISTS event_cursor (
    shard BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
)
