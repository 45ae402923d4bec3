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

/// The totals of one shard.
pub type Totals = BTreeMap<TotalKey, Total>;

/// The totals that an entry changes, with their new values on top of `current`; `None` if one would overflow.
pub fn fold_entry(current: impl Fn(&TotalKey) -> Total, booked_day: Day, entry: &Entry) -> Option<Totals> {
    let mut changed = Totals::new();
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
        let before = changed.get(&key).copied().unwrap_or_else(|| current(&key));
        let after = Total {
            count: before.count.checked_add(posting.count)?,
            amount: before.amount.checked_add(posting.amount)?,
        };
        changed.insert(key, after);
    }
    Some(changed)
}
