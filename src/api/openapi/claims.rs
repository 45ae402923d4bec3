//! Claims as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{
    count, flag, list, may, need, nullable, object, one_of, only, page_of, refer, said, short, strict, text, words,
};
use crate::api::keys::Right;
use crate::api::problem::Code;
use crate::ledger::idempotency::Skip;
use serde_json::{Value, json};

/// Trips that a collection may name.
const MOST_NAMED: usize = 1_000;

/// `GET /v1/users/{user_id}/claims`.
pub(in super::super) fn list_of_user() -> Operation {
    Operation::new(
        Area::Credits,
        "listClaims",
        "What waits to be collected, in booked order",
    )
    .needs(&[Right::CreditsRead])
    .of_user()
    .commands()
    .pages("ClaimPage")
}

/// `POST /v1/users/{user_id}/claims/collect`.
pub(in super::super) fn collect() -> Operation {
    Operation::new(Area::Credits, "collectClaims", "Collects claims into credits")
        .details("At most 256 claims are taken at once, and `more` says whether any are left.")
        .needs(&[Right::CreditsSpend])
        .of_user()
        .order("collect-2026-11-20")
        .body(
            one_of([refer("CollectAll"), refer("CollectTrips")]),
            json!({"programme": "demo", "all": true}),
        )
        .answer(201, "Collected.", refer("Collected"))
        .header("Gateway-Position", true)
        .header("Idempotent-Replayed", false)
        .answer(200, "There was nothing to collect.", refer("Collected"))
        .header("Gateway-Position", true)
        .header("Idempotent-Replayed", false)
        .codes(&[Code::UnknownProgramme, Code::BatchTooLarge])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let programme = || need("programme", short(128));
    let named = strict(
        "A trip.",
        [need("client", refer("Name")), need("trip_id", refer("Name"))],
    );
    let mut trips = list(refer("TripName"));
    trips["maxItems"] = json!(MOST_NAMED);
    let skip = object(
        "A trip that was asked for and not collected.",
        [
            need("client", refer("Name")),
            need("trip_id", refer("Name")),
            need("reason", words(Skip::ALL.map(Skip::as_str))),
        ],
    );
    let claim = object(
        "What a trip earned and its rider may collect.",
        [
            need("trip_id", refer("Name")),
            need("client", said("The calling system.", refer("Name"))),
            need("programme", text()),
            need("mode", said("Of its longest leg.", text())),
            need("day", refer("Day")),
            need("amount", refer("Amount")),
            need("state", only("waiting")),
            need("opens_at", refer("Time")),
            need("closes_at", said("Null without a window.", nullable(refer("Time")))),
        ],
    );
    let collected = object(
        "What was collected.",
        [
            need(
                "transaction_id",
                said(
                    "The issue; null if there was nothing to collect.",
                    nullable(refer("TransactionRef")),
                ),
            ),
            need("credits", said("One for each lot.", list(refer("Credit")))),
            need("collected", said("Claims that were collected.", count())),
            need("amount", refer("Amount")),
            need("skipped", list(refer("Skip"))),
            need("more", said("Whether claims that could be collected are left.", flag())),
        ],
    );
    vec![
        ("TripName", named),
        (
            "CollectAll",
            strict("All that is open.", [programme(), need("all", only(true))]),
        ),
        (
            "CollectTrips",
            strict(
                "Some trips.",
                [programme(), need("trips", trips), may("all", only(false))],
            ),
        ),
        ("Skip", skip),
        ("Claim", claim),
        ("ClaimPage", page_of(refer("Claim"))),
        ("Collected", collected),
    ]
}
