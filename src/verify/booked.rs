//! An entry in its place: what the checks of one entry are handed.

use super::findings::{Findings, at};
use crate::ledger::entry::Entry;
use crate::ledger::ids::ShardId;

/// An entry with its shard, seq and booked time.
#[derive(Clone, Copy)]
pub(super) struct Booked<'a> {
    pub(super) shard: ShardId,
    pub(super) seq: i64,
    /// Of its page.
    pub(super) at_ms: i64,
    pub(super) entry: &'a Entry,
}

impl Booked<'_> {
    /// Something is wrong with the row of a table that stands under the entry's seq.
    pub(super) fn wrong(&self, check: u8, table: &str, what: impl Into<String>, findings: &mut Findings) {
        findings.add(check, at(self.shard, table, format!("seq {}", self.seq)), what);
    }

    /// Whatever of these is not the same.
    pub(super) fn differing(&self, check: u8, table: &str, said: &[(&str, bool)], findings: &mut Findings) {
        findings.differing(check, at(self.shard, table, format!("seq {}", self.seq)), said);
    }
}
