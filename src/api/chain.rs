//! The chain as callers see it: where it stands, its blocks, and what became of what was sent. It knows addresses and hashes only,
//! so nothing here tells whose they are.

use super::ApiState;
use super::auth::{Caller, authenticate};
use super::keys::Right;
use super::problem::{Code, Problem};
use super::query::Query;
use super::trips::instant;
use crate::chain::{Committed, Found, Payload};
use crate::ledger::ids::Hash;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use carbon_contract::envelope::Envelope;
use serde_json::{Value, json};

/// `GET /v1/chain`: which chain it is, and how far it has come.
pub(super) async fn read(request: HttpRequest, state: Data<ApiState>) -> Result<HttpResponse, Problem> {
    allowed(&*authenticate(&request, &state).await?)?;
    Query::of(&request)?.close()?;
    let chain = &state.chain;
    let height = chain.height().await?;
    let last = chain.block(height).await?;
    Ok(HttpResponse::Ok().json(json!({
        "kind": chain.kind(),
        "chain_id": chain.chain_id(),
        "contract": chain.contract(),
        "ready": chain.is_ready(),
        "height": height,
        "block_hash": last.as_ref().map(|block| block.hash.to_string()),
        "block_at": last.and_then(|block| instant(block.at_ms)),
    })))
}

/// `GET /v1/chain/blocks/{height}`.
pub(super) async fn block(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    allowed(&*authenticate(&request, &state).await?)?;
    Query::of(&request)?.close()?;
    let is_number = path.bytes().all(|byte| byte.is_ascii_digit());
    let height = is_number.then(|| path.parse().ok()).flatten();
    let height = height.ok_or_else(|| Problem::field(Code::InvalidField, "height", "must be the number of a block"))?;
    let block = state.chain.block(height).await?;
    let block = block.ok_or_else(|| Problem::new(Code::NotFound, "there is no such block"))?;
    Ok(HttpResponse::Ok().json(json!({
        "height": block.height,
        "block_hash": block.hash.to_string(),
        "block_at": instant(block.at_ms),
        "transactions": block.transactions.iter().map(|found| committed(found, state.chain.contract())).collect::<Vec<_>>(),
    })))
}

/// `GET /v1/chain/transactions/{tx_id}`: where an id is. An id that nobody has sent is an answer, no mistake.
pub(super) async fn transaction(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    allowed(&*authenticate(&request, &state).await?)?;
    Query::of(&request)?.close()?;
    let wrong = |_| Problem::field(Code::InvalidField, "tx_id", "must be 64 lower-case hexadecimal digits");
    let tx_id = Hash::parse(&path).map_err(wrong)?;
    let answer = match state.chain.find(&tx_id).await? {
        Found::Committed(found) => committed(&found, state.chain.contract()),
        Found::Pending => json!({"tx_id": tx_id.to_string(), "state": "pending"}),
        Found::Absent { .. } => json!({"tx_id": tx_id.to_string(), "state": "absent"}),
    };
    Ok(HttpResponse::Ok().json(answer))
}

fn allowed(caller: &Caller) -> Result<(), Problem> {
    caller.require(&[Right::CreditsRead, Right::ReportsRead, Right::Admin])
}

/// A transaction in a block. Only both codes 0 is success.
fn committed(found: &Committed, contract: &str) -> Value {
    let payload = Payload::decode(&found.payload).ok();
    json!({
        "tx_id": found.tx_id.to_string(),
        "state": "committed",
        "height": found.height,
        "index": found.index,
        "block_at": instant(found.block_at_ms),
        "code": found.result.code,
        "contract_code": found.result.contract_code,
        "message": found.result.message,
        "contract": payload.as_ref().map(|payload| &payload.contract),
        "method": payload.as_ref().map(|payload| &payload.method),
        "envelope": payload.and_then(|payload| envelope(&payload, contract)),
    })
}

/// What a call of our contract carries; a call of another has no envelope.
fn envelope(payload: &Payload, contract: &str) -> Option<Value> {
    let ours = payload.contract == contract;
    let envelope = ours.then(|| Envelope::decode(&payload.argument).ok()).flatten()?;
    let content_ids: Vec<String> = envelope.content_ids().iter().map(Hash::to_string).collect();
    Some(json!({"kind": envelope.method(), "content_ids": content_ids}))
}
