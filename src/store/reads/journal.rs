//! The journal forward, with what its entries speak of.

use super::transactions::{Transacted, TransactedRow, transacted};
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::page::Page;
use crate::ledger::view::StoredTrip;
use crate::store::db::{Readers, StoreError, with_pool};
use crate::store::load::{STANDING, StoredRow, stored_of};
use crate::store::statement::{of_shard, pieces, repeated};

/// Pages of a shard behind the page that ends with a seq, in their order.
pub async fn pages_behind(readers: &Readers, shard: ShardId, seq: i64, limit: i64) -> Result<Vec<Page>, StoreError> {
    const SQL: &str = "SELECT seq_from, seq_to, at_ms, previous_seal, seal, entries FROM journal \
         WHERE shard = ? AND seq_from > ? ORDER BY seq_from LIMIT ?";
    let rows: Vec<PageRow> = with_pool!(readers.of(shard), |pool| {
        sqlx::query_as(SQL)
            .bind(i64::from(shard.index()))
            .bind(seq)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    rows.into_iter().map(|row| page_of_row(shard, row)).collect()
}

/// Columns of a page: first and last seq, instant, the seal before, its own, entries.
pub(super) type PageRow = (i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);

/// A page from its columns.
pub(super) fn page_of_row(
    shard: ShardId,
    (seq_from, seq_to, at_ms, previous_seal, seal, entries): PageRow,
) -> Result<Page, StoreError> {
    let hash = |bytes: &[u8], column| {
        Hash::from_slice(bytes).ok_or_else(|| StoreError::row("journal", column, "not 32 bytes"))
    };
    Ok(Page {
        shard,
        seq_from,
        seq_to,
        at_ms,
        previous_seal: hash(&previous_seal, "previous_seal")?,
        seal: hash(&seal, "seal")?,
        entries,
    })
}

/// Trips of a shard with a seq from … to, with their riders.
pub async fn trips_between(
    readers: &Readers,
    shard: ShardId,
    (from, to): (i64, i64),
) -> Result<Vec<(UserId, StoredTrip)>, StoreError> {
    const SQL: &str = "SELECT user_id, seq, record, evidence, issued_by FROM trip_{shard} WHERE seq BETWEEN ? AND ?";
    type Row = (i64, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
    let rows: Vec<Row> = with_pool!(readers.of(shard), |pool| {
        sqlx::query_as(of_shard(SQL, shard))
            .bind(from)
            .bind(to)
            .fetch_all(pool)
            .await
    })?;
    let trip = |(user, seq, record, evidence, issued_by): Row| {
        let row: StoredRow = (seq, record, evidence, issued_by);
        Ok((UserId::from_stored(user), stored_of(row)?))
    };
    rows.into_iter().map(trip).collect()
}

/// Transactions of a shard by their names; those that are not there are left out.
pub async fn transactions_named(
    readers: &Readers,
    shard: ShardId,
    names: &[Hash],
) -> Result<Vec<Transacted>, StoreError> {
    let head = format!("SELECT {STANDING}, t.amount_ug, t.body FROM ledger_tx_{{shard}} t WHERE t.content_id IN (");
    let mut found = Vec::with_capacity(names.len());
    for piece in pieces(names) {
        let sql = repeated([&head, "?", ", ", ")"], piece.len(), shard);
        let rows: Vec<TransactedRow> = with_pool!(readers.of(shard), |pool| {
            let mut query = sqlx::query_as(sql);
            for name in piece {
                query = query.bind(name.as_bytes().to_vec());
            }
            query.fetch_all(pool).await
        })?;
        for row in rows {
            found.push(transacted(shard, row)?);
        }
    }
    Ok(found)
}

/// A rider's account in a programme, by which sealed evidence is opened.
pub struct Sealed {
    /// The rider.
    pub user: UserId,
    /// The programme.
    pub programme: String,
    /// The account's address.
    pub address: Hash,
    /// Its data key, wrapped.
    pub wrapped_key: Vec<u8>,
}

/// The accounts of some riders of a shard.
pub async fn accounts_of(readers: &Readers, shard: ShardId, users: &[UserId]) -> Result<Vec<Sealed>, StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT user_id, programme, address, wrapped_key FROM account_{shard} WHERE user_id IN (",
        "?",
        ", ",
        ")",
    ];
    let mut found = Vec::with_capacity(users.len());
    for piece in pieces(users) {
        let sql = repeated(PARTS, piece.len(), shard);
        let rows: Vec<(i64, String, Vec<u8>, Vec<u8>)> = with_pool!(readers.of(shard), |pool| {
            let mut query = sqlx::query_as(sql);
            for user in piece {
                query = query.bind(user.value());
            }
            query.fetch_all(pool).await
        })?;
        for (user, programme, address, wrapped_key) in rows {
            found.push(Sealed {
                user: UserId::from_stored(user),
                programme,
                address: Hash::from_slice(&address)
                    .ok_or_else(|| StoreError::row("account", "address", "not 32 bytes"))?,
                wrapped_key,
            });
        }
    }
    Ok(found)
}
