//! Writes what a batch changed in a shard: multi-row statements in pieces of few sizes, then the page.

use super::activations;
use super::db::{Connection, StoreError, with};
use super::statement::{pieces, repeated};
use crate::ledger::account::Account;
use crate::ledger::page::Page;
use crate::ledger::totals::{Total, TotalKey};
use crate::ledger::view::View;
use crate::methodology::units::Amount;

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

/// Writes trips, accounts, totals and the page of one shard.
pub(super) async fn flush(c: &mut Connection, view: &View, page: &Page) -> Result<(), StoreError> {
    activations::flush(c, view).await?;
    trips(c, view).await?;
    accounts(c, view).await?;
    totals(c, view).await?;
    with!(&mut *c, |c| {
        sqlx::query("INSERT INTO journal (shard, seq_from, seq_to, at_ms, previous_seal, seal, entries) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(i64::from(page.shard.index()))
            .bind(page.seq_from)
            .bind(page.seq_to)
            .bind(page.at_ms)
            .bind(page.previous_seal.as_bytes().as_slice())
            .bind(page.seal.as_bytes().as_slice())
            .bind(&page.entries)
            .execute(&mut *c)
            .await
            .map(|_| ())
    })?;
    Ok(())
}

async fn trips(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO trip_{shard} (seq, user_id, trip_key, programme, activity_day, started_s, ended_s, outcome, \
         amount_ug, record, evidence) VALUES ";
    for piece in pieces(&view.changes.trips) {
        let sql = repeated(
            [HEAD, "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", ", ", ""],
            piece.len(),
            view.shard,
        );
        with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query(sql), |query, trip| {
                    let (stored, record) = (&trip.stored, &trip.stored.record);
                    query
                        .bind(stored.seq)
                        .bind(trip.user.value())
                        .bind(record.trip_key.as_bytes().to_vec())
                        .bind(record.programme.clone())
                        .bind(i64::from(record.day.epoch_days()))
                        .bind(record.started_s)
                        .bind(record.ended_s)
                        .bind(record.outcome())
                        .bind(record.amount().unwrap_or(Amount::ZERO).micrograms())
                        .bind(trip.record_bytes.clone())
                        .bind(stored.evidence.clone())
                })
                .execute(&mut *c)
                .await
                .map(|_| ())
        })?;
    }
    Ok(())
}

async fn accounts(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "REPLACE INTO account_{shard} (user_id, programme, address, wrapped_key, waiting_ug, quantified_ug, capped_ug, \
         longest_trip_s) VALUES ";
    let changed: Vec<&Account> = view
        .changes
        .accounts
        .iter()
        .filter_map(|key| view.accounts.get(key))
        .collect();
    for piece in pieces(&changed) {
        let sql = repeated([HEAD, "(?, ?, ?, ?, ?, ?, ?, ?)", ", ", ""], piece.len(), view.shard);
        with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query(sql), |query, account| {
                    query
                        .bind(account.user.value())
                        .bind(account.programme.clone())
                        .bind(account.address.as_bytes().to_vec())
                        .bind(account.wrapped_key.clone())
                        .bind(account.figures.waiting.micrograms())
                        .bind(account.figures.quantified.micrograms())
                        .bind(account.figures.capped.micrograms())
                        .bind(account.figures.longest_trip_s)
                })
                .execute(&mut *c)
                .await
                .map(|_| ())
        })?;
    }
    Ok(())
}

async fn totals(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "REPLACE INTO daily_total (shard, booked_day, activity_day, programme, gas, figure, mode, methodology, count, \
         amount_ug) VALUES ";
    let changed: Vec<(&TotalKey, Total)> = view.changes.totals.iter().map(|key| (key, view.total(key))).collect();
    for piece in pieces(&changed) {
        let sql = repeated(
            [HEAD, "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", ", ", ""],
            piece.len(),
            view.shard,
        );
        with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query(sql), |query, (key, total)| {
                    query
                        .bind(i64::from(view.shard.index()))
                        .bind(i64::from(key.booked_day.epoch_days()))
                        .bind(i64::from(key.activity_day.epoch_days()))
                        .bind(key.programme.clone())
                        .bind(key.gas.as_str())
                        .bind(key.figure.as_str())
                        .bind(key.mode.clone())
                        .bind(key.methodology.clone())
                        .bind(total.count)
                        .bind(total.amount.micrograms())
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
        let sql = super::statement::global([HEAD, "(?, ?, ?, ?, ?, ?)", ", ", ""], piece.len());
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
