//! Proofs as the document shows them, and how they are checked.

use super::operation::{Area, Operation};
use super::schema::{count, list, list_of, need, nullable, object, refer, said, shaped};
use crate::api::keys::Right;
use crate::api::problem::Code;
use serde_json::Value;

/// How a stranger goes about it.
const WALK: &str = include_str!("proof.md");

/// `GET /v1/credits/{credit_id}/proof`.
pub(in super::super) fn of_credit() -> Operation {
    Operation::new(
        Area::Chain,
        "proveCredit",
        "The proof that a credit stands on the chain",
    )
    .details(WALK)
    .needs(&[Right::CreditsRead])
    .of_credit()
    .commands()
    .answer(200, "The proof.", refer("Proof"))
    .codes(&[Code::NotConfirmed])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let bytes = |description| said(description, refer("Bytes"));
    let rider = object(
        "The rider's order within an issue.",
        [
            need("point", bytes("Public point, uncompressed.")),
            need("signature", bytes("Over the content id.")),
        ],
    );
    let proof = object(
        "The proof that a credit stands on the chain.",
        [
            need("credit_id", refer("CreditRef")),
            need(
                "transaction_id",
                said("The transaction that made it.", refer("TransactionRef")),
            ),
            need("output", said("Which output of it.", count())),
            need("transaction", bytes("Its canonical bytes.")),
            need(
                "rider",
                said("Null where the sender is the rider.", nullable(refer("RiderOrder"))),
            ),
            need("request", bytes("What was sent to the chain, as it stands there.")),
            need("result", bytes("What became of it there.")),
            need("chain", said("Where it stands.", refer("Receipt"))),
            need(
                "path",
                said("Neighbours from the leaf up to the root.", list(refer("Digest"))),
            ),
            need("header", bytes("Header of the block.")),
            need("block_hash", refer("Digest")),
            need(
                "certificates",
                said(
                    "The sender's, then the authority's (X.509, DER).",
                    list_of(2, 2, refer("Bytes")),
                ),
            ),
        ],
    );
    let digits = said(
        "Bytes, as lower-case hexadecimal digits.",
        shaped("^([0-9a-f]{2})+$", "0104"),
    );
    vec![("Bytes", digits), ("RiderOrder", rider), ("Proof", proof)]
}
