//! What is in the journal, told to others: each entry as an event in the JSON of `CloudEvents` 1.0. An event is made of what never changes
//! again, so that it says the same however often it is told; its id is the entry's place, the same for ever.

mod document;

use crate::identity::kek::Kek;
use crate::ledger::entry::{Entry, EntryKind};
use crate::ledger::evidence::Evidence;
use crate::ledger::ids::{Hash, Name, ShardId, UserId};
use crate::ledger::view::StoredTrip;
use crate::store::db::{Readers, StoreError};
use crate::store::reads::{self, Transacted};
use document::Stage;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pages whose events are made at once: a page has at most 256 orders.
const PAGES: i64 = 8;

/// Makes events of a ledger's journal.
pub struct Events {
    readers: Readers,
    kek: Arc<Kek>,
    /// Who speaks, in every event.
    source: String,
}

/// An event to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its type, such as `carbon.trip.booked`.
    pub kind: &'static str,
    /// Its id: shard and seq, as the header `Gateway-Position` has them.
    pub id: String,
    /// The document.
    pub bytes: Vec<u8>,
}

/// Events in their order, and how far the journal has been told with them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The events; entries that only the gateway itself needs have none.
    pub events: Vec<Event>,
    /// Seq of the last entry that was looked at.
    pub seq: i64,
}

/// An entry with its place.
struct Placed {
    seq: i64,
    at_ms: i64,
    entry: Entry,
}

/// What entries speak of.
struct Spoken {
    trips: BTreeMap<i64, (UserId, StoredTrip, Option<Name>)>,
    transactions: BTreeMap<Hash, Transacted>,
}

impl Events {
    /// Of the deployment of that id.
    pub fn new(readers: Readers, kek: Arc<Kek>, deployment: &[u8; 16]) -> Self {
        let mut source = "urn:carbon-gateway:".to_owned();
        source.extend(deployment.iter().map(|byte| format!("{byte:02x}")));
        Self { readers, kek, source }
    }

    /// The events of the next pages of a shard behind a seq; `None` if there are no further pages.
    pub async fn behind(&self, shard: ShardId, seq: i64) -> Result<Option<Told>, StoreError> {
        let pages = reads::pages_behind(&self.readers, shard, seq, PAGES).await?;
        let (Some(from), Some(to)) = (
            pages.first().map(|page| page.seq_from),
            pages.last().map(|page| page.seq_to),
        ) else {
            return Ok(None);
        };
        let mut placed = Vec::new();
        for page in &pages {
            let entries = page
                .decode_entries()
                .map_err(|error| StoreError::row("journal", "entries", error))?;
            placed.extend(entries.into_iter().zip(page.seq_from..).map(|(entry, seq)| Placed {
                seq,
                at_ms: page.at_ms,
                entry,
            }));
        }
        let spoken = self.spoken(shard, &placed, (from, to)).await?;
        let stage = Stage {
            source: &self.source,
            shard,
            spoken: &spoken,
        };
        let events = placed.iter().filter_map(|placed| stage.event(placed)).collect();
        Ok(Some(Told { events, seq: to }))
    }

    /// Reads what the entries speak of.
    async fn spoken(&self, shard: ShardId, placed: &[Placed], range: (i64, i64)) -> Result<Spoken, StoreError> {
        let mut trips = BTreeMap::new();
        if placed.iter().any(|one| one.entry.kind == EntryKind::TripBooked) {
            let booked = reads::trips_between(&self.readers, shard, range).await?;
            let mut ids = self.trip_ids(shard, &booked).await?;
            for (user, trip) in booked {
                let id = ids.remove(&trip.seq);
                trips.insert(trip.seq, (user, trip, id));
            }
        }
        let names: BTreeSet<Hash> = placed
            .iter()
            .filter(|one| document::is_of_a_transaction(one.entry.kind))
            .filter_map(|one| one.entry.reference)
            .collect();
        let names: Vec<Hash> = names.into_iter().collect();
        let found = reads::transactions_named(&self.readers, shard, &names).await?;
        let transactions = found.into_iter().map(|one| (one.standing.content_id, one)).collect();
        Ok(Spoken { trips, transactions })
    }

    /// The callers' order numbers of trips, by seq. They lie sealed: those of riders whose keys are gone cannot be read any more.
    async fn trip_ids(
        &self,
        shard: ShardId,
        booked: &[(UserId, StoredTrip)],
    ) -> Result<BTreeMap<i64, Name>, StoreError> {
        let users: BTreeSet<UserId> = booked.iter().map(|(user, _)| *user).collect();
        let users: Vec<UserId> = users.into_iter().collect();
        let mut keys = BTreeMap::new();
        for account in reads::accounts_of(&self.readers, shard, &users).await? {
            let row = (account.user, account.programme.as_str(), &account.address);
            if let Ok(key) = self.kek.unwrap(&account.wrapped_key, row) {
                keys.insert((account.user, account.programme), key);
            }
        }
        let id = |(user, trip): &(UserId, StoredTrip)| {
            let key = keys.get(&(*user, trip.record.programme.clone()))?;
            let evidence = Evidence::open(&trip.evidence, key, &trip.record.trip_key).ok()?;
            Some((trip.seq, evidence.trip_id))
        };
        Ok(booked.iter().filter_map(id).collect())
    }
}
