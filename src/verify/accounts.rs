//! Accounts: who owns an address, that its data key opens, and that its figures are the fold of its entries.

use super::Setting;
use super::findings::{BALANCE, FIGURES, Findings, KEYS, RECORDS, at};
use super::judge::Rides;
use crate::identity::kek::KekId;
use crate::ledger::account::{Figures, account_digest};
use crate::ledger::entry::Entry;
use crate::ledger::evidence::DataKey;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::methodology::units::{Amount, Day};
use crate::store::audit::{self, AccountRow, TotalRow};
use crate::store::db::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// The accounts of one shard by address.
pub(super) struct Accounts {
    shard: ShardId,
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
    stored: [i64; 4],
    folded: Option<Figures>,
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
                ..
            } = row;
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
                opened_at: None,
            };
            by_address.insert(address, held);
        }
        Self { shard, by_address }
    }

    /// The account of an address.
    pub(super) fn get(&mut self, address: &Hash) -> Option<&mut Held> {
        self.by_address.get_mut(address)
    }

    /// Stored figures against the fold, and Σ quantified = waiting + capped by programme, in accounts and totals.
    pub(super) fn finish(&self, totals: &[TotalRow], findings: &mut Findings) {
        let shard = self.shard;
        let mut sums: BTreeMap<&str, [i128; 5]> = BTreeMap::new();
        for held in self.by_address.values() {
            findings.checked(FIGURES, 1);
            let name = row_name(held.user.value(), &held.programme);
            if held.opened_at.is_none() {
                findings.add(RECORDS, at(shard, "account", &name), "no entry opens this account");
            }
            let folded = held.folded.map(spread);
            if folded != Some(held.stored) {
                let what = format!(
                    "waiting, quantified, capped, longest trip are {:?}, its entries add up to {folded:?}",
                    held.stored
                );
                findings.add(FIGURES, at(shard, "account", &name), what);
            }
            let [waiting, quantified, capped, _] = held.stored.map(i128::from);
            let more = [waiting, quantified, capped, 0, 0];
            add(sums.entry(&held.programme).or_default(), more);
        }
        for row in totals {
            let [programme, _, figure, ..] = &row.words;
            let amount = i128::from(row.amount_ug);
            match figure.as_str() {
                "quantified" => add(sums.entry(programme).or_default(), [0, 0, 0, amount, 0]),
                "capped" => add(sums.entry(programme).or_default(), [0, 0, 0, 0, amount]),
                _ => {}
            }
        }
        for (programme, [waiting, quantified, capped, total_quantified, total_capped]) in sums {
            findings.checked(BALANCE, 1);
            if quantified != waiting.saturating_add(capped) {
                let what = format!("quantified {quantified} is not waiting {waiting} and capped {capped}");
                findings.add(BALANCE, at(shard, "account", programme), what);
            }
            if (total_quantified, total_capped) != (quantified, capped) {
                let what = format!(
                    "quantified {total_quantified} and capped {total_capped}, the accounts say {quantified} and {capped}"
                );
                findings.add(BALANCE, at(shard, "daily_total", programme), what);
            }
        }
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
        if !plain || entry.day != Day::from_epoch_days(0) || entry.programme != self.programme {
            wrong("its entry says other than that an account of this programme was opened");
        }
    }

    /// Adds an entry to the figures.
    pub(super) fn fold(
        &mut self,
        shard: ShardId,
        seq: i64,
        (entry, duration_s): (&Entry, i64),
        findings: &mut Findings,
    ) {
        if self.opened_at.is_none() {
            let what = format!("the account of user {} is not opened yet", self.user);
            findings.add(RECORDS, at(shard, "journal", format!("seq {seq}")), what);
        }
        self.folded = self.folded.and_then(|figures| figures.after(entry, duration_s));
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

fn spread(figures: Figures) -> [i64; 4] {
    let Figures {
        waiting,
        quantified,
        capped,
        longest_trip_s,
    } = figures;
    [
        waiting.micrograms(),
        quantified.micrograms(),
        capped.micrograms(),
        longest_trip_s,
    ]
}

fn add(sums: &mut [i128; 5], more: [i128; 5]) {
    sums.iter_mut()
        .zip(more)
        .for_each(|(sum, more)| *sum = sum.saturating_add(more));
}
