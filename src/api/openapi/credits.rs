//! Credits and transactions as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{
    count, list, may, need, nullable, object, page_of, refer, said, shaped, short, strict, text, words,
};
use crate::api::keys::Right;
use crate::api::problem::Code;
use crate::ledger::select::Choice;
use crate::ledger::transaction::Kind;
use serde_json::{Value, json};

/// What a credit may be in.
const STATES: [&str; 3] = ["unspent", "held", "spent"];
/// What a transaction may be in, on its way to the chain.
const STATUSES: [&str; 7] = [
    "stored",
    "waiting_for_parents",
    "submitted",
    "confirmed",
    "refused",
    "blocked",
    "dead",
];

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
        .path(
            "credit_id",
            reference("cr"),
            "Its reference; the bare hash will do, and costs a look in each shard.",
        )
        .commands()
        .answer(200, "The credit as it is now.", refer("Credit"))
        .codes(&[Code::InvalidField, Code::NotFound])
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

/// `GET /v1/transactions/{id}`.
pub(in super::super) fn transaction() -> Operation {
    Operation::new(
        Area::Credits,
        "readTransaction",
        "A transaction, and how far it is on its way to the chain",
    )
    .needs(&[Right::CreditsRead, Right::ReportsRead])
    .path(
        "id",
        reference("tx"),
        "Its reference; the bare hash will do, and costs a look in each shard.",
    )
    .answer(200, "The transaction as it is now.", refer("Transaction"))
    .codes(&[Code::InvalidField, Code::NotFound])
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Area::Credits, id, summary).needs(&[Right::CreditsRead])
}

/// A reference of that kind as a path takes it.
fn reference(kind: &str) -> Value {
    let pattern = format!("^({kind}_[0-2][0-9]_)?[0-9a-f]{{64}}$");
    shaped(&pattern, &format!("{kind}_07_{}", "5d".repeat(32)))
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = credit_schemas();
    schemas.extend(transaction_schemas());
    schemas
}

fn credit_schemas() -> Vec<(&'static str, Value)> {
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

fn transaction_schemas() -> Vec<(&'static str, Value)> {
    let attempt = object(
        "A try to put it on the chain.",
        [
            need("chain_tx_id", text()),
            need("at", refer("Time")),
            need("outcome", nullable(text())),
        ],
    );
    let receipt = object(
        "Where it stands on the chain.",
        [
            need("kind", said("Which chain.", text())),
            need("tx_id", text()),
            need("height", count()),
            need("block_at", refer("Time")),
        ],
    );
    let kinds = words(Kind::ALL.map(Kind::as_str));
    let transaction = object(
        "What happened to credits.",
        [
            need("transaction_id", refer("TransactionRef")),
            need("kind", kinds),
            need(
                "user_id",
                said("Null for a shard's own account.", nullable(refer("UserId"))),
            ),
            need("programme", text()),
            need("amount", refer("Amount")),
            need("inputs", list(refer("CreditRef"))),
            need("outputs", list(refer("Credit"))),
            need(
                "reference",
                said("The caller's own name for it; empty if none.", text()),
            ),
            need("created_at", refer("Time")),
            need("status", words(STATUSES)),
            need("attempts", list(refer("Attempt"))),
            need("chain", nullable(refer("Receipt"))),
            need("next_attempt_at", nullable(refer("Time"))),
            need("reason", said("Why the chain refused it.", nullable(text()))),
        ],
    );
    vec![("Attempt", attempt), ("Receipt", receipt), ("Transaction", transaction)]
}
