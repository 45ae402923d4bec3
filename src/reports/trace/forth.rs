//! From a ride forward to what its grams are now.

use super::cursor::{self, CursorError, Way};
use super::{Bounds, TraceError};
use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::transaction::{Kind, Lot};
use crate::ledger::view::StoredTrip;
use crate::store::db::{Readers, StoreError};
use crate::store::reads::trace::booked_at;
use crate::store::reads::{self, Transacted};
use std::collections::{BTreeMap, BTreeSet};

/// A credit that descends from a trip.
#[derive(Clone, Debug)]
pub struct Descendant {
    /// The credit.
    pub credit: Credit,
    /// What consumed it up to the walk's instant: content id and kind.
    pub ended: Option<(Hash, Kind)>,
}

/// A part of a walk forward.
#[derive(Clone, Debug)]
pub struct Forth {
    /// As of which seq of the shard: the first part says it, and the others keep to it.
    pub at_seq: i64,
    /// The transactions walked through, in the order in which they were booked; the issue first.
    pub via: Vec<Transacted>,
    /// The credits that they made, in the trip's lots and in their order.
    pub credits: Vec<Descendant>,
    /// Where the walk goes on; `None` at its end.
    pub next: Option<String>,
}

/// Walks forward from a trip, or on from where a walk from it stopped. What is booked behind the first part's instant is not seen.
pub async fn forth(
    readers: &Readers,
    (user, stored, source_key): (UserId, &StoredTrip, &Hash),
    cursor: Option<&str>,
    bounds: Bounds,
) -> Result<Forth, TraceError> {
    let now_seq = reads::position(readers, user.shard()).await?;
    let mut told = Forth {
        at_seq: now_seq,
        via: Vec::new(),
        credits: Vec::new(),
        next: None,
    };
    let Some(issued_by) = stored.issued_by else {
        return cursor.map_or(Ok(told), |_| Err(CursorError.into()));
    };
    let issue = reads::transaction(readers, Some(user.shard()), &issued_by).await?;
    let missing = || StoreError::row("trip", "issued_by", format!("there is no transaction {issued_by}"));
    let mut walk = Walk::new((readers, source_key), issue.ok_or_else(missing)?);
    match cursor {
        Some(text) => told.at_seq = walk.resume(text, now_seq)?,
        None => walk.begin(),
    }
    while told.via.len() < bounds.transactions {
        let Some(seq) = walk.first() else { return Ok(told) };
        let transacted = walk.read(seq).await?;
        told.credits.extend(walk.leave(&transacted, told.at_seq).await?);
        told.via.push(transacted);
    }
    told.next = walk.place(told.at_seq);
    Ok(told)
}

struct Walk<'a> {
    readers: &'a Readers,
    source_key: &'a Hash,
    issue: Transacted,
    /// The lots that the trip gave to, in the issue's order.
    lots: Vec<Lot>,
    /// Transactions come upon, for each lot those that consumed a descendant of it. The earliest goes first: whatever else leads
    /// to it has been walked then.
    ahead: Vec<BTreeSet<i64>>,
    /// Some of them, read already.
    known: BTreeMap<i64, Transacted>,
}

impl<'a> Walk<'a> {
    fn new((readers, source_key): (&'a Readers, &'a Hash), issue: Transacted) -> Self {
        let given = issue
            .transaction
            .sources
            .iter()
            .filter(|source| source.key == *source_key);
        let lots: Vec<Lot> = given.map(|source| source.lot.clone()).collect();
        Self {
            readers,
            source_key,
            ahead: vec![BTreeSet::new(); lots.len()],
            lots,
            known: BTreeMap::new(),
            issue,
        }
    }

    fn begin(&mut self) {
        let seq = self.issue.standing.seq;
        self.ahead = vec![BTreeSet::from([seq]); self.lots.len()];
        self.known.insert(seq, self.issue.clone());
    }

    /// Takes up where a cursor says; answers the instant of the walk.
    fn resume(&mut self, text: &str, now_seq: i64) -> Result<i64, CursorError> {
        let mut lists = cursor::read((Way::Forth, self.source_key), text)?.into_iter();
        let at_seq = lists.next().and_then(|at| at.first().copied()).ok_or(CursorError)?;
        self.ahead = lists.collect();
        let last = self.ahead.iter().filter_map(BTreeSet::last).max();
        let sound =
            self.ahead.len() == self.lots.len() && at_seq <= now_seq && last.is_some_and(|last| *last <= at_seq);
        sound.then_some(at_seq).ok_or(CursorError)
    }

    /// The transaction whose turn it is.
    fn first(&self) -> Option<i64> {
        self.ahead.iter().filter_map(BTreeSet::first).min().copied()
    }

    /// Where the walk goes on.
    fn place(&self, at_seq: i64) -> Option<String> {
        self.first()?;
        let mut lists = vec![BTreeSet::from([at_seq])];
        lists.extend(self.ahead.iter().cloned());
        Some(cursor::write(Way::Forth, self.source_key, &lists))
    }

    async fn read(&mut self, seq: i64) -> Result<Transacted, TraceError> {
        if let Some(known) = self.known.remove(&seq) {
            return Ok(known);
        }
        let booked = booked_at(self.readers, self.issue.shard, &[seq]).await?;
        let content_id = booked.get(&seq).map(|booked| booked.content_id).ok_or(CursorError)?;
        let found = reads::transaction(self.readers, Some(self.issue.shard), &content_id).await?;
        // A cursor that somebody made up leads nowhere outside the programme.
        let found = found.filter(|found| found.standing.programme == self.issue.standing.programme);
        Ok(found.ok_or(CursorError)?)
    }

    /// Goes on from a transaction to those that consumed what it made of the lots that led to it.
    async fn leave(&mut self, transacted: &Transacted, at_seq: i64) -> Result<Vec<Descendant>, StoreError> {
        let led: Vec<bool> = self
            .ahead
            .iter_mut()
            .map(|ahead| ahead.remove(&transacted.standing.seq))
            .collect();
        let mut credits = Vec::new();
        for (credit, spent_by) in reads::made_by(self.readers, transacted).await? {
            let led_here = |(lot, led): &(&Lot, bool)| *led && **lot == credit.lot;
            let lots = self.lots.iter().zip(led.iter().copied());
            let Some(place) = lots.clone().position(|part| led_here(&part)) else {
                continue;
            };
            let ended = match spent_by {
                Some(content_id) => self.end(place, (content_id, at_seq)).await?,
                None => None,
            };
            credits.push(Descendant { credit, ended });
        }
        Ok(credits)
    }

    /// What consumed a credit of a lot, unless that came after the walk's instant.
    async fn end(
        &mut self,
        place: usize,
        (content_id, at_seq): (Hash, i64),
    ) -> Result<Option<(Hash, Kind)>, StoreError> {
        let spender = reads::transaction(self.readers, Some(self.issue.shard), &content_id).await?;
        let missing = || StoreError::row("credit", "spent_by", format!("there is no transaction {content_id}"));
        let spender = spender.ok_or_else(missing)?;
        if spender.standing.seq > at_seq {
            return Ok(None);
        }
        let kind = spender.transaction.kind;
        if let Some(ahead) = self.ahead.get_mut(place) {
            ahead.insert(spender.standing.seq);
        }
        self.known.insert(spender.standing.seq, spender);
        Ok(Some((content_id, kind)))
    }
}
