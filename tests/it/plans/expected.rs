//! Which index each table is searched by, statement by statement. A statement that is not in this table fails the test: whoever
//! writes a new one says here how it finds its rows.

use super::looked_at::LOOKED_AT;
use super::on_the_way::ON_THE_WAY;

/// How the tables of a statement are read.
#[derive(Clone, Copy)]
pub(super) enum Reading {
    /// No table has rows to be found, and the database is not asked.
    Nothing,
    /// Each table by an index, named by its columns.
    Searched(&'static [&'static str]),
    /// Whole tables too, and why that is right.
    Whole(&'static [&'static str], &'static str),
    /// All rows, whatever they hold, and why that is right.
    Everything(&'static str),
}

/// The beginning of a statement told without its repetitions, and how its tables are read.
pub(super) type Row = (&'static str, Reading);

use Reading::{Everything, Nothing, Searched, Whole};

/// Rows are written where they belong; only what an INSERT selects would have to be found.
const WRITTEN: [Row; 8] = [
    ("INSERT INTO ", Searched(&[])),
    ("REPLACE INTO ", Searched(&[])),
    ("CREATE TABLE IF NOT EXISTS ", Nothing),
    ("BEGIN", Nothing),
    ("COMMIT", Nothing),
    ("ROLLBACK", Nothing),
    ("PRAGMA journal_mode", Nothing),
    ("PRAGMA integrity_check", Nothing),
];

/// What serves riders and orders, and what `verify` reads in pieces.
const FOUND: [Row; 61] = [
    (
        "SELECT COUNT(*) FROM job WHERE name = ? AND holder <> ? AND until_ms > ? AND until_ms <= ?",
        Searched(&["SEARCH job BY name (name=?)"]),
    ),
    (
        "UPDATE job SET until_ms = 0 WHERE name = ? AND holder = ?",
        Searched(&["SEARCH job BY name (name=?)"]),
    ),
    (
        "UPDATE event_cursor SET seq = ? WHERE shard = ? AND seq < ?",
        Searched(&["SEARCH event_cursor BY shard (shard=?)"]),
    ),
    (
        "SELECT seq FROM event_cursor WHERE shard = ?",
        Searched(&["SEARCH event_cursor BY shard (shard=?)"]),
    ),
    (
        "SELECT seq_from, seq_to, at_ms, previous_seal, seal, entries FROM journal WHERE shard = ? AND seq_from > ? ORDER BY seq_from LIMIT ?",
        Searched(&["SEARCH journal BY shard, seq_from (shard=? AND seq_from>?)"]),
    ),
    (
        "SELECT user_id, seq, record, evidence, issued_by FROM trip_{shard} WHERE seq BETWEEN ? AND ?",
        Searched(&["SEARCH trip BY seq (seq>? AND seq<?)"]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason, t.amount_ug, t.body FROM ledger_tx_{shard} t WHERE t.content_id IN (?)",
        Searched(&["SEARCH t BY content_id (content_id=?)"]),
    ),
    (
        "SELECT user_id, programme, address, wrapped_key FROM account_{shard} WHERE user_id IN (?)",
        Searched(&["SEARCH account BY user_id, programme (user_id=?)"]),
    ),
    (
        "SELECT key_digest, name, rights, programmes, created_ms, expires_ms, revoked_ms FROM client WHERE name = ?",
        Whole(&["SCAN client"], "there are few keys"),
    ),
    (
        "UPDATE user_key SET number = number WHERE shard = ? AND user_id = ? AND key_id = ?",
        Searched(&["SEARCH user_key BY key_id (key_id=?)"]),
    ),
    (
        "SELECT user_id, number, key_id, point, wrapped_key, created_ms FROM user_key WHERE shard = ? AND user_id >= ? AND (user_id > ? OR number >= ?) ORDER BY user_id, number LIMIT ?",
        Searched(&["SEARCH user_key BY shard, user_id, number (shard=? AND user_id>?)"]),
    ),
    (
        "SELECT user_id, number, key_id, point, wrapped_key, created_ms FROM user_key WHERE shard = ? AND user_id IN (?)",
        Searched(&["SEARCH user_key BY shard, user_id, number (shard=? AND user_id=?)"]),
    ),
    (
        "SELECT user_id, number, key_id, point, wrapped_key, created_ms FROM user_key WHERE shard = ? AND user_id = ? AND number = ?",
        Searched(&["SEARCH user_key BY shard, user_id, number (shard=? AND user_id=? AND number=?)"]),
    ),
    (
        "SELECT user_id, serial, key_id, der, not_before_ms, not_after_ms FROM certificate WHERE shard = ? AND user_id >= ? AND (user_id > ? OR serial >= ?) ORDER BY user_id, serial LIMIT ?",
        Searched(&["SEARCH certificate BY shard, user_id, serial (shard=? AND user_id>?)"]),
    ),
    (
        "SELECT user_id, serial, key_id, der, not_before_ms, not_after_ms, revoked_ms FROM certificate WHERE shard = ? AND user_id IN (?)",
        Searched(&["SEARCH certificate BY shard, user_id, serial (shard=? AND user_id=?)"]),
    ),
    (
        "SELECT user_id, serial, key_id, der, not_before_ms, not_after_ms, revoked_ms FROM certificate WHERE shard = ? AND user_id = ? AND key_id = ?",
        Searched(&["SEARCH certificate BY shard, user_id, serial (shard=? AND user_id=?)"]),
    ),
    (
        "UPDATE job SET holder = ?, until_ms = ? WHERE name = ? AND (holder = ? OR until_ms <= ? OR until_ms > ?)",
        Searched(&["SEARCH job BY name (name=?)"]),
    ),
    (
        "UPDATE certificate SET revoked_ms = ? WHERE serial = ? AND revoked_ms IS NULL",
        Searched(&["SEARCH certificate BY serial (serial=?)"]),
    ),
    (
        "SELECT name, number, key_id, wrapped_key, certificate, created_ms, revoked_ms FROM authority WHERE name = ? ORDER BY number DESC LIMIT 1",
        Searched(&["SEARCH authority BY name, number (name=?)"]),
    ),
    (
        "SELECT COUNT(*) FROM idempotency WHERE shard = ?",
        Searched(&["SEARCH idempotency BY shard, key_digest (shard=?)"]),
    ),
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE hash > ? ORDER BY hash LIMIT ?",
        Searched(&["SEARCH credit BY hash (hash>?)"]),
    ),
    (
        "SELECT key_digest, request_digest, seq, at_ms, answer FROM idempotency WHERE shard = ? AND key_digest = ?",
        Searched(&["SEARCH idempotency BY shard, key_digest (shard=? AND key_digest=?)"]),
    ),
    (
        "SELECT key_digest, request_digest, seq, at_ms, answer FROM idempotency WHERE shard = ? AND key_digest > ? ORDER BY key_digest LIMIT ?",
        Searched(&["SEARCH idempotency BY shard, key_digest (shard=? AND key_digest>?)"]),
    ),
    (
        "SELECT seq, content_id, user_id, programme, kind, amount_ug, body FROM ledger_tx_{shard} WHERE seq >= ? ORDER BY seq LIMIT ?",
        Searched(&["SEARCH ledger_tx BY seq (seq>?)"]),
    ),
    (
        "SELECT user_id, seq, programme, opens_ms, closes_ms FROM claim_{shard} WHERE user_id >= ? AND (user_id > ? OR seq > ?) ORDER BY user_id, seq LIMIT ?",
        Searched(&["SEARCH claim BY user_id, seq (user_id>?)"]),
    ),
    (
        "DELETE FROM claim_{shard} WHERE (user_id = ? AND seq = ?)",
        Searched(&["SEARCH claim BY user_id, seq (user_id=? AND seq=?)"]),
    ),
    (
        "SELECT * FROM (SELECT c.user_id, c.seq, t.record, t.evidence, t.issued_by FROM claim_{shard} c JOIN trip_{shard} t ON t.seq = c.seq WHERE c.user_id = ? AND c.programme = ? AND c.opens_ms <= ? AND (c.closes_ms IS NULL OR c.closes_ms > ?) ORDER BY c.seq LIMIT ?) AS part",
        Searched(&["SEARCH c BY user_id, seq (user_id=?)", "SEARCH t BY seq (seq=?)"]),
    ),
    (
        "SELECT * FROM (SELECT c.user_id, c.seq, t.record, t.evidence, t.issued_by FROM claim_{shard} c JOIN trip_{shard} t ON t.seq = c.seq WHERE c.user_id = ? AND c.programme = ? AND c.opens_ms <= ? AND c.closes_ms <= ? ORDER BY c.seq LIMIT ?) AS part",
        Searched(&["SEARCH c BY user_id, seq (user_id=?)", "SEARCH t BY seq (seq=?)"]),
    ),
    (
        "SELECT * FROM (SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE user_id = ? AND spent_by IS NULL AND programme = ? AND (expires_ms IS NULL OR expires_ms > ?) LIMIT ?) AS part",
        Searched(&["SEARCH credit BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by=?)"]),
    ),
    (
        "SELECT * FROM (SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE user_id = ? AND spent_by IS NULL AND programme = ? AND expires_ms <= ? LIMIT ?) AS part",
        Searched(&["SEARCH credit BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by=? AND expires_ms<?)"]),
    ),
    (
        "SELECT ? AS user_id, ? AS programme, (SELECT MIN(closes_ms) FROM claim_{shard} WHERE user_id = ? AND programme = ? AND closes_ms > ?) AS closes, (SELECT MIN(opens_ms) FROM claim_{shard} WHERE user_id = ? AND programme = ? AND opens_ms > ?) AS opens, (SELECT MIN(expires_ms) FROM credit_{shard} WHERE user_id = ? AND spent_by IS NULL AND programme = ? AND expires_ms > ?) AS expires",
        Searched(&[
            "SEARCH claim BY user_id, seq (user_id=?)",
            "SEARCH credit BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by=? AND expires_ms>?)",
        ]),
    ),
    (
        "SELECT amount_ug, expires_ms FROM credit_{shard} WHERE user_id = ? AND spent_by IS NULL AND expires_ms < ? AND programme = ?",
        Searched(&["SEARCH credit BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by=? AND expires_ms<?)"]),
    ),
    (
        "SELECT booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug FROM daily_total WHERE shard = ? ORDER BY booked_day, activity_day, programme, gas, figure, mode, methodology",
        Searched(&[
            "SEARCH daily_total BY shard, booked_day, activity_day, programme, gas, figure, mode, methodology (shard=?)",
        ]),
    ),
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE hash = ?",
        Searched(&["SEARCH credit BY hash (hash=?)"]),
    ),
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE hash IN (?)",
        Searched(&["SEARCH credit BY hash (hash=?)"]),
    ),
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE user_id = ? AND created_seq >= ? AND (created_seq > ? OR output > ?) AND spent_by IS NOT NULL ORDER BY created_seq, output LIMIT ?",
        Searched(&["SEARCH credit BY user_id, created_seq, output (user_id=? AND created_seq>?)"]),
    ),
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE user_id = ? AND created_seq >= ? AND (created_seq > ? OR output > ?) AND spent_by IS NULL ORDER BY created_seq, output LIMIT ?",
        Searched(&["SEARCH credit BY user_id, created_seq, output (user_id=? AND created_seq>?)"]),
    ),
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE user_id = ? AND created_seq >= ? AND (created_seq > ? OR output > ?) ORDER BY created_seq, output LIMIT ?",
        Searched(&["SEARCH credit BY user_id, created_seq, output (user_id=? AND created_seq>?)"]),
    ),
    (
        "SELECT key_digest, name, rights, programmes, created_ms, expires_ms, revoked_ms FROM client WHERE key_digest = ?",
        Searched(&["SEARCH client BY key_digest (key_digest=?)"]),
    ),
    (
        "SELECT key_digest, request_digest, seq, at_ms, answer FROM idempotency WHERE (shard = ? AND key_digest = ?)",
        Searched(&["SEARCH idempotency BY shard, key_digest (shard=? AND key_digest=?)"]),
    ),
    (
        "SELECT lapses_ms, user_id FROM account_{shard} WHERE lapses_ms >= ? AND lapses_ms <= ? AND (lapses_ms > ? OR user_id > ?) ORDER BY lapses_ms, user_id LIMIT ?",
        Searched(&["SEARCH account BY lapses_ms, user_id, programme (lapses_ms>? AND lapses_ms<?)"]),
    ),
    (
        "SELECT collects_ms, user_id FROM account_{shard} WHERE collects_ms >= ? AND collects_ms <= ? AND (collects_ms > ? OR user_id > ?) ORDER BY collects_ms, user_id LIMIT ?",
        Searched(&["SEARCH account BY collects_ms, user_id, programme (collects_ms>? AND collects_ms<?)"]),
    ),
    (
        "SELECT programme, address, wrapped_key FROM account_{shard} WHERE user_id = ?",
        Searched(&["SEARCH account BY user_id, programme (user_id=?)"]),
    ),
    (
        "SELECT programme, lapses_ms, collects_ms, available_ug, waiting_ug, quantified_ug, capped_ug, collected_ug, lapsed_ug, issued_ug, spent_ug, expired_ug, longest_trip_s, last_end_s, last_day, last_day_count, last_day_ug, unspent_count FROM account_{shard} WHERE user_id = ? ORDER BY programme",
        Searched(&["SEARCH account BY user_id, programme (user_id=?)"]),
    ),
    (
        "SELECT seal FROM journal WHERE shard = ? AND seq_from = ?",
        Searched(&["SEARCH journal BY shard, seq_from (shard=? AND seq_from=?)"]),
    ),
    (
        "SELECT seq FROM shard_head WHERE shard = ?",
        Searched(&["SEARCH shard_head BY shard (shard=?)"]),
    ),
    (
        "SELECT seq, record, evidence, issued_by FROM trip_{shard} WHERE user_id = ? AND activity_day <= ? AND (activity_day < ? OR seq < ?) ORDER BY activity_day DESC, seq DESC LIMIT ?",
        Searched(&["SEARCH trip BY user_id, activity_day, seq (user_id=? AND activity_day<?)"]),
    ),
    (
        "SELECT seq, record, evidence, issued_by FROM trip_{shard} WHERE user_id = ? AND source_key = ?",
        Searched(&["SEARCH trip BY user_id, source_key (user_id=? AND source_key=?)"]),
    ),
    (
        "SELECT source_key, seq, record, evidence, issued_by FROM trip_{shard} WHERE user_id = ? AND source_key IN (?)",
        Searched(&["SEARCH trip BY user_id, source_key (user_id=? AND source_key=?)"]),
    ),
    (
        "SELECT seq, content_id, user_id, kind FROM ledger_tx_{shard} WHERE seq IN (?)",
        Searched(&["SEARCH ledger_tx BY seq (seq=?)"]),
    ),
    (
        "SELECT seq, user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence, issued_by FROM trip_{shard} WHERE seq >= ? ORDER BY seq LIMIT ?",
        Searched(&["SEARCH trip BY seq (seq>?)"]),
    ),
    (
        "SELECT shard, epoch, seq, seal, at_ms, home FROM shard_head WHERE shard IN (?)",
        Searched(&["SEARCH shard_head BY shard (shard=?)"]),
    ),
    (
        "SELECT shard, seq_from, seq_to, at_ms, previous_seal, seal, entries FROM journal WHERE shard = ? AND seq_from >= ? ORDER BY seq_from LIMIT ?",
        Searched(&["SEARCH journal BY shard, seq_from (shard=? AND seq_from>?)"]),
    ),
    (
        "SELECT t.seq, t.record, t.evidence, t.issued_by FROM claim_{shard} c JOIN trip_{shard} t ON t.seq = c.seq WHERE c.user_id = ? AND c.seq > ? ORDER BY c.seq LIMIT ?",
        Searched(&[
            "SEARCH c BY user_id, seq (user_id=? AND seq>?)",
            "SEARCH t BY seq (seq=?)",
        ]),
    ),
    (
        "SELECT user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug FROM trip_{shard} WHERE (user_id = ? AND activity_day BETWEEN ? AND ?)",
        Searched(&["SEARCH trip BY user_id, activity_day, seq (user_id=? AND activity_day>? AND activity_day<?)"]),
    ),
    (
        "SELECT user_id, programme, address, wrapped_key, lapses_ms, collects_ms, available_ug, waiting_ug, quantified_ug, capped_ug, collected_ug, lapsed_ug, issued_ug, spent_ug, expired_ug, longest_trip_s, last_end_s, last_day, last_day_count, last_day_ug, unspent_count FROM account_{shard} WHERE user_id IN (?)",
        Searched(&["SEARCH account BY user_id, programme (user_id=?)"]),
    ),
    (
        "SELECT user_id, seq, record, evidence, issued_by FROM trip_{shard} WHERE (user_id = ? AND source_key = ?)",
        Searched(&["SEARCH trip BY user_id, source_key (user_id=? AND source_key=?)"]),
    ),
    (
        "UPDATE client SET revoked_ms = ? WHERE key_digest = ? AND revoked_ms IS NULL",
        Searched(&["SEARCH client BY key_digest (key_digest=?)"]),
    ),
    (
        "UPDATE credit_{shard} SET spent_by = ? WHERE spent_by IS NULL AND hash IN (?)",
        Searched(&["SEARCH credit BY hash (hash=?)"]),
    ),
    (
        "UPDATE shard_head SET epoch = epoch + 1 WHERE shard = ?",
        Searched(&["SEARCH shard_head BY shard (shard=?)"]),
    ),
    (
        "UPDATE trip_{shard} SET issued_by = ? WHERE issued_by IS NULL AND seq IN (?)",
        Searched(&["SEARCH trip BY seq (seq=?)"]),
    ),
];

const MISFITS: &str = "verify looks for values of a wrong kind, which no index could find";

/// Small tables, and what `verify` reads as a whole.
const WHOLE: [Row; 26] = [
    (
        "SELECT h.shard, h.seq, COALESCE(c.seq, 0) FROM shard_head h LEFT JOIN event_cursor c ON c.shard = h.shard ORDER BY h.shard",
        Whole(
            &["SCAN h BY shard", "SEARCH c BY shard (shard=?) LEFT-JOIN"],
            "thirty rows",
        ),
    ),
    (
        "SELECT kek_id FROM kek_change",
        Whole(
            &["SCAN kek_change BY kek_id"],
            "one row at most, while the key is being changed",
        ),
    ),
    (
        "SELECT name, number, key_id, wrapped_key, certificate, created_ms, revoked_ms FROM authority ORDER BY name, number",
        Whole(
            &["SCAN authority BY name, number"],
            "a few rows, at the start and by verify",
        ),
    ),
    (
        "SELECT DISTINCT shard FROM user_key WHERE shard NOT BETWEEN 0 AND 29",
        Whole(
            &["SCAN user_key BY shard, user_id, number"],
            "verify looks for shards that do not exist",
        ),
    ),
    (
        "SELECT DISTINCT shard FROM certificate WHERE shard NOT BETWEEN 0 AND 29",
        Whole(
            &["SCAN certificate BY shard, user_id, serial"],
            "verify looks for shards that do not exist",
        ),
    ),
    (
        "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM user_key LIMIT 1) k) + (SELECT COUNT(*) FROM (SELECT 1 FROM certificate LIMIT 1) c)",
        Whole(
            &[
                "SCAN user_key BY key_id",
                "SCAN k",
                "SCAN certificate BY serial",
                "SCAN c",
            ],
            "one row of each, at the start",
        ),
    ),
    (
        "SELECT COUNT(*) FROM deployment",
        Whole(&["SCAN deployment BY id"], "one row"),
    ),
    (
        "SELECT DISTINCT shard FROM daily_total WHERE shard NOT BETWEEN 0 AND 29",
        Whole(
            &["SCAN daily_total BY shard, booked_day, activity_day, programme, gas, figure, mode, methodology"],
            "verify looks for shards that do not exist",
        ),
    ),
    (
        "SELECT DISTINCT shard FROM journal WHERE shard NOT BETWEEN 0 AND 29",
        Whole(
            &["SCAN journal BY shard, seq_from"],
            "verify looks for shards that do not exist",
        ),
    ),
    (
        "SELECT id, zone, created_ms, kek_id, source_secret, chain_secret FROM deployment",
        Whole(&["SCAN deployment"], "one row"),
    ),
    (
        "SELECT key_digest, name, rights, programmes, created_ms, expires_ms, revoked_ms FROM client ORDER BY created_ms, key_digest",
        Whole(
            &["SCAN client", "USE TEMP B-TREE FOR ORDER BY"],
            "a few keys, for a person",
        ),
    ),
    (
        "SELECT kind, id, version, digest FROM activation ORDER BY seq",
        Whole(&["SCAN activation BY seq"], "a few rows, at the start and by verify"),
    ),
    (
        "SELECT name, digest FROM schema_step",
        Whole(&["SCAN schema_step"], "about two hundred rows, at the start"),
    ),
    (
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        Whole(
            &["SCAN sqlite_schema", "USE TEMP B-TREE FOR ORDER BY"],
            "the database's own list of tables",
        ),
    ),
    (
        "SELECT m.name, p.name, p.type, p.\"notnull\", p.pk FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.name IN (?)",
        Whole(
            &[
                "SCAN m",
                "SCAN p VIRTUAL TABLE INDEX 0:",
                "USE TEMP B-TREE FOR ORDER BY",
            ],
            "the database's own list of columns",
        ),
    ),
    (
        "SELECT rootpage, name FROM sqlite_schema WHERE rootpage > 0",
        Whole(&["SCAN sqlite_schema"], "the database's own list of tables"),
    ),
    (
        "SELECT seq, kind, id, version, digest, confirmed_by, bytes FROM activation ORDER BY seq",
        Whole(&["SCAN activation BY seq"], "a few rows, at the start and by verify"),
    ),
    (
        "SELECT shard, seq, seal, at_ms, home FROM shard_head ORDER BY shard",
        Whole(&["SCAN shard_head BY shard"], "thirty rows"),
    ),
    (
        "SELECT shard FROM shard_head ORDER BY shard",
        Whole(&["SCAN shard_head BY shard"], "thirty rows"),
    ),
    (
        "SELECT shard FROM shard_head WHERE seq > 0 LIMIT 1",
        Whole(&["SCAN shard_head"], "thirty rows, once for ever"),
    ),
    (
        "UPDATE shard_head SET epoch = epoch + 1",
        Whole(&["SCAN shard_head"], "the test's own, which holds up the writers"),
    ),
    (
        "DELETE FROM shard_head WHERE seq = 0",
        Whole(&["SCAN shard_head"], "thirty rows, once for ever"),
    ),
    (
        "SELECT user_id, programme, address, wrapped_key, available_ug, waiting_ug, quantified_ug, capped_ug, collected_ug, lapsed_ug, issued_ug, spent_ug, expired_ug, longest_trip_s, last_end_s, last_day, last_day_count, last_day_ug, unspent_count FROM account_{shard} ORDER BY user_id, programme",
        Whole(
            &["SCAN account BY user_id, programme"],
            "verify holds the accounts of one shard, in key order",
        ),
    ),
    (
        "SELECT COUNT(*) FROM credit_{shard}",
        Whole(&["SCAN credit BY hash"], "verify counts what no transaction made"),
    ),
    (
        "SELECT DISTINCT shard FROM idempotency WHERE shard NOT BETWEEN 0 AND 29",
        Whole(
            &["SCAN idempotency BY shard, key_digest"],
            "verify looks for shards that do not exist",
        ),
    ),
    ("SELECT quote(", Everything(MISFITS)),
];

/// All rows.
pub(super) fn rows() -> impl Iterator<Item = Row> {
    WRITTEN
        .into_iter()
        .chain(FOUND)
        .chain(ON_THE_WAY)
        .chain(LOOKED_AT)
        .chain(WHOLE)
}

/// The row with the longest beginning that fits.
pub(super) fn row_of(statement: &str) -> Option<Row> {
    rows()
        .filter(|(beginning, _)| statement.starts_with(beginning))
        .max_by_key(|(beginning, _)| beginning.len())
}
