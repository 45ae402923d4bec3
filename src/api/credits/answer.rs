//! Credits as they are answered.

use super::super::problem::Problem;
use super::super::reference::{Kind, reference};
use super::super::trips::instant;
use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::trip::gas_from_code;
use crate::store::db::Readers;
use crate::store::reads::{self, OnChain, Transacted};
use serde_json::{Value, json};

/// Credits of a shard, each with what consumed it, and how far what made them has come on its way to the chain.
pub(in super::super) async fn shown(
    readers: &Readers,
    shard: ShardId,
    credits: &[(Credit, Option<Hash>)],
) -> Result<Vec<Value>, Problem> {
    let on_chain = reads::on_chain(readers, shard, credits.iter().map(|(credit, _)| credit)).await?;
    let show = |(one, spent_by): &(Credit, Option<Hash>)| {
        let on_chain = on_chain.get(&one.created_by).copied().unwrap_or(OnChain::Waiting);
        credit(one, spent_by.as_ref(), on_chain)
    };
    Ok(credits.iter().map(show).collect())
}

/// A credit; what the sink took belongs to no rider.
fn credit(credit: &Credit, spent_by: Option<&Hash>, on_chain: OnChain) -> Value {
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
        "on_chain": on_chain.as_str(),
    })
}

/// The credits that a transaction consumed.
pub(in super::super) fn inputs(found: &Transacted) -> Vec<String> {
    let inputs = found.transaction.inputs.iter();
    inputs.map(|hash| reference(Kind::Credit, found.shard, hash)).collect()
}

/// A rider's number; a shard's own account is nobody's.
pub(in super::super) fn rider(user: UserId) -> Option<String> {
    (!user.is_system()).then(|| user.to_string())
}
