//! What a morning adds up to: once as the plan says, once as the demo was answered. Both must be the same, to the microgram.

use super::outcome::Outcome;
use super::plan::Plan;
use super::wallets::{Ask, minus, plus};
use crate::methodology::units::Amount;
use std::collections::BTreeMap;

/// What a rider has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Purse {
    /// Not collected.
    pub waiting: Amount,
    /// To be spent.
    pub available: Amount,
    /// Spent.
    pub spent: Amount,
}

/// Counts and sums.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Trips stored.
    pub trips: u64,
    /// Trips among them that a rule refused, by the rule.
    pub refused: BTreeMap<&'static str, u64>,
    /// Trips and orders that were answered as before.
    pub replayed: u64,
    /// What was turned away, by the code of the problem.
    pub problems: BTreeMap<&'static str, u64>,
    /// Collections that issued credits.
    pub collections: u64,
    /// Redemptions.
    pub redemptions: u64,
    /// Of credited trips.
    pub quantified: Amount,
    /// Issued as credits.
    pub collected: Amount,
    /// Redeemed.
    pub spent: Amount,
    /// By rider.
    pub purses: BTreeMap<i64, Purse>,
}

impl Sums {
    /// What a plan adds up to.
    pub fn of(plan: &Plan) -> Self {
        let mut sums = Self::default();
        let deliveries = plan.deliveries.iter().chain(&plan.afterwards);
        for trip in deliveries.flat_map(|delivery| &delivery.trips) {
            sums.trip(trip.user, trip.outcome);
        }
        for order in plan.wallets.iter().flatten() {
            sums.order(order.user, &order.ask, order.outcome);
        }
        sums
    }

    /// What became of a trip.
    pub fn trip(&mut self, user: i64, outcome: Outcome) {
        match outcome {
            Outcome::Done(amount) => {
                self.trips += 1;
                self.quantified = plus(self.quantified, amount);
                let purse = self.purses.entry(user).or_default();
                purse.waiting = plus(purse.waiting, amount);
            }
            Outcome::Refused(rule) => {
                self.trips += 1;
                *self.refused.entry(rule.as_str()).or_default() += 1;
            }
            Outcome::Again(_) => self.replayed += 1,
            Outcome::Problem(code) => *self.problems.entry(code).or_default() += 1,
        }
    }

    /// What became of an order.
    pub fn order(&mut self, user: i64, ask: &Ask, outcome: Outcome) {
        let purse = self.purses.entry(user).or_default();
        match (outcome, ask) {
            (Outcome::Done(amount), Ask::Redeem { .. }) => {
                purse.available = minus(purse.available, amount);
                purse.spent = plus(purse.spent, amount);
                self.spent = plus(self.spent, amount);
                self.redemptions += 1;
            }
            (Outcome::Done(amount), Ask::CollectAll | Ask::CollectTrip(_)) => {
                purse.waiting = minus(purse.waiting, amount);
                purse.available = plus(purse.available, amount);
                self.collected = plus(self.collected, amount);
                self.collections += 1;
            }
            (Outcome::Again(_), _) => self.replayed += 1,
            (Outcome::Problem(code), _) => *self.problems.entry(code).or_default() += 1,
            // No rule judges an order.
            (Outcome::Refused(rule), _) => *self.refused.entry(rule.as_str()).or_default() += 1,
        }
    }

    /// What waits, of all riders.
    pub fn waiting(&self) -> Amount {
        minus(self.quantified, self.collected)
    }

    /// Trips that a rule refused.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Transactions that go to the chain.
    pub const fn transactions(&self) -> u64 {
        self.collections + self.redemptions
    }
}
