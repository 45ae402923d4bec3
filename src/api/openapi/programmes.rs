//! Programmes and networks as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{Member, count, flag, like, list, need, nullable, object, page_of, refer, said, text, words};
use crate::api::problem::Code;
use serde_json::Value;

/// `GET /v1/programmes`.
pub(in super::super) fn list_all() -> Operation {
    Operation::new(Area::Methodology, "listProgrammes", "The active programmes")
        .details("A key that is limited to some sees only those.")
        .any_key()
        .pages("ProgrammePage")
}

/// `GET /v1/programmes/{id}`.
pub(in super::super) fn read() -> Operation {
    Operation::new(
        Area::Methodology,
        "readProgramme",
        "A programme with its modes, rules and caps",
    )
    .any_key()
    .path("id", like("demo"), "The programme.")
    .answer(200, "The programme as it is in force.", refer("Programme"))
    .codes(&[Code::Forbidden, Code::NotFound])
}

/// `GET /v1/networks/{id}/route`.
pub(in super::super) fn route() -> Operation {
    Operation::new(Area::Methodology, "findRoute", "How far it is between two stations")
        .details("Found as for a trip: the shortest way along the network.")
        .any_key()
        .path("id", like("town"), "The network.")
        .needed_query("from", like("a"), "A station's id.")
        .needed_query("to", like("b"), "A station's id.")
        .answer(200, "The way.", refer("Route"))
        .codes(&[Code::UnknownNetwork, Code::UnknownStation, Code::NoRoute])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let station = || object("A station.", [need("id", text()), need("name", nullable(text()))]);
    let route = [
        need("network", refer("NetworkRef")),
        need("from", station()),
        need("to", station()),
        need("metres", count()),
    ];
    vec![
        ("ProgrammeHead", object("A programme, in short.", programme_head())),
        ("ProgrammePage", page_of(refer("ProgrammeHead"))),
        ("ProgrammeMode", programme_mode()),
        (
            "Programme",
            object("A programme.", programme_head().into_iter().chain(terms())),
        ),
        ("Route", object("A way between two stations.", route)),
    ]
}

fn programme_head() -> [Member; 7] {
    [
        need("id", text()),
        need("digest", refer("Digest")),
        need("zone", said("Whose days trips count for.", text())),
        need(
            "day_of",
            said("Which end of a trip its day is.", words(["start", "end"])),
        ),
        need("collect", said("Who collects.", words(["rider", "automatic"]))),
        need("evidence", words(["required", "optional"])),
        need(
            "back_test",
            said("Whether methodologies count outside their own dates.", flag()),
        ),
    ]
}

fn programme_mode() -> Value {
    let network = [
        need("id", text()),
        need("version", said("Null if it is not loaded.", nullable(text()))),
        need("digest", nullable(refer("Digest"))),
    ];
    let limits = [
        "min_distance_m",
        "max_distance_m",
        "min_duration_s",
        "max_duration_s",
        "max_speed_kmh",
    ];
    let limits = limits.map(|limit| need(limit, nullable(count())));
    let mode = [
        need("mode", text()),
        need("as", said("The methodology's word for it.", text())),
        need("methodology", refer("MethodologyRef")),
        need("network", nullable(object("Where stations are looked up.", network))),
        need(
            "from",
            said("First day of trips it counts for.", nullable(refer("Day"))),
        ),
        need("to", said("Last day of trips it counts for.", nullable(refer("Day")))),
        need("rules", object("What a leg must keep; null is no limit.", limits)),
    ];
    object("A mode and what counts for it.", mode)
}

/// What a programme asks and grants.
fn terms() -> [Member; 4] {
    let rules = [
        need(
            "overlap",
            said("Whether rides of one rider may overlap.", nullable(words(["refuse"]))),
        ),
        need("max_age_s", nullable(count())),
        need("max_ahead_s", nullable(count())),
    ];
    let caps = [
        need("daily_count", nullable(count())),
        need("per_trip_amount", nullable(refer("Amount"))),
        need("daily_amount", nullable(refer("Amount"))),
    ];
    let claims = [
        need("delay_s", said("Seconds from booking until a claim opens.", count())),
        need(
            "window_s",
            said("Seconds that it stays open; null is for ever.", nullable(count())),
        ),
    ];
    [
        need("modes", list(refer("ProgrammeMode"))),
        need("rules", object("What a trip must keep.", rules)),
        need("caps", object("The most that counts; null is no cap.", caps)),
        need("claims", object("When claims may be collected.", claims)),
    ]
}
