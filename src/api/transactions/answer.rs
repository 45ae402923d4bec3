//! A transaction as it is answered: what it moved, and how far it has come on its way to the chain.

use super::super::credits::{inputs, rider, shown};
use super::super::problem::Problem;
use super::super::reference::{Kind, reference};
use super::super::trips::instant;
use crate::ledger::standing::{Standing, Status};
use crate::store::db::Readers;
use crate::store::reads::{self, Attempt, Transacted};
use serde_json::{Value, json};

/// A transaction of a chain of that kind, with the credits that it made.
pub(in super::super) async fn transaction(
    (readers, chain): (&Readers, &str),
    found: &Transacted,
) -> Result<Value, Problem> {
    let made = reads::made_by(readers, found).await?;
    let outputs = shown(readers, found.shard, &made).await?;
    let standing = &found.standing;
    let attempts = reads::attempts(readers, found.shard, standing).await?;
    let blocked = reads::is_blocked(readers, found.shard, standing).await?;
    Ok(json!({
        "transaction_id": reference(Kind::Transaction, found.shard, &standing.content_id),
        "kind": standing.kind.as_str(),
        "user_id": rider(standing.user),
        "programme": standing.programme,
        "amount": found.amount,
        "inputs": inputs(found),
        "outputs": outputs,
        "reference": found.transaction.reason,
        "created_at": instant(found.transaction.booked_ms),
        "status": word(&standing.status, blocked),
        "attempts": attempts.iter().map(attempt).collect::<Vec<_>>(),
        "chain": on_chain(chain, standing),
        "next_attempt_at": next_attempt(&standing.status),
        "reason": standing.status.reason(),
    }))
}

/// The status as callers know it.
fn word(status: &Status, blocked: bool) -> &'static str {
    match status {
        Status::Stored { .. } if blocked => "blocked",
        Status::Stored { unmet: 1.., .. } => "waiting_for_parents",
        other => other.as_str(),
    }
}

/// Where it stands in the chain, once it does.
pub(in super::super) fn on_chain(chain: &str, standing: &Standing) -> Option<Value> {
    let place = standing.status.place()?;
    Some(json!({
        "kind": chain,
        "tx_id": standing.chain_tx_id.map(|id| id.to_string()),
        "height": place.height,
        "index": place.index,
        "block_at": instant(place.block_at_ms),
    }))
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "chain_tx_id": attempt.chain_tx_id.to_string(),
        "at": instant(attempt.created_ms),
        "outcome": attempt.status.as_str(),
    })
}

/// When it leaves, if it has to wait for that.
fn next_attempt(status: &Status) -> Option<String> {
    match status {
        Status::Stored {
            unmet: 0,
            next_attempt_ms: at_ms @ 1..,
        } => instant(*at_ms),
        _ => None,
    }
}
