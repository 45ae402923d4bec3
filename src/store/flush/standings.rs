//! Moves on the way to the chain, as compare-and-swap: a row that is not where it was loaded fails the batch. Rows that move alike
//! share a statement.

use super::all_of;
use crate::ledger::settle::Ended;
use crate::ledger::view::View;
use crate::store::db::{Connection, StoreError, with};
use crate::store::load::WayRow;
use crate::store::statement::{of_shard, pieces, repeated, write_rows};
use std::collections::BTreeMap;

pub(super) async fn flush(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    moved(c, view).await?;
    recorded(c, view).await?;
    ended(c, view).await
}

async fn moved(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "UPDATE ledger_tx_{shard} SET status = ?, unmet = ?, next_attempt_ms = ?, attempt = ?, pack = ?, chain_tx_id = ?, \
         earlier = ?, height = ?, block_index = ?, block_at_ms = ?, reason = ? WHERE COALESCE(status, '') = ? AND seq IN (";
    // The status is compared as a value: an index over it would be searched through all rows that have it.
    let mut alike: BTreeMap<(&str, WayRow), Vec<i64>> = BTreeMap::new();
    for (id, before) in &view.changes.standings {
        if let Some(standing) = view.standings.get(id) {
            let seqs = alike.entry((before, WayRow::of(standing))).or_default();
            seqs.push(standing.seq);
        }
    }
    for ((before, way), seqs) in alike {
        for piece in pieces(&seqs) {
            let sql = repeated([HEAD, "?", ", ", ")"], piece.len(), view.shard);
            let done = with!(&mut *c, |c| {
                let query = sqlx::query(sql)
                    .bind(way.status.clone())
                    .bind(way.unmet)
                    .bind(way.next_attempt_ms)
                    .bind(way.attempt)
                    .bind(way.pack)
                    .bind(way.chain_tx_id.clone())
                    .bind(way.earlier.clone())
                    .bind(way.height)
                    .bind(way.block_index)
                    .bind(way.block_at_ms)
                    .bind(way.reason.clone())
                    .bind(before.to_owned());
                let query = piece.iter().fold(query, |query, seq| query.bind(*seq));
                query.execute(&mut *c).await.map(|done| done.rows_affected())
            })?;
            all_of(piece.len(), done, "ledger_tx", "status")?;
        }
    }
    Ok(())
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
    const SQL: &str = "UPDATE envelope_{shard} SET status = ?, lease_ms = ?, reason = ?, request = ? \
         WHERE chain_tx_id = ? AND status = 'open'";
    for Ended {
        chain_tx_id,
        status,
        reason,
    } in &view.changes.ended
    {
        let done = with!(&mut *c, |c| {
            sqlx::query(of_shard(SQL, view.shard))
                .bind(status.as_str())
                .bind(view.booked_ms)
                .bind(reason.clone())
                .bind(Vec::new())
                .bind(chain_tx_id.as_bytes().to_vec())
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected())
        })?;
        all_of(1, done, "envelope", "status")?;
    }
    Ok(())
}
