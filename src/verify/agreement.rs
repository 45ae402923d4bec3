//! Ledger and chain against each other: what the ledger has as confirmed stands on the chain in that very place, the chain has nothing
//! that the ledger does not know, and what is unspent there is unspent here. What is not on the chain is on its way, or listed.

use super::booked::Booked;
use super::chain::OnChain;
use super::findings::{AGREEMENT, CHAIN, Findings, at};
use super::transactions::Consumed;
use crate::chain::embedded::ChainFile;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::standing::{Place, Standing, Status};
use crate::ledger::transaction::{Lot, Transaction};
use crate::store::audit;
use crate::store::db::{Connection, Homes};
use std::collections::BTreeMap;

const TABLE: &str = "ledger_tx";
/// Transactions of the chain that are looked for in all shards, to name those that are in none.
const MOST_SOUGHT: usize = 1_000;

/// Transactions that may have been confirmed while `verify` took its looks.
const MOST_SINCE: usize = 10_000;

/// A transaction that the ledger has as confirmed above the last block that was looked at.
struct Since {
    shard: ShardId,
    seq: i64,
    chain_tx_id: Hash,
    place: Place,
}

/// What the shards read so far say of the chain.
#[derive(Default)]
pub(super) struct Agreement {
    /// Transactions of the ledger that stand on the chain.
    found: usize,
    /// Micrograms in credits unspent there, by lot.
    unspent_ug: BTreeMap<Lot, i128>,
    /// Confirmed above the last block that was looked at.
    since: Vec<Since>,
    /// Transactions by word.
    counts: BTreeMap<&'static str, u64>,
}

impl Agreement {
    /// A transaction of the ledger.
    pub(super) fn take(
        &mut self,
        on_chain: &OnChain,
        (booked, id, standing): (&Booked<'_>, &Hash, &Standing),
        (transaction, consumed): (&Transaction, &Consumed),
        findings: &mut Findings,
    ) {
        findings.checked(AGREEMENT, 1);
        let position = on_chain.position_of(id);
        let word = match (&standing.status, position) {
            (Status::Confirmed(place), Some((height, index))) => {
                let same = (i64::try_from(height).ok(), i64::from(index)) == (Some(place.height), place.index);
                if !same {
                    let what = format!("on the chain it stands at height {height}, place {index}");
                    booked.wrong(AGREEMENT, TABLE, what, findings);
                }
                "confirmed"
            }
            // The look at the chain is older than that at the ledger.
            (Status::Confirmed(place), None) if u64::try_from(place.height).is_ok_and(|at| at > on_chain.height()) => {
                self.look_again(booked, standing, *place, findings);
                "confirmed since the look at the chain"
            }
            (Status::Confirmed(_), None) => {
                booked.wrong(AGREEMENT, TABLE, "it is not on the chain", findings);
                "confirmed"
            }
            (Status::Refused(_), Some(_)) => {
                booked.wrong(AGREEMENT, TABLE, "the chain has taken it", findings);
                "refused"
            }
            (_, Some(_)) => "on the chain, not settled yet",
            (Status::Stored { unmet: 0, .. }, None) => "stored",
            (Status::Stored { .. }, None) => "waiting for parents",
            (Status::Submitted, None) => "submitted",
            (Status::Refused(_), None) => "refused",
            (Status::Dead(_), None) => "dead",
        };
        let count = self.counts.entry(word).or_default();
        *count = count.saturating_add(1);
        if position.is_some() {
            self.found = self.found.saturating_add(1);
            let outputs = transaction
                .outputs
                .iter()
                .map(|output| (&output.lot, i128::from(output.amount_ug)));
            let inputs = consumed
                .inputs
                .iter()
                .map(|input| (&input.lot, -i128::from(input.amount_ug)));
            for (lot, amount_ug) in outputs.chain(inputs) {
                let sum = self.unspent_ug.entry(lot.clone()).or_default();
                *sum = sum.saturating_add(amount_ug);
            }
        }
    }

    /// Has it looked for in the end.
    fn look_again(&mut self, booked: &Booked<'_>, standing: &Standing, place: Place, findings: &mut Findings) {
        match standing.chain_tx_id {
            Some(chain_tx_id) if self.since.len() < MOST_SINCE => self.since.push(Since {
                shard: booked.shard,
                seq: booked.seq,
                chain_tx_id,
                place,
            }),
            _ => booked.wrong(
                AGREEMENT,
                TABLE,
                "it is not on the chain, which ends far below",
                findings,
            ),
        }
    }

    /// Adds what another shard says.
    pub(super) fn add(&mut self, other: Self) {
        self.since.extend(other.since);
        self.found = self.found.saturating_add(other.found);
        for (lot, amount_ug) in other.unspent_ug {
            let sum = self.unspent_ug.entry(lot).or_default();
            *sum = sum.saturating_add(amount_ug);
        }
        for (word, count) in other.counts {
            let sum = self.counts.entry(word).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// What all shards together say.
    pub(super) async fn finish(
        mut self,
        (connections, file): (&mut Homes<Connection>, &ChainFile),
        on_chain: &OnChain,
        findings: &mut Findings,
    ) {
        if !self.since.is_empty() {
            since(file, &self.since, findings).await;
        }
        for (word, count) in &self.counts {
            findings.figure(AGREEMENT, word, *count);
        }
        self.unspent_ug.retain(|_, amount_ug| *amount_ug != 0);
        let there = on_chain.unspent_ug().iter().filter(|(_, amount_ug)| **amount_ug != 0);
        let there: BTreeMap<&Lot, i128> = there.map(|(lot, amount_ug)| (lot, *amount_ug)).collect();
        let here: BTreeMap<&Lot, i128> = self
            .unspent_ug
            .iter()
            .map(|(lot, amount_ug)| (lot, *amount_ug))
            .collect();
        for lot in there.keys().chain(here.keys().filter(|lot| !there.contains_key(*lot))) {
            findings.checked(CHAIN, 1);
            let (there, here) = (there.get(lot).unwrap_or(&0), here.get(lot).unwrap_or(&0));
            if there != here {
                let row = format!(
                    "{}, gas {}, {}, month {}",
                    lot.programme, lot.gas, lot.vintage, lot.expiry
                );
                let what = format!("{there} micrograms are unspent on the chain, {here} in the ledger");
                findings.add(CHAIN, at(None, "chain.db and credit", row), what);
            }
        }
        if self.found != on_chain.len() {
            let what = format!(
                "{} transactions stand on the chain, the ledger knows {} of them",
                on_chain.len(),
                self.found
            );
            findings.add(AGREEMENT, at(None, "chain.db", "*"), what);
            unknown(connections, on_chain, findings).await;
        }
    }
}

/// What was confirmed since the look at the chain must stand there by now; what its block holds the next replay tells.
async fn since(file: &ChainFile, since: &[Since], findings: &mut Findings) {
    let mut snapshot = match file.snapshot_if_founded().await {
        Ok(snapshot) => snapshot,
        Err(error) => return findings.unreadable(AGREEMENT, at(None, "chain.db", "*"), &error),
    };
    for one in since {
        let found = match &mut snapshot {
            Some(snapshot) => snapshot.place_of(&one.chain_tx_id).await.unwrap_or_default(),
            None => None,
        };
        if found != Some((one.place.height, one.place.index)) {
            let place = at(one.shard, TABLE, format!("seq {}", one.seq));
            findings.add(AGREEMENT, place, "it is not on the chain, which ends below");
        }
    }
}

/// Names transactions of the chain that no shard has.
async fn unknown(connections: &mut Homes<Connection>, on_chain: &OnChain, findings: &mut Findings) {
    for content_id in on_chain.content_ids().take(MOST_SOUGHT) {
        let mut known = false;
        for shard in ShardId::all() {
            known |= !matches!(
                audit::standing(connections.of_mut(shard), shard, content_id).await,
                Ok(None)
            );
        }
        if !known {
            let what = "no shard has this transaction";
            findings.add(AGREEMENT, at(None, "chain.db", content_id), what);
        }
    }
}
