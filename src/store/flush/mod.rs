//! Writes what a batch changed: the rows of each shard, then what all shards share a table for, in multi-row statements.

mod credits;
mod folds;
mod standings;
mod trips;

pub(super) use folds::totals;

use super::activations;
use super::db::{Connection, StoreError, with};
use super::statement::{global, pieces};
use crate::ledger::page::Page;
use crate::ledger::view::View;

/// A head as a batch leaves it.
pub(super) struct Head {
    /// Shard number.
    pub(super) shard: i64,
    /// Raised by every batch.
    pub(super) epoch: i64,
    /// Seq of the last entry.
    pub(super) seq: i64,
    /// Seal of the last page, or the genesis seal.
    pub(super) seal: Vec<u8>,
    /// Booked time of the last page, Unix milliseconds.
    pub(super) at_ms: i64,
    /// Deployment in which the shard is at home.
    pub(super) home: Vec<u8>,
}

/// Writes the rows of one shard.
pub(super) async fn flush(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    activations::flush(c, view).await?;
    trips::flush(c, view).await?;
    credits::flush(c, view).await?;
    standings::flush(c, view).await?;
    folds::accounts(c, view).await
}

/// Writes the pages of a batch.
pub(super) async fn journal(c: &mut Connection, pages: &[Page]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO journal (shard, seq_from, seq_to, at_ms, previous_seal, seal, entries) VALUES ";
    for piece in pieces(pages) {
        let sql = global([HEAD, "(?, ?, ?, ?, ?, ?, ?)", ", ", ""], piece.len());
        with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query(sql), |query, page| {
                    query
                        .bind(i64::from(page.shard.index()))
                        .bind(page.seq_from)
                        .bind(page.seq_to)
                        .bind(page.at_ms)
                        .bind(page.previous_seal.as_bytes().as_slice())
                        .bind(page.seal.as_bytes().as_slice())
                        .bind(&page.entries)
                })
                .execute(&mut *c)
                .await
                .map(|_| ())
        })?;
    }
    Ok(())
}

/// Advances the heads of the shards that the batch changed.
pub(super) async fn heads(c: &mut Connection, heads: &[Head]) -> Result<(), StoreError> {
    const HEAD: &str = "REPLACE INTO shard_head (shard, epoch, seq, seal, at_ms, home) VALUES ";
    for piece in pieces(heads) {
        let sql = global([HEAD, "(?, ?, ?, ?, ?, ?)", ", ", ""], piece.len());
        with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query(sql), |query, head| {
                    query
                        .bind(head.shard)
                        .bind(head.epoch)
                        .bind(head.seq)
                        .bind(head.seal.clone())
                        .bind(head.at_ms)
                        .bind(head.home.clone())
                })
                .execute(&mut *c)
                .await
                .map(|_| ())
        })?;
    }
    Ok(())
}

/// Writes a transaction's name into rows that have none yet, each named by a key; a row that is not as expected fails the batch.
/// `$head` ends with `IN (`, `$bound` is what is bound of a key.
macro_rules! stamp {
    ($c:expr, $shard:expr, $head:expr, ($table:expr, $column:expr), $groups:expr, |$key:ident| $bound:expr) => {
        for (content_id, keys) in $groups {
            for piece in $crate::store::statement::pieces(&keys) {
                let sql = $crate::store::statement::repeated([$head, "?", ", ", ")"], piece.len(), $shard);
                let done = $crate::store::db::with!(&mut *$c, |c| {
                    let mut query = sqlx::query(sql).bind(content_id.as_bytes().to_vec());
                    for $key in piece {
                        query = query.bind($bound);
                    }
                    query.execute(&mut *c).await.map(|done| done.rows_affected())
                })?;
                $crate::store::flush::all_of(piece.len(), done, $table, $column)?;
            }
        }
    };
}
use stamp;

/// Demands that a statement changed as many rows as it named.
fn all_of(named: usize, done: u64, table: &'static str, column: &'static str) -> Result<(), StoreError> {
    if u64::try_from(named).is_ok_and(|named| named == done) {
        Ok(())
    } else {
        let reason = format!("{done} of {named} rows were as expected");
        Err(StoreError::row(table, column, reason))
    }
}
