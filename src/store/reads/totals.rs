//! What reports read: heads, daily totals and pages, all in one snapshot.

use super::journal::{PageRow, page_of_row};
use crate::ledger::entry::Figure;
use crate::ledger::ids::{SHARDS, ShardId};
use crate::ledger::page::Page;
use crate::ledger::totals::{Total, TotalKey, Totals};
use crate::methodology::Gas;
use crate::methodology::units::{Amount, Day};
use crate::store::db::{Homes, Snapshot, StoreError, with_snapshot};
use crate::store::load::day_of;
use std::collections::BTreeMap;

/// Seq of each shard's last entry, shard 0 first.
pub async fn heads(snapshots: &mut Homes<Snapshot>) -> Result<Vec<i64>, StoreError> {
    let mut heads: BTreeMap<i64, i64> = BTreeMap::new();
    for snapshot in snapshots.each_mut() {
        let rows: Vec<(i64, i64)> = with_snapshot!(snapshot, |c| {
            sqlx::query_as("SELECT shard, seq FROM shard_head").fetch_all(c).await
        })?;
        heads.extend(rows);
    }
    if heads.keys().copied().eq(0..i64::from(SHARDS)) {
        Ok(heads.into_values().collect())
    } else {
        let reason = format!("{} rows, 30 are right", heads.len());
        Err(StoreError::row("shard_head", "shard", reason))
    }
}

/// The daily totals of a shard, of one programme or of all, of the booked days before `day`, or of all.
pub async fn totals_before(
    snapshot: &mut Snapshot,
    shard: ShardId,
    day: Option<Day>,
    programme: Option<&str>,
) -> Result<Totals, StoreError> {
    const SQL: &str = "SELECT booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug FROM daily_total \
         WHERE shard = ? AND booked_day < ? AND (? IS NULL OR programme = ?)";
    type Row = (i64, i64, String, String, String, String, String, i64, i64);
    let before = day.map_or(i64::MAX, |day| i64::from(day.epoch_days()));
    let rows: Vec<Row> = with_snapshot!(snapshot, |c| {
        sqlx::query_as(SQL)
            .bind(i64::from(shard.index()))
            .bind(before)
            .bind(programme)
            .bind(programme)
            .fetch_all(c)
            .await
    })?;
    rows.into_iter().map(total_of).collect()
}

fn total_of(
    (booked, activity, programme, gas, figure, mode, methodology, count, amount): (
        i64,
        i64,
        String,
        String,
        String,
        String,
        String,
        i64,
        i64,
    ),
) -> Result<(TotalKey, Total), StoreError> {
    let key = TotalKey {
        booked_day: day_of(booked, "daily_total", "booked_day")?,
        activity_day: day_of(activity, "daily_total", "activity_day")?,
        programme,
        gas: Gas::parse(&gas).ok_or_else(|| StoreError::row("daily_total", "gas", &gas))?,
        figure: Figure::parse(&figure).ok_or_else(|| StoreError::row("daily_total", "figure", &figure))?,
        mode,
        methodology,
    };
    let amount = Amount::from_micrograms(amount);
    Ok((key, Total { count, amount }))
}

/// The page that holds a seq.
pub async fn page_of(snapshot: &mut Snapshot, shard: ShardId, seq: i64) -> Result<Option<Page>, StoreError> {
    Ok(pages_up_to(snapshot, shard, seq, 1).await?.into_iter().next())
}

/// The pages that begin at or before a seq, latest first.
pub async fn pages_up_to(
    snapshot: &mut Snapshot,
    shard: ShardId,
    seq: i64,
    limit: i64,
) -> Result<Vec<Page>, StoreError> {
    const SQL: &str = "SELECT seq_from, seq_to, at_ms, previous_seal, seal, entries FROM journal \
         WHERE shard = ? AND seq_from <= ? ORDER BY seq_from DESC LIMIT ?";
    let rows: Vec<PageRow> = with_snapshot!(snapshot, |c| {
        sqlx::query_as(SQL)
            .bind(i64::from(shard.index()))
            .bind(seq)
            .bind(limit)
            .fetch_all(c)
            .await
    })?;
    rows.into_iter().map(|row| page_of_row(shard, row)).collect()
}
