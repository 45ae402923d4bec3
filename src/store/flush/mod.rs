//! What a batch changed, as statements over rows.

mod credits;
mod folds;
mod standings;
mod trips;

use super::activations;
use super::db::{Connection, StoreError};
use super::script::Script;
use crate::ledger::page::Page;
use crate::ledger::view::View;

/// A head as a batch leaves it.
pub(super) struct Head {
    /// Shard number.
    pub(super) shard: i64,
    /// Raised by every batch that writes a page.
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

/// What a batch writes: the rows of each shard that it changed, then what all shards share a table for.
pub(super) fn flush<'v>(
    c: &Connection,
    changed: &'v [View],
    pages: &'v [Page],
    heads: &'v [Head],
) -> Result<Script<'v>, StoreError> {
    let mut script = Script::default();
    for view in changed {
        activations::flush(&mut script, view);
        trips::flush(&mut script, view);
        credits::flush(&mut script, view)?;
        standings::flush(&mut script, view);
        folds::accounts(&mut script, c, view);
    }
    folds::totals(&mut script, c, changed);
    journal(&mut script, pages);
    advance(&mut script, heads);
    Ok(script)
}

fn journal<'v>(script: &mut Script<'v>, pages: &'v [Page]) {
    const PARTS: [&str; 4] = [
        "INSERT INTO journal (shard, seq_from, seq_to, at_ms, previous_seal, seal, entries) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let rows = pages.iter().map(|page| {
        vec![
            i64::from(page.shard.index()).into(),
            page.seq_from.into(),
            page.seq_to.into(),
            page.at_ms.into(),
            (&page.previous_seal).into(),
            (&page.seal).into(),
            page.entries.as_slice().into(),
        ]
    });
    script.put_shared(PARTS, rows);
}

/// Advances the heads of the shards that the batch changed.
fn advance<'v>(script: &mut Script<'v>, heads: &'v [Head]) {
    const PARTS: [&str; 4] = [
        "REPLACE INTO shard_head (shard, epoch, seq, seal, at_ms, home) VALUES ",
        "(?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let rows = heads.iter().map(|head| {
        vec![
            head.shard.into(),
            head.epoch.into(),
            head.seq.into(),
            head.seal.as_slice().into(),
            head.at_ms.into(),
            head.home.as_slice().into(),
        ]
    });
    script.put_shared(PARTS, rows);
}
