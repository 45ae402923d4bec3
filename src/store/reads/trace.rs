//! What a trace reads besides credits and transactions: trips by the names that issues give them, transactions by their seqs.

use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::transaction::Kind;
use crate::ledger::view::StoredTrip;
use crate::store::db::{Readers, StoreError, with_pool};
use crate::store::load::{StoredRow, stored_of};
use crate::store::statement::{pieces, repeated};
use std::collections::BTreeMap;

/// A transaction without what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Booked {
    /// Its name.
    pub content_id: Hash,
    /// Whose order it was; a system account's too.
    pub user: UserId,
    /// What it does.
    pub kind: Kind,
}

/// The trips of a rider that go by these source keys, by source key.
pub async fn trips_named(
    readers: &Readers,
    user: UserId,
    source_keys: &[Hash],
) -> Result<BTreeMap<Hash, StoredTrip>, StoreError> {
    const HEAD: &str =
        "SELECT source_key, seq, record, evidence, issued_by FROM trip_{shard} WHERE user_id = ? AND source_key IN (";
    type Row = (Vec<u8>, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
    let mut found = BTreeMap::new();
    for piece in pieces(source_keys) {
        let sql = repeated([HEAD, "?", ", ", ")"], piece.len(), user.shard());
        let rows: Vec<Row> = with_pool!(readers.of(user.shard()), |pool| {
            let query = sqlx::query_as(sql).bind(user.value());
            piece
                .iter()
                .fold(query, |query, key| query.bind(key.as_bytes().to_vec()))
                .fetch_all(pool)
                .await
        })?;
        for (source_key, seq, record, evidence, issued_by) in rows {
            let row: StoredRow = (seq, record, evidence, issued_by);
            found.insert(hash(&source_key, "trip", "source_key")?, stored_of(row)?);
        }
    }
    Ok(found)
}

/// The transactions of a shard that have these seqs, by seq.
pub async fn booked_at(readers: &Readers, shard: ShardId, seqs: &[i64]) -> Result<BTreeMap<i64, Booked>, StoreError> {
    const HEAD: &str = "SELECT seq, content_id, user_id, kind FROM ledger_tx_{shard} WHERE seq IN (";
    let mut found = BTreeMap::new();
    for piece in pieces(seqs) {
        let sql = repeated([HEAD, "?", ", ", ")"], piece.len(), shard);
        let rows: Vec<(i64, Vec<u8>, i64, String)> = with_pool!(readers.of(shard), |pool| {
            let query = sqlx::query_as(sql);
            piece
                .iter()
                .fold(query, |query, seq| query.bind(*seq))
                .fetch_all(pool)
                .await
        })?;
        for (seq, content_id, user, word) in rows {
            let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
            let booked = Booked {
                content_id: hash(&content_id, "ledger_tx", "content_id")?,
                user: UserId::from_stored(user),
                kind: kind.ok_or_else(|| StoreError::row("ledger_tx", "kind", &word))?,
            };
            found.insert(seq, booked);
        }
    }
    Ok(found)
}

fn hash(bytes: &[u8], table: &'static str, column: &'static str) -> Result<Hash, StoreError> {
    Hash::from_slice(bytes).ok_or_else(|| StoreError::row(table, column, "not 32 bytes"))
}
