//! The statements of `doctor`: however large a ledger is, each reads a few rows, or what waits for the chain.

use super::expected::Reading::{Nothing, Searched, Whole};
use super::expected::Row;

/// Each by the index meant for it.
pub(super) const LOOKED_AT: [Row; 9] = [
    ("PRAGMA foreign_keys", Nothing),
    ("SELECT 1", Nothing),
    ("SELECT sqlite_version()", Nothing),
    // The whole file, where that is small.
    ("PRAGMA quick_check", Nothing),
    (
        "SELECT * FROM (SELECT user_id FROM account_{shard} WHERE user_id >= 0 ORDER BY user_id LIMIT ?) AS part",
        Searched(&["SEARCH account BY user_id, programme (user_id>?)"]),
    ),
    (
        "SELECT * FROM (SELECT user_id FROM account_{shard} WHERE user_id >= 0 ORDER BY user_id DESC LIMIT ?) AS part",
        Searched(&["SEARCH account BY user_id, programme (user_id>?)"]),
    ),
    (
        "SELECT status, next_attempt_ms = ? AS waits, COUNT(*), MIN(seq) FROM ledger_tx_{shard} WHERE status IN ('stored', 'submitted', 'refused', 'dead') GROUP BY status, waits",
        Searched(&[
            "SEARCH ledger_tx BY status, next_attempt_ms, seq (status=?)",
            "USE TEMP B-TREE FOR GROUP BY",
        ]),
    ),
    (
        "SELECT at_ms FROM journal WHERE shard = ? AND seq_from <= ? ORDER BY seq_from DESC LIMIT 1",
        Searched(&["SEARCH journal BY shard, seq_from (shard=? AND seq_from<?)"]),
    ),
    (
        "SELECT MAX(height) FROM (SELECT height FROM ledger_tx_{shard} ORDER BY seq DESC LIMIT ?) AS part",
        Whole(
            &["SCAN ledger_tx BY seq", "SEARCH part"],
            "from the end of the key, two hundred rows at most",
        ),
    ),
];
