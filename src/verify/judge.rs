//! The verdict again, from the record alone: overlap, daily count, caps and claim window in booked order, and with
//! `--recompute` everything that the programme and its methodologies say of the trip. Written apart from the ledger's own
//! booking, so that a mistake there does not confirm itself here.

use super::Setting;
use super::findings::{Findings, RECORDS, at};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::trip::TripRecord;
use crate::methodology::programme::Programme;
use crate::methodology::rules::Rule;
use crate::methodology::trip::Trip;
use crate::methodology::units::{Amount, Day};
use std::collections::BTreeMap;

/// The credited rides of one account so far.
#[derive(Default)]
pub(super) struct Rides {
    /// (start, ordinal) → end; the ordinal keeps rides of one start apart.
    spans: BTreeMap<(i64, usize), i64>,
    longest_s: i64,
    days: BTreeMap<Day, (u64, Option<Amount>)>,
}

impl Rides {
    fn meets(&self, started_s: i64, ended_s: i64) -> bool {
        let earliest_s = started_s.saturating_sub(self.longest_s);
        // A record that ends before it starts is wrong elsewhere; here it would be no range.
        earliest_s <= ended_s
            && self
                .spans
                .range((earliest_s, 0)..(ended_s, 0))
                .any(|(_, end)| started_s < *end)
    }

    fn add(&mut self, record: &TripRecord) {
        self.spans.insert((record.started_s, self.spans.len()), record.ended_s);
        self.longest_s = self.longest_s.max(record.ended_s.saturating_sub(record.started_s));
        let (count, sum) = self.days.entry(record.day).or_insert((0, Some(Amount::ZERO)));
        *count = count.saturating_add(1);
        *sum = sum.and_then(|sum| sum.checked_add(record.amount()?));
    }
}

/// Judges a trip again behind the rides booked before it, then counts it among them.
pub(super) fn check(
    setting: &Setting<'_>,
    (shard, seq): (ShardId, i64),
    (record, proved): (&TripRecord, bool),
    rides: &mut Rides,
    findings: &mut Findings,
) {
    let mut wrong = |what: String| findings.add(RECORDS, at(shard, "trip", format!("seq {seq}")), what);
    match setting.programmes.get(&record.programme_digest) {
        Some(programme) => {
            let mut differing = booked_again(programme, record, rides);
            if setting.options.recompute {
                differing.extend(quantified_again(programme, record, proved));
            }
            if !differing.is_empty() {
                wrong(format!("judged again, differing: {}", differing.join(", ")));
            }
        }
        None if setting.options.recompute => {
            wrong(format!(
                "the programme {} with the digest {} is not at hand",
                record.programme, record.programme_digest
            ));
        }
        None => findings.remark(
            RECORDS,
            "trips of programmes that are not at hand: caps and rules not judged again",
        ),
    }
    if record.refusal.is_none() {
        rides.add(record);
    }
}

/// What booking adds to the trip: the rules that need time or ledger, caps, the claim.
fn booked_again(programme: &Programme, record: &TripRecord, rides: &Rides) -> Vec<String> {
    let mut differing = Vec::new();
    let stored = record.refusal.as_ref().map(|refusal| refusal.rule);
    let by_itself = stored.filter(|rule| (Rule::NotInForce..=Rule::TooFast).contains(rule));
    let by_time = programme.judge_booked(record.ended_s, record.booked_ms);
    let booked_today = rides.days.get(&record.day).map_or(0, |(count, _)| *count);
    let due = if let Some(refusal) = &by_time {
        if record.refusal.as_ref() != Some(refusal) {
            differing.push("the words of the refusal".to_owned());
        }
        Some(refusal.rule)
    } else if by_itself.is_some() {
        by_itself // only `quantified_again` can tell
    } else if programme.refuses_overlap() && rides.meets(record.started_s, record.ended_s) {
        Some(Rule::Overlap)
    } else {
        programme
            .caps()
            .daily_count
            .filter(|limit| booked_today >= *limit)
            .map(|_| Rule::DailyCount)
    };
    let word = |rule: Option<Rule>| rule.map_or("credited", Rule::as_str);
    if due != stored {
        differing.push(format!(
            "the outcome is {}, by the rules it is {}",
            word(stored),
            word(due)
        ));
    }
    if programme.id() != record.programme {
        differing.push("the programme's name".to_owned());
    }
    let capped: Vec<Option<Amount>> = record.legs.iter().map(|leg| Some(leg.capped)).collect();
    if capped != cut(programme, record, rides) {
        differing.push("what caps took of its legs".to_owned());
    }
    let after = |seconds: u64| {
        i64::try_from(seconds)
            .ok()?
            .checked_mul(1000)?
            .checked_add(record.booked_ms)
    };
    let claims = programme.claims();
    let closes = claims
        .window_s
        .map(|window_s| after(claims.delay_s.saturating_add(window_s)));
    if let Some(claim) = record.claim
        && (after(claims.delay_s) != Some(claim.opens_at_ms) || closes != claim.closes_at_ms.map(Some))
    {
        differing.push("the window of its claim".to_owned());
    }
    differing
}

/// What caps take of each leg: what the trip may not earn, from the last leg backwards.
fn cut(programme: &Programme, record: &TripRecord, rides: &Rides) -> Vec<Option<Amount>> {
    let caps = programme.caps();
    let left = caps.daily_amount.map(|daily| {
        let (_, used) = rides.days.get(&record.day).copied().unwrap_or((0, Some(Amount::ZERO)));
        used.and_then(|used| daily.checked_sub(used))
            .map(|left| left.max(Amount::ZERO))
    });
    let limits = [caps.per_trip_amount, left.flatten()];
    let allowed = record
        .quantified()
        .map(|all| limits.into_iter().flatten().fold(all, Amount::min));
    // Legs in order keep what is allowed until it is used up; the rest of each is cut.
    let mut remaining = allowed;
    let kept = record.legs.iter().map(|leg| {
        let kept = remaining.map(|remaining| remaining.min(leg.quantified))?;
        remaining = remaining.and_then(|remaining| remaining.checked_sub(kept));
        leg.quantified.checked_sub(kept)
    });
    kept.collect()
}

/// What the trip earns by itself, from its legs and the programme alone.
fn quantified_again(programme: &Programme, record: &TripRecord, proved: bool) -> Vec<String> {
    let trip = Trip {
        legs: record.legs.iter().map(|leg| leg.leg.clone()).collect(),
        has_evidence: proved,
    };
    let assessment = match programme.assess(&trip) {
        Ok(assessment) => assessment,
        Err(mistakes) => return mistakes.iter().map(ToString::to_string).collect(),
    };
    let mut differing = Vec::new();
    if assessment.day != record.day {
        differing.push("the day".to_owned());
    }
    if assessment.headline != usize::from(record.headline) {
        differing.push("the headline leg".to_owned());
    }
    let stored = record.refusal.as_ref();
    let by_time = stored.is_some_and(|refusal| refusal.rule < Rule::NotInForce);
    let by_ledger = stored.is_some_and(|refusal| refusal.rule > Rule::TooFast);
    let due = assessment.refusal.as_ref();
    if !by_time && due != stored.filter(|_| !by_ledger) {
        differing.push("the refusal".to_owned());
    }
    for (index, (leg, figure)) in std::iter::zip(&record.legs, &assessment.legs).enumerate() {
        let (stamp, reference) = (&leg.methodology, &figure.methodology);
        let same_set = stamp.id == reference.id && stamp.version == reference.version && stamp.gas == reference.gas;
        if !same_set || stamp.digest != Hash::new(reference.digest) {
            differing.push(format!("the methodology of leg {index}"));
        }
        let (quantified, unfloored) = match stored {
            Some(_) => (Amount::ZERO, "0".to_owned()),
            None => (figure.quantified, figure.unfloored.to_string()),
        };
        if (leg.quantified, &leg.unfloored) != (quantified, &unfloored) {
            differing.push(format!("the figures of leg {index}"));
        }
    }
    differing
}
