//! One entry as a document.

use super::super::credits::rider;
use super::super::reference::{Kind, reference};
use super::super::trips;
use super::{Event, Placed, Spoken};
use crate::ledger::entry::EntryKind;
use crate::ledger::ids::{Hash, Name, ShardId, UserId};
use crate::ledger::settle::{Word, receipt_digest, word_of};
use crate::ledger::transaction::Lot;
use crate::ledger::trip::gas_from_code;
use crate::ledger::view::StoredTrip;
use crate::store::reads::Transacted;
use serde_json::{Value, json};

/// The address that entries of no account have.
const NOBODY: Hash = Hash::new([0; 32]);

/// What the events of some entries are made with.
pub(super) struct Stage<'a> {
    pub(super) source: &'a str,
    pub(super) shard: ShardId,
    pub(super) spoken: &'a Spoken,
}

/// The type of an entry's event. An account that opens and an answer that is kept are nobody else's matter.
const fn kind_of(kind: EntryKind) -> Option<&'static str> {
    match kind {
        EntryKind::AccountOpened | EntryKind::Answered => None,
        EntryKind::TripBooked => Some("carbon.trip.booked"),
        EntryKind::Collected => Some("carbon.claims.collected"),
        EntryKind::Lapsed => Some("carbon.claim.lapsed"),
        EntryKind::Redeemed => Some("carbon.credits.redeemed"),
        EntryKind::Received => Some("carbon.credits.received"),
        EntryKind::Merged => Some("carbon.credits.merged"),
        EntryKind::Expired => Some("carbon.credits.expired"),
        EntryKind::Settled => Some("carbon.transaction.settled"),
        EntryKind::Activated => Some("carbon.rules.activated"),
    }
}

/// Whether the entry's reference names a transaction.
pub(super) const fn is_of_a_transaction(kind: EntryKind) -> bool {
    match kind {
        EntryKind::Collected
        | EntryKind::Redeemed
        | EntryKind::Received
        | EntryKind::Merged
        | EntryKind::Expired
        | EntryKind::Settled => true,
        EntryKind::AccountOpened
        | EntryKind::TripBooked
        | EntryKind::Lapsed
        | EntryKind::Activated
        | EntryKind::Answered => false,
    }
}

impl Stage<'_> {
    /// The event of an entry, if it has one.
    pub(super) fn event(&self, placed: &Placed) -> Option<Event> {
        let kind = kind_of(placed.entry.kind)?;
        let id = format!("{}:{}", self.shard, placed.seq);
        let (user, data) = self.data(placed);
        let mut document = json!({
            "specversion": "1.0",
            "id": id,
            "source": self.source,
            "type": kind,
            "time": trips::instant(placed.at_ms),
            "datacontenttype": "application/json",
            "data": data,
        });
        // An attribute that is not known is left out: the format has no null for it.
        if let (Some(user), Some(members)) = (user, document.as_object_mut()) {
            members.insert("subject".to_owned(), json!(user));
        }
        let bytes = document.to_string().into_bytes();
        Some(Event { kind, id, bytes })
    }

    /// The rider, if the entry's matter tells it, and what the event says.
    fn data(&self, placed: &Placed) -> (Option<String>, Value) {
        let entry = &placed.entry;
        let (trip, transaction) = (
            self.spoken.trips.get(&placed.seq),
            entry.reference.and_then(|name| self.spoken.transactions.get(&name)),
        );
        let user = match (trip, transaction) {
            (Some((user, ..)), _) => rider(*user),
            (None, Some(transaction)) if entry.kind != EntryKind::Received => rider(transaction.standing.user),
            _ => None,
        };
        let mut data = json!({
            "user_id": user,
            "account": (entry.address != NOBODY).then(|| entry.address.to_string()),
            "client": entry.actor,
            "request_id": entry.request_id,
        });
        let more = match (entry.kind, trip) {
            (EntryKind::TripBooked, Some((user, trip, id))) => json!({
                "trip": trip_as_booked(trip, &entry.actor, *user, id.as_ref(), placed.at_ms),
                "trip_digest": entry.digest.to_string(),
            }),
            (EntryKind::Lapsed, _) => json!({
                "programme": entry.programme,
                "amount": entry.amount,
                "trip_digest": entry.digest.to_string(),
            }),
            (EntryKind::Settled, _) => json!({
                "programme": entry.programme,
                "transaction_id": self.transaction_id(entry.reference),
                "status": transaction.and_then(|transaction| status(transaction, &entry.digest)),
            }),
            (EntryKind::Activated, _) => json!({
                "id": entry.programme,
                "digest": entry.reference.map(|digest| digest.to_string()),
            }),
            _ => json!({
                "programme": entry.programme,
                "amount": entry.amount,
                "lot": entry.lot.as_ref().map(lot),
                "transaction_id": self.transaction_id(entry.reference),
            }),
        };
        if let (Some(members), Value::Object(more)) = (data.as_object_mut(), more) {
            members.extend(more);
        }
        (user, data)
    }

    fn transaction_id(&self, name: Option<Hash>) -> Option<String> {
        name.map(|name| reference(Kind::Transaction, self.shard, &name))
    }
}

/// The trip as it was answered when it was booked: what became of it later has events of its own.
fn trip_as_booked(trip: &StoredTrip, client: &str, user: UserId, trip_id: Option<&Name>, at_ms: i64) -> Value {
    let mut booked = trip.clone();
    booked.issued_by = None;
    let named = trips::Named {
        client,
        user,
        trip_id: trip_id.map(Name::as_str),
    };
    json!(trips::trip(&booked, &named, at_ms))
}

fn lot(lot: &Lot) -> Value {
    json!({
        "gas": gas_from_code(lot.gas).ok().map(crate::methodology::Gas::as_str),
        "vintage": lot.vintage,
    })
}

/// What became of the transaction, as the entry's digest says; none if something else has become of it since.
fn status(transaction: &Transacted, digest: &Hash) -> Option<&'static str> {
    let standing = &transaction.standing;
    let says = |word: &Word| receipt_digest(standing, *word) == *digest;
    if says(&Word::Redriven) {
        return Some("redriven");
    }
    let word = word_of(&standing.status)?;
    says(&word).then(|| standing.status.as_str())
}
