//! Transactions and their way to the chain as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{count, list, need, nullable, object, page_of, refer, said, text, words};
use crate::api::keys::Right;
use crate::api::problem::Code;
use crate::ledger::settle::EnvelopeStatus;
use crate::ledger::transaction::Kind;
use serde_json::Value;

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

/// `GET /v1/transactions/{id}`.
pub(in super::super) fn read() -> Operation {
    reading(
        "readTransaction",
        "A transaction, and how far it is on its way to the chain",
    )
    .of_transaction()
    .answer(200, "The transaction as it is now.", refer("Transaction"))
}

/// `GET /v1/transactions`.
pub(in super::super) fn list_all() -> Operation {
    reading(
        "listTransactions",
        "Transactions of all riders, by how far they have come",
    )
    .details(
        "Shard by shard: those of one status in the order in which they are due, all of them as they were booked. \
             A page may be short, or empty, and still have a next one.",
    )
    .query("status", words(STATUSES), "Only those in this status.")
    .pages("TransactionPage")
}

/// `POST /v1/transactions/{id}/redrive`.
pub(in super::super) fn redrive() -> Operation {
    Operation::new(
        Area::Chain,
        "redriveTransaction",
        "Sends to the chain once more what it has refused or lost too often",
    )
    .details("For operators, when the cause is mended. The path says all: whatever stands in a body is passed over.")
    .needs(&[Right::Admin])
    .of_transaction()
    .commands()
    .answer(200, "The transaction, on its way again.", refer("Transaction"))
    .header("Gateway-Position", true)
    .codes(&[Code::UnknownField, Code::NotRedrivable])
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Area::Chain, id, summary).needs(&[Right::CreditsRead, Right::ReportsRead])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let attempt = object(
        "A try to put it on the chain.",
        [
            need("chain_tx_id", said("The chain's name for the try.", refer("Digest"))),
            need("at", said("When it was signed.", refer("Time"))),
            need(
                "outcome",
                said(
                    "`lapsed`: its time passed, and it is not on the chain.",
                    words(EnvelopeStatus::ALL.map(EnvelopeStatus::as_str)),
                ),
            ),
        ],
    );
    let receipt = object(
        "Where it stands on the chain.",
        [
            need("kind", said("Which chain.", text())),
            need("tx_id", refer("Digest")),
            need("height", said("Of the block, from 1.", count())),
            need("index", said("Place in the block, from 0.", count())),
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
            need("attempts", said("Oldest first.", list(refer("Attempt")))),
            need("chain", nullable(refer("Receipt"))),
            need("next_attempt_at", nullable(refer("Time"))),
            need("reason", said("Why the chain refused it.", nullable(text()))),
        ],
    );
    vec![
        ("Attempt", attempt),
        ("Receipt", receipt),
        ("Transaction", transaction),
        ("TransactionPage", page_of(refer("Transaction"))),
    ]
}
