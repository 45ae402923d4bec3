//! The plan can be repeated, is credible, and holds what it shall show.

use super::*;
use crate::demo::city::{Leg, Mode};
use crate::demo::wallets::Ask;
use crate::demo::{Outcome, Sums};
use crate::methodology::units::Amount;
use std::collections::BTreeSet;

/// 2026-11-20T04:00:00Z: noon in the city.
const NOON_MS: i64 = 1_795_147_200_000;

fn plan(riders: u32, seed: u64) -> Plan {
    Plan::of(Wish {
        riders,
        seed,
        started_ms: NOON_MS,
    })
}

fn sent(plan: &Plan) -> impl Iterator<Item = &Trip> {
    let deliveries = plan.deliveries.iter().chain(&plan.afterwards);
    deliveries.flat_map(|delivery| &delivery.trips)
}

#[test]
fn the_same_wish_gives_the_same_plan_and_another_one_another() {
    assert_eq!(plan(60, 7), plan(60, 7));
    assert_ne!(plan(60, 7), plan(60, 8));
    assert_ne!(plan(60, 7).deliveries, plan(61, 7).deliveries);
}

#[test]
fn a_morning_is_the_latest_that_is_over() {
    let day_of = |started_ms| {
        let wish = Wish {
            riders: 3,
            seed: 1,
            started_ms,
        };
        Plan::of(wish).day.to_string()
    };
    assert_eq!(day_of(NOON_MS), "2026-11-20");
    assert_eq!(day_of(NOON_MS - 1), "2026-11-19");
    assert_eq!(day_of(NOON_MS + 86_399_999), "2026-11-20");
}

/// The programme's limits, from the documentation of the interface: metres, seconds, and km/h by mode.
fn breaks_a_limit(leg: &Leg) -> bool {
    let most_kmh = match leg.mode {
        Mode::Metro => 120,
        Mode::Bus => 90,
        Mode::Bike | Mode::Ebike | Mode::Ferry => 45,
    };
    let seconds = leg.ended_s - leg.started_s;
    !(100..=150_000).contains(&leg.metres)
        || !(30..=21_600).contains(&seconds)
        || leg.metres * 18 > most_kmh * 5 * seconds
}

#[test]
fn credited_rides_keep_the_rules_and_end_before_noon() {
    for seed in 0..40 {
        let plan = plan(80, seed);
        let mut riders: BTreeMap<i64, Vec<&Leg>> = BTreeMap::new();
        for trip in sent(&plan).filter(|trip| trip.is_credited()) {
            assert!(!trip.legs.iter().any(breaks_a_limit), "{trip:?}");
            riders.entry(trip.user).or_default().extend(&trip.legs);
        }
        for legs in riders.values_mut() {
            legs.sort_by_key(|leg| leg.started_s);
            assert!(
                legs.windows(2).all(|pair| pair[0].ended_s < pair[1].started_s),
                "{legs:?}"
            );
            assert!(legs.iter().all(|leg| leg.ended_s < NOON_MS / 1_000), "{legs:?}");
            assert!(
                legs.iter().all(|leg| leg.started_s > NOON_MS / 1_000 - 6 * 3_600),
                "{legs:?}"
            );
        }
    }
}

#[test]
fn rides_are_as_fast_as_such_rides_are() {
    let credible = |mode| match mode {
        Mode::Metro => 15..=50,
        Mode::Bus => 8..=29,
        Mode::Bike => 11..=16,
        Mode::Ebike => 17..=23,
        Mode::Ferry => 0..=0,
    };
    for trip in sent(&plan(400, 3)).filter(|trip| trip.is_credited()) {
        for leg in &trip.legs {
            let kmh = leg.metres * 18 / 5 / (leg.ended_s - leg.started_s);
            assert!(credible(leg.mode).contains(&kmh), "{kmh} km/h: {leg:?}");
        }
    }
}

#[test]
fn most_leave_in_the_rush_hour() {
    let plan = plan(500, 1);
    let first_of: BTreeMap<i64, i64> = sent(&plan)
        .filter(|trip| trip.is_credited())
        .flat_map(|trip| trip.legs.iter().map(|leg| (trip.user, leg.started_s)))
        .fold(BTreeMap::new(), |mut first, (user, at_s)| {
            let known = first.entry(user).or_insert(at_s);
            *known = at_s.min(*known);
            first
        });
    let eight_s = NOON_MS / 1_000 - 4 * 3_600;
    let rush = first_of
        .values()
        .filter(|at_s| (**at_s - eight_s).abs() < 3_000)
        .count();
    assert!(rush * 3 > first_of.len() * 2, "{rush} of {}", first_of.len());
}

#[test]
fn every_mistake_is_in_every_morning_and_breaks_the_rule_it_names() {
    for (riders, seed) in [(10, 1), (20, 5), (200, 1)] {
        let plan = plan(riders, seed);
        let rules: BTreeSet<&str> = Sums::of(&plan).refused.into_keys().collect();
        let all = [
            "daily_count",
            "in_future",
            "overlap",
            "too_brief",
            "too_fast",
            "too_old",
            "too_short",
        ];
        assert_eq!(rules, BTreeSet::from(all), "{riders} riders");
        for trip in sent(&plan) {
            let leg = &trip.legs[0];
            let (seconds, age_s) = (leg.ended_s - leg.started_s, NOON_MS / 1_000 - leg.ended_s);
            let breaks = match trip.outcome {
                Outcome::Refused(Rule::TooOld) => age_s > 2_592_000,
                Outcome::Refused(Rule::InFuture) => age_s < -300,
                Outcome::Refused(Rule::TooShort) => leg.metres < 100,
                Outcome::Refused(Rule::TooBrief) => seconds < 30 && leg.metres >= 100,
                Outcome::Refused(Rule::TooFast) => breaks_a_limit(leg) && seconds >= 30,
                Outcome::Refused(Rule::Overlap) => {
                    sent(&plan).any(|met| met.is_credited() && met.user == trip.user && meet(&met.legs[0], leg))
                }
                Outcome::Refused(_) => !breaks_a_limit(leg),
                _ => true,
            };
            assert!(breaks, "{trip:?}");
        }
    }
}

fn meet(one: &Leg, other: &Leg) -> bool {
    one.started_s < other.ended_s && other.started_s < one.ended_s
}

#[test]
fn riders_spend_what_they_have_and_nothing_is_lost() {
    for seed in 0..20 {
        let plan = plan(120, seed);
        let sums = Sums::of(&plan);
        let purses = sums.purses.values();
        assert!(
            purses
                .clone()
                .all(|purse| purse.available >= Amount::ZERO && purse.waiting >= Amount::ZERO)
        );
        let held: i64 = purses
            .map(|purse| (purse.available, purse.waiting, purse.spent))
            .map(sum)
            .sum();
        assert_eq!(held, sums.quantified.micrograms());
        let keys: Vec<&String> = plan
            .wallets
            .iter()
            .flatten()
            .filter(|order| matches!(order.outcome, Outcome::Done(_)))
            .map(|order| &order.key)
            .collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }
}

fn sum((available, waiting, spent): (Amount, Amount, Amount)) -> i64 {
    available.micrograms() + waiting.micrograms() + spent.micrograms()
}

#[test]
fn the_first_rider_has_a_story() {
    for seed in 0..50 {
        let plan = plan(1, seed);
        let orders: Vec<&Order> = plan
            .wallets
            .iter()
            .flatten()
            .filter(|order| matches!(order.outcome, Outcome::Done(_)))
            .collect();
        let [one, rest, reward] = orders.as_slice() else {
            panic!("{orders:?}")
        };
        assert!(matches!(one.ask, Ask::CollectTrip(_)) && rest.ask == Ask::CollectAll);
        let larger = one.outcome.amount().max(rest.outcome.amount());
        assert!(reward.outcome.amount() > larger, "neither credit alone is enough");
    }
}
