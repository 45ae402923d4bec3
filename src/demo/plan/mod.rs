//! The plan of a morning: a pure function of how many ride, a seed, and the instant at which it is asked for.

use super::chance::Chance;
use super::mistakes::{self, Times};
use super::outcome::Outcome;
use super::trips::{CREDITED_A_DAY, Delivery, Register, Trip, courier, morning};
use super::wallets::{Desk, Order};
use crate::methodology::rules::Rule;
use crate::methodology::units::Day;
use std::collections::BTreeMap;

/// The zone of the programme `demo`, whose offset has been the same all year round since 1991.
const CITY_S: i64 = 8 * 3_600;
const DAY_S: i64 = 86_400;
/// At noon a morning is over, and all of its rides can be told.
const NOON_S: i64 = DAY_S / 2;
/// The first riders leave at half past six, the last at half past nine, most around eight.
const FIRST_S: i64 = 6 * 3_600 + 1_800;
const WAVE_S: i64 = 3_600;
/// Trips that an operator of lines sends in one request, at most.
const BATCH: usize = 40;
/// The number of the first rider.
const FIRST_USER: i64 = 1_000_001;
/// One in so many riders meets with mistakes of each kind.
const RIDERS_A_MISTAKE: u32 = 60;

/// What a plan depends on, all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Riders, at least one.
    pub riders: u32,
    /// Decides everything else.
    pub seed: u64,
    /// The instant of the start, Unix milliseconds: the morning is the latest one that is over by then.
    pub started_ms: i64,
}

/// A morning, and what must come of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Its day in the city.
    pub day: Day,
    /// Trips as their operators send them, in the order in which they ended; those of one list may overtake each other.
    pub deliveries: Vec<Delivery>,
    /// What is sent after all of these: again, in conflict with them, or overlapping them.
    pub afterwards: Vec<Delivery>,
    /// Orders, each list one rider's, in order.
    pub wallets: Vec<Vec<Order>>,
}

impl Plan {
    /// Makes the plan.
    pub fn of(wish: Wish) -> Self {
        let mut chance = Chance::new(wish.seed);
        let mut register = Register::default();
        let asked_s = wish.started_ms.div_euclid(1_000);
        let days = (asked_s + CITY_S - NOON_S).div_euclid(DAY_S);
        let times = Times {
            midnight_s: days * DAY_S - CITY_S,
            asked_s,
        };
        let users: Vec<i64> = (0..i64::from(wish.riders.max(1))).map(|at| FIRST_USER + at).collect();
        let mut trips = ridden(&mut chance, &mut register, &users, times);
        let mistakes = 1 + wish.riders / RIDERS_A_MISTAKE;
        for _ in 0..mistakes {
            let user = some_user(&mut chance, &users);
            trips.extend(mistakes::refused(&mut chance, &mut register, user, times));
        }
        let busy = delivered_by_courier(&mut chance, &mut register, &users, times);
        let credited = by_user(trips.iter().chain(busy.iter().flat_map(|delivery| &delivery.trips)));
        let mut desk = Desk::default();
        let wallets = credited.iter().map(|(user, trips)| {
            let told = users.first() == Some(user);
            desk.orders(&mut chance, trips, told)
        });
        let wallets = wallets.filter(|orders| !orders.is_empty()).collect();
        let mut deliveries = requests(trips);
        deliveries.extend(busy);
        let afterwards = afterwards((&mut chance, &mut register), &deliveries, (&users, times), mistakes);
        Self {
            day: Day::from_epoch_days(i32::try_from(days).unwrap_or(i32::MAX)),
            deliveries,
            afterwards,
            wallets,
        }
    }

    /// Requests that are sent in all, those of the courier's batch as one.
    pub fn requests(&self) -> usize {
        self.deliveries.len() + self.afterwards.len() + self.wallets.iter().map(Vec::len).sum::<usize>()
    }
}

fn ridden(chance: &mut Chance, register: &mut Register, users: &[i64], times: Times) -> Vec<Trip> {
    let mut trips = Vec::new();
    for (at, user) in users.iter().enumerate() {
        // The sum of three has the shape of a rush hour.
        let waves = [0; 3].map(|_| chance.between(0, WAVE_S));
        let leaves_s = times.midnight_s + FIRST_S + waves.iter().sum::<i64>();
        let rides = morning(chance, leaves_s, at == 0);
        trips.extend(rides.into_iter().map(|legs| register.trip(*user, legs)));
    }
    trips
}

/// The courier is one rider more, after all others; small mornings have none.
fn delivered_by_courier(chance: &mut Chance, register: &mut Register, users: &[i64], times: Times) -> Option<Delivery> {
    let last = users.last().filter(|_| users.len() >= 10)?;
    let rides = courier(chance, times.midnight_s + FIRST_S);
    let trips = rides.into_iter().enumerate().map(|(at, leg)| {
        let trip = register.trip(last + 1, vec![leg]);
        if at < CREDITED_A_DAY {
            trip
        } else {
            trip.ending(Outcome::Refused(Rule::DailyCount))
        }
    });
    Some(Delivery {
        trips: trips.collect(),
        batch: true,
    })
}

fn by_user<'a>(trips: impl Iterator<Item = &'a Trip>) -> BTreeMap<i64, Vec<&'a Trip>> {
    let mut users: BTreeMap<i64, Vec<&Trip>> = BTreeMap::new();
    for trip in trips.filter(|trip| trip.is_credited()) {
        users.entry(trip.user).or_default().push(trip);
    }
    users
}

/// Bikes tell of every ride, lines of some dozens at once.
fn requests(mut trips: Vec<Trip>) -> Vec<Delivery> {
    trips.sort_by(|one, other| (one.ended_s(), &one.trip_id).cmp(&(other.ended_s(), &other.trip_id)));
    let mut deliveries = Vec::new();
    let mut batches: BTreeMap<_, Vec<Trip>> = BTreeMap::new();
    for trip in trips {
        let Some(mode) = trip.legs.first().map(|leg| leg.mode) else {
            continue;
        };
        if !mode.is_sent_in_batches() {
            deliveries.push(Delivery::single(trip));
            continue;
        }
        let batch = batches.entry(mode).or_default();
        batch.push(trip);
        if batch.len() == BATCH {
            let trips = std::mem::take(batch);
            deliveries.push(Delivery { trips, batch: true });
        }
    }
    let left = batches.into_values().filter(|trips| !trips.is_empty());
    deliveries.extend(left.map(|trips| Delivery { trips, batch: true }));
    deliveries
}

fn afterwards(
    (chance, register): (&mut Chance, &mut Register),
    deliveries: &[Delivery],
    (users, times): (&[i64], Times),
    mistakes: u32,
) -> Vec<Delivery> {
    // A batch whose answer was lost on the way goes once more as a whole.
    let lost = deliveries.iter().find(|delivery| delivery.batch);
    let again = |delivery: &Delivery| Delivery {
        trips: delivery.trips.iter().map(Trip::again).collect(),
        batch: true,
    };
    let mut afterwards: Vec<Delivery> = lost.map(again).into_iter().collect();
    let stored: Vec<&Trip> = deliveries.iter().flat_map(|delivery| &delivery.trips).collect();
    let credited: Vec<&Trip> = stored.iter().filter(|trip| trip.is_credited()).copied().collect();
    // Overlaps count against rides of the morning, not against the courier's, whose day is full.
    let commuted: Vec<&Trip> = credited
        .iter()
        .filter(|trip| users.contains(&trip.user))
        .copied()
        .collect();
    for _ in 0..mistakes {
        let again = chance.one_of(&stored).map(|trip| trip.again());
        let changed = chance.one_of(&credited).map(|trip| mistakes::changed(trip));
        let met = chance.one_of(&commuted);
        let overlapping = met.and_then(|trip| mistakes::overlapping(register, trip));
        afterwards.extend(
            [again, changed, overlapping]
                .into_iter()
                .flatten()
                .map(Delivery::single),
        );
    }
    let user = some_user(chance, users);
    afterwards.push(mistakes::by_ferry(register, user, times));
    afterwards
}

fn some_user(chance: &mut Chance, users: &[i64]) -> i64 {
    chance.one_of(users).copied().unwrap_or(FIRST_USER)
}

#[cfg(test)]
mod tests;
