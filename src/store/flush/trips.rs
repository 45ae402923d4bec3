//! Trips and their claims.

use crate::ledger::ids::{Hash, UserId};
use crate::ledger::view::{Claim, NewTrip, View};
use crate::methodology::units::Amount;
use crate::store::script::{Each, Script, Value};
use std::collections::BTreeMap;

pub(super) fn flush<'v>(script: &mut Script<'v>, view: &'v View) {
    trips(script, view);
    claims(script, view);
    collected(script, view);
}

fn trips<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "INSERT INTO trip_{shard} (seq, user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence) \
         VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let row = |trip: &'v NewTrip| -> Vec<Value<'v>> {
        let (stored, record) = (&trip.stored, &trip.stored.record);
        vec![
            stored.seq.into(),
            trip.user.into(),
            view.ground.source_secret.source_key(&record.trip_key).into(),
            record.programme.as_str().into(),
            record.day.into(),
            record.started_s.into(),
            record.ended_s.into(),
            record.outcome().into(),
            record.amount().unwrap_or(Amount::ZERO).into(),
            trip.record_bytes.as_slice().into(),
            stored.evidence.as_ref().into(),
        ]
    };
    script.put(PARTS, view.shard, view.changes.trips.iter().map(row));
}

/// Claims that were made and still wait; those that are over go.
fn claims<'v>(script: &mut Script<'v>, view: &'v View) {
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
    let made = changes.claims.iter().filter(waits).map(|(seq, claim)| {
        let span = claim.trip.record.claim;
        vec![
            claim.user.into(),
            (*seq).into(),
            claim.trip.record.programme.as_str().into(),
            span.map_or(0, |span| span.opens_at_ms).into(),
            span.and_then(|span| span.closes_at_ms).into(),
        ]
    });
    script.put(MADE, view.shard, made);
    let stored = |(_, seq, _): &&(UserId, i64, Option<Hash>)| !changes.claims.contains_key(seq);
    let over = changes.closed.iter().filter(stored);
    let over = over.map(|(user, seq, _)| vec![(*user).into(), (*seq).into()]);
    script.put(OVER, view.shard, over);
}

/// Trips whose claims became credits say by which issue.
fn collected<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "UPDATE trip_{shard} SET issued_by = ? WHERE issued_by IS NULL AND seq IN (",
        "?",
        ", ",
        ")",
    ];
    let mut by_issue: BTreeMap<Hash, Vec<i64>> = BTreeMap::new();
    for (_, seq, issued_by) in &view.changes.closed {
        if let Some(content_id) = issued_by {
            by_issue.entry(*content_id).or_default().push(*seq);
        }
    }
    for (content_id, seqs) in by_issue {
        let seqs = seqs.into_iter().map(|seq| vec![seq.into()]);
        script.change(
            Each::one("trip", "issued_by"),
            (PARTS, view.shard),
            vec![content_id.into()],
            seqs,
        );
    }
}
