//! Daily totals: postings summed over what a report may ask for. The same fold serves the writer and `verify`.

use super::entry::{Entry, Figure};
use crate::methodology::Gas;
use crate::methodology::units::{Amount, Day};
use std::collections::BTreeMap;

/// What a total is kept by, within a shard.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TotalKey {
    /// Day of the commit in the ledger's own zone.
    pub booked_day: Day,
    /// Activity day in the programme's zone.
    pub activity_day: Day,
    /// Programme.
    pub programme: String,
    /// Gas.
    pub gas: Gas,
    /// What is counted.
    pub figure: Figure,
    /// Mode.
    pub mode: String,
    /// `id@version`.
    pub methodology: String,
}

/// Count and amount of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Total {
    /// How many.
    pub count: i64,
    /// How much.
    pub amount: Amount,
}

impl Total {
    /// Both together; `None` if one leaves its range.
    pub fn checked_add(self, more: Self) -> Option<Self> {
        Some(Self {
            count: self.count.checked_add(more.count)?,
            amount: self.amount.checked_add(more.amount)?,
        })
    }
}

/// The totals of one shard.
pub type Totals = BTreeMap<TotalKey, Total>;

/// Adds an entry to totals. `None` if one would leave its range; some of the entry may have been added then.
pub fn add_entry(totals: &mut Totals, booked_day: Day, entry: &Entry) -> Option<()> {
    for posting in &entry.postings {
        let key = TotalKey {
            booked_day,
            activity_day: posting.day,
            programme: entry.programme.clone(),
            gas: posting.gas,
            figure: posting.figure,
            mode: posting.mode.clone(),
            methodology: posting.methodology.clone(),
        };
        let more = Total {
            count: posting.count,
            amount: posting.amount,
        };
        let total = totals.entry(key).or_default();
        *total = total.checked_add(more)?;
    }
    Some(())
}
