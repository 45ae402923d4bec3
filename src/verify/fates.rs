//! What became of transactions on their way to the chain: the last entry that speaks of one is what its row says, and a row says
//! nothing that no entry speaks of.

use super::booked::Booked;
use super::findings::{Findings, RECORDS, at};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::{Word, receipt_digest, word_of};
use crate::ledger::standing::Standing;
use crate::store::audit;
use crate::store::db::Connection;
use std::collections::BTreeMap;

const TABLE: &str = "ledger_tx";

/// The fates of one shard: in memory are those transactions whose last entry is not that they are confirmed.
pub(super) struct Fates {
    shard: ShardId,
    /// Entries that say confirmed.
    confirmed: i64,
    /// Digest of the last entry that speaks of a transaction, while it is none of those.
    open: BTreeMap<Hash, Hash>,
}

impl Fates {
    /// None yet.
    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            confirmed: 0,
            open: BTreeMap::new(),
        }
    }

    /// An entry says what became of a transaction.
    pub(super) async fn take(&mut self, c: &mut Connection, booked: &Booked<'_>, findings: &mut Findings) {
        let entry = booked.entry;
        let Some(content_id) = entry.reference else {
            return booked.wrong(RECORDS, "journal", "it does not say which transaction", findings);
        };
        let standing = match audit::standing(c, self.shard, &content_id).await {
            Ok(Some(standing)) => standing,
            Ok(None) => {
                let what = format!("there is no transaction {content_id}");
                return booked.wrong(RECORDS, TABLE, what, findings);
            }
            Err(error) => return findings.unreadable(RECORDS, at(self.shard, TABLE, content_id), &error),
        };
        let said = [
            ("the address", entry.address == Hash::new([0; 32])),
            ("the programme", entry.programme == standing.programme),
            ("the lot", entry.lot.is_none()),
            ("the amount", entry.amount.micrograms() == 0),
            ("the postings", entry.postings.is_empty()),
            ("the order", standing.seq < booked.seq),
        ];
        booked.differing(RECORDS, "journal", &said, findings);
        let confirmed = receipt_digest(&standing, Word::Confirmed) == entry.digest;
        if confirmed && standing.status.place().is_some() {
            self.confirmed = self.confirmed.saturating_add(1);
            self.open.remove(&content_id);
        } else {
            self.open.insert(content_id, entry.digest);
        }
    }

    /// Whatever is not confirmed is what its last entry says; and no other row says that it has come to an end.
    pub(super) async fn finish(self, c: &mut Connection, findings: &mut Findings) {
        let mut ended = self.confirmed;
        for (content_id, digest) in &self.open {
            let place = || at(self.shard, TABLE, content_id);
            match audit::standing(c, self.shard, content_id).await {
                Ok(Some(standing)) if says(&standing, digest) => {
                    ended = ended.saturating_add(i64::from(word_of(&standing.status).is_some()));
                }
                Ok(_) => findings.add(
                    RECORDS,
                    place(),
                    "status, chain_tx_id, height, block_index, block_at_ms or reason differs from the last entry that speaks of it",
                ),
                Err(error) => findings.unreadable(RECORDS, place(), &error),
            }
        }
        if let Err(error) = audit::ways_are_readable(c, self.shard).await {
            findings.unreadable(RECORDS, at(self.shard, TABLE, "*"), &error);
        }
        match audit::ended_count(c, self.shard).await {
            Ok(count) if count == ended => {}
            Ok(count) => findings.add(
                RECORDS,
                at(self.shard, TABLE, "*"),
                format!("{count} rows are confirmed, refused or dead, {ended} of them as the journal has it"),
            ),
            Err(error) => findings.unreadable(RECORDS, at(self.shard, TABLE, "*"), &error),
        }
    }
}

/// Whether a row is what an entry says. Of one that was redriven the entry names the envelope that had carried it until then.
fn says(standing: &Standing, digest: &Hash) -> bool {
    if let Some(word) = word_of(&standing.status) {
        return receipt_digest(standing, word) == *digest;
    }
    let carriers = standing.earlier.iter().chain(&standing.chain_tx_id);
    carriers.into_iter().any(|id| {
        let mut then = standing.clone();
        then.chain_tx_id = Some(*id);
        receipt_digest(&then, Word::Redriven) == *digest
    })
}
