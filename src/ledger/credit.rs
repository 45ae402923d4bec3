//! A credit: an object with a name, an owner, a lot and an amount, made by one transaction and ended by one.

use super::ids::{Hash, UserId};
use super::transaction::Lot;
use crate::methodology::units::Amount;
use std::cmp::Ordering;

/// A credit of one shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credit {
    /// Its name.
    pub hash: Hash,
    /// Its owner; the sink of the shard for what was paid.
    pub user: UserId,
    /// Its lot, for ever.
    pub lot: Lot,
    /// How much.
    pub amount: Amount,
    /// From when it cannot be spent any more, Unix milliseconds; `None`: it always can.
    pub expires_ms: Option<i64>,
    /// Content id of the transaction that made it.
    pub created_by: Hash,
    /// Seq of that transaction.
    pub created_seq: i64,
    /// Which of its outputs.
    pub output: u16,
}

impl Credit {
    /// Oldest first; among those of one transaction soonest expiry, then lowest hash.
    pub fn by_age(&self, other: &Self) -> Ordering {
        self.created_seq
            .cmp(&other.created_seq)
            .then_with(|| self.by_expiry_then_hash(other))
    }

    /// Soonest expiry first, never last; then oldest, then lowest hash.
    pub fn by_expiry(&self, other: &Self) -> Ordering {
        self.expiry_order()
            .cmp(&other.expiry_order())
            .then_with(|| self.created_seq.cmp(&other.created_seq))
            .then_with(|| self.hash.cmp(&other.hash))
    }

    fn by_expiry_then_hash(&self, other: &Self) -> Ordering {
        self.expiry_order()
            .cmp(&other.expiry_order())
            .then_with(|| self.hash.cmp(&other.hash))
    }

    /// What credits add up to; `None` beyond the range of 64 bits.
    pub fn sum(credits: &[Self]) -> Option<Amount> {
        let mut amounts = credits.iter().map(|credit| credit.amount);
        amounts.try_fold(Amount::ZERO, Amount::checked_add)
    }

    /// Their names, ascending: the inputs of what consumes them.
    pub fn names(credits: &[Self]) -> Vec<Hash> {
        let mut names: Vec<Hash> = credits.iter().map(|credit| credit.hash).collect();
        names.sort_unstable();
        names
    }

    fn expiry_order(&self) -> i64 {
        self.expires_ms.unwrap_or(i64::MAX)
    }
}
