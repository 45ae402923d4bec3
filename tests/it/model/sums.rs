//! What both sides are compared by: balances, unspent credits, what falls due; and that nothing is lost or made of nothing.

use super::lists::{Credit, Fate, Model, Move, Owner, Trip};
use super::trips::Verdict;
use super::{DAY_S, MIDNIGHT_S, TERMS};
use carbon_gateway::ledger::account::{Due, Figures};
use carbon_gateway::ledger::credit;
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::ledger::transaction::Lot;
use std::collections::{BTreeMap, BTreeSet};

/// The last day of the year 2026, since the epoch.
const EVE: i64 = (MIDNIGHT_S + 8 * 3_600) / DAY_S;

/// One account as anybody can see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) available: i64,
    pub(super) waiting: i64,
    pub(super) quantified: i64,
    pub(super) capped: i64,
    pub(super) collected: i64,
    pub(super) lapsed: i64,
    pub(super) issued: i64,
    pub(super) spent: i64,
    pub(super) expired: i64,
    pub(super) longest_trip_s: i64,
    pub(super) last_end_s: Option<i64>,
    /// The last day with a credited trip, how many it has, and what they earned.
    pub(super) last_day: Option<(i64, usize, i64)>,
    pub(super) unspent_count: usize,
    pub(super) unspent: BTreeSet<(Hash, Lot, i64, Option<i64>)>,
}

impl Sums {
    /// As the ledger says.
    pub(super) fn said(figures: &Figures, unspent_count: i64, unspent: &[credit::Credit]) -> Self {
        let credit = |credit: &credit::Credit| {
            (
                credit.hash,
                credit.lot.clone(),
                credit.amount.micrograms(),
                credit.expires_ms,
            )
        };
        Self {
            available: figures.available.micrograms(),
            waiting: figures.waiting.micrograms(),
            quantified: figures.quantified.micrograms(),
            capped: figures.capped.micrograms(),
            collected: figures.collected.micrograms(),
            lapsed: figures.lapsed.micrograms(),
            issued: figures.issued.micrograms(),
            spent: figures.spent.micrograms(),
            expired: figures.expired.micrograms(),
            longest_trip_s: figures.ridden.longest_trip_s,
            last_end_s: figures.ridden.last_end_s,
            last_day: figures.ridden.last_day.map(|day| {
                let count = usize::try_from(figures.ridden.last_day_count).unwrap();
                (
                    i64::from(day.epoch_days()) - EVE,
                    count,
                    figures.ridden.last_day_amount.micrograms(),
                )
            }),
            unspent_count: usize::try_from(unspent_count).unwrap(),
            unspent: unspent.iter().map(credit).collect(),
        }
    }
}

impl Model {
    /// Every account, added up from the start.
    pub(super) fn sums(&self) -> BTreeMap<Owner, Sums> {
        let owners = self.accounts.iter().map(|(owner, _)| *owner);
        owners.map(|owner| (owner, self.sums_of(owner))).collect()
    }

    fn sums_of(&self, owner: Owner) -> Sums {
        let trips: Vec<&Trip> = self.trips.iter().filter(|trip| trip.owner() == owner).collect();
        let credited = trips.iter().filter(|trip| matches!(trip.verdict, Verdict::Credited(_)));
        let quantified = credited.clone().flat_map(|trip| trip.sent.quantified()).sum();
        let earned = |fate| {
            let of_fate = trips.iter().filter(|trip| trip.fate == fate);
            of_fate.map(|trip| trip.amount()).sum::<i64>()
        };
        let moved = |kind| {
            let of_kind = self.moves.iter().filter(|(of, what, _)| (*of, *what) == (owner, kind));
            of_kind.map(|(_, _, amount)| amount).sum::<i64>()
        };
        let unspent = self.unspent(owner);
        let last_day = credited.clone().map(|trip| trip.sent.day()).max().map(|day| {
            let of_the_day: Vec<i64> = credited
                .clone()
                .filter(|trip| trip.sent.day() == day)
                .map(|trip| trip.amount())
                .collect();
            (day, of_the_day.len(), of_the_day.iter().sum())
        });
        Sums {
            available: unspent.iter().map(|credit| credit.amount).sum(),
            waiting: earned(Fate::Waiting),
            quantified,
            capped: quantified - trips.iter().map(|trip| trip.amount()).sum::<i64>(),
            collected: earned(Fate::Collected),
            lapsed: earned(Fate::Lapsed),
            issued: moved(Move::Issued),
            spent: moved(Move::Spent),
            expired: moved(Move::Expired),
            longest_trip_s: credited
                .map(|trip| trip.sent.end_s() - trip.sent.start_s)
                .max()
                .unwrap_or(0),
            last_end_s: trips.iter().map(|trip| trip.sent.end_s()).max(),
            last_day,
            unspent_count: unspent.len(),
            unspent: unspent
                .iter()
                .map(|credit| (credit.hash, credit.lot.clone(), credit.amount, credit.expires_ms()))
                .collect(),
        }
    }

    /// When time alone will change an account: a claim closes or a credit ends; a claim opens that is collected by itself.
    pub(super) fn due(&self, owner: Owner) -> (Option<i64>, Option<i64>) {
        let waiting = || {
            self.trips
                .iter()
                .filter(|trip| trip.owner() == owner && trip.fate == Fate::Waiting)
        };
        let unspent = self.unspent(owner);
        let ends = unspent.iter().filter(|_| owner.0 >= 0).filter_map(Credit::expires_ms);
        let lapses = waiting().filter_map(Trip::closes_ms).chain(ends).min();
        let opens = waiting().filter(|_| TERMS[owner.1].automatic).map(Trip::opens_ms).min();
        (lapses, opens)
    }

    /// The next instant ahead at which time alone changes anything.
    pub(super) fn next_due(&self) -> Option<i64> {
        let opens = self
            .trips
            .iter()
            .filter(|trip| trip.fate == Fate::Waiting)
            .map(Trip::opens_ms);
        let accounts = self.accounts.iter().map(|(owner, _)| self.due(*owner));
        let due = accounts.flat_map(|(lapses, collects)| lapses.into_iter().chain(collects));
        opens.chain(due).filter(|at_ms| *at_ms > self.now_ms).min()
    }

    /// An instant kept may lie too early, never too late.
    pub(super) fn assert_waits(&self, owner: Owner, kept: Due) {
        let in_time = |kept: Option<i64>, due: Option<i64>| {
            due.is_none_or(|due| kept.is_some_and(|kept| kept <= due.max(self.now_ms)))
        };
        let (lapses, collects) = self.due(owner);
        assert!(
            in_time(kept.lapses_ms, lapses),
            "{owner:?} would lapse too late: {kept:?}, {lapses:?}"
        );
        assert!(
            in_time(kept.collects_ms, collects),
            "{owner:?} would collect too late: {kept:?}, {collects:?}"
        );
    }
}

/// Nothing is lost and nothing is made of nothing, whatever the model says.
pub(super) fn assert_conserved(sums: &BTreeMap<Owner, Sums>) {
    for programme in 0..TERMS.len() {
        let of = || {
            sums.iter()
                .filter(|(owner, _)| owner.1 == programme)
                .map(|(_, sums)| sums)
        };
        let sum = |figure: fn(&Sums) -> i64| of().map(figure).sum::<i64>();
        assert_eq!(
            sum(|sums| sums.issued),
            sum(|sums| sums.available) + sum(|sums| sums.expired),
            "issued = available + expired, the sinks' among them"
        );
        assert_eq!(
            sum(|sums| sums.quantified),
            sum(|sums| sums.waiting) + sum(|sums| sums.collected) + sum(|sums| sums.lapsed) + sum(|sums| sums.capped),
            "quantified = waiting + collected + lapsed + capped"
        );
        for sums in of() {
            let credits: i64 = sums.unspent.iter().map(|(_, _, amount, _)| amount).sum();
            assert_eq!((sums.available, sums.unspent_count), (credits, sums.unspent.len()));
        }
    }
}
