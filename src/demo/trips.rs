//! Trips of the morning: what is ridden by whom, and what the gateway must answer.

use super::chance::Chance;
use super::city::{Leg, Mode, Way};
use super::outcome::Outcome;
use crate::methodology::units::Amount;

/// Rides of somebody who brings meals by electric bike: two more than the programme credits on a day.
pub(super) const COURIER_RIDES: usize = 52;
/// What the programme credits of them.
pub(super) const CREDITED_A_DAY: usize = 50;

/// A trip as it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trip {
    /// Its operator's number.
    pub trip_id: String,
    /// Who rode.
    pub user: i64,
    /// In order.
    pub legs: Vec<Leg>,
    /// What must become of it.
    pub outcome: Outcome,
}

impl Trip {
    /// The instant of its end, Unix seconds.
    pub fn ended_s(&self) -> i64 {
        self.legs.last().map_or(0, |leg| leg.ended_s)
    }

    /// The same, with another end.
    pub(super) fn ending(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same, sent again: worth what it was worth.
    pub(super) fn again(&self) -> Self {
        let outcome = Outcome::Again(self.outcome.amount());
        self.clone().ending(outcome)
    }

    /// Whether it is worth something.
    pub(super) const fn is_credited(&self) -> bool {
        matches!(self.outcome, Outcome::Done(_))
    }
}

/// One request that books trips.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// In order.
    pub trips: Vec<Trip>,
    /// Whether they go as a batch; else it is one trip.
    pub batch: bool,
}

impl Delivery {
    /// A trip by itself.
    pub(super) fn single(trip: Trip) -> Self {
        Self {
            trips: vec![trip],
            batch: false,
        }
    }
}

/// Gives every trip of the city its number.
#[derive(Default)]
pub(super) struct Register(u32);

impl Register {
    /// A trip that will be credited.
    pub(super) fn trip(&mut self, user: i64, legs: Vec<Leg>) -> Trip {
        self.0 += 1;
        let mode = legs.first().map_or(Mode::Metro, |leg| leg.mode);
        let operator = match mode {
            Mode::Metro => "metro",
            Mode::Bus => "bus",
            Mode::Bike | Mode::Ebike => "bike",
            Mode::Ferry => "ferry",
        };
        Trip {
            trip_id: format!("{operator}-{:05}", self.0),
            user,
            outcome: Outcome::Done(worth(&legs)),
            legs,
        }
    }
}

fn worth(legs: &[Leg]) -> Amount {
    Amount::from_micrograms(legs.iter().map(|leg| leg.metres * leg.mode.ug_per_metre()).sum())
}

/// What a rider rides between home and noon; each inner list is one trip.
pub(super) fn morning(chance: &mut Chance, leaves_s: i64, told: bool) -> Vec<Vec<Leg>> {
    let kind = if told { 40 } else { chance.between(1, 100) };
    let errand = !told && chance.happens(30);
    let mut way = Way::new(chance, leaves_s);
    way.walk(80, 600);
    let mut trips = match kind {
        1..=30 => vec![vec![way.metro()]],
        31..=55 => {
            let to_station = way.bike(Mode::Bike, 600, 2_400);
            way.walk(60, 200);
            vec![vec![to_station], vec![way.metro()]]
        }
        56..=70 => {
            let to_station = way.bus();
            way.walk(100, 300);
            // One card for both: its operator sends them as one trip.
            vec![vec![to_station, way.metro()]]
        }
        71..=85 => vec![vec![way.bus()]],
        _ => vec![vec![way.bike(Mode::Ebike, 1_800, 6_500)]],
    };
    if errand {
        way.stay(900, 3_600);
        trips.push(vec![way.bike(Mode::Bike, 500, 2_200)]);
    }
    trips
}

/// What the courier rides, door to door.
pub(super) fn courier(chance: &mut Chance, leaves_s: i64) -> Vec<Leg> {
    let mut way = Way::new(chance, leaves_s);
    let rides = (0..COURIER_RIDES).map(|_| {
        way.stay(60, 100);
        way.bike(Mode::Ebike, 400, 900)
    });
    rides.collect()
}
