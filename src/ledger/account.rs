//! An account: one rider in one programme. Its figures are a fold of its journal entries and nothing else.

use super::encode::digest;
use super::entry::{Entry, Figure};
use super::evidence::DataKey;
use super::ids::{Hash, UserId};
use crate::methodology::units::Amount;

/// An account with what the batch needs of it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Owner.
    pub user: UserId,
    /// Programme.
    pub programme: String,
    /// 32 random bytes: the only name that journal and chain know.
    pub address: Hash,
    /// Seals the evidence of its trips.
    pub data_key: DataKey,
    /// The data key as stored, under the key-encryption key.
    pub wrapped_key: Vec<u8>,
    /// Everything that is a fold.
    pub figures: Figures,
}

/// The folds of an account's entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Booked as claims, not collected yet.
    pub waiting: Amount,
    /// Σ quantified of credited trips.
    pub quantified: Amount,
    /// Σ that caps took.
    pub capped: Amount,
    /// Duration of the longest credited trip, seconds: bounds how far an overlapping ride may lie.
    pub longest_trip_s: i64,
}

impl Figures {
    /// The figures after an entry; `None` if one would overflow. `trip_duration_s` is that of a credited trip, else 0.
    pub fn after(self, entry: &Entry, trip_duration_s: i64) -> Option<Self> {
        let mut figures = self;
        figures.longest_trip_s = figures.longest_trip_s.max(trip_duration_s);
        for posting in &entry.postings {
            match posting.figure {
                Figure::Trip | Figure::Refused => {}
                Figure::Quantified => {
                    figures.quantified = figures.quantified.checked_add(posting.amount)?;
                    figures.waiting = figures.waiting.checked_add(posting.amount)?;
                }
                Figure::Capped => {
                    figures.capped = figures.capped.checked_add(posting.amount)?;
                    figures.waiting = figures.waiting.checked_sub(posting.amount)?;
                }
            }
        }
        Some(figures)
    }
}

/// The digest of an account's first entry: says who owns the address to whoever holds the data key, and nothing to others.
pub fn account_digest(user: UserId, programme: &str, address: &Hash, data_key: &DataKey) -> Hash {
    digest("carbon/account/1", |e| {
        e.i64(user.value());
        e.text(programme);
        e.hash(address);
        e.raw(data_key.as_bytes());
    })
}
