//! The naive model: how a trip is judged, first come, first counted.

use super::lists::{Fate, Model, Said, Trip};
use super::orders::Sent;
use super::{Caps, TERMS};

/// What became of a trip: a rule's word, or the capped micrograms of each leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refused(&'static str),
    Credited(Vec<i64>),
}

impl Model {
    pub(super) fn submit(&mut self, sent: &Sent, number: u32) -> Said {
        let same_name = |trip: &&Trip| (trip.sent.user, trip.sent.id) == (sent.user, sent.id);
        if let Some(stored) = self.trips.iter().find(same_name) {
            return if stored.sent == *sent {
                Said::Trip(stored.verdict.clone(), true)
            } else {
                Said::Rejected("conflict".to_owned())
            };
        }
        self.touch((sent.user, sent.programme));
        self.open((sent.user, sent.programme), number);
        let verdict = match &TERMS[sent.programme].caps {
            Some(caps) => self.judge(sent, caps),
            None => Verdict::Credited(vec![0; sent.legs.len()]),
        };
        let mut trip = Trip {
            sent: sent.clone(),
            verdict: verdict.clone(),
            booked_ms: self.now_ms,
            fate: Fate::Nothing,
        };
        if trip.amount() > 0 {
            trip.fate = Fate::Waiting;
        }
        self.trips.push(trip);
        Said::Trip(verdict, false)
    }

    fn judge(&self, sent: &Sent, caps: &Caps) -> Verdict {
        let too_fast =
            |(_, seconds, metres): &(usize, i64, u64)| i128::from(*metres) * 18 > 120 * 5 * i128::from(*seconds);
        if sent.legs.iter().any(too_fast) {
            return Verdict::Refused("too_fast");
        }
        let mine = |trip: &&Trip| (trip.sent.user, trip.sent.programme) == (sent.user, sent.programme);
        let credited: Vec<&Trip> = self
            .trips
            .iter()
            .filter(mine)
            .filter(|trip| matches!(trip.verdict, Verdict::Credited(_)))
            .collect();
        let meets = |trip: &&Trip| trip.sent.start_s < sent.end_s() && sent.start_s < trip.sent.end_s();
        if credited.iter().any(meets) {
            return Verdict::Refused("overlap");
        }
        let of_the_day = credited.iter().filter(|trip| trip.sent.day() == sent.day());
        if of_the_day.clone().count() >= caps.daily_count {
            return Verdict::Refused("daily_count");
        }
        let used: i64 = of_the_day.map(|trip| trip.amount()).sum();
        let quantified = sent.quantified();
        let total: i64 = quantified.iter().sum();
        let mut excess = total - total.min(caps.per_trip_ug).min(caps.daily_ug - used);
        let mut cut: Vec<i64> = quantified
            .iter()
            .rev()
            .map(|leg| {
                let taken = excess.min(*leg);
                excess -= taken;
                taken
            })
            .collect();
        cut.reverse();
        Verdict::Credited(cut)
    }
}
