//! Accounts: who owns an address, that its data key opens, and that its figures are the fold of its entries.

use super::Setting;
use super::balance::Balances;
use super::findings::{FIGURES, Findings, KEYS, RECORDS, at};
use super::judge::Rides;
use crate::identity::kek::KekId;
use crate::ledger::account::{Figures, account_digest};
use crate::ledger::entry::Entry;
use crate::ledger::evidence::DataKey;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::ridden::Ridden;
use crate::ledger::trip::TripRecord;
use crate::methodology::units::Amount;
use crate::store::audit::{self, AccountRow, TotalRow};
use crate::store::db::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// The accounts of one shard by address.
pub(super) struct Accounts {
    shard: ShardId,
    /// Addresses of the shard's own accounts, by programme.
    sinks: BTreeMap<String, Hash>,
    by_address: BTreeMap<Hash, Held>,
}

/// An account and what its entries have added up to so far.
pub(super) struct Held {
    pub(super) user: UserId,
    pub(super) programme: String,
    /// None where the key does not open; its own check says so.
    pub(super) data_key: Option<DataKey>,
    pub(super) rides: Rides,
    address: Hash,
    stored: Figures,
    folded: Option<Figures>,
    unspent_count: i64,
    /// Sum and number of its unspent credits so far.
    unspent: (i128, i64),
    opened_at: Option<i64>,
}

impl Accounts {
    /// Reads and checks the rows by themselves.
    pub(super) async fn load(
        c: &mut Connection,
        setting: &Setting<'_>,
        shard: ShardId,
        (addresses, findings): (&mut BTreeSet<Hash>, &mut Findings),
    ) -> Self {
        let rows = audit::accounts(c, shard).await.unwrap_or_else(|error| {
            findings.unreadable(RECORDS, at(shard, "account", "*"), &error);
            Vec::new()
        });
        let mut by_address = BTreeMap::new();
        let mut sinks = BTreeMap::new();
        for row in rows {
            let name = row_name(row.user_id, &row.programme);
            let user = UserId::from_stored(row.user_id);
            if user.shard() != shard {
                findings.add(
                    RECORDS,
                    at(shard, "account", &name),
                    format!("the user belongs to shard {}", user.shard()),
                );
            }
            if user.is_system() && user != UserId::system(shard) {
                findings.add(
                    RECORDS,
                    at(shard, "account", &name),
                    "no shard has such an account of its own",
                );
            }
            let Some(address) = Hash::from_slice(&row.address) else {
                findings.add(RECORDS, at(shard, "account", &name), "the address is not 32 bytes");
                continue;
            };
            if !addresses.insert(address) {
                findings.add(
                    RECORDS,
                    at(shard, "account", &name),
                    "the address is another account's too",
                );
            }
            let data_key = open_key(setting, shard, (&row, &address), findings);
            let AccountRow {
                programme,
                figures: stored,
                unspent_count,
                ..
            } = row;
            if user == UserId::system(shard) {
                sinks.insert(programme.clone(), address);
            }
            let folded = Some(Figures::default());
            let rides = Rides::default();
            let held = Held {
                user,
                programme,
                data_key,
                rides,
                address,
                stored,
                folded,
                unspent_count,
                unspent: (0, 0),
                opened_at: None,
            };
            by_address.insert(address, held);
        }
        Self {
            shard,
            sinks,
            by_address,
        }
    }

    /// The account of an address.
    pub(super) fn get(&mut self, address: &Hash) -> Option<&mut Held> {
        self.by_address.get_mut(address)
    }

    /// The sink of a programme in this shard.
    pub(super) fn sink(&self, programme: &str) -> Option<Hash> {
        self.sinks.get(programme).copied()
    }

    /// Stored figures against the fold; then what the accounts of a programme add up to, and what the totals say of it.
    pub(super) fn finish(&self, totals: &[TotalRow], findings: &mut Findings) {
        let shard = self.shard;
        let mut balances = Balances::default();
        for held in self.by_address.values() {
            findings.checked(FIGURES, 1);
            let place = || at(shard, "account", row_name(held.user.value(), &held.programme));
            if held.opened_at.is_none() {
                findings.add(RECORDS, place(), "no entry opens this account");
            }
            let Some(folded) = held.folded else {
                findings.add(FIGURES, place(), "its entries leave the range of 64 bits");
                continue;
            };
            let said = std::iter::zip(named(held.stored), named(folded));
            let mut wrong: Vec<String> = said
                .filter(|((_, stored), (_, folded))| stored != folded)
                .map(|((name, stored), (_, folded))| {
                    format!("{name} is {}, its entries add up to {}", word(stored), word(folded))
                })
                .collect();
            let stored = (i128::from(held.stored.available.micrograms()), held.unspent_count);
            if stored != held.unspent {
                let (sum, count) = held.unspent;
                wrong.push(format!(
                    "available_ug and unspent_count are {} and {}, its unspent credits {sum} in {count}",
                    stored.0, stored.1
                ));
            }
            if !wrong.is_empty() {
                findings.add(FIGURES, place(), wrong.join("; "));
            }
            balances.add_account(&held.programme, &held.stored);
        }
        balances.add_totals(totals);
        balances.check(shard, findings);
    }
}

impl Held {
    /// The entry that opens the account: the first, and the only one of its kind.
    pub(super) fn open(&mut self, shard: ShardId, seq: i64, entry: &Entry, findings: &mut Findings) {
        let row = row_name(self.user.value(), &self.programme);
        let mut wrong = |what: &str| findings.add(RECORDS, at(shard, "account", &row), format!("{what} (entry {seq})"));
        if self.opened_at.is_some() {
            wrong("the account is opened twice");
        }
        self.opened_at = Some(seq);
        let digest = self
            .data_key
            .as_ref()
            .map(|key| account_digest(self.user, &self.programme, &self.address, key));
        if digest.is_some_and(|digest| digest != entry.digest) {
            wrong("user, programme, address or key differ from the digest of its entry");
        }
        let plain = entry.reference.is_none() && entry.amount == Amount::ZERO && entry.postings.is_empty();
        if !plain || entry.lot.is_some() || entry.programme != self.programme {
            wrong("its entry says other than that an account of this programme was opened");
        }
    }

    /// It owns more, or less.
    pub(super) fn hold(&mut self, amount_ug: i128, credits: i64) {
        let (sum, count) = self.unspent;
        self.unspent = (sum.saturating_add(amount_ug), count.saturating_add(credits));
    }

    /// Adds an entry to the figures, and the trip that it books.
    pub(super) fn fold(
        &mut self,
        shard: ShardId,
        seq: i64,
        (entry, trip): (&Entry, Option<&TripRecord>),
        findings: &mut Findings,
    ) {
        if self.opened_at.is_none() {
            let what = format!("the account of user {} is not opened yet", self.user);
            findings.add(RECORDS, at(shard, "journal", format!("seq {seq}")), what);
        }
        self.folded = self.folded.and_then(|figures| figures.after(entry, trip));
    }
}

fn open_key(
    setting: &Setting<'_>,
    shard: ShardId,
    (row, address): (&AccountRow, &Hash),
    findings: &mut Findings,
) -> Option<DataKey> {
    findings.checked(KEYS, 1);
    let name = row_name(row.user_id, &row.programme);
    let wrapped_under = row.wrapped_key.get(1..9).and_then(KekId::from_slice);
    if setting.kek_id.is_some() && wrapped_under != setting.kek_id {
        findings.add(
            KEYS,
            at(shard, "account", &name),
            "wrapped_key is not under the deployment's key",
        );
        return None;
    }
    let opened = setting.kek?.unwrap(
        &row.wrapped_key,
        (UserId::from_stored(row.user_id), &row.programme, address),
    );
    opened
        .map_err(|error| findings.add(KEYS, at(shard, "account", &name), error.to_string()))
        .ok()
}

fn row_name(user: i64, programme: &str) -> String {
    format!("user {user} in {programme}")
}

fn word(figure: Option<i64>) -> String {
    figure.map_or_else(|| "empty".to_owned(), |figure| figure.to_string())
}

/// Every figure under its column's name.
fn named(figures: Figures) -> [(&'static str, Option<i64>); 14] {
    let Figures {
        available,
        waiting,
        quantified,
        capped,
        collected,
        lapsed,
        issued,
        spent,
        expired,
        ridden,
    } = figures;
    let Ridden {
        longest_trip_s,
        last_end_s,
        last_day,
        last_day_count,
        last_day_amount,
    } = ridden;
    let amount = |amount: Amount| Some(amount.micrograms());
    [
        ("available_ug", amount(available)),
        ("waiting_ug", amount(waiting)),
        ("quantified_ug", amount(quantified)),
        ("capped_ug", amount(capped)),
        ("collected_ug", amount(collected)),
        ("lapsed_ug", amount(lapsed)),
        ("issued_ug", amount(issued)),
        ("spent_ug", amount(spent)),
        ("expired_ug", amount(expired)),
        ("longest_trip_s", Some(longest_trip_s)),
        ("last_end_s", last_end_s),
        ("last_day", last_day.map(|day| day.epoch_days().into())),
        ("last_day_count", Some(last_day_count)),
        ("last_day_ug", amount(last_day_amount)),
    ]
}
