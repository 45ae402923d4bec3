//! A credit and a transaction as they are answered.

use super::super::reference::{Kind, reference};
use super::super::trips::instant;
use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::trip::gas_from_code;
use crate::store::reads::Transacted;
use serde_json::{Value, json};

/// A credit; what the sink took belongs to no rider.
pub(in super::super) fn credit(credit: &Credit, spent_by: Option<&Hash>) -> Value {
    let shard = credit.user.shard();
    json!({
        "credit_id": reference(Kind::Credit, shard, &credit.hash),
        "user_id": rider(credit.user),
        "programme": credit.lot.programme,
        "amount": credit.amount,
        "state": if spent_by.is_some() { "spent" } else { "unspent" },
        "gas": gas_from_code(credit.lot.gas).ok().map(crate::methodology::Gas::as_str),
        "vintage": credit.lot.vintage,
        "expires_at": credit.expires_ms.and_then(instant),
        "created_by": reference(Kind::Transaction, shard, &credit.created_by),
        "output": credit.output,
        "spent_by": spent_by.map(|content_id| reference(Kind::Transaction, shard, content_id)),
        "on_chain": "waiting",
    })
}

/// A transaction with the credits that it made.
pub(super) fn transaction(found: &Transacted, outputs: &[Value]) -> Value {
    let transaction = &found.transaction;
    json!({
        "transaction_id": reference(Kind::Transaction, found.shard, &found.content_id),
        "kind": transaction.kind.as_str(),
        "user_id": rider(found.user),
        "programme": found.programme,
        "amount": found.amount,
        "inputs": inputs(found),
        "outputs": outputs,
        "reference": transaction.reason,
        "created_at": instant(transaction.booked_ms),
        "status": "stored",
        "attempts": [],
        "chain": null,
        "next_attempt_at": null,
        "reason": null,
    })
}

/// The credits that a transaction consumed.
pub(super) fn inputs(found: &Transacted) -> Vec<String> {
    let inputs = found.transaction.inputs.iter();
    inputs.map(|hash| reference(Kind::Credit, found.shard, hash)).collect()
}

/// A rider's number; a shard's own account is nobody's.
fn rider(user: UserId) -> Option<String> {
    (!user.is_system()).then(|| user.to_string())
}
