//! Judging a trip: all that needs neither the ledger's state nor a clock.

use std::time::Duration;

use super::{Binding, DayOf, Programme};
use crate::methodology::quantify::{LegFigure, Replacing, quantify_leg, total_mistake};
use crate::methodology::rules::{Refusal, Rule};
use crate::methodology::trip::{InputCode, InputError, Leg, MOST_LEGS, Trip};
use crate::methodology::units::Day;

/// What a programme says of a trip by itself. Overlap, daily count and caps come on top, when the trip is booked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assessment {
    /// The day the trip belongs to, in the programme's zone.
    pub day: Day,
    /// The first rule from `not_in_force` to `too_fast` that the trip breaks. The figures stand for themselves: a
    /// refused trip earns nothing whatever they say.
    pub refusal: Option<Refusal>,
    /// What each leg would earn, in their order.
    pub legs: Vec<LegFigure>,
    /// Index of the leg the trip counts under: the one of most metres, the first of equals.
    pub headline: usize,
}

impl Programme {
    /// The day a trip belongs to; nothing for instants outside the calendar.
    pub fn day_of(&self, trip: &Trip) -> Option<Day> {
        let instant_s = match self.day_rule() {
            DayOf::Start => trip.started_s(),
            DayOf::End => trip.ended_s(),
        };
        Day::of(instant_s, self.time_zone())
    }

    /// The rules on booked time: `too_old`, then `in_future`. A limit itself passes.
    pub fn judge_booked(&self, trip_ended_s: i64, booked_ms: i64) -> Option<Refusal> {
        // Both differences of 64-bit milliseconds fit 128 bits by far.
        let ended_ms = i128::from(trip_ended_s).saturating_mul(1000);
        let age_ms = i128::from(booked_ms).saturating_sub(ended_ms);
        let beyond = |past_ms: i128, limit_s: Option<u64>| {
            limit_s.filter(|limit_s| past_ms > i128::from(*limit_s).saturating_mul(1000))
        };
        if let Some(limit_s) = beyond(age_ms, self.max_age_s()) {
            let detail = format!("ended {} before it was booked, at most {limit_s} s", seconds(age_ms));
            return Some(Refusal {
                rule: Rule::TooOld,
                detail,
            });
        }
        let ahead_ms = age_ms.saturating_neg();
        beyond(ahead_ms, self.max_ahead_s()).map(|limit_s| {
            let detail = format!("ends {} after it was booked, at most {limit_s} s", seconds(ahead_ms));
            Refusal {
                rule: Rule::InFuture,
                detail,
            }
        })
    }

    /// Judges and quantifies a trip, or names everything that is wrong with its fields. Needs no ledger and no clock.
    pub fn assess(&self, trip: &Trip) -> Result<Assessment, Vec<InputError>> {
        let mut mistakes = shape_mistakes(&trip.legs);
        if self.requires_evidence() && !trip.has_evidence {
            mistakes.push(InputError::invalid("/evidence", "this programme asks for evidence"));
        }
        let mut bound = Vec::new();
        let mut figures = Vec::new();
        for (index, leg) in trip.legs.iter().take(MOST_LEGS).enumerate() {
            let place = format!("/legs/{index}");
            let Some(binding) = self.modes.get(&leg.mode) else {
                let detail = format!("programme {} binds no mode {:?}", self.id(), leg.mode);
                mistakes.push(InputError {
                    pointer: format!("{place}/mode"),
                    code: InputCode::UnknownMode,
                    detail,
                });
                continue;
            };
            match quantify_leg(&binding.methodology, &binding.word, leg, Replacing::Trip) {
                Ok(figure) => figures.push(figure),
                Err(of_leg) => mistakes.extend(of_leg.into_iter().map(|mistake| mistake.under(&place))),
            }
            bound.push((leg, binding));
        }
        let day = self.day_of(trip);
        if day.is_none() {
            mistakes.push(InputError::invalid("/legs", "the times are outside the calendar"));
        }
        if mistakes.is_empty() {
            mistakes.extend(total_mistake(&figures));
        }
        match day {
            Some(day) if mistakes.is_empty() => {
                let refusal = self.judge_legs(&bound, day);
                Ok(Assessment {
                    day,
                    refusal,
                    legs: figures,
                    headline: longest(&trip.legs),
                })
            }
            _ => Err(mistakes),
        }
    }

    /// The first broken rule from `not_in_force` to `too_fast`, each judged over all legs before the next.
    fn judge_legs(&self, legs: &[(&Leg, &Binding)], day: Day) -> Option<Refusal> {
        for (index, (leg, binding)) in legs.iter().enumerate() {
            if let Some(reason) = self.not_in_force(binding, day) {
                let detail = format!("leg {index}, {}: {reason}", leg.mode);
                return Some(Refusal {
                    rule: Rule::NotInForce,
                    detail,
                });
            }
        }
        for rule in Rule::ALL {
            for (index, (leg, binding)) in legs.iter().enumerate() {
                let metres = leg.distance.as_ref().map(|distance| distance.metres);
                // A leg's end is not before its start, see `shape_mistakes`.
                let seconds = leg.ended_s.abs_diff(leg.started_s);
                if let Some(reason) = binding.rules.breaks(rule, metres, seconds) {
                    return Some(Refusal {
                        rule,
                        detail: format!("leg {index}, {}: {reason}", leg.mode),
                    });
                }
            }
        }
        None
    }

    fn not_in_force(&self, binding: &Binding, day: Day) -> Option<String> {
        if !binding.admits(day) {
            return Some(format!("the programme does not count this mode on {day}"));
        }
        let methodology = &binding.methodology;
        if self.is_back_test() || methodology.in_force(day) {
            return None;
        }
        Some(format!(
            "{} {} is not in force on {day}",
            methodology.id(),
            methodology.version()
        ))
    }
}

/// What is wrong with the number and the times of the legs.
fn shape_mistakes(legs: &[Leg]) -> Vec<InputError> {
    let mut mistakes = Vec::new();
    if legs.is_empty() {
        mistakes.push(InputError::invalid("/legs", "a trip has at least one leg"));
    }
    if legs.len() > MOST_LEGS {
        mistakes.push(InputError::invalid(
            "/legs",
            format!("a trip has at most {MOST_LEGS} legs"),
        ));
    }
    let mut free_from_s = i64::MIN;
    for (index, leg) in legs.iter().take(MOST_LEGS).enumerate() {
        if leg.ended_s < leg.started_s {
            mistakes.push(InputError::invalid(
                format!("/legs/{index}/ended_at"),
                "the leg ends before it starts",
            ));
        }
        if leg.started_s < free_from_s {
            let detail = "the leg starts before the one in front of it ends";
            mistakes.push(InputError::invalid(format!("/legs/{index}/started_at"), detail));
        }
        free_from_s = free_from_s.max(leg.ended_s);
    }
    mistakes
}

/// Index of the leg of most metres, the first of equals.
fn longest(legs: &[Leg]) -> usize {
    let metres = |leg: &Leg| leg.distance.as_ref().map_or(0, |distance| distance.metres);
    let most = legs.iter().map(metres).max();
    legs.iter().position(|leg| Some(metres(leg)) == most).unwrap_or(0)
}

/// Milliseconds for a person, cut to whole seconds.
fn seconds(milliseconds: i128) -> String {
    let whole = u64::try_from(milliseconds.max(0)).map_or(u64::MAX, |ms| Duration::from_millis(ms).as_secs());
    format!("{whole} s")
}
