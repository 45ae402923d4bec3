//! The naive model: plain lists of all that ever was, from which everything is worked out anew each time.

use super::orders::{Asked, Much, Order, Sent, Until};
use super::trips::Verdict;
use super::{DAY_MS, MODES, START_MS, TERMS};
use carbon_gateway::ledger::ids::{Hash, UserId};
use carbon_gateway::ledger::transaction::{Lot, NEVER};
use std::collections::BTreeMap;

/// An account: who, and in which programme; the sink of a shard is a user below 0.
pub(super) type Owner = (i64, usize);

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Trip(Verdict, bool),
    Collected {
        content_id: Option<Hash>,
        collected: usize,
        skipped: Vec<&'static str>,
        more: bool,
        replayed: bool,
    },
    Redeemed {
        content_id: Hash,
        choice: &'static str,
        replayed: bool,
    },
    Settled(usize),
    Rejected(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Nothing,
    Waiting,
    Collected,
    Lapsed,
}

#[derive(Clone, Debug)]
pub(super) struct Trip {
    pub(super) sent: Sent,
    pub(super) verdict: Verdict,
    pub(super) booked_ms: i64,
    pub(super) fate: Fate,
}

impl Trip {
    /// What each leg earned.
    pub(super) fn earned(&self) -> Vec<i64> {
        let Verdict::Credited(cut) = &self.verdict else {
            return vec![0; self.sent.legs.len()];
        };
        std::iter::zip(self.sent.quantified(), cut)
            .map(|(leg, cut)| leg - cut)
            .collect()
    }

    pub(super) fn amount(&self) -> i64 {
        self.earned().iter().sum()
    }

    pub(super) fn owner(&self) -> Owner {
        (self.sent.user, self.sent.programme)
    }

    pub(super) fn opens_ms(&self) -> i64 {
        self.booked_ms + TERMS[self.sent.programme].delay_ms
    }

    pub(super) fn closes_ms(&self) -> Option<i64> {
        TERMS[self.sent.programme]
            .window_ms
            .map(|window_ms| self.opens_ms() + window_ms)
    }

    /// What it earned by lot, when it is collected in that expiry month.
    pub(super) fn lots(&self, expiry: u16) -> BTreeMap<Lot, i64> {
        let vintage = if self.sent.day() <= 0 { 2026 } else { 2027 };
        let mut lots = BTreeMap::new();
        for ((mode, ..), amount) in std::iter::zip(&self.sent.legs, self.earned()) {
            let lot = Lot {
                programme: TERMS[self.sent.programme].id.to_owned(),
                gas: MODES[*mode].2,
                vintage,
                expiry,
            };
            if amount > 0 {
                *lots.entry(lot).or_insert(0) += amount;
            }
        }
        lots
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credit {
    pub(super) owner: Owner,
    pub(super) lot: Lot,
    pub(super) amount: i64,
    pub(super) hash: Hash,
    /// Number of the transaction that made it.
    pub(super) age: usize,
    pub(super) unspent: bool,
}

impl Credit {
    /// The first instant of the month after the last in which it can be spent, in Shanghai.
    pub(super) fn expires_ms(&self) -> Option<i64> {
        let next = i64::from(self.lot.expiry) + 1;
        (self.lot.expiry != NEVER).then(|| {
            let date = format!("{:04}-{:02}-01T00:00:00+08:00", 1970 + next / 12, next % 12 + 1);
            date.parse::<jiff::Timestamp>().unwrap().as_millisecond()
        })
    }
}

/// What value did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Issued,
    Spent,
    Expired,
}

/// An answer under a key.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    asked: Asked,
    said: Said,
    at_ms: i64,
}

/// All that ever was.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) now_ms: i64,
    /// Claims that one command lapses at most.
    pub(super) most_lapsing: usize,
    pub(super) accounts: Vec<(Owner, u32)>,
    pub(super) trips: Vec<Trip>,
    pub(super) credits: Vec<Credit>,
    pub(super) transactions: usize,
    pub(super) moves: Vec<(Owner, Move, i64)>,
    kept: Vec<Kept>,
    asked: Vec<Asked>,
}

impl Model {
    pub(super) fn new(most_lapsing: usize) -> Self {
        Self {
            now_ms: START_MS,
            most_lapsing,
            accounts: Vec::new(),
            trips: Vec::new(),
            credits: Vec::new(),
            transactions: 0,
            moves: Vec::new(),
            kept: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// What an order means now; nothing if it only lets time pass.
    pub(super) fn resolve(&mut self, order: &Order) -> Option<Asked> {
        let key = u32::try_from(self.asked.len()).unwrap();
        let asked = match order.clone() {
            Order::Wait(until) => {
                self.now_ms = match until {
                    Until::Later(ms) => self.now_ms + ms,
                    Until::Due(ms) => self.next_due().map_or(self.now_ms, |due| self.now_ms.max(due + ms)),
                };
                return None;
            }
            Order::Trip(sent) => Asked::Trip(sent),
            Order::Onward(mut sent, after_s) => {
                let mine = self
                    .trips
                    .iter()
                    .filter(|trip| trip.owner() == (sent.user, sent.programme));
                let last_s = mine.map(|trip| trip.sent.end_s()).max();
                sent.start_s = last_s.map_or(sent.start_s, |last_s| last_s + after_s);
                Asked::Trip(sent)
            }
            Order::Collect(user, programme, wanted) => Asked::Collect(user, programme, wanted, key),
            Order::Redeem(user, programme, much) => {
                let mine = self.unspent((user, programme));
                let available: i64 = mine.iter().map(|credit| credit.amount).sum();
                let amount = match much {
                    Much::Micrograms(amount) => amount,
                    Much::Permille(part) => available / 1_000 * part + available % 1_000 * part / 1_000,
                    Much::Credit(n) => mine.get(n % mine.len().max(1)).map_or(1, |credit| credit.amount),
                };
                Asked::Redeem(user, programme, amount.max(1), key)
            }
            Order::Merge(user, programme) => Asked::Merge(user, programme),
            Order::Settle(user) => Asked::Settle(user),
            Order::Again(back, changed) => {
                let before = self.asked.len().checked_sub(back).and_then(|at| self.asked.get(at))?;
                if changed { before.changed() } else { before.clone() }
            }
        };
        self.asked.push(asked.clone());
        Some(asked)
    }

    /// Carries out what is asked; `number` tells one order's randomness from another's.
    pub(super) fn answer(&mut self, asked: &Asked, number: u32) -> Said {
        match asked {
            Asked::Trip(sent) => self.submit(sent, number),
            Asked::Merge(user, programme) => self.merge((*user, *programme)),
            Asked::Settle(user) => self.settle(*user),
            Asked::Collect(user, _, _, key) | Asked::Redeem(user, _, _, key) => {
                if let Some(said) = self.said_before(*user, *key, asked) {
                    return said;
                }
                let said = match asked {
                    Asked::Collect(user, programme, wanted, _) => self.collect((*user, *programme), wanted),
                    Asked::Redeem(user, programme, amount, _) => self.redeem((*user, *programme), *amount, number),
                    _ => unreachable!("only these have a key"),
                };
                if !matches!(said, Said::Rejected(_)) {
                    self.kept.push(Kept {
                        asked: asked.clone(),
                        said: said.clone(),
                        at_ms: self.now_ms,
                    });
                }
                said
            }
        }
    }

    fn said_before(&self, of: i64, under: u32, asked: &Asked) -> Option<Said> {
        let fits = |kept: &&Kept| match &kept.asked {
            Asked::Collect(user, _, _, key) | Asked::Redeem(user, _, _, key) => (*user, *key) == (of, under),
            _ => false,
        };
        let kept = self.kept.iter().rev().find(fits)?;
        if self.now_ms - kept.at_ms >= 30 * DAY_MS {
            return None;
        }
        if kept.asked != *asked {
            return Some(Said::Rejected("other request".to_owned()));
        }
        let mut said = kept.said.clone();
        if let Said::Collected { replayed, .. } | Said::Redeemed { replayed, .. } = &mut said {
            *replayed = true;
        }
        Some(said)
    }

    pub(super) fn has_account(&self, owner: Owner) -> bool {
        self.accounts.iter().any(|(known, _)| *known == owner)
    }

    pub(super) fn open(&mut self, owner: Owner, number: u32) {
        if !self.has_account(owner) {
            self.accounts.push((owner, number));
        }
    }

    /// Unspent credits, as they were made.
    pub(super) fn unspent(&self, owner: Owner) -> Vec<Credit> {
        let mine = |credit: &&Credit| credit.unspent && credit.owner == owner;
        self.credits.iter().filter(mine).cloned().collect()
    }

    pub(super) fn sink(user: i64, programme: usize) -> Owner {
        let shard = UserId::from_stored(user).shard();
        (-i64::from(shard.index()) - 1, programme)
    }

    /// Where the trip of that name stands.
    pub(super) fn place_of(&self, user: i64, id: u32) -> Option<usize> {
        self.trips
            .iter()
            .position(|trip| (trip.sent.user, trip.sent.id) == (user, id))
    }

    /// Places of the trips of an account whose claims wait and can be collected now.
    pub(super) fn open_claims(&self, owner: Owner) -> Vec<usize> {
        let open = |trip: &Trip| {
            trip.owner() == owner && trip.fate == Fate::Waiting && trip.opens_ms() <= self.now_ms && !self.over(trip)
        };
        (0..self.trips.len()).filter(|at| open(&self.trips[*at])).collect()
    }

    pub(super) fn over(&self, trip: &Trip) -> bool {
        trip.closes_ms().is_some_and(|closes_ms| closes_ms <= self.now_ms)
    }
}
