//! `SubmitTrip`: first come, first counted. Rules in their order, caps, the record, the entries; then the view changes at once.

use super::account::{Account, Due, Figures, account_digest};
use super::book::{Booking, Effect, TripToBook};
use super::command::{Meta, NewAccount, Rejection, SubmitTrip, TripAnswer};
use super::due::settle;
use super::entry::{Entry, EntryKind, Figure, Posting};
use super::evidence::Evidence;
use super::ids::Hash;
use super::replay::replay;
use super::ridden::Others;
use super::trip::{ClaimSpan, LegRecord, MethodologyStamp, TripRecord, trip_digest};
use super::view::{AccountKey, StoredTrip, View};
use crate::methodology::programme::Collecting;
use crate::methodology::rules::{Refusal, Rule};
use crate::methodology::units::Amount;
use std::sync::Arc;

/// Books a trip, or answers the first booking again.
pub fn submit_trip(view: &mut View, command: &SubmitTrip) -> Result<TripAnswer, Rejection> {
    let key = (command.user, command.programme.id().to_owned());
    if let Some(stored) = view.stored.get(&(command.user, command.trip_key)) {
        return replay(view, stored, command);
    }
    settle(view, &key, &command.meta)?;
    let mut bookings = Vec::new();
    let opened;
    let account = if let Some(account) = view.accounts.get(&key) {
        account
    } else {
        let (account, opening) = open_account(&key, &command.fresh.account, &command.meta);
        bookings.push(opening);
        opened = account;
        &opened
    };
    let near = view.rides.get(&key).map_or(&[][..], Vec::as_slice);
    let others = Others::of(command, &account.figures.ridden, near).ok_or(Rejection::AmountOverflow)?;
    let refusal = judge(command, &others, view.booked_ms);
    let record = Arc::new(record_of(command, account, refusal, &others, view.booked_ms)?);
    let record_bytes = record.encode()?;
    let evidence = Evidence {
        client: command.meta.client.clone(),
        trip_id: command.trip_id.clone(),
        proof: command.proof.clone(),
        places: command.places.clone(),
    };
    let evidence: Arc<[u8]> = evidence
        .seal(&account.data_key, command.fresh.nonce, &command.trip_key)?
        .into();
    bookings.push(Booking {
        account: Some(key),
        entry: trip_entry(command, &record, trip_digest(&record_bytes, &evidence))?,
        effect: Effect::Trip(Box::new(TripToBook {
            user: command.user,
            record: Arc::clone(&record),
            record_bytes,
            evidence: Arc::clone(&evidence),
            automatic: command.programme.collect() == Collecting::Automatic,
        })),
    });
    let seq = view.book(bookings)?;
    let trip = StoredTrip {
        seq,
        record,
        evidence,
        issued_by: None,
    };
    Ok(TripAnswer { trip, replayed: false })
}

/// A new account and the entry that opens it.
pub(super) fn open_account(key: &AccountKey, new: &NewAccount, meta: &Meta) -> (Account, Booking) {
    let account = Account {
        user: key.0,
        programme: key.1.clone(),
        address: new.address,
        data_key: new.data_key.clone(),
        wrapped_key: new.wrapped_key.clone(),
        figures: Figures::default(),
        unspent_count: 0,
        due: Due::default(),
        unloaded: Due::default(),
    };
    let entry = Entry {
        kind: EntryKind::AccountOpened,
        address: account.address,
        actor: meta.client.to_string(),
        request_id: meta.request_id.clone(),
        reference: None,
        programme: account.programme.clone(),
        lot: None,
        amount: Amount::ZERO,
        postings: Vec::new(),
        digest: account_digest(account.user, &account.programme, &account.address, &account.data_key),
    };
    let opening = Booking {
        account: Some(key.clone()),
        entry,
        effect: Effect::Open(Box::new(account.clone())),
    };
    (account, opening)
}

fn judge(command: &SubmitTrip, others: &Others, booked_ms: i64) -> Option<Refusal> {
    let programme = &command.programme;
    programme
        .judge_booked(command.trip.ended_s(), booked_ms)
        .or_else(|| command.assessment.refusal.clone())
        .or_else(|| {
            let ride = others.overlapping.filter(|_| programme.refuses_overlap())?;
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
            let detail = format!(
                "the rider already has {} credited trips on {}, of {limit}",
                others.count, command.assessment.day
            );
            (others.count >= limit).then_some(Refusal {
                rule: Rule::DailyCount,
                detail,
            })
        })
}

fn record_of(
    command: &SubmitTrip,
    account: &Account,
    refusal: Option<Refusal>,
    others: &Others,
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
    cut(&mut legs, command, others)?;
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
fn cut(legs: &mut [LegRecord], command: &SubmitTrip, others: &Others) -> Result<(), Rejection> {
    let overflow = Rejection::AmountOverflow;
    let quantified = legs
        .iter()
        .try_fold(Amount::ZERO, |sum, leg| sum.checked_add(leg.quantified))
        .ok_or(overflow.clone())?;
    let caps = command.programme.caps();
    let mut amount = quantified.min(caps.per_trip_amount.unwrap_or(quantified));
    if let Some(daily) = caps.daily_amount {
        let left = daily.checked_sub(others.amount).ok_or(overflow.clone())?;
        amount = amount.min(left.max(Amount::ZERO));
    }
    let mut excess = quantified.checked_sub(amount).ok_or(overflow.clone())?;
    for leg in legs.iter_mut().rev() {
        leg.capped = leg.quantified.min(excess);
        excess = excess.checked_sub(leg.capped).ok_or(overflow.clone())?;
    }
    Ok(())
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

fn trip_entry(command: &SubmitTrip, record: &TripRecord, digest: Hash) -> Result<Entry, Rejection> {
    Ok(Entry {
        kind: EntryKind::TripBooked,
        address: record.address,
        actor: command.meta.client.to_string(),
        request_id: command.meta.request_id.clone(),
        reference: Some(record.trip_key),
        programme: record.programme.clone(),
        lot: None,
        amount: record.amount().ok_or(Rejection::AmountOverflow)?,
        postings: postings_of(record),
        digest,
    })
}

/// The booked figures of a trip: it counts once, under its headline leg; amounts count per leg.
pub fn postings_of(record: &TripRecord) -> Vec<Posting> {
    let posting = |leg: &LegRecord, figure, amount| Posting {
        figure,
        day: record.day,
        mode: leg.leg.mode.clone(),
        methodology: leg.methodology.name(),
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
