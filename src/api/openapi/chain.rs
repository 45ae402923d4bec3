//! The chain as the document shows it.

use super::operation::{Area, Operation};
use super::schema::{
    Member, between, count, flag, list, need, nullable, object, one_of, only, refer, said, text, words,
};
use crate::api::keys::Right;
use crate::api::problem::Code;
use serde_json::{Value, json};

/// `GET /v1/chain`.
pub(in super::super) fn read() -> Operation {
    reading("readChain", "Which chain it is, and how far it has come").answer(200, "The chain now.", refer("Chain"))
}

/// `GET /v1/chain/blocks/{height}`.
pub(in super::super) fn block() -> Operation {
    let mut height = between(1, u64::MAX);
    height["examples"] = json!([1]);
    reading("readBlock", "A block, with its transactions")
        .path("height", height, "Which block, from 1.")
        .answer(200, "The block.", refer("Block"))
        .codes(&[Code::NotFound])
}

/// `GET /v1/chain/transactions/{tx_id}`.
pub(in super::super) fn transaction() -> Operation {
    reading("findOnChain", "Where on the chain an id is")
        .path(
            "tx_id",
            refer("Digest"),
            "The chain's own id: `chain.tx_id` of a transaction.",
        )
        .answer(
            200,
            "Where it is; an id that nobody has sent is `absent`.",
            one_of([refer("ChainTransaction"), refer("NotOnChain")]),
        )
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Area::Chain, id, summary).needs(&[Right::CreditsRead, Right::ReportsRead, Right::Admin])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let chain = object(
        "A chain, and how far it has come.",
        [
            need("kind", said("Which sort of chain.", only("embedded"))),
            need("chain_id", text()),
            need("contract", said("Name under which the contract is called.", text())),
            need("ready", said("Whether it takes and commits at present.", flag())),
            need("height", said("Of its last block; 0 before the first.", count())),
            need("block_hash", nullable(refer("Digest"))),
            need("block_at", nullable(refer("Time"))),
        ],
    );
    let block = object(
        "A block.",
        [
            need("height", count()),
            need("block_hash", refer("Digest")),
            need("block_at", refer("Time")),
            need("transactions", said("In their order.", list(refer("ChainTransaction")))),
        ],
    );
    let envelope = object(
        "What a call of the contract carries.",
        [
            need("kind", words(["issue", "spend", "attest", "rebind"])),
            need(
                "content_ids",
                said(
                    "Transactions within: the hashes of their references.",
                    list(refer("Digest")),
                ),
            ),
        ],
    );
    let absent = object(
        "An id that stands in no block.",
        [
            need("tx_id", refer("Digest")),
            need(
                "state",
                said("`pending`: it waits for a block.", words(["pending", "absent"])),
            ),
        ],
    );
    vec![
        ("Chain", chain),
        ("Block", block),
        ("ChainEnvelope", envelope),
        ("ChainTransaction", object("A transaction in a block.", committed())),
        ("NotOnChain", absent),
    ]
}

fn committed() -> [Member; 11] {
    [
        need("tx_id", refer("Digest")),
        need("state", only("committed")),
        need("height", count()),
        need("index", said("Place in the block, from 0.", count())),
        need("block_at", refer("Time")),
        need("code", said("The chain's own. Success is 0 here and there.", count())),
        need("contract_code", said("The contract's.", count())),
        need("message", said("Why it failed; else empty.", text())),
        need("contract", nullable(text())),
        need("method", nullable(text())),
        need(
            "envelope",
            said("Null for a call of another contract.", nullable(refer("ChainEnvelope"))),
        ),
    ]
}
