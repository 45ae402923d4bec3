//! A stored trip as it is answered.

use super::super::reference::{Kind, reference};
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::trip::{ClaimSpan, LegRecord, MethodologyStamp};
use crate::ledger::view::StoredTrip;
use crate::methodology::rules::Refusal;
use crate::methodology::trip::{Distance, DistanceFrom};
use crate::methodology::units::{Amount, Day};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt::Display;

/// What names a trip to its caller; the record itself knows it only as a digest.
pub(in super::super) struct Named<'a> {
    /// The calling system.
    pub(in super::super) client: &'a str,
    /// The rider.
    pub(in super::super) user: UserId,
    /// The caller's order number, where it is known.
    pub(in super::super) trip_id: Option<&'a str>,
}

/// A trip's document. It is written as it stands, with no tree in between: of a batch there are a thousand.
#[derive(Serialize)]
pub(in super::super) struct Document<'a> {
    trip_id: Option<&'a str>,
    client: &'a str,
    #[serde(serialize_with = "as_text")]
    user_id: UserId,
    programme: &'a str,
    day: Day,
    booked_at: Option<String>,
    outcome: &'static str,
    refusal: Option<ByRule<'a>>,
    #[serde(serialize_with = "as_text")]
    programme_digest: Hash,
    quantified: Option<Amount>,
    capped: Option<Amount>,
    amount: Option<Amount>,
    claim: Option<Claim>,
    transaction_id: Option<String>,
    legs: Vec<Leg<'a>>,
}

#[derive(Serialize)]
struct ByRule<'a> {
    rule: &'static str,
    detail: &'a str,
}

#[derive(Serialize)]
struct Claim {
    state: &'static str,
    opens_at: Option<String>,
    closes_at: Option<String>,
}

#[derive(Serialize)]
struct Leg<'a> {
    mode: &'a str,
    started_at: Option<String>,
    ended_at: Option<String>,
    #[serde(flatten)]
    way: Way<'a>,
    quantified: Amount,
    capped: Amount,
    unfloored: &'a str,
    methodology: Stamp<'a>,
}

/// How far a leg went and where that comes from.
#[derive(Serialize)]
struct Way<'a> {
    distance_m: Option<u64>,
    distance_from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network<'a>>,
}

#[derive(Serialize)]
struct Network<'a> {
    id: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Stamp<'a> {
    id: &'a str,
    version: &'a str,
    #[serde(serialize_with = "as_text")]
    digest: Hash,
}

/// The trip at this instant: a claim lapses by the clock, whether or not anything was booked since.
pub(in super::super) fn trip<'a>(stored: &'a StoredTrip, named: &Named<'a>, now_ms: i64) -> Document<'a> {
    let record = &stored.record;
    let reference = |content_id| reference(Kind::Transaction, named.user.shard(), &content_id);
    Document {
        trip_id: named.trip_id,
        client: named.client,
        user_id: named.user,
        programme: &record.programme,
        day: record.day,
        booked_at: instant(record.booked_ms),
        outcome: if record.refusal.is_some() {
            "refused"
        } else {
            "credited"
        },
        refusal: record.refusal.as_ref().map(by_rule),
        programme_digest: record.programme_digest,
        quantified: record.quantified(),
        capped: record.capped(),
        amount: record.amount(),
        claim: record.claim.map(|span| claim(span, stored.issued_by.is_some(), now_ms)),
        transaction_id: stored.issued_by.map(reference),
        legs: record.legs.iter().map(leg).collect(),
    }
}

fn by_rule(refusal: &Refusal) -> ByRule<'_> {
    ByRule {
        rule: refusal.rule.as_str(),
        detail: &refusal.detail,
    }
}

fn claim(span: ClaimSpan, collected: bool, now_ms: i64) -> Claim {
    let lapsed = span.closes_at_ms.is_some_and(|closes_at_ms| now_ms >= closes_at_ms);
    Claim {
        state: match (collected, lapsed) {
            (true, _) => "collected",
            (false, true) => "lapsed",
            (false, false) => "waiting",
        },
        opens_at: instant(span.opens_at_ms),
        closes_at: span.closes_at_ms.and_then(instant),
    }
}

fn leg(record: &LegRecord) -> Leg<'_> {
    let MethodologyStamp {
        id, version, digest, ..
    } = &record.methodology;
    Leg {
        mode: &record.leg.mode,
        started_at: instant(record.leg.started_s.saturating_mul(1_000)),
        ended_at: instant(record.leg.ended_s.saturating_mul(1_000)),
        way: way(record.leg.distance.as_ref()),
        quantified: record.quantified,
        capped: record.capped,
        unfloored: &record.unfloored,
        methodology: Stamp {
            id,
            version,
            digest: *digest,
        },
    }
}

fn way(distance: Option<&Distance>) -> Way<'_> {
    let from = distance.map(|distance| &distance.from);
    Way {
        distance_m: distance.map(|distance| distance.metres),
        distance_from: from.map(|from| match from {
            DistanceFrom::Given => "given",
            DistanceFrom::Coordinates => "coordinates",
            DistanceFrom::Network { .. } => "network",
        }),
        network: from.and_then(|from| match from {
            DistanceFrom::Network { id, version, .. } => Some(Network { id, version }),
            DistanceFrom::Given | DistanceFrom::Coordinates => None,
        }),
    }
}

/// Adds to a leg how far it went and where that comes from.
pub(in super::super) fn put_distance(leg: &mut Value, distance: Option<&Distance>) {
    if let (Some(members), Value::Object(more)) = (leg.as_object_mut(), json!(way(distance))) {
        members.extend(more);
    }
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// An instant in UTC with milliseconds; nothing outside the calendar.
pub(in super::super) fn instant(at_ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(at_ms)
        .ok()
        .map(|at| format!("{at:.3}"))
}
