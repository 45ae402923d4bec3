//! What only a server is asked, and what it may find in another way than a file.

use super::super::expected::Reading::{Everything, Nothing};
use super::super::expected::Row;

const OWN_LISTS: &str = "the server's own lists";

/// Statements that a file never gets.
pub(super) const ON_A_SERVER: [Row; 10] = [
    // The test's own.
    ("CREATE DATABASE IF NOT EXISTS test_", Nothing),
    ("SET ", Nothing),
    ("START TRANSACTION", Nothing),
    ("SELECT CAST(GET_LOCK(", Nothing),
    ("DO RELEASE_LOCK(", Nothing),
    ("SELECT VERSION()", Nothing),
    ("SELECT CAST(TIMESTAMPDIFF(", Nothing),
    ("SELECT CAST(trx_mysql_thread_id AS ", Everything(OWN_LISTS)),
    ("SHOW GLOBAL ", Everything(OWN_LISTS)),
    (
        "SELECT table_name FROM information_schema.tables",
        Everything(OWN_LISTS),
    ),
];

/// Searches that are as good on a server, which chooses by what it knows of the rows.
pub(super) const AS_GOOD: [(&str, &str); 7] = [
    // A rider's trips lie together, and for many keys all of them are read sooner than one after the other.
    (
        "SELECT source_key, seq, record, evidence, issued_by FROM trip_{shard} WHERE user_id = ? AND source_key IN (?)",
        "SEARCH trip BY user_id, activity_day, seq (user_id=?)",
    ),
    (
        "SELECT user_id, seq, record, evidence, issued_by FROM trip_{shard} WHERE (user_id = ? AND source_key = ?)",
        "SEARCH trip BY user_id, activity_day, seq (user_id=?)",
    ),
    // While a rider has few credits those of one state are found and sorted.
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE user_id = ? AND created_seq >= ? AND (created_seq > ? OR output > ?) AND spent_by IS NOT NULL ORDER BY created_seq, output LIMIT ?",
        "SEARCH credit BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by>?)",
    ),
    (
        "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by FROM credit_{shard} WHERE user_id = ? AND created_seq >= ? AND (created_seq > ? OR output > ?) AND spent_by IS NULL ORDER BY created_seq, output LIMIT ?",
        "SEARCH credit BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by=?)",
    ),
    // While few are open they are found by that and sorted.
    (
        "SELECT chain_tx_id, kind, status, created_ms, expires_ms, reason, request FROM envelope_{shard} WHERE chain_tx_id > ? AND status <> 'confirmed' AND status <> 'refused' AND status <> 'lapsed' ORDER BY chain_tx_id LIMIT ?",
        "SEARCH envelope BY status, lease_ms, chain_tx_id (status>?)",
    ),
    // One row either way.
    (
        "UPDATE envelope_{shard} SET lease_ms = ? WHERE chain_tx_id = ? AND status = 'open' AND lease_ms = ?",
        "SEARCH envelope BY chain_tx_id (chain_tx_id=?)",
    ),
    // A rider has few keys.
    (
        "UPDATE user_key SET number = number WHERE shard = ? AND user_id = ? AND key_id = ?",
        "SEARCH user_key BY shard, user_id, number (shard=? AND user_id=?)",
    ),
];
