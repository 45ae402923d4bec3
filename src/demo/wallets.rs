//! What riders order once their rides are booked: collect what waits, redeem some of it, now and then by mistake.

use super::chance::Chance;
use super::outcome::Outcome;
use super::trips::Trip;
use crate::methodology::units::Amount;

const GRAM_UG: i64 = 1_000_000;
/// What there is to be had, and for how many grams.
const REWARDS: [(&str, i64); 6] = [
    ("coffee", 60),
    ("tram-ticket", 120),
    ("umbrella", 200),
    ("museum", 350),
    ("cinema", 500),
    ("tree", 750),
];
/// What nobody can pay after one morning.
const FAR_TOO_MUCH: (&str, i64) = ("bicycle", 250_000);

/// What is ordered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Collect all that waits.
    CollectAll,
    /// Collect one trip.
    CollectTrip(String),
    /// Spend credits.
    Redeem {
        /// How much.
        amount: Amount,
        /// What for.
        reference: String,
    },
}

/// An order of a rider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Who.
    pub user: i64,
    /// The idempotency key.
    pub key: String,
    /// What.
    pub ask: Ask,
    /// What must become of it.
    pub outcome: Outcome,
}

/// Numbers the orders of the city and makes those of one rider after the other.
#[derive(Default)]
pub(super) struct Desk(u32);

impl Desk {
    /// What a rider orders, in order, who has these credited trips. One rider is `told`, so that every morning has a story: two
    /// collections, then a reward that takes both and leaves change.
    pub(super) fn orders(&mut self, chance: &mut Chance, trips: &[&Trip], told: bool) -> Vec<Order> {
        let Some(first) = trips.first() else { return Vec::new() };
        let mut orders = Vec::new();
        let mut have = Amount::ZERO;
        let mut wait = trips.iter().map(|trip| trip.outcome.amount()).fold(Amount::ZERO, plus);
        // Some leave their morning where it is.
        if !told && !chance.happens(88) {
            return orders;
        }
        if trips.len() > 1 && (told || chance.happens(25)) {
            let ask = Ask::CollectTrip(first.trip_id.clone());
            orders.push(self.order(first.user, "collect", ask, Outcome::Done(first.outcome.amount())));
            (have, wait) = (plus(have, first.outcome.amount()), minus(wait, first.outcome.amount()));
        }
        orders.push(self.order(first.user, "collect", Ask::CollectAll, Outcome::Done(wait)));
        have = plus(have, wait);
        if chance.happens(10) {
            orders.extend(orders.last().map(again));
        }
        if told {
            // All but less than ten grams: neither credit alone is enough.
            let most = have.micrograms() / GRAM_UG / 10 * 10;
            let order = self.redeem(first.user, ("concert", most));
            orders.extend([order.clone(), again(&order), taken_for_another(&order)]);
        } else if chance.happens(65) {
            orders.extend(self.spend(chance, first.user, have));
        }
        if told || chance.happens(5) {
            let mut order = self.redeem(first.user, FAR_TOO_MUCH);
            order.outcome = Outcome::Problem("insufficient");
            orders.push(order);
        }
        orders
    }

    /// A reward that is within reach; some press the button twice, some a second time for another one.
    fn spend(&mut self, chance: &mut Chance, user: i64, have: Amount) -> Vec<Order> {
        let within = |(_, grams): &&(&str, i64)| grams * GRAM_UG <= have.micrograms();
        let affordable: Vec<(&str, i64)> = REWARDS.iter().filter(within).copied().collect();
        let Some(reward) = chance.one_of(&affordable) else {
            return Vec::new();
        };
        let order = self.redeem(user, *reward);
        let twice = chance.happens(12).then(|| again(&order));
        let mistaken = chance.happens(6).then(|| taken_for_another(&order));
        std::iter::once(order).chain(twice).chain(mistaken).collect()
    }

    fn redeem(&mut self, user: i64, (reward, grams): (&str, i64)) -> Order {
        let amount = Amount::from_micrograms(grams * GRAM_UG);
        let reference = String::new();
        let mut order = self.order(user, reward, Ask::Redeem { amount, reference }, Outcome::Done(amount));
        // The reward's own number serves as the key too: the same button pressed twice is one order.
        order.ask = Ask::Redeem {
            amount,
            reference: order.key.clone(),
        };
        order
    }

    fn order(&mut self, user: i64, word: &str, ask: Ask, outcome: Outcome) -> Order {
        self.0 += 1;
        Order {
            user,
            key: format!("{word}-{:05}", self.0),
            ask,
            outcome,
        }
    }
}

/// The same order once more.
fn again(order: &Order) -> Order {
    Order {
        outcome: Outcome::Again(order.outcome.amount()),
        ..order.clone()
    }
}

/// Another order under the key of this one.
fn taken_for_another(order: &Order) -> Order {
    let amount = plus(order.outcome.amount(), Amount::from_micrograms(GRAM_UG));
    let reference = order.key.clone();
    Order {
        ask: Ask::Redeem { amount, reference },
        outcome: Outcome::Problem("idempotency_conflict"),
        ..order.clone()
    }
}

/// Amounts of a morning are far from the end of their range; at it they would stay there and the sums would not agree.
pub(super) fn plus(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).unwrap_or(one)
}

/// Likewise.
pub(super) fn minus(one: Amount, other: Amount) -> Amount {
    one.checked_sub(other).unwrap_or(one)
}
