//! `GET /v1/credits/{credit_id}/proof`: the bytes by which a stranger checks a credit, with docs/formats.md and the certificate
//! of the deployment's authority, and without asking anybody. Nothing here says whose the credit is.

use super::super::ApiState;
use super::super::auth::authenticate;
use super::super::frame::request_id;
use super::super::keys::Right;
use super::super::problem::{Code, Problem};
use super::super::query::Query;
use super::super::reference::{Kind, reference};
use super::super::transactions::on_chain;
use super::find;
use crate::chain::{Payload, Request};
use crate::ledger::ids::Hash;
use crate::store::reads;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use carbon_contract::codec::CodecError;
use carbon_contract::envelope::{Envelope, Order};
use carbon_contract::transaction::content_id;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Answers the proof of a credit that is confirmed.
pub(in super::super) async fn read(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    Query::of(&request)?.close()?;
    let (credit, _) = find(&caller, &state, (&path, &request_id(&request))).await?;
    let shard = credit.user.shard();
    let made = reads::transaction(&state.readers, Some(shard), &credit.created_by).await?;
    let standing = made.ok_or_else(Problem::storage_unavailable)?.standing;
    let (Some(receipt), Some(tx_id)) = (on_chain(state.chain.kind(), &standing), standing.chain_tx_id) else {
        let detail = format!("the transaction that made the credit is {}", standing.status.as_str());
        return Err(Problem::new(Code::NotConfirmed, detail));
    };
    let away = |what: &str| {
        tracing::error!(%tx_id, "a confirmed transaction {what}");
        Problem::storage_unavailable()
    };
    let proved = state.chain.prove(&tx_id).await?;
    let proved = proved.ok_or_else(|| away("is not on the chain"))?;
    let sent = sent(&proved.request, &credit.created_by).map_err(|_| away("cannot be read on the chain"))?;
    let sent = sent.ok_or_else(|| away("stands under another envelope's id"))?;
    let rider = sent.rider.map(|order| {
        json!({
            "point": hex(order.point.as_bytes()),
            "signature": hex(order.signature.as_bytes()),
        })
    });
    Ok(HttpResponse::Ok().json(json!({
        "credit_id": reference(Kind::Credit, shard, &credit.hash),
        "transaction_id": reference(Kind::Transaction, shard, &credit.created_by),
        "output": credit.output,
        "transaction": hex(&sent.transaction),
        "rider": rider,
        "request": hex(&proved.request),
        "result": hex(&proved.result),
        "chain": receipt,
        "path": proved.proof.path.iter().map(Hash::to_string).collect::<Vec<_>>(),
        "header": hex(&proved.proof.header),
        "block_hash": proved.block.to_string(),
        "certificates": [hex(&sent.certificate), hex(&proved.authority)],
    })))
}

/// What was sent to the chain, as far as it concerns one transaction.
struct Sent {
    transaction: Vec<u8>,
    /// The rider's order, where another has sent it.
    rider: Option<Order>,
    certificate: Vec<u8>,
}

/// Finds a transaction in the envelope of a request; `None` if the envelope does not carry it.
fn sent(request: &[u8], wanted: &Hash) -> Result<Option<Sent>, CodecError> {
    let request = Request::decode(request)?;
    let payload = Payload::decode(&request.payload)?;
    let (transaction, rider) = match Envelope::decode(&payload.argument)? {
        Envelope::Issue(orders) => {
            let ours = |order: &Order| content_id(&order.transaction) == *wanted;
            let Some(order) = orders.into_iter().find(ours) else {
                return Ok(None);
            };
            (order.transaction.clone(), Some(order))
        }
        Envelope::Spend(transaction) | Envelope::Attest(transaction) if content_id(&transaction) == *wanted => {
            (transaction, None)
        }
        Envelope::Spend(_) | Envelope::Attest(_) | Envelope::Rebind(_) => return Ok(None),
    };
    Ok(Some(Sent {
        transaction,
        rider,
        certificate: request.certificate,
    }))
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> Value {
    let mut digits = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing into a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    Value::String(digits)
}
