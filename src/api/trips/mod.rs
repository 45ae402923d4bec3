//! Trips: booked one by one or in batches, and read again.

mod answer;
mod batch;
mod legs;
mod order;
mod way;

pub(super) use answer::put_distance;
pub(super) use legs::{LONGEST_WORD, Times, legs};
pub(super) use order::{assess, evidence, programme};
pub(super) use way::Stations;

use super::ApiState;
use super::auth::authenticate;
use super::body::intake;
use super::frame::request_id;
use super::keys::Right;
use super::problem::{Code, Problem};
use super::query::{Query, name_of, user_of};
use crate::ledger::ids::{ShardId, trip_key};
use crate::store::reads;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use answer::Named;
use std::sync::Arc;

const POSITION: &str = "Gateway-Position";
const REPLAYED: &str = "Idempotent-Replayed";

/// `POST /v1/trips`: books a trip, or answers its first booking again.
pub(super) async fn create(
    request: HttpRequest,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let (caller, value) = intake(&request, payload, &state, state.max_body, &[Right::TripsWrite]).await?;
    let command = Arc::new(order::order(&state, &caller, &request_id(&request), &value)?);
    let booked = state.ledger.book(Arc::clone(&command)).await?;
    let mut response = if booked.replayed {
        HttpResponse::Ok()
    } else {
        HttpResponse::Created()
    };
    if booked.replayed {
        response.insert_header((REPLAYED, "true"));
    }
    response.insert_header((POSITION, position(command.user.shard(), booked.seq)));
    let named = Named {
        client: &command.meta.client,
        user: command.user,
        trip_id: &command.trip_id,
    };
    Ok(response.json(answer::trip(&booked.record, &named, state.clock.now_ms())))
}

/// `POST /v1/trips/batch`: books many, each on its own.
pub(super) async fn batch(
    request: HttpRequest,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let (caller, value) = intake(&request, payload, &state, state.max_batch, &[Right::TripsWrite]).await?;
    let answers = batch::book(&state, &caller, &request_id(&request), batch::trips(&value)?).await;
    let mut response = HttpResponse::Ok();
    if !answers.positions.is_empty() {
        let positions: Vec<String> = answers
            .positions
            .iter()
            .map(|(shard, seq)| position(*shard, *seq))
            .collect();
        response.insert_header((POSITION, positions.join(", ")));
    }
    Ok(response.json(answers.document()))
}

/// `GET /v1/users/{user_id}/trips/{trip_id}`: a trip of the caller's own client, or of another for auditors.
pub(super) async fn read_one(
    request: HttpRequest,
    path: Path<(String, String)>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    let mut query = Query::of(&request)?;
    let other = query.take("client")?;
    query.close()?;
    let client = if let Some(other) = other {
        caller.require(&[Right::ReportsRead, Right::Admin])?;
        name_of("?client", &other)?
    } else {
        caller.require(&[Right::TripsWrite, Right::CreditsRead, Right::ReportsRead, Right::Admin])?;
        caller.client.clone()
    };
    let (user, trip_id) = (user_of(&path.0)?, name_of("trip_id", &path.1)?);
    let stored = reads::trip(&state.readers, user, &trip_key(&client, user, &trip_id)).await?;
    let stored =
        stored.ok_or_else(|| Problem::new(Code::NotFound, "this client has booked no such trip for this user"))?;
    caller.require_programme(&stored.record.programme)?;
    let named = Named {
        client: &client,
        user,
        trip_id: &trip_id,
    };
    Ok(HttpResponse::Ok().json(answer::trip(&stored.record, &named, state.clock.now_ms())))
}

fn position(shard: ShardId, seq: i64) -> String {
    format!("{shard}:{seq}")
}
