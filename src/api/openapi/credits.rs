//! Credits as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{count, list, may, need, nullable, object, page_of, refer, said, short, strict, text, words};
use crate::api::keys::Right;
use crate::api::problem::Code;
use crate::ledger::select::Choice;
use serde_json::{Value, json};

/// What a credit may be in.
const STATES: [&str; 3] = ["unspent", "held", "spent"];
/// `GET /v1/users/{user_id}/credits`.
pub(in super::super) fn list_of_user() -> Operation {
    reading("listCredits", "The credits of a rider, oldest first")
        .of_user()
        .query("state", words(STATES), "Only those in this state.")
        .commands()
        .pages("CreditPage")
}

/// `GET /v1/credits/{credit_id}`.
pub(in super::super) fn read() -> Operation {
    reading("readCredit", "A credit")
        .of_credit()
        .commands()
        .answer(200, "The credit as it is now.", refer("Credit"))
}

/// `POST /v1/redemptions`.
pub(in super::super) fn redeem() -> Operation {
    Operation::new(Area::Credits, "redeem", "Spends a rider's credits")
        .details("Whole credits are consumed; the rest comes back as `change`. Too little is `insufficient`, with what is `missing`.")
        .needs(&[Right::CreditsSpend])
        .order("order-881")
        .body(
            refer("NewRedemption"),
            json!({"user_id": "1000017", "programme": "demo", "amount": "100", "reference": "order-881"}),
        )
        .answer(201, "Spent.", refer("Redemption"))
        .header("Gateway-Position", true)
        .header("Idempotent-Replayed", false)
        .codes(&[Code::UnknownProgramme, Code::Insufficient])
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Area::Credits, id, summary).needs(&[Right::CreditsRead])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let credit = object(
        "An amount with an owner, consumed as a whole.",
        [
            need("credit_id", refer("CreditRef")),
            need(
                "user_id",
                said("Null for what was taken in payment.", nullable(refer("UserId"))),
            ),
            need("programme", text()),
            need("amount", refer("Amount")),
            need("state", words(STATES)),
            need("gas", refer("Gas")),
            need("vintage", said("Year of the trips.", count())),
            need("expires_at", said("Null: never.", nullable(refer("Time")))),
            need("created_by", refer("TransactionRef")),
            need("output", said("Which output of it.", count())),
            need("spent_by", nullable(refer("TransactionRef"))),
            need("on_chain", words(["waiting", "confirmed", "blocked"])),
        ],
    );
    let order = strict(
        "An order to spend.",
        [
            need("user_id", refer("GivenUserId")),
            need("programme", short(128)),
            need("amount", refer("GivenAmount")),
            may("reference", said("The caller's own name for it.", refer("Name"))),
        ],
    );
    let redemption = object(
        "What was spent.",
        [
            need("redemption_id", refer("RedemptionRef")),
            need("transaction_id", refer("TransactionRef")),
            need("user_id", refer("UserId")),
            need("programme", text()),
            need("amount", refer("Amount")),
            need(
                "reference",
                said("The caller's own name for it; empty if none.", text()),
            ),
            need("inputs", said("Credits that were consumed.", list(refer("CreditRef")))),
            need("change", nullable(refer("Credit"))),
            need(
                "choice",
                said("How the credits were chosen.", words(Choice::ALL.map(Choice::as_str))),
            ),
        ],
    );
    vec![
        ("Credit", credit),
        ("CreditPage", page_of(refer("Credit"))),
        ("NewRedemption", order),
        ("Redemption", redemption),
    ]
}
