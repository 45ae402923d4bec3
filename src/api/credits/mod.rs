//! Credits: read, listed, redeemed, traced, proved.

mod answer;
pub(super) mod proof;
mod redeem;
pub mod trace;

pub(super) use answer::{inputs, rider, shown};
pub(super) use redeem::redeem;

use super::ApiState;
use super::auth::{Caller, authenticate};
use super::due::settled;
use super::frame::request_id;
use super::keys::Right;
use super::list::Page;
use super::problem::{Code, Problem};
use super::query::{Query, user_of};
use super::reference::{Kind, parse};
use crate::ledger::credit::Credit;
use crate::ledger::ids::Hash;
use crate::store::reads;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

/// `GET /v1/users/{user_id}/credits`: oldest first; `?state=` keeps one state.
pub(super) async fn list(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    let mut query = Query::of(&request)?;
    let page = Page::of(&mut query)?;
    let wanted = query.take("state")?;
    query.close()?;
    let user = user_of(&path)?;
    let spent = match wanted.as_deref() {
        None => None,
        Some("unspent") => Some(false),
        Some("spent") => Some(true),
        Some("held") => return Ok(HttpResponse::Ok().json(page.answer(Vec::new()))), // nothing can be held yet
        Some(_) => {
            return Err(Problem::field(
                Code::InvalidField,
                "?state",
                "must be unspent, held or spent",
            ));
        }
    };
    settled(&state, user, &request_id(&request)).await?;
    let after = page.after_two()?.unwrap_or((i64::MIN, i64::MIN));
    let rows = reads::credits_after(&state.readers, user, spent, after, page.rows()).await?;
    let documents = shown(&state.readers, user.shard(), &rows).await?;
    let item = |((made, _), document): (&(Credit, Option<Hash>), Value)| {
        let key = format!("{}.{}", made.created_seq, made.output);
        (key, caller.may_use(&made.lot.programme).then_some(document))
    };
    let items = std::iter::zip(&rows, documents).map(item).collect();
    Ok(HttpResponse::Ok().json(page.answer(items)))
}

/// `GET /v1/credits/{credit_id}`.
pub(super) async fn read(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    Query::of(&request)?.close()?;
    let found = find(&caller, &state, (&path, &request_id(&request))).await?;
    let document = shown(&state.readers, found.0.user.shard(), &[found]).await?.pop();
    Ok(HttpResponse::Ok().json(document))
}

/// The credit of a reference and what consumed it, after all that is due by now.
async fn find(
    caller: &Caller,
    state: &ApiState,
    (text, request_id): (&str, &str),
) -> Result<(Credit, Option<Hash>), Problem> {
    let (shard, hash) = parse(Kind::Credit, text)?;
    let missing = || Problem::new(Code::NotFound, "there is no such credit");
    let found = reads::credit(&state.readers, shard, &hash).await?.ok_or_else(missing)?;
    caller.require_programme(&found.0.lot.programme)?;
    if !found.0.user.is_system() {
        settled(state, found.0.user, request_id).await?;
    }
    let shard = found.0.user.shard();
    reads::credit(&state.readers, Some(shard), &hash)
        .await?
        .ok_or_else(missing)
}
