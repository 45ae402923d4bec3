//! Moves on the way to the chain, as compare-and-swap: a row that is not where it was loaded fails the batch. Rows that move alike
//! share a statement.

use crate::ledger::settle::Ended;
use crate::ledger::view::View;
use crate::store::load::WayRow;
use crate::store::script::{Each, Script, Value};
use crate::store::statement::pieces;
use std::collections::BTreeMap;

pub(super) fn flush<'v>(script: &mut Script<'v>, view: &'v View) {
    moved(script, view);
    recorded(script, view);
    ended(script, view);
}

fn moved<'v>(script: &mut Script<'v>, view: &'v View) {
    const HEAD: &str = "UPDATE ledger_tx_{shard} SET status = ?, unmet = ?, next_attempt_ms = ?, attempt = ?, pack = ?, earlier = ?, \
         height = ?, block_at_ms = ?, reason = ?";
    const OWN: &str = " WHEN ? THEN ?";
    // The status is compared as a value: an index over it would be searched through all rows that have it.
    const TAIL: &str = " END WHERE COALESCE(status, '') = ? AND seq IN (";
    for ((before, way), rows) in alike(view) {
        for piece in pieces(&rows) {
            let own = OWN.repeat(piece.len());
            let seqs = vec!["?"; piece.len()].join(", ");
            let text = format!("{HEAD}, chain_tx_id = CASE seq{own} END, block_index = CASE seq{own}{TAIL}{seqs})");
            let mut values: Vec<Value<'v>> = vec![
                way.status.clone().into(),
                way.unmet.into(),
                way.next_attempt_ms.into(),
                way.attempt.into(),
                way.pack.into(),
                way.earlier.clone().into(),
                way.height.into(),
                way.block_at_ms.into(),
                way.reason.clone().into(),
            ];
            values.extend(
                piece
                    .iter()
                    .flat_map(|row| [row.seq.into(), row.chain_tx_id.clone().into()]),
            );
            values.extend(piece.iter().flat_map(|row| [row.seq.into(), row.block_index.into()]));
            values.push(before.into());
            values.extend(piece.iter().map(|row| Value::from(row.seq)));
            let each = Each {
                rows: piece.len(),
                of: ("ledger_tx", "status"),
            };
            script.change(each, (["", &text, "", ""], view.shard), Vec::new(), [values]);
        }
    }
}

/// What a moved row has for itself: an envelope of its own, a place of its own in a block.
struct Own {
    seq: i64,
    chain_tx_id: Option<Vec<u8>>,
    block_index: Option<i64>,
}

/// The rows that moved, by where they were and what they all become.
fn alike(view: &View) -> BTreeMap<(&'static str, WayRow), Vec<Own>> {
    let mut alike: BTreeMap<(&str, WayRow), Vec<Own>> = BTreeMap::new();
    for (id, before) in &view.changes.standings {
        if let Some(standing) = view.standings.get(id) {
            let mut way = WayRow::of(standing);
            let own = Own {
                seq: standing.seq,
                chain_tx_id: way.chain_tx_id.take(),
                block_index: way.block_index.take(),
            };
            alike.entry((before, way)).or_default().push(own);
        }
    }
    alike
}

fn recorded<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "INSERT INTO envelope_{shard} (chain_tx_id, kind, status, lease_ms, created_ms, expires_ms, request) VALUES ",
        "(?, ?, 'open', ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let rows = view.changes.envelopes.iter().map(|envelope| {
        vec![
            (&envelope.chain_tx_id).into(),
            envelope.kind.into(),
            envelope.lease_ms.into(),
            envelope.created_ms.into(),
            envelope.expires_ms.into(),
            envelope.request.as_slice().into(),
        ]
    });
    script.put(PARTS, view.shard, rows);
}

fn ended<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "UPDATE envelope_{shard} SET status = ?, lease_ms = ?, reason = ?, request = ? \
         WHERE COALESCE(status, '') = 'open' AND chain_tx_id IN (",
        "?",
        ", ",
        ")",
    ];
    let mut alike: BTreeMap<(&str, Option<&str>), Vec<&Ended>> = BTreeMap::new();
    for ended in &view.changes.ended {
        let how = (ended.status.as_str(), ended.reason.as_deref());
        alike.entry(how).or_default().push(ended);
    }
    for ((status, reason), ended) in alike {
        let first = vec![status.into(), view.booked_ms.into(), reason.into(), Vec::new().into()];
        let ids = ended.into_iter().map(|ended| vec![(&ended.chain_tx_id).into()]);
        script.change(Each::one("envelope", "status"), (PARTS, view.shard), first, ids);
    }
}
