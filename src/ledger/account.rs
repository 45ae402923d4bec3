//! An account: one rider in one programme. Its figures are a fold of its journal entries, and of the trips that they book, and nothing else.

use super::encode::digest;
use super::entry::{Entry, Figure};
use super::evidence::DataKey;
use super::ids::{Hash, UserId};
use super::ridden::Ridden;
use super::trip::TripRecord;
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
    /// Unspent credits.
    pub unspent_count: i64,
    /// When time alone will change it.
    pub due: Due,
    /// The part of that which the view does not hold: what nothing was loaded of, or lies behind what was.
    pub unloaded: Due,
}

/// The earliest instants at which time alone changes an account, Unix milliseconds. They may lie too early, never too late.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// A claim lapses or a credit expires.
    pub lapses_ms: Option<i64>,
    /// A claim opens that the gateway collects by itself.
    pub collects_ms: Option<i64>,
}

/// The folds of an account's entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Σ unspent credits.
    pub available: Amount,
    /// Booked as claims, neither collected nor lapsed yet.
    pub waiting: Amount,
    /// Σ quantified of credited trips.
    pub quantified: Amount,
    /// Σ that caps took.
    pub capped: Amount,
    /// Σ of claims that became credits.
    pub collected: Amount,
    /// Σ of claims whose window closed.
    pub lapsed: Amount,
    /// Σ that `issue` made.
    pub issued: Amount,
    /// Σ spent, without change.
    pub spent: Amount,
    /// Σ of credits whose month ended.
    pub expired: Amount,
    /// What it remembers of its trips.
    pub ridden: Ridden,
}

impl Account {
    /// Says that something is due then, if nothing is before.
    pub fn fall_due(&mut self, lapses_ms: Option<i64>, collects_ms: Option<i64>) {
        self.due.lapses_ms = earlier(self.due.lapses_ms, lapses_ms);
        self.due.collects_ms = earlier(self.due.collects_ms, collects_ms);
    }
}

/// The earlier of two instants, of which either may be missing.
pub fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

impl Figures {
    /// The figures after an entry, and after the trip that it books, if it books one; `None` if one would leave its range.
    pub fn after(self, entry: &Entry, trip: Option<&TripRecord>) -> Option<Self> {
        let mut figures = self;
        if let Some(trip) = trip {
            figures.ridden = self.ridden.after(trip)?;
        }
        for posting in &entry.postings {
            let amount = posting.amount;
            let add = |figure: &mut Amount| figure.checked_add(amount).map(|sum| *figure = sum);
            let take = |figure: &mut Amount| figure.checked_sub(amount).map(|rest| *figure = rest);
            match posting.figure {
                Figure::Trip | Figure::Refused => {}
                Figure::Quantified => {
                    add(&mut figures.quantified)?;
                    add(&mut figures.waiting)?;
                }
                Figure::Capped => {
                    add(&mut figures.capped)?;
                    take(&mut figures.waiting)?;
                }
                Figure::Collected => {
                    add(&mut figures.collected)?;
                    take(&mut figures.waiting)?;
                }
                Figure::Lapsed => {
                    add(&mut figures.lapsed)?;
                    take(&mut figures.waiting)?;
                }
                Figure::Issued => {
                    add(&mut figures.issued)?;
                    add(&mut figures.available)?;
                }
                Figure::Spent => {
                    add(&mut figures.spent)?;
                    take(&mut figures.available)?;
                }
                Figure::Expired => {
                    add(&mut figures.expired)?;
                    take(&mut figures.available)?;
                }
                Figure::Received => add(&mut figures.available)?,
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
