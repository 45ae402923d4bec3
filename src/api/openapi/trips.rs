//! Trips as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{
    Member, between, count, list, list_of, map, may, need, nullable, object, one_of, page_of, refer, said, short,
    statuses, strict, text, words,
};
use crate::api::keys::Right;
use crate::api::problem::Code;
use crate::methodology::rules::Rule;
use crate::methodology::trip::MOST_LEGS;
use serde_json::{Value, json};

/// What only trips can get wrong.
pub(super) const JUDGED: &[Code] = &[
    Code::UnknownProgramme,
    Code::UnknownMode,
    Code::UnknownNetwork,
    Code::UnknownStation,
    Code::NoRoute,
];

/// `POST /v1/trips`.
pub(in super::super) fn create() -> Operation {
    Operation::new(Area::Trips, "bookTrip", "Books a trip")
        .details(
            "A trip is (client, user, trip id). The same content again answers the first result; other content is \
             `trip_conflict`. A trip that a rule of the programme refuses is booked all the same, with `refusal`.",
        )
        .needs(&[Right::TripsWrite])
        .body(refer("NewTrip"), example())
        .commands()
        .answer(201, "Booked.", refer("Trip"))
        .header("Gateway-Position", true)
        .answer(200, "Booked before; nothing was changed.", refer("Trip"))
        .header("Gateway-Position", true)
        .header("Idempotent-Replayed", true)
        .codes(JUDGED)
        .codes(&[Code::TripConflict])
}

/// `POST /v1/trips/batch`.
pub(in super::super) fn batch() -> Operation {
    Operation::new(Area::Trips, "bookTrips", "Books up to 1,000 trips, each on its own")
        .details(
            "Answers come in the order sent. Trips wait for room two seconds at most; those counted as `busy`, with 503 or 429, \
             are to be sent again, and before later trips of the same rider.",
        )
        .needs(&[Right::TripsWrite])
        .body(refer("NewTrips"), json!({"trips": [example()]}))
        .answer(200, "What became of each.", refer("BookedTrips"))
        .header("Gateway-Position", false)
        .codes(&[Code::BatchTooLarge])
}

/// `GET /v1/users/{user_id}/trips`.
pub(in super::super) fn list_of_user() -> Operation {
    reading("listTrips", "The trips of a rider, latest activity day first")
        .details("A page may be short, or empty, and still have a next one: trips of other clients are passed over.")
        .of_user()
        .of_client()
        .pages("TripPage")
}

/// `GET /v1/users/{user_id}/trips/{trip_id}`.
pub(in super::super) fn read_one() -> Operation {
    reading("readTrip", "A trip")
        .of_trip()
        .of_client()
        .answer(200, "The trip as it is now.", refer("Trip"))
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Area::Trips, id, summary).needs(&[
        Right::TripsWrite,
        Right::CreditsRead,
        Right::ReportsRead,
        Right::Admin,
    ])
}

fn example() -> Value {
    json!({
        "programme": "demo",
        "trip_id": "T-0001",
        "user_id": "1000017",
        "legs": [{
            "mode": "metro",
            "started_at": "2026-11-20T07:58:11+08:00",
            "ended_at": "2026-11-20T08:24:40+08:00",
            "distance_m": 8550,
        }],
        "evidence": {"kind": "gate", "digest": "ab".repeat(32)},
    })
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = asked();
    schemas.extend(figures());
    schemas.extend(answered());
    schemas
}

fn asked() -> Vec<(&'static str, Value)> {
    let legs = list_of(1, MOST_LEGS, refer("NewLeg"));
    let station = strict("A station of the mode's network.", [need("station", short(128))]);
    let point = strict(
        "A point (WGS 84), in degrees.",
        [need("lat", short(64)), need("lon", short(64))],
    );
    let digest = said("SHA-256 of what the caller keeps.", refer("Digest"));
    let place = said(
        "Where a leg began or ended. Both of its ends are stations, or both are points.",
        one_of([station, point]),
    );
    vec![
        (
            "NewTrip",
            strict(
                "A trip to be booked.",
                [
                    need("programme", short(128)),
                    need("trip_id", refer("Name")),
                    need("user_id", refer("GivenUserId")),
                    need("legs", said("In order, not overlapping each other.", legs)),
                    may("evidence", refer("Evidence")),
                ],
            ),
        ),
        (
            "NewTrips",
            strict(
                "Trips to be booked.",
                [need("trips", list_of(0, 1_000, refer("NewTrip")))],
            ),
        ),
        ("NewLeg", leg_asked(need)),
        ("Place", place),
        (
            "Evidence",
            strict("What attests a trip.", [need("kind", short(64)), may("digest", digest)]),
        ),
    ]
}

/// A leg as it is sent; whether its times must be there is the caller's affair.
pub(super) fn leg_asked(times: fn(&'static str, Value) -> Member) -> Value {
    let mut replace = map(
        "Parameters of the methodology that this leg replaces: at most 20, such as `{\"occupancy\": \"2\"}`.",
        refer("GivenExact"),
    );
    replace["maxProperties"] = json!(20);
    let mut leg = strict(
        "A leg: how far it went is said in at most one way, by `distance_m` or by `from` and `to`.",
        [
            need("mode", said("One of the programme's words.", short(64))),
            times("started_at", refer("GivenTime")),
            times("ended_at", refer("GivenTime")),
            may("distance_m", said("Metres.", refer("Measure"))),
            may("from", refer("Place")),
            may("to", refer("Place")),
            may("energy_wh", said("Watt-hours.", refer("Measure"))),
            may(
                "events",
                said("Rides or steps, where the formula counts them.", refer("Measure")),
            ),
            may("region", said("Where the grid's factor is looked up.", short(64))),
            may("grid_year", said("The year of the grid's factor.", between(1, 9_999))),
            may("replace", replace),
        ],
    );
    leg["dependentRequired"] = json!({"from": ["to"], "to": ["from"]});
    leg["not"] = json!({"required": ["distance_m", "from"]});
    leg
}

fn figures() -> Vec<(&'static str, Value)> {
    let rules = words(Rule::ALL.map(Rule::as_str));
    vec![
        ("Outcome", words(["credited", "refused"])),
        (
            "Refusal",
            object(
                "Why a trip earns nothing.",
                [
                    need("rule", said("The first rule that refused it.", rules)),
                    need("detail", text()),
                ],
            ),
        ),
        (
            "NetworkRef",
            object(
                "The network that metres were found in.",
                [need("id", text()), need("version", text())],
            ),
        ),
    ]
}

/// What a trip says of itself, booked or not.
pub(super) fn trip_figures(leg: &str) -> [Member; 6] {
    [
        need("outcome", refer("Outcome")),
        need("refusal", nullable(refer("Refusal"))),
        need(
            "quantified",
            said("`amount` and `capped` together, exactly.", refer("Amount")),
        ),
        need("capped", said("What caps cut off.", refer("Amount"))),
        need("amount", said("What is left to claim.", refer("Amount"))),
        need("legs", list(refer(leg))),
    ]
}

/// What a leg says of itself, booked or not.
pub(super) fn leg_figures() -> [Member; 8] {
    let origin = words(["given", "network", "coordinates"]);
    [
        need("mode", text()),
        need("distance_m", said("Metres.", nullable(count()))),
        need("distance_from", said("Where the metres come from.", nullable(origin))),
        may("network", refer("NetworkRef")),
        need("quantified", said("Floored to the microgram, once.", refer("Amount"))),
        need("capped", refer("Amount")),
        need("unfloored", said("Before it was floored at zero.", refer("Exact"))),
        need("methodology", refer("MethodologyRef")),
    ]
}

fn answered() -> Vec<(&'static str, Value)> {
    let state = words(["waiting", "collected", "lapsed"]);
    let claim = object(
        "When what the trip earned may be collected.",
        [
            need("state", state),
            need("opens_at", refer("Time")),
            need("closes_at", said("Null without a window.", nullable(refer("Time")))),
        ],
    );
    let times = [need("started_at", refer("Time")), need("ended_at", refer("Time"))];
    let names = [
        need("trip_id", refer("Name")),
        need("client", said("The calling system.", refer("Name"))),
        need("user_id", refer("UserId")),
        need("programme", text()),
        need("programme_digest", refer("Digest")),
        need("day", said("The day the trip counts for.", refer("Day"))),
        need("booked_at", refer("Time")),
        need("claim", nullable(refer("TripClaim"))),
        need(
            "transaction_id",
            said("The issue that collected it.", nullable(refer("TransactionRef"))),
        ),
    ];
    // The two lists have nothing in common: by the status a generated client knows which of both it reads.
    let of_problems = statuses(Code::ALL.iter().map(|code| code.status()));
    let booked = [need("status", statuses([200, 201])), need("trip", refer("Trip"))];
    let failed = [need("status", of_problems), need("problem", refer("Problem"))];
    let summary = object(
        "How many became what.",
        [
            need("created", count()),
            need("replayed", count()),
            need("refused", said("Of those created.", count())),
            need("failed", count()),
            need("busy", said("Not taken: to be sent again.", count())),
        ],
    );
    vec![
        ("TripClaim", claim),
        (
            "TripLeg",
            object("A leg as it was booked.", times.into_iter().chain(leg_figures())),
        ),
        (
            "Trip",
            object("A booked trip.", names.into_iter().chain(trip_figures("TripLeg"))),
        ),
        ("TripPage", page_of(refer("Trip"))),
        ("BookedItem", object("A trip of a batch that is booked.", booked)),
        ("FailedItem", object("A trip of a batch that is not.", failed)),
        (
            "BookedTrips",
            object(
                "What became of a batch.",
                [
                    need("client", said("Whose key it was.", refer("Name"))),
                    need("results", list(one_of([refer("BookedItem"), refer("FailedItem")]))),
                    need("summary", summary),
                ],
            ),
        ),
    ]
}
