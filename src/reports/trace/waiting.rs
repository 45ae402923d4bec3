//! Keeps a cursor short. A rider's redemption is come upon twice in the walk back from a sink's credit: early, by the change that a
//! later one spent, and in its turn, by its own payment. Until its turn a cursor need not name it.

use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::transaction::Lot;
use crate::store::db::{Readers, StoreError};
use crate::store::reads::trace::booked_at;
use crate::store::reads::{self, Transacted};
use std::collections::{BTreeMap, BTreeSet};

/// Transactions read at most to find out which are come upon again; those beyond stay named.
const MOST_STEPS: usize = 4_096;

/// Of some transactions, those from which no other that waits descends. The rest is come upon again on the way back from there, and
/// in time: what descends is later, and goes first.
pub(super) async fn without_repeats(
    readers: &Readers,
    credit: &Credit,
    (candidates, waiting): (&BTreeSet<i64>, &BTreeSet<i64>),
) -> Result<BTreeSet<i64>, StoreError> {
    let seqs: Vec<i64> = candidates.iter().copied().collect();
    let shard = credit.user.shard();
    let names = booked_at(readers, shard, &seqs).await?;
    let mut search = Search {
        readers,
        shard,
        lot: &credit.lot,
        waiting,
        found: BTreeMap::new(),
        steps: 0,
    };
    let mut kept = BTreeSet::new();
    // The latest first: the ways of the earlier ones run into theirs.
    for (seq, booked) in names.into_iter().rev() {
        if !search.leads_on(&booked.content_id).await? {
            kept.insert(seq);
        }
        search.found.insert(booked.content_id, true);
    }
    Ok(kept)
}

struct Search<'a> {
    readers: &'a Readers,
    shard: ShardId,
    lot: &'a Lot,
    waiting: &'a BTreeSet<i64>,
    /// Transactions known to lead on to one that waits, or to wait; or not to.
    found: BTreeMap<Hash, bool>,
    steps: usize,
}

impl Search<'_> {
    /// Whether a transaction that waits descends from this one, this one left aside.
    async fn leads_on(&mut self, content_id: &Hash) -> Result<bool, StoreError> {
        let Some(first) = self.read(content_id).await? else {
            return Ok(false);
        };
        // The way to where the search is, and at each step the ways that have not been tried.
        let mut way = vec![(*content_id, self.consumers(&first).await?)];
        while let Some((step, untried)) = way.last_mut() {
            let Some(next) = untried.pop() else {
                self.found.insert(*step, false);
                way.pop();
                continue;
            };
            let leads = match self.found.get(&next) {
                Some(known) => *known,
                None => match self.read(&next).await? {
                    Some(transacted) if self.waiting.contains(&transacted.standing.seq) => true,
                    Some(transacted) if self.waiting.last().is_some_and(|last| transacted.standing.seq < *last) => {
                        way.push((next, self.consumers(&transacted).await?));
                        continue;
                    }
                    Some(_) => false,
                    None => return Ok(false),
                },
            };
            if leads {
                self.found.extend(way.iter().map(|(step, _)| (*step, true)));
                return Ok(true);
            }
            self.found.insert(next, false);
        }
        Ok(false)
    }

    async fn read(&mut self, content_id: &Hash) -> Result<Option<Transacted>, StoreError> {
        self.steps = self.steps.saturating_add(1);
        if self.steps > MOST_STEPS {
            return Ok(None);
        }
        reads::transaction(self.readers, Some(self.shard), content_id).await
    }

    /// What consumed the credits of the lot that a transaction made.
    async fn consumers(&self, transacted: &Transacted) -> Result<Vec<Hash>, StoreError> {
        let made = reads::made_by(self.readers, transacted).await?;
        let made = made.into_iter().filter(|(credit, _)| credit.lot == *self.lot);
        Ok(made.filter_map(|(_, spent_by)| spent_by).collect())
    }
}
