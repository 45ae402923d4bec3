//! A trip row against its entry: every column, the record, the sealed evidence.

use super::accounts::Held;
use super::booked::Booked;
use super::findings::{Findings, RECORDS};
use crate::ledger::entry::Entry;
use crate::ledger::evidence::Evidence;
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::trip_key;
use crate::ledger::submit::postings_of;
use crate::ledger::trip::{TripRecord, trip_digest};
use crate::methodology::units::Amount;
use crate::store::audit::TripRow;

/// Checks a row and answers its record and what its evidence says; no record if it cannot be read.
pub(super) fn check(
    booked: &Booked<'_>,
    (row, secret): (&TripRow, Option<&SourceSecret>),
    (account, findings): (&Held, &mut Findings),
) -> Option<(TripRecord, Option<Evidence>)> {
    let Booked { at_ms, entry, .. } = *booked;
    let mut wrong = |what: String| booked.wrong(RECORDS, "trip", what, findings);
    if trip_digest(&row.record, &row.evidence) != entry.digest {
        wrong("record and evidence differ from the digest of their entry".to_owned());
    }
    let record = TripRecord::decode(&row.record)
        .map_err(|error| wrong(format!("the record cannot be read: {error}")))
        .ok()?;
    if record.encode().ok().as_ref() != Some(&row.record) {
        wrong("the record is not in its canonical form".to_owned());
    }
    let differing = columns(row, (&record, secret), account)
        .into_iter()
        .chain(inside(&record))
        .chain(said(entry, &record, at_ms));
    let names: Vec<&str> = differing.filter(|(_, same)| !same).map(|(name, _)| name).collect();
    if !names.is_empty() {
        wrong(format!("differing: {}", names.join(", ")));
    }
    let Some(key) = &account.data_key else {
        return Some((record, None));
    };
    let evidence = Evidence::open(&row.evidence, key, &record.trip_key)
        .map_err(|error| wrong(format!("the evidence cannot be opened: {error}")))
        .ok();
    if let Some(evidence) = &evidence {
        if trip_key(&evidence.client, account.user, &evidence.trip_id) != record.trip_key {
            wrong("the trip key is not that of client, user and trip id".to_owned());
        }
        if evidence.client.as_str() != entry.actor || evidence.places.len() != record.legs.len() {
            wrong("the evidence is of another client or of other legs".to_owned());
        }
    }
    Some((record, evidence))
}

/// Columns that repeat the record or the account.
fn columns(
    row: &TripRow,
    (record, secret): (&TripRecord, Option<&SourceSecret>),
    account: &Held,
) -> [(&'static str, bool); 8] {
    [
        ("user_id", row.user_id == account.user.value()),
        (
            "source_key",
            secret.is_none_or(|secret| row.source_key == secret.source_key(&record.trip_key).as_bytes()),
        ),
        (
            "programme",
            row.programme == record.programme && row.programme == account.programme,
        ),
        ("activity_day", row.activity_day == i64::from(record.day.epoch_days())),
        ("started_s", row.started_s == record.started_s),
        ("ended_s", row.ended_s == record.ended_s),
        ("outcome", row.outcome == record.outcome()),
        (
            "amount_ug",
            Some(row.amount_ug) == record.amount().map(Amount::micrograms),
        ),
    ]
}

/// What the record says twice.
fn inside(record: &TripRecord) -> [(&'static str, bool); 4] {
    let started_s = record.legs.iter().map(|leg| leg.leg.started_s).min();
    let ended_s = record.legs.iter().map(|leg| leg.leg.ended_s).max();
    let nothing = record.quantified() == Some(Amount::ZERO) && record.capped() == Some(Amount::ZERO);
    let earned = record.amount().is_some_and(|amount| amount > Amount::ZERO);
    [
        (
            "the record's times and its legs'",
            started_s == Some(record.started_s) && ended_s == Some(record.ended_s),
        ),
        ("the record's headline and its legs", record.headline_leg().is_some()),
        ("the refusal and the figures", record.refusal.is_none() || nothing),
        ("the claim and the amount", record.claim.is_some() == earned),
    ]
}

/// What the entry says of the record.
fn said(entry: &Entry, record: &TripRecord, at_ms: i64) -> [(&'static str, bool); 7] {
    [
        ("the entry's address", entry.address == record.address),
        ("the entry's reference", entry.reference == Some(record.trip_key)),
        ("the entry's programme", entry.programme == record.programme),
        ("the entry's amount", Some(entry.amount) == record.amount()),
        ("the entry's lot", entry.lot.is_none()),
        ("the entry's postings", entry.postings == postings_of(record)),
        ("the page's booked time", at_ms == record.booked_ms),
    ]
}
