//! Booking: the one way in which a view changes. A command prepares all it wants to book; then either all of it stands or none.

use super::account::{Account, Figures};
use super::activation::Activation;
use super::command::Rejection;
use super::credit::Credit;
use super::entry::Entry;
use super::idempotency::{Answer, Answered, Keyed};
use super::ids::{Hash, UserId};
use super::totals::{Totals, add_entry};
use super::transaction::{Transaction, content_id, credit_hash};
use super::trip::TripRecord;
use super::view::{AccountKey, Claim, NewTransaction, NewTrip, Ride, StoredTrip, View};
use crate::methodology::units::Amount;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An entry with what it does besides.
#[derive(Debug)]
pub(super) struct Booking {
    /// The account whose figures it changes.
    pub(super) account: Option<AccountKey>,
    /// The entry.
    pub(super) entry: Entry,
    /// What it does.
    pub(super) effect: Effect,
}

/// What an entry does besides changing figures and totals.
#[derive(Debug)]
pub(super) enum Effect {
    /// Opens its account.
    Open(Box<Account>),
    /// Stores a trip.
    Trip(Box<TripToBook>),
    /// Ends a claim unpaid.
    Lapse(i64),
    /// Carries out a transaction.
    Transact(Moved),
    /// Nothing: the transaction of another entry did it.
    Receive,
    /// Keeps an answer.
    Answer(Keyed, Arc<Answer>),
    /// Puts something in force.
    Activate(Activation),
}

/// A trip before it has a seq.
#[derive(Debug)]
pub(super) struct TripToBook {
    pub(super) user: UserId,
    pub(super) record: Arc<TripRecord>,
    pub(super) record_bytes: Vec<u8>,
    pub(super) evidence: Arc<[u8]>,
    /// Whether the gateway collects its claim by itself.
    pub(super) automatic: bool,
}

/// A transaction with what its bytes do not say.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) transaction: Arc<Transaction>,
    pub(super) bytes: Vec<u8>,
    pub(super) content_id: Hash,
    /// Owner of each output.
    pub(super) owners: Vec<UserId>,
    /// Seqs of the claims that it turns into credits.
    pub(super) collects: Vec<i64>,
}

impl Moved {
    /// Names a transaction.
    pub(super) fn new(transaction: Transaction, owners: Vec<UserId>) -> Result<Self, Rejection> {
        let bytes = transaction.encode()?;
        Ok(Self {
            content_id: content_id(&bytes),
            transaction: Arc::new(transaction),
            bytes,
            owners,
            collects: Vec::new(),
        })
    }

    /// The credits that it makes when its entry has that seq.
    pub(super) fn credits(&self, view: &View, seq: i64) -> Vec<Credit> {
        let made = std::iter::zip(&self.transaction.outputs, &self.owners);
        (0_u16..)
            .zip(made)
            .map(|(index, (output, owner))| Credit {
                hash: credit_hash(&self.content_id, index),
                user: *owner,
                lot: output.lot.clone(),
                amount: Amount::from_micrograms(output.amount_ug),
                expires_ms: view.ground.expires_ms(output.lot.expiry),
                created_by: self.content_id,
                created_seq: seq,
                output: index,
            })
            .collect()
    }
}

impl View {
    /// Books all of it, or nothing; answers the seq of the last entry.
    pub(super) fn book(&mut self, bookings: Vec<Booking>) -> Result<i64, Rejection> {
        let (totals, figures) = self.fold(&bookings).ok_or(Rejection::AmountOverflow)?;
        self.changes.totals.extend(totals);
        for booking in bookings {
            self.seq = self.seq.saturating_add(1);
            self.changes.entries.push(booking.entry);
            self.carry_out(booking.account.as_ref(), booking.effect);
        }
        for (key, figures) in figures {
            if let Some(account) = self.accounts.get_mut(&key) {
                account.figures = figures;
            }
            self.changes.accounts.insert(key);
        }
        Ok(self.seq)
    }

    /// What the batch adds to totals, and figures, after the bookings; `None` if one would leave its range.
    fn fold(&self, bookings: &[Booking]) -> Option<(Totals, BTreeMap<AccountKey, Figures>)> {
        let mut totals = Totals::new();
        let mut figures: BTreeMap<AccountKey, Figures> = BTreeMap::new();
        for Booking { account, entry, effect } in bookings {
            add_entry(&mut totals, self.booked_day, entry)?;
            let Some(key) = account else { continue };
            let stored = || {
                self.accounts
                    .get(key)
                    .map_or_else(Figures::default, |account| account.figures)
            };
            let before = figures.get(key).copied().unwrap_or_else(stored);
            let trip = match effect {
                Effect::Trip(trip) => Some(&*trip.record),
                _ => None,
            };
            figures.insert(key.clone(), before.after(entry, trip)?);
        }
        for (key, total) in &mut totals {
            let before = self.changes.totals.get(key).copied().unwrap_or_default();
            *total = before.checked_add(*total)?;
        }
        Some((totals, figures))
    }

    fn carry_out(&mut self, account: Option<&AccountKey>, effect: Effect) {
        match effect {
            Effect::Open(account) => self.put_account(*account),
            Effect::Trip(trip) => self.add_trip(account, *trip),
            Effect::Lapse(seq) => {
                if let Some((user, _)) = account {
                    self.close_claim((*user, seq), None);
                }
            }
            Effect::Transact(moved) => self.transact(account, moved),
            Effect::Receive => {}
            Effect::Answer(keyed, answer) => {
                let answered = Answered {
                    keyed,
                    seq: self.seq,
                    at_ms: self.booked_ms,
                    answer,
                };
                self.answered.insert(keyed.key, answered.clone());
                self.changes.answers.push(answered);
            }
            Effect::Activate(activation) => self.changes.activations.push((self.seq, activation)),
        }
    }

    fn add_trip(&mut self, account: Option<&AccountKey>, trip: TripToBook) {
        let record = trip.record;
        let stored = StoredTrip {
            seq: self.seq,
            record: Arc::clone(&record),
            evidence: trip.evidence,
            issued_by: None,
        };
        if let Some(key) = account.filter(|_| record.refusal.is_none()) {
            let ride = Ride {
                day: record.day,
                started_s: record.started_s,
                ended_s: record.ended_s,
                amount: record.amount().unwrap_or(Amount::ZERO),
            };
            self.rides.entry(key.clone()).or_default().push(ride);
        }
        if let Some(span) = record.claim {
            let claim = Claim {
                user: trip.user,
                trip: stored.clone(),
            };
            self.claims.insert((trip.user, self.seq), claim.clone());
            self.changes.claims.insert(self.seq, claim);
            let collects_ms = trip.automatic.then_some(span.opens_at_ms);
            if let Some(account) = account.and_then(|key| self.accounts.get_mut(key)) {
                account.fall_due(span.closes_at_ms, collects_ms);
            }
        }
        self.stored.insert((trip.user, record.trip_key), stored.clone());
        self.changes.trips.push(NewTrip {
            user: trip.user,
            stored,
            record_bytes: trip.record_bytes,
        });
    }

    fn close_claim(&mut self, key: (UserId, i64), issued_by: Option<Hash>) {
        let Some(claim) = self.claims.remove(&key) else { return };
        let identity = (claim.user, claim.trip.record.trip_key);
        if let Some(stored) = self.stored.get_mut(&identity) {
            stored.issued_by = issued_by;
        }
        self.changes.closed.push((key.0, key.1, issued_by));
    }

    fn transact(&mut self, account: Option<&AccountKey>, moved: Moved) {
        let Some((user, programme)) = account.cloned() else {
            return;
        };
        for seq in &moved.collects {
            self.close_claim((user, *seq), Some(moved.content_id));
        }
        let mut unmet = BTreeSet::new();
        for input in &moved.transaction.inputs {
            // Whoever orders owns all inputs.
            if let Some(credit) = self.credits.remove(&(user, *input)) {
                unmet.extend(self.unconfirmed.get(&credit.created_by));
                self.count((user, programme.clone()), -1, None);
            }
            self.changes.spent.push((*input, moved.content_id));
        }
        let made = moved.credits(self, self.seq);
        for credit in made {
            let expires_ms = credit.expires_ms.filter(|_| !credit.user.is_system());
            self.count((credit.user, programme.clone()), 1, expires_ms);
            self.changes.credits.push(credit.clone());
            self.credits.insert((credit.user, credit.hash), credit);
        }
        let amount = self.changes.entries.last().map_or(Amount::ZERO, |entry| entry.amount);
        self.changes.transactions.push(NewTransaction {
            seq: self.seq,
            user,
            programme,
            content_id: moved.content_id,
            transaction: moved.transaction,
            bytes: moved.bytes,
            amount,
            unmet,
        });
        self.unconfirmed.insert(moved.content_id);
    }

    /// Adds entries that change neither figures nor totals.
    pub(super) fn append(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.seq = self.seq.saturating_add(1);
            self.changes.entries.push(entry);
        }
    }

    fn count(&mut self, key: AccountKey, more: i64, expires_ms: Option<i64>) {
        if let Some(account) = self.accounts.get_mut(&key) {
            account.unspent_count = account.unspent_count.saturating_add(more);
            account.fall_due(expires_ms, None);
            self.changes.accounts.insert(key);
        }
    }
}
