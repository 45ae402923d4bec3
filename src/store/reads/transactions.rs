//! Transactions: by name, in lists, with the credits that they made.

use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::standing::Standing;
use crate::ledger::transaction::{Transaction, credit_hash};
use crate::methodology::units::Amount;
use crate::store::db::{Readers, StoreError, with_pool};
use crate::store::load::{STANDING, StandingRow, standing_of};
use crate::store::statement::of_shard;

/// A transaction as stored.
#[derive(Clone, Debug)]
pub struct Transacted {
    /// The shard it stands in.
    pub shard: ShardId,
    /// Its name, whose order it was, and how far it has come.
    pub standing: Standing,
    /// The sum that moved.
    pub amount: Amount,
    /// What it says.
    pub transaction: Transaction,
}

/// Which transactions of a shard are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// All, by seq.
    All,
    /// Those of a status, by the instant from which they may leave, then by seq.
    Status(&'static str),
    /// Those that may leave, now or after a while.
    Leaving,
    /// Those that wait for others.
    Waiting,
}

/// Columns of a transaction.
#[derive(sqlx::FromRow)]
pub(super) struct TransactedRow {
    amount_ug: i64,
    body: Vec<u8>,
    #[sqlx(flatten)]
    standing: StandingRow,
}

/// A transaction from its columns.
pub(super) fn transacted(shard: ShardId, row: TransactedRow) -> Result<Transacted, StoreError> {
    Ok(Transacted {
        shard,
        standing: standing_of(row.standing)?,
        amount: Amount::from_micrograms(row.amount_ug),
        transaction: Transaction::decode(&row.body).map_err(|error| StoreError::row("ledger_tx", "body", error))?,
    })
}

/// A transaction in its shard, or in whichever holds it.
pub async fn transaction(
    readers: &Readers,
    shard: Option<ShardId>,
    content_id: &Hash,
) -> Result<Option<Transacted>, StoreError> {
    let sql = format!("SELECT {STANDING}, t.amount_ug, t.body FROM ledger_tx_{{shard}} t WHERE t.content_id = ?");
    for shard in super::shards(shard) {
        let row: Option<TransactedRow> = with_pool!(readers.of(shard), |pool| {
            sqlx::query_as(of_shard(&sql, shard))
                .bind(content_id.as_bytes().to_vec())
                .fetch_optional(pool)
                .await
        })?;
        if let Some(row) = row {
            return transacted(shard, row).map(Some);
        }
    }
    Ok(None)
}

/// Transactions of a shard behind a place in their list, which is (instant, seq).
pub async fn transactions_after(
    readers: &Readers,
    shard: ShardId,
    listed: Listed,
    (after_ms, after_seq): (i64, i64),
    limit: i64,
) -> Result<Vec<Transacted>, StoreError> {
    let head = format!("SELECT {STANDING}, t.amount_ug, t.body FROM ledger_tx_{{shard}} t");
    let (status, from_ms, to_ms) = match listed {
        Listed::All => ("", 0, 0),
        Listed::Status(status) => (status, i64::MIN, i64::MAX),
        Listed::Leaving => ("stored", i64::MIN, i64::MAX.saturating_sub(1)),
        Listed::Waiting => ("stored", i64::MAX, i64::MAX),
    };
    let rows: Vec<TransactedRow> = if listed == Listed::All {
        let sql = format!("{head} WHERE t.seq > ? ORDER BY t.seq LIMIT ?");
        with_pool!(readers.of(shard), |pool| {
            sqlx::query_as(of_shard(&sql, shard))
                .bind(after_seq)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?
    } else {
        let sql = format!(
            "{head} WHERE t.status = ? AND t.next_attempt_ms >= ? AND t.next_attempt_ms <= ? AND (t.next_attempt_ms > ? OR t.seq > ?) \
             ORDER BY t.next_attempt_ms, t.seq LIMIT ?"
        );
        with_pool!(readers.of(shard), |pool| {
            sqlx::query_as(of_shard(&sql, shard))
                .bind(status)
                .bind(from_ms.max(after_ms))
                .bind(to_ms)
                .bind(after_ms)
                .bind(after_seq)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?
    };
    rows.into_iter().map(|row| transacted(shard, row)).collect()
}

/// The credits that a transaction made, in the order of its outputs.
pub async fn made_by(readers: &Readers, made: &Transacted) -> Result<Vec<(Credit, Option<Hash>)>, StoreError> {
    let outputs = (0_u16..).take(made.transaction.outputs.len());
    let content_id = &made.standing.content_id;
    let hashes: Vec<Hash> = outputs.map(|index| credit_hash(content_id, index)).collect();
    let mut found = super::credits_named(readers, made.shard, &hashes).await?;
    found.sort_by_key(|(credit, _)| credit.output);
    Ok(found)
}
