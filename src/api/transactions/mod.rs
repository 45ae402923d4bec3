//! Transactions: read, listed by how far they have come, and tried again by an operator's order.

mod answer;

pub(super) use answer::{on_chain, transaction};

use super::ApiState;
use super::auth::authenticate;
use super::body::Body;
use super::frame::request_id;
use super::keys::Right;
use super::list::Page;
use super::problem::{Code, Problem};
use super::query::Query;
use super::reference::{Kind, parse, reference};
use super::written::{created, position, written};
use crate::ledger::command::{Command, Meta};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::Redrive;
use crate::store::reads::{self, Listed, Transacted};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// Words of `?status=`.
const STATUSES: &str = "stored, waiting_for_parents, submitted, confirmed, refused, blocked or dead";

/// `GET /v1/transactions/{id}`.
pub(super) async fn read(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead, Right::ReportsRead])?;
    Query::of(&request)?.close()?;
    let found = find(&state, &path).await?;
    caller.require_programme(&found.standing.programme)?;
    Ok(HttpResponse::Ok().json(transaction((&state.readers, state.chain.kind()), &found).await?))
}

/// `GET /v1/transactions`: shard by shard, those that have waited longest first; `?status=` keeps one status.
pub(super) async fn list(request: HttpRequest, state: Data<ApiState>) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead, Right::ReportsRead])?;
    let mut query = Query::of(&request)?;
    let page = Page::of(&mut query)?;
    let wanted = query.take("status")?;
    query.close()?;
    let listed = listed(wanted.as_deref())?;
    let (first, mut after) = page.after_three()?.map_or(Ok((0, START)), |(shard, ms, seq)| {
        let shard = u8::try_from(shard).ok().and_then(ShardId::new);
        let shard = shard.ok_or_else(|| Problem::field(Code::InvalidField, "?cursor", "must be what `next` said"));
        shard.map(|shard| (shard.index(), (ms, seq)))
    })?;
    let mut items = Vec::new();
    for shard in ShardId::all().filter(|shard| shard.index() >= first) {
        let room = page
            .rows()
            .saturating_sub(i64::try_from(items.len()).unwrap_or(i64::MAX));
        if room <= 0 {
            break;
        }
        for found in reads::transactions_after(&state.readers, shard, listed, after, room).await? {
            let standing = &found.standing;
            let leaves_ms = if listed == Listed::All {
                0
            } else {
                standing.status.leaves_ms()
            };
            let place = format!("{}.{leaves_ms}.{}", shard.index(), standing.seq);
            let shown = if caller.may_use(&standing.programme) {
                let document = transaction((&state.readers, state.chain.kind()), &found).await?;
                let fits = wanted.as_deref().is_none_or(|wanted| document["status"] == wanted);
                fits.then_some(document)
            } else {
                None
            };
            items.push((place, shown));
        }
        after = START;
    }
    Ok(HttpResponse::Ok().json(page.answer(items)))
}

/// Before the first of a list.
const START: (i64, i64) = (i64::MIN, i64::MIN);

/// `POST /v1/transactions/{id}/redrive`: once more to the chain, what it has refused or lost too often.
pub(super) async fn redrive(
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    // What stands in the body is of no concern: the path says it all.
    let mut body = Body::new(payload);
    body.drain().await;
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::Admin])?;
    Query::of(&request)?.close()?;
    let found = find(&state, &path).await?;
    caller.require_programme(&found.standing.programme)?;
    let order = Redrive {
        meta: Meta {
            client: caller.client.clone(),
            request_id: request_id(&request),
        },
        shard: found.shard,
        content_id: found.standing.content_id,
    };
    state.ledger.submit(Command::Redrive(Arc::new(order))).await?;
    let seq = reads::position(&state.readers, found.shard).await?;
    let again = of(&state, Some(found.shard), &found.standing.content_id).await?;
    let mut head = written(created(false), position(found.shard, seq), false);
    Ok(head.json(transaction((&state.readers, state.chain.kind()), &again).await?))
}

/// The shard, if the text names one, and the content id of a transaction's reference.
pub fn transaction_reference(text: &str) -> Result<(Option<ShardId>, Hash), Problem> {
    parse(Kind::Transaction, text)
}

/// The reference of a transaction in a shard.
pub fn name_of(shard: ShardId, content_id: &Hash) -> String {
    reference(Kind::Transaction, shard, content_id)
}

async fn find(state: &ApiState, path: &str) -> Result<Transacted, Problem> {
    let (shard, content_id) = transaction_reference(path)?;
    of(state, shard, &content_id).await
}

async fn of(state: &ApiState, shard: Option<ShardId>, content_id: &Hash) -> Result<Transacted, Problem> {
    let found = reads::transaction(&state.readers, shard, content_id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such transaction"))
}

/// What of a shard is read for a status.
fn listed(status: Option<&str>) -> Result<Listed, Problem> {
    Ok(match status {
        None => Listed::All,
        Some("stored") => Listed::Leaving,
        Some("waiting_for_parents" | "blocked") => Listed::Waiting,
        Some("submitted") => Listed::Status("submitted"),
        Some("confirmed") => Listed::Status("confirmed"),
        Some("refused") => Listed::Status("refused"),
        Some("dead") => Listed::Status("dead"),
        Some(_) => {
            let detail = format!("must be {STATUSES}");
            return Err(Problem::field(Code::InvalidField, "?status", detail));
        }
    })
}
