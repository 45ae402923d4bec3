//! What-ifs as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{list_of, may, need, object, one_of, refer, short, strict, text};
use super::trips::{JUDGED, leg_asked, leg_figures, trip_figures};
use crate::api::problem::Code;
use crate::methodology::trip::MOST_LEGS;
use serde_json::{Value, json};

/// `POST /v1/quantify`.
pub(in super::super) fn quantify() -> Operation {
    let methodology = json!({"id": "cn-sz-public-transport-2021", "version": "1.0.0"});
    let what_if = json!({"methodology": methodology, "legs": [{"mode": "metro", "distance_m": 8550}]});
    Operation::new(Area::Trips, "quantify", "What a trip would earn")
        .details(
            "Nothing is stored, so what depends on the rider's other trips or on the time of booking is not judged: \
             `too_old`, `in_future`, `overlap`, `daily_count` and the daily cap.",
        )
        .any_key()
        .body(
            one_of([refer("ProgrammeQuestion"), refer("MethodologyQuestion")]),
            what_if,
        )
        .answer(200, "The figures that a booked trip would bear.", refer("Quantified"))
        .codes(JUDGED)
        .codes(&[Code::Forbidden])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let legs = |leg: &str| list_of(1, MOST_LEGS, refer(leg));
    let set = strict("A parameter set.", [need("id", short(64)), need("version", short(64))]);
    vec![
        ("TimelessLeg", leg_asked(may)),
        (
            "ProgrammeQuestion",
            strict(
                "A trip without rider and id, by a programme.",
                [
                    need("programme", short(128)),
                    need("legs", legs("NewLeg")),
                    may("evidence", refer("Evidence")),
                ],
            ),
        ),
        (
            "MethodologyQuestion",
            strict(
                "Legs by a methodology alone; `replace` may name the operator's parameters too.",
                [need("methodology", set), need("legs", legs("TimelessLeg"))],
            ),
        ),
        ("QuantifiedLeg", object("A leg with its figures.", leg_figures())),
        (
            "Quantified",
            object(
                "Figures of a trip that was not booked.",
                [
                    may("programme", text()),
                    may("programme_digest", refer("Digest")),
                    may("day", refer("Day")),
                ]
                .into_iter()
                .chain(trip_figures("QuantifiedLeg")),
            ),
        ),
    ]
}
