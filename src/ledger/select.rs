//! Which credits pay: one exact object; else those that expire soon; else the smallest that covers; else the oldest. Pure, and
//! the same for everybody who looks at the same credits.

use super::credit::Credit;
use super::encode::CodecError;
use super::transaction::{Lot, MOST_INPUTS, MOST_OUTPUTS};
use crate::methodology::units::Amount;
use std::collections::BTreeSet;

/// How credits were chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// One credit of just that amount.
    Exact,
    /// Those that expire within the programme's notice, soonest first.
    Expiring,
    /// The smallest that covers.
    Cover,
    /// The oldest.
    Oldest,
    /// What was left after merging.
    Merged,
}

impl Choice {
    /// Every choice, in code order.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Expiring, Self::Cover, Self::Oldest, Self::Merged];

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Exact => 1,
            Self::Expiring => 2,
            Self::Cover => 3,
            Self::Oldest => 4,
            Self::Merged => 5,
        }
    }

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Expiring => "expiring",
            Self::Cover => "cover",
            Self::Oldest => "oldest",
            Self::Merged => "merged",
        }
    }

    pub(super) fn from_code(code: u8) -> Result<Self, CodecError> {
        let known = |choice: &Self| choice.code() == code;
        Self::ALL.into_iter().find(known).ok_or(CodecError::Code(code))
    }
}

/// The credits that pay `amount`, in the order in which they are used up, or `None` if no 32 of them are enough. Those that
/// expire before `notice_ms` go first.
pub fn select(credits: &[Credit], amount: Amount, notice_ms: i64) -> Option<(Choice, Vec<&Credit>)> {
    let mut by_expiry: Vec<&Credit> = credits.iter().collect();
    by_expiry.sort_by(|one, other| one.by_expiry(other));
    if let Some(exact) = by_expiry.iter().find(|credit| credit.amount == amount) {
        return Some((Choice::Exact, vec![*exact]));
    }
    let soon = |credit: &&&Credit| credit.expires_ms.is_some_and(|at_ms| at_ms < notice_ms);
    let expiring: Vec<&Credit> = by_expiry.iter().take_while(soon).copied().collect();
    if let Some(chosen) = cover(&expiring, amount) {
        return Some((Choice::Expiring, chosen));
    }
    let covering = by_expiry.iter().filter(|credit| credit.amount > amount);
    // The first of equals, so that ties keep the order of expiry.
    if let Some(smallest) = covering.min_by_key(|credit| credit.amount) {
        return Some((Choice::Cover, vec![*smallest]));
    }
    let mut by_age = by_expiry;
    by_age.sort_by(|one, other| one.by_age(other));
    cover(&by_age, amount).map(|chosen| (Choice::Oldest, chosen))
}

/// The first of `credits` that together cover the amount, if a transaction can hold them.
fn cover<'c>(credits: &[&'c Credit], amount: Amount) -> Option<Vec<&'c Credit>> {
    let mut chosen = Vec::new();
    let mut lots: BTreeSet<&Lot> = BTreeSet::new();
    let mut missing = amount;
    for credit in credits.iter().take(MOST_INPUTS) {
        chosen.push(*credit);
        lots.insert(&credit.lot);
        // One output a lot, and one for the change.
        if lots.len() >= MOST_OUTPUTS {
            return None;
        }
        if credit.amount >= missing {
            return Some(chosen);
        }
        missing = missing.checked_sub(credit.amount)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ids::{Hash, UserId};
    use crate::ledger::transaction::NEVER;

    fn credit(name: u8, amount: i64, seq: i64, expires_ms: Option<i64>) -> Credit {
        Credit {
            hash: Hash::new([name; 32]),
            user: UserId::from_stored(1),
            lot: Lot {
                programme: "p".to_owned(),
                gas: 2,
                vintage: 2026,
                expiry: NEVER,
            },
            amount: Amount::from_micrograms(amount),
            expires_ms,
            created_by: Hash::new([0; 32]),
            created_seq: seq,
            output: 0,
        }
    }

    fn chosen(credits: &[Credit], amount: i64) -> Option<(&'static str, Vec<u8>)> {
        let names = |credits: Vec<&Credit>| credits.iter().map(|credit| credit.hash.as_bytes()[0]).collect();
        select(credits, Amount::from_micrograms(amount), 1_000)
            .map(|(choice, credits)| (choice.as_str(), names(credits)))
    }

    #[test]
    fn choices_come_in_their_order() {
        let credits = [
            credit(1, 50, 1, None),
            credit(2, 30, 2, Some(900)),
            credit(3, 20, 3, Some(800)),
            credit(4, 60, 4, Some(5_000)),
            credit(5, 60, 5, None),
        ];
        assert_eq!(chosen(&credits, 50), Some(("exact", vec![1])));
        assert_eq!(chosen(&credits, 60), Some(("exact", vec![4]))); // of equals the one that expires first
        assert_eq!(chosen(&credits, 45), Some(("expiring", vec![3, 2])));
        assert_eq!(chosen(&credits, 10), Some(("expiring", vec![3])));
        assert_eq!(chosen(&credits, 55), Some(("cover", vec![4])));
        assert_eq!(chosen(&credits, 81), Some(("oldest", vec![1, 2, 3])));
        assert_eq!(chosen(&credits, 220), Some(("oldest", vec![1, 2, 3, 4, 5])));
        assert_eq!(chosen(&credits, 221), None);
    }

    #[test]
    fn no_more_than_a_transaction_holds() {
        let credits: Vec<Credit> = (0..33).map(|n| credit(n, 10, i64::from(n), None)).collect();
        assert_eq!(chosen(&credits, 320).map(|(_, names)| names.len()), Some(32));
        assert_eq!(chosen(&credits, 321), None);
        let lots: Vec<Credit> = (0..33)
            .map(|n| {
                let mut credit = credit(n, 10, i64::from(n), None);
                credit.lot.vintage = u16::from(n);
                credit
            })
            .collect();
        assert_eq!(chosen(&lots, 310).map(|(_, names)| names.len()), Some(31));
        assert_eq!(chosen(&lots, 311), None);
    }
}
