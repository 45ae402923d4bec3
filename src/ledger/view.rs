//! What a batch sees of one shard, and what it changes there. Loaded for the batch, gone with it.

use super::account::Account;
use super::activation::{Activation, Slot};
use super::entry::Entry;
use super::ids::{Hash, ShardId, UserId};
use super::totals::{Total, TotalKey, Totals};
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
    pub evidence: Vec<u8>,
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
    /// Accounts of the users concerned.
    pub accounts: BTreeMap<AccountKey, Account>,
    /// Trips with an identity that the batch brings again.
    pub stored: BTreeMap<(UserId, Hash), StoredTrip>,
    /// Credited trips near those that the batch brings.
    pub rides: BTreeMap<AccountKey, Vec<Ride>>,
    /// What is in force; loaded only for a batch that activates something.
    pub active: BTreeMap<Slot, Hash>,
    /// Totals of the booked day that the batch may change.
    pub totals: Totals,
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
    /// What was put in force, with its seq.
    pub activations: Vec<(i64, Activation)>,
    /// Totals changed.
    pub totals: BTreeSet<TotalKey>,
}

impl View {
    /// A shard of which nothing is loaded yet.
    pub fn new(shard: ShardId, seq: i64, booked_ms: i64, booked_day: Day) -> Self {
        Self {
            shard,
            seq,
            booked_ms,
            booked_day,
            accounts: BTreeMap::new(),
            stored: BTreeMap::new(),
            rides: BTreeMap::new(),
            active: BTreeMap::new(),
            totals: Totals::new(),
            changes: Changes::default(),
        }
    }

    /// Today's total under a key.
    pub fn total(&self, key: &TotalKey) -> Total {
        self.totals.get(key).copied().unwrap_or_default()
    }

    /// Takes an entry into the page, the totals and nothing else; the caller has checked that `totals` came from it.
    pub fn record(&mut self, entry: Entry, totals: Totals) -> i64 {
        self.seq = self.seq.saturating_add(1);
        self.changes.totals.extend(totals.keys().cloned());
        self.totals.extend(totals);
        self.changes.entries.push(entry);
        self.seq
    }

    /// Puts an account into its place and marks it changed.
    pub fn put_account(&mut self, account: Account) {
        let key = (account.user, account.programme.clone());
        self.changes.accounts.insert(key.clone());
        self.accounts.insert(key, account);
    }
}
