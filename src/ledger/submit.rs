//! `SubmitTrip`: first come, first counted. Rules in their order, caps, the record, the entries; then the view changes at once.

use super::account::{Account, Figures, account_digest};
use super::command::{Rejection, SubmitTrip, TripAnswer};
use super::encode::CodecError;
use super::entry::{Entry, EntryKind, Figure, Posting};
use super::evidence::{Evidence, SealError};
use super::ids::Hash;
use super::replay::replay;
use super::totals::{Totals, fold_entry};
use super::trip::{ClaimSpan, LegRecord, MethodologyStamp, TripRecord, trip_digest};
use super::view::{NewTrip, Ride, StoredTrip, View};
use crate::methodology::rules::{Refusal, Rule};
use crate::methodology::units::{Amount, Day};
use std::sync::Arc;

/// Books a trip, or answers the first booking again.
pub fn submit_trip(view: &mut View, command: &SubmitTrip) -> Result<TripAnswer, Rejection> {
    let account_key = (command.user, command.programme.id().to_owned());
    if let Some(stored) = view.stored.get(&(command.user, command.trip_key)) {
        return replay(view, stored, command);
    }
    let (account, opening) = if let Some(account) = view.accounts.get(&account_key) {
        (account.clone(), None)
    } else {
        let account = open_account(command);
        let entry = opening_entry(&account, command);
        (account, Some(entry))
    };
    let rides = view.rides.get(&account_key).map_or(&[][..], Vec::as_slice);
    let refusal = judge(command, rides, view.booked_ms);
    let record = Arc::new(record_of(command, &account, refusal, rides, view.booked_ms)?);
    let record_bytes = record.encode()?;
    let evidence = Evidence {
        client: command.meta.client.clone(),
        trip_id: command.trip_id.clone(),
        proof: command.proof.clone(),
        places: command.places.clone(),
    };
    let evidence = evidence.seal(&account.data_key, command.fresh.nonce, &command.trip_key)?;
    let entry = trip_entry(command, &record, trip_digest(&record_bytes, &evidence))?;

    // Everything that can fail has been tried before the first change.
    let totals = fold_entry(|key| view.total(key), view.booked_day, &entry).ok_or(Rejection::AmountOverflow)?;
    let figures = account
        .figures
        .after(&entry, credited_duration_s(&record))
        .ok_or(Rejection::AmountOverflow)?;
    if let Some(opening) = opening {
        view.record(opening, Totals::new());
    }
    let seq = view.record(entry, totals);
    view.put_account(Account { figures, ..account });
    if record.refusal.is_none() {
        let amount = record.amount().ok_or(Rejection::AmountOverflow)?;
        let ride = Ride {
            day: record.day,
            started_s: record.started_s,
            ended_s: record.ended_s,
            amount,
        };
        view.rides.entry(account_key).or_default().push(ride);
    }
    let stored = StoredTrip {
        seq,
        record: Arc::clone(&record),
        evidence,
    };
    view.stored.insert((command.user, command.trip_key), stored.clone());
    view.changes.trips.push(NewTrip {
        user: command.user,
        stored,
        record_bytes,
    });
    Ok(TripAnswer {
        record,
        seq,
        replayed: false,
    })
}

/// Seconds that a credited trip adds to the fold of the longest; a refused one adds none.
pub fn credited_duration_s(record: &TripRecord) -> i64 {
    if record.refusal.is_some() {
        0
    } else {
        record.ended_s.saturating_sub(record.started_s)
    }
}

fn judge(command: &SubmitTrip, rides: &[Ride], booked_ms: i64) -> Option<Refusal> {
    let (programme, trip) = (&command.programme, &command.trip);
    programme
        .judge_booked(trip.ended_s(), booked_ms)
        .or_else(|| command.assessment.refusal.clone())
        .or_else(|| {
            let meets = |ride: &&Ride| ride.started_s < trip.ended_s() && trip.started_s() < ride.ended_s;
            let ride = rides.iter().find(meets).filter(|_| programme.refuses_overlap())?;
            let detail = format!(
                "overlaps a credited trip from {} to {} (Unix seconds)",
                ride.started_s, ride.ended_s
            );
            Some(Refusal {
                rule: Rule::Overlap,
                detail,
            })
        })
        .or_else(|| {
            let limit = programme.caps().daily_count?;
            let count = rides.iter().filter(|ride| ride.day == command.assessment.day).count();
            let reached = u64::try_from(count).is_ok_and(|count| count >= limit);
            let detail = format!(
                "the rider already has {count} credited trips on {}, of {limit}",
                command.assessment.day
            );
            reached.then_some(Refusal {
                rule: Rule::DailyCount,
                detail,
            })
        })
}

fn record_of(
    command: &SubmitTrip,
    account: &Account,
    refusal: Option<Refusal>,
    rides: &[Ride],
    booked_ms: i64,
) -> Result<TripRecord, Rejection> {
    let assessment = &command.assessment;
    let mut legs: Vec<LegRecord> = std::iter::zip(&command.trip.legs, &assessment.legs)
        .map(|(leg, figure)| LegRecord {
            leg: leg.clone(),
            methodology: MethodologyStamp {
                id: figure.methodology.id.clone(),
                version: figure.methodology.version.clone(),
                digest: Hash::new(figure.methodology.digest),
                gas: figure.methodology.gas,
            },
            quantified: if refusal.is_some() {
                Amount::ZERO
            } else {
                figure.quantified
            },
            capped: Amount::ZERO,
            unfloored: if refusal.is_some() {
                "0".to_owned()
            } else {
                figure.unfloored.to_string()
            },
        })
        .collect();
    cut(&mut legs, command, rides)?;
    let mut record = TripRecord {
        trip_key: command.trip_key,
        address: account.address,
        programme: command.programme.id().to_owned(),
        programme_digest: Hash::new(command.programme.digest()),
        day: assessment.day,
        started_s: command.trip.started_s(),
        ended_s: command.trip.ended_s(),
        booked_ms,
        refusal,
        claim: None,
        headline: u8::try_from(assessment.headline).map_err(|_| Rejection::TooLong)?,
        legs,
    };
    if record.amount().ok_or(Rejection::AmountOverflow)? > Amount::ZERO {
        record.claim = Some(claim_span(command, booked_ms).ok_or(Rejection::AmountOverflow)?);
    }
    Ok(record)
}

/// Caps: first the trip's, then what the day's has left; the cut takes from the last leg backwards.
fn cut(legs: &mut [LegRecord], command: &SubmitTrip, rides: &[Ride]) -> Result<(), Rejection> {
    let overflow = Rejection::AmountOverflow;
    let quantified = legs
        .iter()
        .try_fold(Amount::ZERO, |sum, leg| sum.checked_add(leg.quantified))
        .ok_or(overflow.clone())?;
    let caps = command.programme.caps();
    let mut amount = quantified.min(caps.per_trip_amount.unwrap_or(quantified));
    if let Some(daily) = caps.daily_amount {
        amount = amount.min(left_of(daily, command.assessment.day, rides).ok_or(overflow.clone())?);
    }
    let mut excess = quantified.checked_sub(amount).ok_or(overflow.clone())?;
    for leg in legs.iter_mut().rev() {
        leg.capped = leg.quantified.min(excess);
        excess = excess.checked_sub(leg.capped).ok_or(overflow.clone())?;
    }
    Ok(())
}

fn left_of(daily: Amount, day: Day, rides: &[Ride]) -> Option<Amount> {
    let of_the_day = rides.iter().filter(|ride| ride.day == day);
    let used = of_the_day
        .map(|ride| ride.amount)
        .try_fold(Amount::ZERO, Amount::checked_add)?;
    Some(daily.checked_sub(used)?.max(Amount::ZERO))
}

fn claim_span(command: &SubmitTrip, booked_ms: i64) -> Option<ClaimSpan> {
    let claims = command.programme.claims();
    let after = |seconds: u64| i64::try_from(seconds).ok()?.checked_mul(1000)?.checked_add(booked_ms);
    Some(ClaimSpan {
        opens_at_ms: after(claims.delay_s)?,
        closes_at_ms: match claims.window_s {
            None => None,
            Some(window_s) => Some(after(claims.delay_s.checked_add(window_s)?)?),
        },
    })
}

fn open_account(command: &SubmitTrip) -> Account {
    Account {
        user: command.user,
        programme: command.programme.id().to_owned(),
        address: command.fresh.address,
        data_key: command.fresh.data_key.clone(),
        wrapped_key: command.fresh.wrapped_key.clone(),
        figures: Figures::default(),
    }
}

fn opening_entry(account: &Account, command: &SubmitTrip) -> Entry {
    Entry {
        kind: EntryKind::AccountOpened,
        address: account.address,
        actor: command.meta.client.to_string(),
        request_id: command.meta.request_id.clone(),
        reference: None,
        programme: account.programme.clone(),
        amount: Amount::ZERO,
        day: Day::from_epoch_days(0),
        postings: Vec::new(),
        digest: account_digest(account.user, &account.programme, &account.address, &account.data_key),
    }
}

fn trip_entry(command: &SubmitTrip, record: &TripRecord, digest: Hash) -> Result<Entry, Rejection> {
    Ok(Entry {
        kind: EntryKind::TripBooked,
        address: record.address,
        actor: command.meta.client.to_string(),
        request_id: command.meta.request_id.clone(),
        reference: Some(record.trip_key),
        programme: record.programme.clone(),
        amount: record.amount().ok_or(Rejection::AmountOverflow)?,
        day: record.day,
        postings: postings_of(record),
        digest,
    })
}

/// The booked figures of a trip: it counts once, under its headline leg; amounts count per leg.
pub fn postings_of(record: &TripRecord) -> Vec<Posting> {
    let posting = |leg: &LegRecord, figure, amount| Posting {
        figure,
        mode: leg.leg.mode.clone(),
        methodology: format!("{}@{}", leg.methodology.id, leg.methodology.version),
        gas: leg.methodology.gas,
        count: 1,
        amount,
    };
    let mut postings = Vec::new();
    if let Some(headline) = record.headline_leg() {
        postings.push(posting(headline, Figure::Trip, Amount::ZERO));
        if record.refusal.is_some() {
            postings.push(posting(headline, Figure::Refused, Amount::ZERO));
            return postings;
        }
    }
    for leg in &record.legs {
        postings.push(posting(leg, Figure::Quantified, leg.quantified));
        if leg.capped > Amount::ZERO {
            postings.push(posting(leg, Figure::Capped, leg.capped));
        }
    }
    postings
}

impl From<CodecError> for Rejection {
    fn from(_: CodecError) -> Self {
        Self::TooLong
    }
}

impl From<SealError> for Rejection {
    fn from(_: SealError) -> Self {
        Self::TooLong
    }
}
