//! Balances as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{count, list, need, nullable, object, page_of, refer, said, shaped, text};
use crate::api::keys::Right;
use serde_json::Value;

/// `GET /v1/users/{user_id}/balance`.
pub(in super::super) fn of_user() -> Operation {
    reading("readBalance", "What a rider has, by programme")
        .details("A rider without trips has zero everywhere.")
        .of_user()
        .commands()
        .answer(200, "The balance as it is now.", refer("Balance"))
}

/// `GET /v1/balances`.
pub(in super::super) fn of_users() -> Operation {
    let ids = shaped("^[0-9]+(,[0-9]+){0,99}$", "1000017,1000018");
    reading("readBalances", "What up to 100 riders have")
        .needed_query("ids", ids, "Riders, with commas between.")
        .commands()
        .answer(200, "The balances, in the order asked for.", refer("BalancePage"))
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Area::Credits, id, summary).needs(&[Right::CreditsRead])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let amount = |description| said(description, refer("Amount"));
    let expiring = object(
        "What expires within the programme's notice.",
        [need("amount", refer("Amount")), need("before", refer("Time"))],
    );
    let lifetime = object(
        "Sums since the account began.",
        [
            need("quantified", amount("What trips gave, before caps.")),
            need("capped", amount("What caps cut off.")),
            need("collected", amount("What was collected.")),
            need("issued", amount("What credits were issued.")),
            need("spent", amount("What left by redeeming, without change.")),
            need("retired", amount("What was retired.")),
            need("expired", amount("What was not spent in time.")),
            need("lapsed", amount("What was not collected in time.")),
        ],
    );
    let programme = object(
        "What a rider has in a programme.",
        [
            need("programme", text()),
            need("available", amount("May be spent now.")),
            need(
                "settling",
                amount("The part of it that is not yet confirmed on the chain."),
            ),
            need("held", amount("Set aside.")),
            need("waiting", amount("Not collected yet.")),
            need("expiring", nullable(expiring)),
            need("debt", amount("What a reversal took and the rider had spent.")),
            need("unspent_count", said("Credits that are unspent.", count())),
            need("lifetime", refer("Lifetime")),
        ],
    );
    let balance = object(
        "What a rider has.",
        [
            need("user_id", refer("UserId")),
            need("programmes", list(refer("ProgrammeBalance"))),
            need("position", refer("Position")),
        ],
    );
    vec![
        ("Lifetime", lifetime),
        ("ProgrammeBalance", programme),
        ("Balance", balance),
        ("BalancePage", page_of(refer("Balance"))),
    ]
}
