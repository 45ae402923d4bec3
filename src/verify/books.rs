//! The journal: pages that link without a gap from the genesis seal to the head, and the daily totals as their fold.

use super::Setting;
use super::findings::{BOOKS, Findings, at};
use crate::ledger::entry::Entry;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::page::Page;
use crate::ledger::totals::{Totals, add_entry};
use crate::methodology::units::Day;
use crate::store::audit::{HeadRow, TotalRow};
use std::collections::BTreeMap;

/// A total as its row spells it.
type TotalKey = ((i64, i64), [String; 5]);

/// The journal of a shard as far as it has been read.
pub(super) struct Books<'a> {
    setting: &'a Setting<'a>,
    shard: ShardId,
    /// What the next page must start with.
    next_seq: Option<i64>,
    /// Seal of the page before; unknown only where the deployment cannot be read.
    seal: Option<Hash>,
    at_ms: Option<i64>,
    totals: Totals,
}

impl<'a> Books<'a> {
    /// An empty journal behind its genesis.
    pub(super) fn new(setting: &'a Setting<'a>, shard: ShardId) -> Self {
        let deployment = setting.deployment.as_ref();
        let seal = deployment.map(|deployment| deployment.genesis_seal(shard));
        let at_ms = deployment.map(|deployment| deployment.created_ms);
        Self {
            setting,
            shard,
            next_seq: Some(1),
            seal,
            at_ms,
            totals: Totals::new(),
        }
    }

    /// Links a page and answers its entries, none if they cannot be read.
    pub(super) fn take(&mut self, page: &Page, findings: &mut Findings) -> Vec<Entry> {
        let row = format!("seq_from {}", page.seq_from);
        let mut wrong = |what: String| findings.add(BOOKS, at(self.shard, "journal", &row), what);
        if self.next_seq != Some(page.seq_from) {
            wrong(format!(
                "the page before ends in front of seq {}",
                self.next_seq.unwrap_or(i64::MAX)
            ));
        }
        if self.seal.is_some_and(|seal| seal != page.previous_seal) {
            wrong("previous_seal is not the seal before".to_owned());
        }
        if page.recomputed_seal() != page.seal {
            wrong("the seal does not fit the page".to_owned());
        }
        if self.at_ms.is_some_and(|before| page.at_ms < before) {
            wrong("booked time goes back".to_owned());
        }
        let entries = page.decode_entries().unwrap_or_else(|error| {
            wrong(format!("the entries cannot be read: {error}"));
            Vec::new()
        });
        match Page::seal(page.shard, page.seq_from, page.at_ms, page.previous_seal, &entries) {
            Ok(Some(again)) => {
                if again.seq_to != page.seq_to {
                    wrong(format!(
                        "seq_to is {}, its entries end at {}",
                        page.seq_to, again.seq_to
                    ));
                }
                if again.entries != page.entries {
                    wrong("the entries are not in their canonical form".to_owned());
                }
            }
            Ok(None) => wrong("the page has no entries".to_owned()),
            Err(error) => wrong(format!("the entries have no canonical form: {error}")),
        }
        findings.checked(BOOKS, 1);
        // The chain goes on behind what is stored, so that one broken page is one finding and not all behind it.
        self.next_seq = page.seq_to.checked_add(1);
        self.seal = Some(page.seal);
        self.at_ms = Some(page.at_ms);
        entries
    }

    /// Adds an entry to the totals.
    pub(super) fn fold(&mut self, page: &Page, seq: i64, entry: &Entry, findings: &mut Findings) {
        let Some(zone) = &self.setting.zone else { return };
        let row = format!("seq {seq}");
        let Some(booked_day) = Day::of(page.at_ms.div_euclid(1000), zone) else {
            findings.add(BOOKS, at(self.shard, "journal", row), "at_ms is beyond the calendar");
            return;
        };
        if add_entry(&mut self.totals, booked_day, entry).is_none() {
            findings.add(
                BOOKS,
                at(self.shard, "journal", row),
                "a total leaves the range of 64 bits",
            );
        }
    }

    /// The head stands where the journal ends.
    pub(super) fn finish(&self, head: Option<&HeadRow>, findings: &mut Findings) {
        let Some(head) = head else { return };
        findings.checked(BOOKS, 1);
        let mut wrong = |what: String| {
            findings.add(
                BOOKS,
                at(self.shard, "shard_head", format!("shard {}", self.shard)),
                what,
            );
        };
        if head.seq.checked_add(1) != self.next_seq {
            wrong(format!(
                "seq is {}, the journal ends in front of {}",
                head.seq,
                self.next_seq.unwrap_or(i64::MAX)
            ));
        }
        if self.seal.is_some_and(|seal| seal.as_bytes().as_slice() != head.seal) {
            wrong("seal is not that of the last page".to_owned());
        }
        if self.at_ms.is_some_and(|at_ms| at_ms != head.at_ms) {
            wrong("at_ms is not that of the last page".to_owned());
        }
        if self
            .setting
            .deployment
            .as_ref()
            .is_some_and(|deployment| deployment.id.as_slice() != head.home)
        {
            wrong("the shard is at home in another deployment".to_owned());
        }
    }

    /// Exactly the rows that the journal adds up to.
    pub(super) fn compare_totals(&self, rows: &[TotalRow], findings: &mut Findings) {
        if self.setting.zone.is_none() {
            return;
        }
        let mut due: BTreeMap<TotalKey, (i64, i64)> = self
            .totals
            .iter()
            .map(|(key, total)| {
                let days = (
                    i64::from(key.booked_day.epoch_days()),
                    i64::from(key.activity_day.epoch_days()),
                );
                let words = [
                    key.programme.as_str(),
                    key.gas.as_str(),
                    key.figure.as_str(),
                    &key.mode,
                    &key.methodology,
                ];
                (
                    (days, words.map(str::to_owned)),
                    (total.count, total.amount.micrograms()),
                )
            })
            .collect();
        for row in rows {
            findings.checked(BOOKS, 1);
            let key = (row.days, row.words.clone());
            let what = match due.remove(&key) {
                None => "no entry adds to this row".to_owned(),
                Some(total) if total != (row.count, row.amount_ug) => {
                    format!(
                        "count {} and amount {}, the journal adds up to {} and {}",
                        row.count, row.amount_ug, total.0, total.1
                    )
                }
                Some(_) => continue,
            };
            findings.add(BOOKS, at(self.shard, "daily_total", spelt(&key)), what);
        }
        for key in due.keys() {
            findings.add(BOOKS, at(self.shard, "daily_total", spelt(key)), "the row is missing");
        }
    }
}

fn spelt(((booked, activity), words): &TotalKey) -> String {
    format!("({booked}, {activity}, {})", words.join(", "))
}
