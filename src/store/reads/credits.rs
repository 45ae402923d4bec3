//! Credits.

use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::methodology::units::Amount;
use crate::store::db::{Readers, StoreError, with_pool};
use crate::store::load::{CREDIT, CreditRow, credit_of};
use crate::store::statement::{of_shard, pieces, repeated};
use std::collections::BTreeMap;

/// A credit and what consumed it, in its shard, or in whichever holds it.
pub async fn credit(
    readers: &Readers,
    shard: Option<ShardId>,
    hash: &Hash,
) -> Result<Option<(Credit, Option<Hash>)>, StoreError> {
    let sql = format!("SELECT {CREDIT} FROM credit_{{shard}} WHERE hash = ?");
    for shard in super::shards(shard) {
        let row: Option<CreditRow> = with_pool!(readers.of(shard), |pool| {
            sqlx::query_as(of_shard(&sql, shard))
                .bind(hash.as_bytes().to_vec())
                .fetch_optional(pool)
                .await
        })?;
        if let Some(row) = row {
            return credit_of(row).map(Some);
        }
    }
    Ok(None)
}

/// Credits of a user behind a place in the list, oldest first; only unspent, only spent, or all.
pub async fn credits_after(
    readers: &Readers,
    user: UserId,
    spent: Option<bool>,
    (after_seq, after_output): (i64, i64),
    limit: i64,
) -> Result<Vec<(Credit, Option<Hash>)>, StoreError> {
    let which = match spent {
        None => "",
        Some(true) => "AND spent_by IS NOT NULL ",
        Some(false) => "AND spent_by IS NULL ",
    };
    let sql = format!(
        "SELECT {CREDIT} FROM credit_{{shard}} WHERE user_id = ? AND created_seq >= ? AND (created_seq > ? OR output > ?) {which}\
         ORDER BY created_seq, output LIMIT ?"
    );
    let rows: Vec<CreditRow> = with_pool!(readers.of(user.shard()), |pool| {
        sqlx::query_as(of_shard(&sql, user.shard()))
            .bind(user.value())
            .bind(after_seq)
            .bind(after_seq)
            .bind(after_output)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    rows.into_iter().map(credit_of).collect()
}

/// The credits of a shard that go by these names, oldest first, each with what consumed it.
pub async fn credits_named(
    readers: &Readers,
    shard: ShardId,
    hashes: &[Hash],
) -> Result<Vec<(Credit, Option<Hash>)>, StoreError> {
    let head = format!("SELECT {CREDIT} FROM credit_{{shard}} WHERE hash IN (");
    let mut found = BTreeMap::new();
    for piece in pieces(hashes) {
        let sql = repeated([&head, "?", ", ", ")"], piece.len(), shard);
        let rows: Vec<CreditRow> = with_pool!(readers.of(shard), |pool| {
            let query = sqlx::query_as(sql);
            piece
                .iter()
                .fold(query, |query, hash| query.bind(hash.as_bytes().to_vec()))
                .fetch_all(pool)
                .await
        })?;
        for row in rows {
            let (credit, spent_by) = credit_of(row)?;
            found.insert((credit.created_seq, credit.output), (credit, spent_by));
        }
    }
    Ok(found.into_values().collect())
}

/// Unspent credits whose end is near.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expiring {
    /// Their sum.
    pub amount: Amount,
    /// When the last of them ends, Unix milliseconds.
    pub before_ms: i64,
}

/// What of a user's credits in a programme ends up to an instant; `None` for nothing.
pub async fn expiring(
    readers: &Readers,
    user: UserId,
    programme: &str,
    up_to_ms: i64,
) -> Result<Option<Expiring>, StoreError> {
    const SQL: &str = "SELECT amount_ug, expires_ms FROM credit_{shard} \
         WHERE user_id = ? AND spent_by IS NULL AND expires_ms < ? AND programme = ?";
    let rows: Vec<(i64, i64)> = with_pool!(readers.of(user.shard()), |pool| {
        sqlx::query_as(of_shard(SQL, user.shard()))
            .bind(user.value())
            .bind(up_to_ms)
            .bind(programme.to_owned())
            .fetch_all(pool)
            .await
    })?;
    let mut amounts = rows.iter().map(|(amount, _)| Amount::from_micrograms(*amount));
    let sum = amounts.try_fold(Amount::ZERO, Amount::checked_add);
    let amount = sum.ok_or_else(|| StoreError::row("credit", "amount_ug", "the sum leaves the range of 64 bits"))?;
    let last = rows.iter().map(|(_, expires_ms)| *expires_ms).max();
    Ok(last.map(|before_ms| Expiring { amount, before_ms }))
}
