//! What was checked and what was found: the report, and how findings are gathered for it.

use crate::ledger::ids::ShardId;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Display};

/// Findings of one check that its detail spells out; the others are counted.
const MOST_TOLD: usize = 20;

/// Σ quantified = waiting + collected + lapsed + capped, Σ collected = Σ issued.
pub(super) const BALANCE: u8 = 1;
/// Figures of accounts are folds of their entries.
pub(super) const FIGURES: u8 = 2;
/// Every transaction balances, lot by lot, and keeps the shape of its kind.
pub(super) const TRANSACTIONS: u8 = 3;
/// No credit is consumed twice, no claim collected twice.
pub(super) const ONCE: u8 = 4;
/// Journal, heads and daily totals.
pub(super) const BOOKS: u8 = 5;
/// What is confirmed stands on the chain, what is not is on its way or listed.
pub(super) const AGREEMENT: u8 = 6;
/// No transaction on the chain before those that made its inputs.
pub(super) const PARENTS: u8 = 7;
/// The chain: blocks link, signatures verify, the state is what the blocks make of it.
pub(super) const CHAIN: u8 = 8;
/// No key in clear, none under a retired key-encryption key; certificates.
pub(super) const KEYS: u8 = 9;
/// Rows against their digests.
pub(super) const RECORDS: u8 = 10;
/// The database file.
pub(super) const FILE: u8 = 11;

const NAMES: [(u8, &str); 11] = [
    (BALANCE, "what was quantified, and what became of it"),
    (FIGURES, "figures of accounts"),
    (TRANSACTIONS, "transactions balance"),
    (ONCE, "spent once, issued once"),
    (BOOKS, "journal and daily totals"),
    (AGREEMENT, "on the chain once, or on the way"),
    (PARENTS, "parents before children"),
    (CHAIN, "the chain, replayed"),
    (KEYS, "keys and certificates"),
    (RECORDS, "rows and their digests"),
    (FILE, "database file"),
];

/// One check with its verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// Number among the invariants.
    pub id: u8,
    /// What is checked.
    pub name: &'static str,
    /// Nothing was found wrong.
    pub ok: bool,
    /// How many things were looked at.
    pub checked: u64,
    /// What they were; the findings of a failed check, one a line, each with shard, table and row.
    pub detail: String,
}

/// Every check, and whether all hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// All checks hold.
    pub ok: bool,
    /// By number.
    pub checks: Vec<Check>,
}

/// Something wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Number of the check that fails.
    pub check: u8,
    /// The shard, where one is concerned.
    pub shard: Option<ShardId>,
    /// Table, or tables.
    pub table: String,
    /// The row by its key; `*` where no single one is meant.
    pub row: String,
    /// What is wrong.
    pub what: String,
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(shard) = self.shard {
            write!(f, "shard {shard}, ")?;
        }
        write!(f, "{}, {}: {}", self.table, self.row, self.what)
    }
}

/// Where something is wrong.
pub(super) struct Place {
    shard: Option<ShardId>,
    table: String,
    row: String,
}

/// A row of a table, of one shard or of none.
pub(super) fn at(shard: impl Into<Option<ShardId>>, table: &str, row: impl Display) -> Place {
    Place {
        shard: shard.into(),
        table: table.to_owned(),
        row: row.to_string(),
    }
}

/// The digits of a key that may be of any length.
pub(super) fn digits(key: &[u8]) -> String {
    key.iter()
        .fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

#[derive(Default)]
struct Tally {
    checked: u64,
    found: u64,
    first: Vec<Finding>,
    remarks: BTreeMap<&'static str, u64>,
}

/// Gathers findings; memory does not grow with their number.
#[derive(Default)]
pub(super) struct Findings(BTreeMap<u8, Tally>);

impl Findings {
    /// Something is wrong.
    pub(super) fn add(&mut self, check: u8, place: Place, what: impl Into<String>) {
        let tally = self.0.entry(check).or_default();
        tally.found = tally.found.saturating_add(1);
        if tally.first.len() < MOST_TOLD {
            let Place { shard, table, row } = place;
            tally.first.push(Finding {
                check,
                shard,
                table,
                row,
                what: what.into(),
            });
        }
    }

    /// Whatever of these is not the same is wrong.
    pub(super) fn differing(&mut self, check: u8, place: Place, said: &[(&str, bool)]) {
        let names: Vec<&str> = said.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect();
        if !names.is_empty() {
            self.add(check, place, format!("differing: {}", names.join(", ")));
        }
    }

    /// Something cannot be read, which is wrong too.
    pub(super) fn unreadable(&mut self, check: u8, place: Place, error: &(dyn Error + 'static)) {
        let mut what = format!("cannot be read: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            what = format!("{what}: {cause}");
            source = cause.source();
        }
        self.add(check, place, what);
    }

    /// So many more things were looked at.
    pub(super) fn checked(&mut self, check: u8, count: u64) {
        let tally = self.0.entry(check).or_default();
        tally.checked = tally.checked.saturating_add(count);
    }

    /// One thing that the detail counts under `remark`, right or wrong.
    pub(super) fn remark(&mut self, check: u8, remark: &'static str) {
        self.figure(check, remark, 1);
    }

    /// So many more things that the detail counts under `name`, right or wrong.
    pub(super) fn figure(&mut self, check: u8, name: &'static str, more: u64) {
        let count = self.0.entry(check).or_default().remarks.entry(name).or_default();
        *count = count.saturating_add(more);
    }

    /// Judges rows on all cores, for what takes a signature each; what is found stands in their order.
    pub(super) fn of_each<T: Sync>(&mut self, rows: &[T], judge: impl Fn(&T, &mut Self) + Sync) {
        let of_one = |row: &T| {
            let mut found = Self::default();
            judge(row, &mut found);
            found
        };
        let found: Vec<Self> = rows.par_iter().map(of_one).collect();
        for found in found {
            self.absorb(found);
        }
    }

    fn absorb(&mut self, other: Self) {
        for (check, more) in other.0 {
            let tally = self.0.entry(check).or_default();
            tally.checked = tally.checked.saturating_add(more.checked);
            tally.found = tally.found.saturating_add(more.found);
            let room = MOST_TOLD.saturating_sub(tally.first.len());
            tally.first.extend(more.first.into_iter().take(room));
            for (name, count) in more.remarks {
                self.figure(check, name, count);
            }
        }
    }

    /// The verdicts.
    pub(super) fn report(mut self) -> Report {
        let checks: Vec<Check> = NAMES
            .into_iter()
            .map(|(id, name)| {
                let tally = self.0.remove(&id).unwrap_or_default();
                Check {
                    id,
                    name,
                    ok: tally.found == 0,
                    checked: tally.checked,
                    detail: tally.detail(),
                }
            })
            .collect();
        Report {
            ok: checks.iter().all(|check| check.ok),
            checks,
        }
    }
}

impl Tally {
    fn detail(&self) -> String {
        let untold = usize::try_from(self.found)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.first.len());
        let more = (untold > 0).then(|| format!("and {untold} more"));
        let remarks = self.remarks.iter().map(|(remark, count)| format!("{count} {remark}"));
        let remarks = remarks.collect::<Vec<_>>().join(", ");
        self.first
            .iter()
            .map(ToString::to_string)
            .chain(more)
            .chain((!remarks.is_empty()).then_some(remarks))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_on_all_cores_stands_in_order() {
        let (mut alone, mut together) = (Findings::default(), Findings::default());
        let rows: Vec<usize> = (0..1_000).collect();
        let judge = |row: &usize, found: &mut Findings| {
            found.checked(KEYS, 1);
            found.remark(BOOKS, "seen");
            if row.is_multiple_of(3) {
                found.add(KEYS, at(None, "user_key", row), "broken");
            }
        };
        for row in &rows {
            judge(row, &mut alone);
        }
        together.of_each(&rows, judge);
        assert_eq!(together.report(), alone.report());
    }

    #[test]
    fn a_report_names_the_first_findings_and_counts_the_rest() {
        let mut findings = Findings::default();
        findings.checked(BOOKS, 3);
        (0..25).for_each(|seq| findings.add(BOOKS, at(ShardId::new(7), "journal", format!("seq {seq}")), "broken"));
        let report = findings.report();
        let books = report.checks.iter().find(|check| check.id == BOOKS).unwrap();
        assert!(!report.ok && !books.ok);
        assert_eq!(books.checked, 3);
        assert!(books.detail.starts_with("shard 07, journal, seq 0: broken\n"));
        assert!(books.detail.ends_with("seq 19: broken\nand 5 more"), "{}", books.detail);
        assert!(
            report
                .checks
                .iter()
                .filter(|check| check.id != BOOKS)
                .all(|check| check.ok && check.detail.is_empty())
        );
    }
}
