//! What goes wrong on the way: rides that a rule refuses, the same sent again, and what the gateway turns away.

use super::chance::Chance;
use super::city::{Leg, Mode, Way};
use super::outcome::Outcome;
use super::trips::{Delivery, Register, Trip};
use crate::methodology::rules::Rule;

const DAY_S: i64 = 86_400;
/// A file that lay about: older than the thirty days that the programme takes.
const FORGOTTEN_S: i64 = 40 * DAY_S;
/// A clock that is wrong: further ahead than five minutes.
const AHEAD_S: i64 = 2 * 3_600;

/// When mistakes happen.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// Midnight in the city, Unix seconds.
    pub(super) midnight_s: i64,
    /// When the plan was asked for, Unix seconds.
    pub(super) asked_s: i64,
}

/// Rides that a rule refuses whenever they come.
pub(super) fn refused(chance: &mut Chance, register: &mut Register, user: i64, times: Times) -> Vec<Trip> {
    let at_s = times.midnight_s + chance.between(39_600, 42_000);
    let start = |s| move |chance: &mut Chance, mode, metres, seconds| Way::new(chance, s).ride(mode, metres, seconds);
    let [now, forgotten, ahead] = [at_s, at_s - FORGOTTEN_S, times.asked_s + AHEAD_S];
    let metres = chance.between(9_000, 16_000);
    let rides: [(Rule, Leg); 5] = [
        (Rule::TooOld, start(forgotten)(chance, Mode::Bus, 4_200, 1_260)),
        (Rule::InFuture, start(ahead)(chance, Mode::Bike, 1_400, 360)),
        // Unlocked, pushed to the next rack.
        (Rule::TooShort, start(now)(chance, Mode::Bike, 60, 75)),
        (Rule::TooBrief, start(now)(chance, Mode::Bike, 110, 20)),
        // The gate in the middle of the line had yesterday's clock.
        (Rule::TooFast, start(now)(chance, Mode::Metro, metres, 180)),
    ];
    let trip = |(rule, leg)| register.trip(user, vec![leg]).ending(Outcome::Refused(rule));
    rides.into_iter().map(trip).collect()
}

/// A bike that was ridden by somebody else while its rider sat in a train; it counts only after the trip it meets.
pub(super) fn overlapping(register: &mut Register, met: &Trip) -> Option<Trip> {
    let leg = met.legs.first()?;
    let bike = Leg {
        mode: Mode::Ebike,
        started_s: leg.started_s + 20,
        ended_s: leg.started_s + 320,
        metres: 1_500,
    };
    let trip = register.trip(met.user, vec![bike]);
    Some(trip.ending(Outcome::Refused(Rule::Overlap)))
}

/// Trips that were stored, sent once more with other metres: a conflict.
pub(super) fn changed(stored: &Trip) -> Trip {
    let mut trip = stored.clone();
    for leg in &mut trip.legs {
        leg.metres += 500;
    }
    trip.ending(Outcome::Problem("trip_conflict"))
}

/// A way to travel that the programme does not know.
pub(super) fn by_ferry(register: &mut Register, user: i64, times: Times) -> Delivery {
    let leg = Leg {
        mode: Mode::Ferry,
        started_s: times.midnight_s + 30_000,
        ended_s: times.midnight_s + 31_200,
        metres: 3_800,
    };
    let trip = register.trip(user, vec![leg]);
    Delivery::single(trip.ending(Outcome::Problem("unknown_mode")))
}
