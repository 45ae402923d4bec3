//! Moves on the way to the chain, as compare-and-swap: a row that is not where it was loaded fails the batch. Rows that move alike
//! share a statement.

use super::all_of;
use crate::ledger::settle::Ended;
use crate::ledger::view::View;
use crate::store::db::{Connection, StoreError, with};
use crate::store::load::WayRow;
use crate::store::statement::{pieces, repeated, write_rows};
use std::collections::BTreeMap;

pub(super) async fn flush(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    moved(c, view).await?;
    recorded(c, view).await?;
    ended(c, view).await
}

async fn moved(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "UPDATE ledger_tx_{shard} SET status = ?, unmet = ?, next_attempt_ms = ?, attempt = ?, pack = ?, earlier = ?, \
         height = ?, block_at_ms = ?, reason = ?";
    const OWN: &str = " WHEN ? THEN ?";
    // The status is compared as a value: an index over it would be searched through all rows that have it.
    const TAIL: &str = " END WHERE COALESCE(status, '') = ? AND seq IN (";
    for ((before, way), rows) in alike(view) {
        for piece in pieces(&rows) {
            let own = OWN.repeat(piece.len());
            let head = format!("{HEAD}, chain_tx_id = CASE seq{own} END, block_index = CASE seq{own}{TAIL}");
            let sql = repeated([&head, "?", ", ", ")"], piece.len(), view.shard);
            let done = with!(&mut *c, |c| {
                let query = sqlx::query(sql)
                    .bind(way.status.clone())
                    .bind(way.unmet)
                    .bind(way.next_attempt_ms)
                    .bind(way.attempt)
                    .bind(way.pack)
                    .bind(way.earlier.clone())
                    .bind(way.height)
                    .bind(way.block_at_ms)
                    .bind(way.reason.clone());
                let query = piece
                    .iter()
                    .fold(query, |query, row| query.bind(row.seq).bind(row.chain_tx_id.clone()));
                let query = piece
                    .iter()
                    .fold(query, |query, row| query.bind(row.seq).bind(row.block_index));
                let query = query.bind(before.to_owned());
                let query = piece.iter().fold(query, |query, row| query.bind(row.seq));
                query.execute(&mut *c).await.map(|done| done.rows_affected())
            })?;
            all_of(piece.len(), done, "ledger_tx", "status")?;
        }
    }
    Ok(())
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

async fn recorded(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "INSERT INTO envelope_{shard} (chain_tx_id, kind, status, lease_ms, created_ms, expires_ms, request) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    write_rows!(c, view.shard, PARTS, &view.changes.envelopes, |query, envelope| query
        .bind(envelope.chain_tx_id.as_bytes().to_vec())
        .bind(envelope.kind)
        .bind("open")
        .bind(envelope.lease_ms)
        .bind(envelope.created_ms)
        .bind(envelope.expires_ms)
        .bind(envelope.request.clone()));
    Ok(())
}

async fn ended(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "UPDATE envelope_{shard} SET status = ?, lease_ms = ?, reason = ?, request = ? \
         WHERE COALESCE(status, '') = 'open' AND chain_tx_id IN (";
    let mut alike: BTreeMap<(&str, Option<&str>), Vec<&Ended>> = BTreeMap::new();
    for ended in &view.changes.ended {
        let how = (ended.status.as_str(), ended.reason.as_deref());
        alike.entry(how).or_default().push(ended);
    }
    for ((status, reason), ended) in alike {
        for piece in pieces(&ended) {
            let sql = repeated([HEAD, "?", ", ", ")"], piece.len(), view.shard);
            let done = with!(&mut *c, |c| {
                let query = sqlx::query(sql)
                    .bind(status.to_owned())
                    .bind(view.booked_ms)
                    .bind(reason.map(str::to_owned))
                    .bind(Vec::new());
                let query = piece
                    .iter()
                    .fold(query, |query, ended| query.bind(ended.chain_tx_id.as_bytes().to_vec()));
                query.execute(&mut *c).await.map(|done| done.rows_affected())
            })?;
            all_of(piece.len(), done, "envelope", "status")?;
        }
    }
    Ok(())
}
