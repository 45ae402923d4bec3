//! Trips: booked one by one or in batches, and read again.

mod answer;
mod batch;
mod legs;
mod list;
mod opener;
mod order;
mod way;

pub(super) use answer::{Named, instant, put_distance, trip};
pub(super) use legs::{LONGEST_WORD, Times, legs};
pub(super) use list::list;
pub(super) use opener::Opener;
pub(super) use order::{assess, evidence, order, programme};
pub(super) use way::Stations;

use super::ApiState;
use super::auth::{Caller, authenticate};
use super::body::{Rider, Taking, intake};
use super::frame::request_id;
use super::keys::Right;
use super::problem::{Code, Problem};
use super::query::{Query, name_of, user_of};
use super::written::{POSITION, created, position, written};
use crate::ledger::ids::{Name, trip_key};
use crate::store::reads;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// `POST /v1/trips`: books a trip, or answers its first booking again.
pub(super) async fn create(
    request: HttpRequest,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let taking = Taking {
        most: state.max_body,
        rights: &[Right::TripsWrite],
        rider: Rider::InBody,
    };
    let (caller, value) = intake(&request, payload, &state, taking).await?;
    let command = Arc::new(order(&state, &caller, &request_id(&request), &value)?);
    let booked = state.ledger.book(Arc::clone(&command)).await?;
    let position = position(command.user.shard(), booked.trip.seq);
    let mut response = written(created(!booked.replayed), position, booked.replayed);
    let named = Named {
        client: command.meta.client.as_str(),
        user: command.user,
        trip_id: Some(command.trip_id.as_str()),
    };
    Ok(response.json(answer::trip(&booked.trip, &named, state.clock.now_ms())))
}

/// `POST /v1/trips/batch`: books many, each on its own.
pub(super) async fn batch(
    request: HttpRequest,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let taking = Taking {
        most: state.max_batch,
        rights: &[Right::TripsWrite],
        rider: Rider::None,
    };
    let (caller, value) = intake(&request, payload, &state, taking).await?;
    let request_id = request_id(&request);
    let answers = batch::book(&state, &caller, &request_id, batch::trips(&value)?).await;
    let mut response = HttpResponse::Ok();
    if !answers.positions.is_empty() {
        let positions: Vec<String> = answers
            .positions
            .iter()
            .map(|(shard, seq)| position(*shard, *seq))
            .collect();
        response.insert_header((POSITION, positions.join(", ")));
    }
    let now = (request_id.as_str(), state.clock.now_ms());
    Ok(response.json(answers.document(&caller.client, now)))
}

/// `GET /v1/users/{user_id}/trips/{trip_id}`: a trip of the caller's own client, or of another for auditors.
pub(super) async fn read_one(
    request: HttpRequest,
    path: Path<(String, String)>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    let mut query = Query::of(&request)?;
    let client = client(&caller, &mut query)?;
    query.close()?;
    let (user, trip_id) = (user_of(&path.0)?, name_of("trip_id", &path.1)?);
    let source_key = state.source_secret.source_key(&trip_key(&client, user, &trip_id));
    let stored = reads::trip(&state.readers, user, &source_key).await?;
    let stored =
        stored.ok_or_else(|| Problem::new(Code::NotFound, "this client has booked no such trip for this user"))?;
    caller.require_programme(&stored.record.programme)?;
    let named = Named {
        client: client.as_str(),
        user,
        trip_id: Some(trip_id.as_str()),
    };
    Ok(HttpResponse::Ok().json(answer::trip(&stored, &named, state.clock.now_ms())))
}

/// The caller's own client, or another that an auditor asks for.
pub(super) fn client(caller: &Caller, query: &mut Query) -> Result<Name, Problem> {
    let Some(other) = query.take("client")? else {
        caller.require(&[Right::TripsWrite, Right::CreditsRead, Right::ReportsRead, Right::Admin])?;
        return Ok(caller.client.clone());
    };
    caller.require(&[Right::ReportsRead, Right::Admin])?;
    name_of("?client", &other)
}
