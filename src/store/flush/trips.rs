//! Trips and their claims.

use crate::ledger::ids::{Hash, UserId};
use crate::ledger::view::{Claim, View};
use crate::methodology::units::Amount;
use crate::store::db::{Connection, StoreError};
use crate::store::statement::write_rows;
use std::collections::BTreeMap;

pub(super) async fn flush(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    trips(c, view).await?;
    claims(c, view).await?;
    collected(c, view).await
}

async fn trips(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "INSERT INTO trip_{shard} (seq, user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence) \
         VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    write_rows!(c, view.shard, PARTS, &view.changes.trips, |query, trip| {
        let (stored, record) = (&trip.stored, &trip.stored.record);
        query
            .bind(stored.seq)
            .bind(trip.user.value())
            .bind(
                view.ground
                    .source_secret
                    .source_key(&record.trip_key)
                    .as_bytes()
                    .to_vec(),
            )
            .bind(record.programme.clone())
            .bind(i64::from(record.day.epoch_days()))
            .bind(record.started_s)
            .bind(record.ended_s)
            .bind(record.outcome())
            .bind(record.amount().unwrap_or(Amount::ZERO).micrograms())
            .bind(trip.record_bytes.clone())
            .bind(stored.evidence.clone())
    });
    Ok(())
}

/// Claims that were made and still wait; those that are over go.
async fn claims(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const MADE: [&str; 4] = [
        "INSERT INTO claim_{shard} (user_id, seq, programme, opens_ms, closes_ms) VALUES ",
        "(?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    const OVER: [&str; 4] = [
        "DELETE FROM claim_{shard} WHERE ",
        "(user_id = ? AND seq = ?)",
        " OR ",
        "",
    ];
    let changes = &view.changes;
    let waits = |(seq, claim): &(&i64, &Claim)| view.claims.contains_key(&(claim.user, **seq));
    let made: Vec<(&i64, &Claim)> = changes.claims.iter().filter(waits).collect();
    write_rows!(c, view.shard, MADE, &made, |query, made| {
        let (seq, claim) = made;
        let span = claim.trip.record.claim;
        query
            .bind(claim.user.value())
            .bind(**seq)
            .bind(claim.trip.record.programme.clone())
            .bind(span.map_or(0, |span| span.opens_at_ms))
            .bind(span.and_then(|span| span.closes_at_ms))
    });
    let stored = |(_, seq, _): &&(UserId, i64, Option<Hash>)| !changes.claims.contains_key(seq);
    let over: Vec<_> = changes.closed.iter().filter(stored).collect();
    write_rows!(c, view.shard, OVER, &over, |query, over| query
        .bind(over.0.value())
        .bind(over.1));
    Ok(())
}

/// Trips whose claims became credits say by which issue.
async fn collected(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "UPDATE trip_{shard} SET issued_by = ? WHERE issued_by IS NULL AND seq IN (";
    let mut by_issue: BTreeMap<Hash, Vec<i64>> = BTreeMap::new();
    for (_, seq, issued_by) in &view.changes.closed {
        if let Some(content_id) = issued_by {
            by_issue.entry(*content_id).or_default().push(*seq);
        }
    }
    super::stamp!(c, view.shard, HEAD, ("trip", "issued_by"), by_issue, |seq| *seq);
    Ok(())
}
