//! Traces as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{Member, between, flag, list, need, nullable, object, refer, said, shaped, words};
use crate::api::keys::Right;
use crate::ledger::transaction::Kind;
use crate::reports::trace::Bounds;
use serde_json::{Value, json};

/// `GET /v1/credits/{credit_id}/trace`.
pub(in super::super) fn back() -> Operation {
    reading("traceCredit", "From a credit back to the trips that gave its grams")
        .details(
            "A source's `amount` is all that its trip gave in this lot; credits of a lot are alike, so sources add up to at \
             least the credit. Trips of other clients are `null`.",
        )
        .of_credit()
        .of_client()
        .commands()
        .answer(200, "A part of the trace.", refer("CreditTrace"))
}

/// `GET /v1/users/{user_id}/trips/{trip_id}/trace`.
pub(in super::super) fn forth() -> Operation {
    reading("traceTrip", "From a trip to the credits that descend from it")
        .of_trip()
        .of_client()
        .commands()
        .answer(200, "A part of the trace.", refer("TripTrace"))
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    let most = u64::try_from(Bounds::ANSWER.transactions).unwrap_or(u64::MAX);
    let mut limit = between(1, most);
    limit["default"] = json!(most);
    let cursor = said("What `next` of the part before said.", refer("TraceCursor"));
    Operation::new(Area::Credits, id, summary)
        .needs(&[Right::CreditsRead])
        .query("limit", limit, "Most transactions of a part.")
        .query("cursor", cursor, "Where the part begins.")
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let kind = words(["trip", "opening"]);
    let source = object(
        "What gave grams to an issue.",
        [
            need("kind", said("`opening`: brought over from another system.", kind)),
            need(
                "trip",
                said(
                    "Null if it is another client's, or an opening.",
                    nullable(refer("Trip")),
                ),
            ),
            need("amount", said("All that it gave to the issue.", refer("Amount"))),
            need("transaction_id", said("The issue.", refer("TransactionRef"))),
        ],
    );
    let ended_by = said(
        "What consumed it; null while it is unspent.",
        nullable(words(Kind::ALL.map(Kind::as_str))),
    );
    let descendant = object(
        "A credit that descends from a trip.",
        [need("credit", refer("Credit")), need("ended_by", ended_by)],
    );
    let credit = [
        need("credit", refer("Credit")),
        need("sources", list(refer("TraceSource"))),
    ];
    let trip = [
        need("trip", refer("Trip")),
        need("credits", list(refer("Descendant"))),
        need("position", said("The instant of the whole trace.", refer("Position"))),
    ];
    let cursor = shaped("^[A-Za-z0-9._-]+$", "b1.0a-4711");
    vec![
        ("TraceCursor", said("A place in a trace, as `next` said.", cursor)),
        ("TraceSource", source),
        ("Descendant", descendant),
        (
            "CreditTrace",
            object("Where a credit comes from.", credit.into_iter().chain(part())),
        ),
        (
            "TripTrace",
            object("What became of a trip's grams.", trip.into_iter().chain(part())),
        ),
    ]
}

/// What every part of a trace has.
fn part() -> [Member; 3] {
    let next = said(
        "What `cursor` takes for the next part; null at the end.",
        nullable(refer("TraceCursor")),
    );
    [
        need(
            "via",
            said("Transactions that were come upon.", list(refer("Transaction"))),
        ),
        need("complete", said("Whether nothing is left to tell.", flag())),
        need("next", next),
    ]
}
