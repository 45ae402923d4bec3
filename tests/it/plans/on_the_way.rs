//! The statements of dispatch, and of whoever asks how far a transaction has come.

use super::expected::Reading::Searched;
use super::expected::Row;

/// Each by the index meant for it.
pub(super) const ON_THE_WAY: [Row; 26] = [
    (
        "SELECT chain_tx_id FROM envelope_{shard} WHERE status IN ('confirmed', 'refused', 'lapsed') AND lease_ms < ? LIMIT ?",
        Searched(&["SEARCH envelope BY status, lease_ms, chain_tx_id (status=? AND lease_ms<?)"]),
    ),
    (
        "DELETE FROM envelope_{shard} WHERE chain_tx_id IN (?)",
        Searched(&["SEARCH envelope BY chain_tx_id (chain_tx_id=?)"]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason FROM ledger_tx_{shard} t WHERE t.seq > ? ORDER BY t.seq LIMIT 1",
        Searched(&["SEARCH t BY seq (seq>?)"]),
    ),
    (
        "SELECT COUNT(*) FROM ledger_tx_{shard} WHERE status = 'submitted'",
        Searched(&["SEARCH ledger_tx BY status, next_attempt_ms, seq (status=?)"]),
    ),
    (
        "SELECT seq FROM ledger_tx_{shard} WHERE status = 'confirmed' LIMIT 1",
        Searched(&["SEARCH ledger_tx BY status, next_attempt_ms, seq (status=?)"]),
    ),
    (
        "SELECT COUNT(*) FROM ledger_tx_{shard} WHERE status IN ('confirmed', 'refused', 'dead')",
        Searched(&["SEARCH ledger_tx BY status, next_attempt_ms, seq (status=?)"]),
    ),
    (
        "SELECT c.created_by AS parent, t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason FROM credit_{shard} c JOIN ledger_tx_{shard} t ON t.content_id = c.spent_by WHERE c.user_id = ? AND c.created_seq = ?",
        Searched(&[
            "SEARCH c BY user_id, created_seq, output (user_id=? AND created_seq=?)",
            "SEARCH t BY content_id (content_id=?)",
        ]),
    ),
    (
        "SELECT DISTINCT t.content_id, t.user_id, t.status, t.unmet FROM credit_{shard} c JOIN ledger_tx_{shard} t ON t.seq = c.created_seq WHERE c.user_id = ? AND c.spent_by = ?",
        Searched(&[
            "SEARCH c BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by=?)",
            "SEARCH t BY seq (seq=?)",
            "USE TEMP B-TREE FOR DISTINCT",
        ]),
    ),
    (
        "SELECT c.programme, c.amount_ug FROM credit_{shard} c JOIN ledger_tx_{shard} t ON t.seq = c.created_seq WHERE c.user_id = ? AND c.spent_by IS NULL AND t.status <> 'confirmed'",
        Searched(&[
            "SEARCH c BY user_id, spent_by, expires_ms, hash (user_id=? AND spent_by=?)",
            "SEARCH t BY seq (seq=?)",
        ]),
    ),
    (
        "SELECT chain_tx_id, kind, status, created_ms, expires_ms, reason, request FROM envelope_{shard} WHERE chain_tx_id > ? AND status <> 'confirmed' AND status <> 'refused' AND status <> 'lapsed' ORDER BY chain_tx_id LIMIT ?",
        Searched(&["SEARCH envelope BY chain_tx_id (chain_tx_id>?)"]),
    ),
    (
        "SELECT chain_tx_id, lease_ms, expires_ms, request FROM envelope_{shard} WHERE status = 'open' AND lease_ms <= ? UNION ALL SELECT chain_tx_id, lease_ms, expires_ms, request FROM envelope_{shard} WHERE status = 'open' AND lease_ms > ? LIMIT ?",
        Searched(&[
            "SEARCH envelope BY status, lease_ms, chain_tx_id (status=? AND lease_ms<?)",
            "SEARCH envelope BY status, lease_ms, chain_tx_id (status=? AND lease_ms>?)",
        ]),
    ),
    (
        "SELECT chain_tx_id, status FROM envelope_{shard} WHERE chain_tx_id IN (?)",
        Searched(&["SEARCH envelope BY chain_tx_id (chain_tx_id=?)"]),
    ),
    (
        "SELECT content_id FROM ledger_tx_{shard} WHERE status <> 'confirmed' AND seq IN (?)",
        Searched(&["SEARCH ledger_tx BY seq (seq=?)"]),
    ),
    (
        "SELECT content_id, user_id, kind, attempt, pack, next_attempt_ms, body FROM ledger_tx_{shard} WHERE status = 'stored' AND next_attempt_ms <= ? ORDER BY next_attempt_ms, seq LIMIT ?",
        Searched(&["SEARCH ledger_tx BY status, next_attempt_ms, seq (status=? AND next_attempt_ms<?)"]),
    ),
    (
        "SELECT seq FROM ledger_tx_{shard} WHERE status = 'refused' LIMIT 1",
        Searched(&["SEARCH ledger_tx BY status, next_attempt_ms, seq (status=?)"]),
    ),
    (
        "SELECT status, created_ms FROM envelope_{shard} WHERE chain_tx_id = ?",
        Searched(&["SEARCH envelope BY chain_tx_id (chain_tx_id=?)"]),
    ),
    (
        "SELECT status, next_attempt_ms = ? AS waits, COUNT(*) FROM ledger_tx_{shard} WHERE status IN ('stored', 'submitted', 'refused', 'dead') GROUP BY status, waits",
        Searched(&[
            "SEARCH ledger_tx BY status, next_attempt_ms, seq (status=?)",
            "USE TEMP B-TREE FOR GROUP BY",
        ]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason FROM ledger_tx_{shard} t WHERE t.content_id = ?",
        Searched(&["SEARCH t BY content_id (content_id=?)"]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason FROM ledger_tx_{shard} t WHERE t.content_id IN (?)",
        Searched(&["SEARCH t BY content_id (content_id=?)"]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason FROM ledger_tx_{shard} t WHERE t.seq IN (?)",
        Searched(&["SEARCH t BY seq (seq=?)"]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason, t.amount_ug, t.body FROM ledger_tx_{shard} t WHERE t.content_id = ?",
        Searched(&["SEARCH t BY content_id (content_id=?)"]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason, t.amount_ug, t.body FROM ledger_tx_{shard} t WHERE t.seq > ? ORDER BY t.seq LIMIT ?",
        Searched(&["SEARCH t BY seq (seq>?)"]),
    ),
    (
        "SELECT t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason, t.amount_ug, t.body FROM ledger_tx_{shard} t WHERE t.status = ? AND t.next_attempt_ms >= ? AND t.next_attempt_ms <= ? AND (t.next_attempt_ms > ? OR t.seq > ?) ORDER BY t.next_attempt_ms, t.seq LIMIT ?",
        Searched(&["SEARCH t BY status, next_attempt_ms, seq (status=? AND next_attempt_ms>? AND next_attempt_ms<?)"]),
    ),
    (
        "UPDATE envelope_{shard} SET lease_ms = ? WHERE chain_tx_id = ? AND status = 'open' AND lease_ms = ?",
        Searched(&["SEARCH envelope BY status, lease_ms, chain_tx_id (status=? AND lease_ms=? AND chain_tx_id=?)"]),
    ),
    (
        "UPDATE envelope_{shard} SET status = ?, lease_ms = ?, reason = ?, request = ? WHERE COALESCE(status, '') = 'open' AND chain_tx_id IN (?)",
        Searched(&["SEARCH envelope BY chain_tx_id (chain_tx_id=?)"]),
    ),
    (
        "UPDATE ledger_tx_{shard} SET status = ?, unmet = ?, next_attempt_ms = ?, attempt = ?, pack = ?, earlier = ?, height = ?, block_at_ms = ?, reason = ?, chain_tx_id = CASE seq WHEN ? THEN ? END, block_index = CASE seq WHEN ? THEN ? END WHERE COALESCE(status, '') = ? AND seq IN (?)",
        Searched(&["SEARCH ledger_tx BY seq (seq=?)"]),
    ),
];
