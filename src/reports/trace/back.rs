//! From a credit back to the rides that it descends from.

use super::cursor::{self, CursorError, Way};
use super::waiting::without_repeats;
use super::{Bounds, TraceError};
use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::transaction::{Kind, Source as Named, SourceKind};
use crate::ledger::view::StoredTrip;
use crate::methodology::units::Amount;
use crate::store::db::{Readers, StoreError};
use crate::store::reads::trace::{booked_at, trips_named};
use crate::store::reads::{self, Transacted};
use std::collections::{BTreeMap, BTreeSet};

/// One source of an issue, in the credit's lot.
#[derive(Clone, Debug)]
pub struct Source {
    /// Content id of the issue.
    pub issue: Hash,
    /// Whose it was.
    pub user: UserId,
    /// The trip; `None` for grams brought over from another system.
    pub trip: Option<StoredTrip>,
    /// All that it gave to the issue in this lot, whatever became of it since.
    pub amount: Amount,
}

/// A part of a walk back.
#[derive(Clone, Debug)]
pub struct Back {
    /// The transactions walked through: issues and riders' merges as soon as they are come upon, the others latest first.
    pub via: Vec<Transacted>,
    /// The sources of the issues among them, in their order.
    pub sources: Vec<Source>,
    /// Where the walk goes on; `None` at its end.
    pub next: Option<String>,
}

/// Walks back from a credit, or on from where a walk back from it stopped.
pub async fn back(
    readers: &Readers,
    credit: &Credit,
    cursor: Option<&str>,
    bounds: Bounds,
) -> Result<Back, TraceError> {
    let mut walk = Walk::new(readers, credit, cursor)?;
    let mut told = Back {
        via: Vec::new(),
        sources: Vec::new(),
        next: None,
    };
    if cursor.is_none() {
        walk.come_upon(&[credit.created_seq]).await?;
    }
    while told.via.len() < bounds.transactions {
        let Some(seq) = walk.first() else { return Ok(told) };
        let transacted = walk.read(seq).await?;
        let given: Vec<&Named> = walk.given(&transacted).collect();
        if !told.sources.is_empty() && told.sources.len().saturating_add(given.len()) > bounds.sources {
            break;
        }
        told.sources.extend(walk.sources(&transacted, &given).await?);
        walk.leave(&transacted).await?;
        told.via.push(transacted);
    }
    if walk.others.len() > bounds.waiting {
        let waiting = walk.others.union(&walk.alone).copied().collect();
        walk.others = without_repeats(readers, credit, (&walk.others, &waiting)).await?;
    }
    told.next = walk.place();
    Ok(told)
}

struct Walk<'a> {
    readers: &'a Readers,
    credit: &'a Credit,
    /// Issues and riders' merges come upon. They make one credit a lot, so no other way leads to them and they need not wait for
    /// their turn. A sink's merges do wait: behind each lies all that was ever paid before.
    alone: BTreeSet<i64>,
    /// Other transactions come upon. The latest goes first: whatever else leads to it has been walked then.
    others: BTreeSet<i64>,
    /// Names of some of them.
    names: BTreeMap<i64, Hash>,
}

impl<'a> Walk<'a> {
    fn new(readers: &'a Readers, credit: &'a Credit, cursor: Option<&str>) -> Result<Self, CursorError> {
        let lists = cursor
            .map(|text| cursor::read((Way::Back, &credit.hash), text))
            .transpose()?;
        let [alone, others] = lists
            .unwrap_or_else(|| vec![BTreeSet::new(); 2])
            .try_into()
            .map_err(|_| CursorError)?;
        Ok(Self {
            readers,
            credit,
            alone,
            others,
            names: BTreeMap::new(),
        })
    }

    /// The transaction whose turn it is.
    fn first(&self) -> Option<i64> {
        self.alone.last().or_else(|| self.others.last()).copied()
    }

    /// Where the walk goes on.
    fn place(&self) -> Option<String> {
        self.first()?;
        let lists = [self.alone.clone(), self.others.clone()];
        Some(cursor::write(Way::Back, &self.credit.hash, &lists))
    }

    async fn read(&mut self, seq: i64) -> Result<Transacted, TraceError> {
        let shard = self.credit.user.shard();
        let content_id = match self.names.remove(&seq) {
            Some(content_id) => content_id,
            None => booked_at(self.readers, shard, &[seq])
                .await?
                .get(&seq)
                .map(|booked| booked.content_id)
                .ok_or(CursorError)?,
        };
        let found = reads::transaction(self.readers, Some(shard), &content_id).await?;
        // A cursor that somebody made up leads nowhere outside the programme.
        let found = found.filter(|found| found.standing.programme == self.credit.lot.programme);
        Ok(found.ok_or(CursorError)?)
    }

    /// The sources of a transaction in the credit's lot.
    fn given<'t>(&self, transacted: &'t Transacted) -> impl Iterator<Item = &'t Named> + use<'t, 'a> {
        let lot = &self.credit.lot;
        let sources = transacted.transaction.sources.iter();
        sources.filter(move |source| source.lot == *lot)
    }

    async fn sources(&self, transacted: &Transacted, given: &[&Named]) -> Result<Vec<Source>, StoreError> {
        let trips = given.iter().filter(|source| source.kind == SourceKind::Trip);
        let keys: Vec<Hash> = trips.map(|source| source.key).collect();
        let mut stored = trips_named(self.readers, transacted.standing.user, &keys).await?;
        let source = |named: &&Named| {
            let trip = stored.remove(&named.key);
            if trip.is_none() && named.kind == SourceKind::Trip {
                let missing = format!(
                    "no trip goes by {}, a source of {}",
                    named.key, transacted.standing.content_id
                );
                return Err(StoreError::row("trip", "source_key", missing));
            }
            Ok(Source {
                issue: transacted.standing.content_id,
                user: transacted.standing.user,
                trip,
                amount: Amount::from_micrograms(named.amount_ug),
            })
        };
        given.iter().map(source).collect()
    }

    /// Goes on from a transaction to those that made its inputs of the lot.
    async fn leave(&mut self, transacted: &Transacted) -> Result<(), StoreError> {
        let _told = self.alone.remove(&transacted.standing.seq) || self.others.remove(&transacted.standing.seq);
        if transacted.transaction.kind == Kind::Issue {
            return Ok(());
        }
        let inputs = reads::credits_named(self.readers, transacted.shard, &transacted.transaction.inputs).await?;
        let made = inputs.iter().filter(|(input, _)| input.lot == self.credit.lot);
        let seqs: BTreeSet<i64> = made.map(|(input, _)| input.created_seq).collect();
        self.come_upon(&seqs.into_iter().collect::<Vec<_>>()).await
    }

    async fn come_upon(&mut self, seqs: &[i64]) -> Result<(), StoreError> {
        let shard = self.credit.user.shard();
        let found = booked_at(self.readers, shard, seqs).await?;
        if let Some(seq) = seqs.iter().find(|seq| !found.contains_key(*seq)) {
            let missing = format!("seq {seq} of shard {shard}, which made a credit, is missing");
            return Err(StoreError::row("ledger_tx", "seq", missing));
        }
        for (seq, booked) in found {
            let merged = booked.kind == Kind::Merge && !booked.user.is_system();
            let alone = merged || booked.kind == Kind::Issue;
            let list = if alone { &mut self.alone } else { &mut self.others };
            list.insert(seq);
            self.names.insert(seq, booked.content_id);
        }
        Ok(())
    }
}
