//! What a batch sees of one shard, and what it changes there. Loaded for the batch, gone with it.

use super::account::Account;
use super::activation::{Activation, Slot};
use super::credit::Credit;
use super::entry::Entry;
use super::ground::Ground;
use super::idempotency::Answered;
use super::ids::{Hash, ShardId, UserId};
use super::settle::{Ended, Envelope, EnvelopeStatus};
use super::standing::{Standing, Status};
use super::totals::Totals;
use super::transaction::Transaction;
use super::trip::TripRecord;
use crate::methodology::units::{Amount, Day};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Key of an account.
pub type AccountKey = (UserId, String);

/// A stored trip, found by its identity.
#[derive(Clone, Debug)]
pub struct StoredTrip {
    /// Seq in the shard.
    pub seq: i64,
    /// The record.
    pub record: Arc<TripRecord>,
    /// Sealed evidence.
    pub evidence: Arc<[u8]>,
    /// Content id of the issue that turned its claim into credits.
    pub issued_by: Option<Hash>,
}

/// A claim that waits: a stored trip with its rider.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Rider.
    pub user: UserId,
    /// The trip; its record says the window.
    pub trip: StoredTrip,
}

/// What overlap, daily count and caps need of a credited trip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ride {
    /// Activity day.
    pub day: Day,
    /// Start, Unix seconds.
    pub started_s: i64,
    /// End, Unix seconds.
    pub ended_s: i64,
    /// What it earned.
    pub amount: Amount,
}

/// A trip to be written.
#[derive(Clone, Debug)]
pub struct NewTrip {
    /// Rider.
    pub user: UserId,
    /// Seq, record and sealed evidence.
    pub stored: StoredTrip,
    /// Canonical bytes of the record.
    pub record_bytes: Vec<u8>,
}

/// A transaction to be written.
#[derive(Clone, Debug)]
pub struct NewTransaction {
    /// Seq of its entry.
    pub seq: i64,
    /// Whose order it is.
    pub user: UserId,
    /// Programme.
    pub programme: String,
    /// Its name.
    pub content_id: Hash,
    /// What it says.
    pub transaction: Arc<Transaction>,
    /// Canonical bytes.
    pub bytes: Vec<u8>,
    /// The sum that moves.
    pub amount: Amount,
    /// Transactions not confirmed yet that made its inputs.
    pub unmet: BTreeSet<Hash>,
}

/// One shard as a batch sees it.
#[derive(Clone, Debug)]
pub struct View {
    /// The shard.
    pub shard: ShardId,
    /// Seq of the last entry.
    pub seq: i64,
    /// Booked time of the batch, Unix milliseconds.
    pub booked_ms: i64,
    /// Booked day in the ledger's own zone.
    pub booked_day: Day,
    /// What the deployment brings to every booking.
    pub ground: Arc<Ground>,
    /// Accounts of the users concerned.
    pub accounts: BTreeMap<AccountKey, Account>,
    /// Trips with an identity that the batch names.
    pub stored: BTreeMap<(UserId, Hash), StoredTrip>,
    /// Credited trips near those that come late, and those that the batch has booked.
    pub rides: BTreeMap<AccountKey, Vec<Ride>>,
    /// Claims by rider and seq that the batch may collect or lapse.
    pub claims: BTreeMap<(UserId, i64), Claim>,
    /// Unspent credits by owner and name that the batch may spend, merge or expire.
    pub credits: BTreeMap<(UserId, Hash), Credit>,
    /// Of the transactions that made those credits, the ones that are not confirmed.
    pub unconfirmed: BTreeSet<Hash>,
    /// Transactions that the batch moves on their way to the chain, and those that wait for them.
    pub standings: BTreeMap<Hash, Standing>,
    /// Which transactions wait for one that the batch confirms.
    pub children: BTreeMap<Hash, Vec<Hash>>,
    /// Envelopes that the batch names.
    pub envelopes: BTreeMap<Hash, EnvelopeStatus>,
    /// Answers under keys that the batch brings again.
    pub answered: BTreeMap<Hash, Answered>,
    /// What is in force; loaded only for a batch that activates something.
    pub active: BTreeMap<Slot, Hash>,
    /// What has been applied so far.
    pub changes: Changes,
}

/// What a batch writes besides the page.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// In order: the page.
    pub entries: Vec<Entry>,
    /// Accounts opened or changed.
    pub accounts: BTreeSet<AccountKey>,
    /// Trips booked.
    pub trips: Vec<NewTrip>,
    /// Claims made, by seq.
    pub claims: BTreeMap<i64, Claim>,
    /// Claims that are over: rider, seq, and the issue that collected it, if it did not lapse.
    pub closed: Vec<(UserId, i64, Option<Hash>)>,
    /// Transactions booked.
    pub transactions: Vec<NewTransaction>,
    /// Credits made.
    pub credits: Vec<Credit>,
    /// Credits consumed, each with the content id of what consumed it.
    pub spent: Vec<(Hash, Hash)>,
    /// Transactions moved on their way, each with the word of the status it had.
    pub standings: BTreeMap<Hash, &'static str>,
    /// Envelopes recorded.
    pub envelopes: Vec<Envelope>,
    /// Envelopes ended.
    pub ended: Vec<Ended>,
    /// Answers to be kept.
    pub answers: Vec<Answered>,
    /// What was put in force, with its seq.
    pub activations: Vec<(i64, Activation)>,
    /// What the postings add to totals of the booked day.
    pub totals: Totals,
}

impl View {
    /// A shard of which nothing is loaded yet.
    pub fn new(shard: ShardId, seq: i64, (booked_ms, booked_day): (i64, Day), ground: Arc<Ground>) -> Self {
        Self {
            shard,
            seq,
            booked_ms,
            booked_day,
            ground,
            accounts: BTreeMap::new(),
            stored: BTreeMap::new(),
            rides: BTreeMap::new(),
            claims: BTreeMap::new(),
            credits: BTreeMap::new(),
            unconfirmed: BTreeSet::new(),
            standings: BTreeMap::new(),
            children: BTreeMap::new(),
            envelopes: BTreeMap::new(),
            answered: BTreeMap::new(),
            active: BTreeMap::new(),
            changes: Changes::default(),
        }
    }

    /// Whether anything is to be written at all.
    pub fn has_changed(&self) -> bool {
        let changes = &self.changes;
        !changes.entries.is_empty()
            || !changes.accounts.is_empty()
            || !changes.standings.is_empty()
            || !changes.envelopes.is_empty()
    }

    /// Whether something may leave for the chain that could not before.
    pub fn has_ready(&self) -> bool {
        let moved = self.changes.standings.keys().filter_map(|id| self.standings.get(id));
        self.changes.transactions.iter().any(|new| new.unmet.is_empty())
            || moved
                .into_iter()
                .any(|standing| matches!(standing.status, Status::Stored { unmet: 0, .. }))
    }

    /// The claims of an account, in booked order.
    pub fn claims_of(&self, key: &AccountKey) -> impl Iterator<Item = &Claim> {
        self.claims
            .range((key.0, i64::MIN)..=(key.0, i64::MAX))
            .map(|(_, claim)| claim)
            .filter(|claim| claim.trip.record.programme == key.1)
    }

    /// The loaded unspent credits of an account.
    pub fn credits_of(&self, key: &AccountKey) -> Vec<Credit> {
        let (first, last) = (Hash::new([0; 32]), Hash::new([u8::MAX; 32]));
        self.credits
            .range((key.0, first)..=(key.0, last))
            .map(|(_, credit)| credit)
            .filter(|credit| credit.lot.programme == key.1)
            .cloned()
            .collect()
    }

    /// Puts an account into its place and marks it changed.
    pub fn put_account(&mut self, account: Account) {
        let key = (account.user, account.programme.clone());
        self.changes.accounts.insert(key.clone());
        self.accounts.insert(key, account);
    }
}
