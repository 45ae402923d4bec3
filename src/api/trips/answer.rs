//! A stored trip as it is answered.

use super::super::reference::{Kind, reference};
use crate::ledger::ids::UserId;
use crate::ledger::trip::{ClaimSpan, LegRecord};
use crate::ledger::view::StoredTrip;
use crate::methodology::trip::{Distance, DistanceFrom};
use serde_json::{Value, json};

/// What names a trip to its caller; the record itself knows it only as a digest.
pub(in super::super) struct Named<'a> {
    /// The calling system.
    pub(in super::super) client: &'a str,
    /// The rider.
    pub(in super::super) user: UserId,
    /// The caller's order number, where it is known.
    pub(in super::super) trip_id: Option<&'a str>,
}

/// The trip at this instant: a claim lapses by the clock, whether or not anything was booked since.
pub(in super::super) fn trip(stored: &StoredTrip, named: &Named<'_>, now_ms: i64) -> Value {
    let record = &stored.record;
    let refusal = record
        .refusal
        .as_ref()
        .map(|refusal| json!({"rule": refusal.rule.as_str(), "detail": refusal.detail}));
    json!({
        "trip_id": named.trip_id,
        "client": named.client,
        "user_id": named.user.to_string(),
        "programme": record.programme,
        "day": record.day,
        "booked_at": instant(record.booked_ms),
        "outcome": if record.refusal.is_some() { "refused" } else { "credited" },
        "refusal": refusal,
        "programme_digest": record.programme_digest.to_string(),
        "quantified": record.quantified(),
        "capped": record.capped(),
        "amount": record.amount(),
        "claim": record.claim.map(|span| claim(span, stored.issued_by.is_some(), now_ms)),
        "transaction_id": stored.issued_by.map(|content_id| reference(Kind::Transaction, named.user.shard(), &content_id)),
        "legs": record.legs.iter().map(leg).collect::<Vec<_>>(),
    })
}

fn claim(span: ClaimSpan, collected: bool, now_ms: i64) -> Value {
    let lapsed = span.closes_at_ms.is_some_and(|closes_at_ms| now_ms >= closes_at_ms);
    let state = match (collected, lapsed) {
        (true, _) => "collected",
        (false, true) => "lapsed",
        (false, false) => "waiting",
    };
    json!({
        "state": state,
        "opens_at": instant(span.opens_at_ms),
        "closes_at": span.closes_at_ms.and_then(instant),
    })
}

fn leg(record: &LegRecord) -> Value {
    let mut document = json!({
        "mode": record.leg.mode,
        "started_at": instant(record.leg.started_s.saturating_mul(1_000)),
        "ended_at": instant(record.leg.ended_s.saturating_mul(1_000)),
        "quantified": record.quantified,
        "capped": record.capped,
        "unfloored": record.unfloored,
        "methodology": {
            "id": record.methodology.id,
            "version": record.methodology.version,
            "digest": record.methodology.digest.to_string(),
        },
    });
    put_distance(&mut document, record.leg.distance.as_ref());
    document
}

/// Adds to a leg how far it went and where that comes from.
pub(in super::super) fn put_distance(leg: &mut Value, distance: Option<&Distance>) {
    let Some(members) = leg.as_object_mut() else { return };
    members.insert("distance_m".to_owned(), json!(distance.map(|distance| distance.metres)));
    members.insert(
        "distance_from".to_owned(),
        json!(distance.map(|distance| origin(&distance.from))),
    );
    if let Some(DistanceFrom::Network { id, version, .. }) = distance.map(|distance| &distance.from) {
        members.insert("network".to_owned(), json!({"id": id, "version": version}));
    }
}

/// The word for where metres come from.
fn origin(from: &DistanceFrom) -> &'static str {
    match from {
        DistanceFrom::Given => "given",
        DistanceFrom::Coordinates => "coordinates",
        DistanceFrom::Network { .. } => "network",
    }
}

/// An instant in UTC with milliseconds; nothing outside the calendar.
pub(in super::super) fn instant(at_ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(at_ms)
        .ok()
        .map(|at| format!("{at:.3}"))
}
