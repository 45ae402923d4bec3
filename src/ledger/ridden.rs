//! What an account remembers of its trips, and what the others mean for one that is submitted.
//!
//! Trips come in order as a rule, and then what is remembered tells all that overlap, daily count and daily cap ask for. Only for a trip that
//! comes late the rides near it have to be known.

use super::command::SubmitTrip;
use super::trip::TripRecord;
use super::view::Ride;
use crate::methodology::units::{Amount, Day};

/// Folds over the trips of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ridden {
    /// Duration of the longest credited trip, seconds: bounds how far an overlapping ride may lie.
    pub longest_trip_s: i64,
    /// The latest end of a trip, credited or not, Unix seconds.
    pub last_end_s: Option<i64>,
    /// The last activity day with a credited trip.
    pub last_day: Option<Day>,
    /// Credited trips of that day.
    pub last_day_count: i64,
    /// What they earned.
    pub last_day_amount: Amount,
}

impl Ridden {
    /// With one trip more, in whatever order they come; `None` if a figure would leave its range.
    pub fn after(self, record: &TripRecord) -> Option<Self> {
        let mut ridden = self;
        ridden.last_end_s = self.last_end_s.max(Some(record.ended_s));
        if record.refusal.is_some() {
            return Some(ridden);
        }
        let duration_s = record.ended_s.saturating_sub(record.started_s);
        ridden.longest_trip_s = self.longest_trip_s.max(duration_s);
        if self.last_day < Some(record.day) {
            ridden.last_day = Some(record.day);
            ridden.last_day_count = 1;
            ridden.last_day_amount = record.amount()?;
        } else if self.last_day == Some(record.day) {
            ridden.last_day_count = self.last_day_count.checked_add(1)?;
            ridden.last_day_amount = self.last_day_amount.checked_add(record.amount()?)?;
        }
        Some(ridden)
    }

    /// Whether a trip comes after all others: it begins when each has ended, on no earlier day. None of them does, should it be sent again.
    pub fn precedes(&self, started_s: i64, day: Day) -> bool {
        self.last_end_s < Some(started_s) && self.last_day <= Some(day)
    }

    /// How many credited trips a day has that is the last or a later one, and what they earned.
    fn of_the_day(&self, day: Day) -> (i64, Amount) {
        if self.last_day == Some(day) {
            (self.last_day_count, self.last_day_amount)
        } else {
            (0, Amount::ZERO)
        }
    }

    /// As late as it may be once a trip has been booked, whatever the rules say of it: only what [`precedes`](Self::precedes) looks at.
    #[must_use]
    pub fn at_latest(self, ended_s: i64, day: Day) -> Self {
        Self {
            last_end_s: self.last_end_s.max(Some(ended_s)),
            last_day: self.last_day.max(Some(day)),
            ..self
        }
    }
}

/// What a rider's other credited trips mean for one that is submitted.
pub(super) struct Others {
    /// One that overlaps it.
    pub(super) overlapping: Option<Ride>,
    /// How many lie on its day.
    pub(super) count: u64,
    /// What those earned.
    pub(super) amount: Amount,
}

impl Others {
    /// From what the account remembers, or from the rides near the trip if it comes late; `None` if their sum leaves its range.
    pub(super) fn of(trip: &SubmitTrip, ridden: &Ridden, near: &[Ride]) -> Option<Self> {
        let day = trip.assessment.day;
        if ridden.precedes(trip.trip.started_s(), day) {
            let (count, amount) = ridden.of_the_day(day);
            return Some(Self {
                overlapping: None,
                count: u64::try_from(count).ok()?,
                amount,
            });
        }
        let meets = |ride: &&Ride| ride.started_s < trip.trip.ended_s() && trip.trip.started_s() < ride.ended_s;
        let of_the_day = || near.iter().filter(|ride| ride.day == day);
        Some(Self {
            overlapping: near.iter().find(meets).copied(),
            count: u64::try_from(of_the_day().count()).ok()?,
            amount: of_the_day()
                .map(|ride| ride.amount)
                .try_fold(Amount::ZERO, Amount::checked_add)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ids::Hash;
    use crate::ledger::trip::{LegRecord, MethodologyStamp};
    use crate::methodology::Gas;
    use crate::methodology::rules::{Refusal, Rule};
    use crate::methodology::trip::Leg;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A trip of one leg: its day, when it began and how long it took, what it earned, whether it was credited.
    fn record((day, started_s, lasted_s, micrograms, credited): (i32, i64, i64, i64, bool)) -> TripRecord {
        let ended_s = started_s.saturating_add(lasted_s);
        let leg = Leg {
            mode: "metro".to_owned(),
            started_s,
            ended_s,
            distance: None,
            energy_wh: None,
            events: None,
            region: None,
            grid_year: None,
            replace: BTreeMap::new(),
        };
        let methodology = MethodologyStamp {
            id: "m".to_owned(),
            version: "1.0.0".to_owned(),
            digest: Hash::new([1; 32]),
            gas: Gas::Co2,
        };
        let refusal = Refusal {
            rule: Rule::Overlap,
            detail: String::new(),
        };
        TripRecord {
            trip_key: Hash::new([2; 32]),
            address: Hash::new([3; 32]),
            programme: "p".to_owned(),
            programme_digest: Hash::new([4; 32]),
            day: Day::from_epoch_days(day),
            started_s,
            ended_s,
            booked_ms: 0,
            refusal: (!credited).then_some(refusal),
            claim: None,
            headline: 0,
            legs: vec![LegRecord {
                leg,
                methodology,
                quantified: Amount::from_micrograms(micrograms),
                capped: Amount::ZERO,
                unfloored: "0".to_owned(),
            }],
        }
    }

    fn after(trips: &[TripRecord]) -> Ridden {
        let all = trips.iter().try_fold(Ridden::default(), Ridden::after);
        all.unwrap()
    }

    proptest! {
        /// In whatever order trips are booked, the account remembers the same of them; and whatever it takes for in order overlaps none of
        /// them, is none of them, and has on its day just what the account says.
        #[test]
        fn what_is_remembered_is_what_there_is(
            drawn in prop::collection::vec((0..4, 0..50_i64, 0..9_i64, 0..100_i64, prop::bool::weighted(0.7)), 0..12),
            (started_s, day) in (0..70_i64, 0..6),
        ) {
            let trips: Vec<TripRecord> = drawn.into_iter().map(record).collect();
            let ridden = after(&trips);
            let backwards: Vec<TripRecord> = trips.iter().rev().cloned().collect();
            prop_assert_eq!(ridden, after(&backwards));
            prop_assert!(trips.iter().all(|trip| !ridden.precedes(trip.started_s, trip.day)), "sent again");
            let day = Day::from_epoch_days(day);
            if ridden.precedes(started_s, day) {
                prop_assert!(trips.iter().all(|trip| trip.ended_s < started_s));
                let of_the_day = trips.iter().filter(|trip| trip.day == day && trip.refusal.is_none());
                let earned: Vec<i64> = of_the_day.map(|trip| trip.amount().unwrap().micrograms()).collect();
                let there = (i64::try_from(earned.len()).unwrap(), Amount::from_micrograms(earned.iter().sum()));
                prop_assert_eq!(ridden.of_the_day(day), there);
            }
        }
    }

    #[test]
    fn a_trip_is_late_from_the_last_end_on_and_on_an_earlier_day() {
        let ridden = after(&[record((7, 100, 20, 5, true)), record((9, 90, 40, 5, false))]);
        let day = Day::from_epoch_days;
        assert!(!ridden.precedes(130, day(9)), "it may be the same, of no duration");
        assert!(ridden.precedes(131, day(7)));
        assert!(!ridden.precedes(131, day(6)));
        assert!(Ridden::default().precedes(i64::MIN, day(0)));
        let supposed = Ridden::default().at_latest(130, day(7));
        assert!(!supposed.precedes(130, day(7)) && !supposed.precedes(131, day(6)) && supposed.precedes(131, day(7)));
    }
}
