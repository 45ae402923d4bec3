//! Activations: every row under the digest of its entry in shard 0, every entry with its row.

use super::findings::{Findings, RECORDS, at};
use crate::ledger::activation::ActivationKind;
use crate::ledger::entry::Entry;
use crate::ledger::ids::{Hash, ShardId};
use crate::methodology::{Environment, Library, Programme};
use crate::store::activations::{self, ActivationRow};
use crate::store::db::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rows that no entry has spoken of yet, and the digests that have been in force.
#[derive(Default)]
pub(super) struct Activations {
    rows: BTreeMap<i64, ActivationRow>,
    /// SHA-256 of all bytes that have been in force.
    pub(super) digests: BTreeSet<Hash>,
}

impl Activations {
    /// Reads the rows.
    pub(super) async fn load(c: &mut Connection, findings: &mut Findings) -> Self {
        match activations::all(c).await {
            Ok(rows) => Self {
                digests: rows.iter().map(|row| row.activation.bytes_digest()).collect(),
                rows: rows.into_iter().map(|row| (row.seq, row)).collect(),
            },
            Err(error) => {
                findings.unreadable(RECORDS, at(ShardId::FIRST, "activation", "*"), &error);
                Self::default()
            }
        }
    }

    /// Every programme that has been in force, by its digest, built from the rows alone. An example set may have been in force
    /// in a demonstration, so nothing is refused for the environment.
    pub(super) fn programmes(&self, findings: &mut Findings) -> BTreeMap<Hash, Arc<Programme>> {
        let of = |kind: ActivationKind| self.rows.values().filter(move |row| row.activation.kind == kind);
        let mut library = Library::default();
        for row in of(ActivationKind::Table).chain(of(ActivationKind::Methodology)) {
            let name = format!("{}.json", row.activation.id);
            match library.clone().load_dir([(name, row.activation.bytes.clone())]) {
                Ok(loaded) => library = loaded,
                Err(error) => wrong(row, &error, findings),
            }
        }
        let mut programmes = BTreeMap::new();
        for row in of(ActivationKind::Programme) {
            match Programme::parse(&row.activation.bytes, &library, Environment::Demo) {
                Ok(programme) => drop(programmes.insert(row.activation.bytes_digest(), Arc::new(programme))),
                Err(error) => wrong(row, &error, findings),
            }
        }
        programmes
    }

    /// An entry that says something was put in force.
    pub(super) fn take(&mut self, shard: ShardId, seq: i64, entry: &Entry, findings: &mut Findings) {
        let mut wrong = |what: &str| findings.add(RECORDS, at(shard, "activation", format!("seq {seq}")), what);
        let row = if shard == ShardId::FIRST {
            self.rows.remove(&seq)
        } else {
            None
        };
        let Some(row) = row else {
            return wrong("the row of this entry is missing");
        };
        if row.digest.as_slice() != row.activation.bytes_digest().as_bytes() {
            wrong("digest is not that of bytes");
        }
        if row.activation.entry(&entry.request_id) != *entry {
            wrong("the row differs from what its entry says");
        }
    }

    /// Rows that no entry spoke of.
    pub(super) fn finish(&self, findings: &mut Findings) {
        for seq in self.rows.keys() {
            let place = at(ShardId::FIRST, "activation", format!("seq {seq}"));
            findings.add(RECORDS, place, "no entry speaks of this row");
        }
    }
}

fn wrong(row: &ActivationRow, error: &dyn std::fmt::Display, findings: &mut Findings) {
    let place = at(ShardId::FIRST, "activation", format!("seq {}", row.seq));
    findings.add(RECORDS, place, format!("the bytes cannot be read: {error}"));
}
