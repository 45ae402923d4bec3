//! Claims: what waits to be collected, and collecting it.

mod collect;

pub(super) use collect::collect;

use super::ApiState;
use super::auth::authenticate;
use super::due::settled;
use super::frame::request_id;
use super::keys::Right;
use super::list::Page;
use super::problem::Problem;
use super::query::{Query, user_of};
use super::trips::{Opener, instant};
use crate::ledger::view::StoredTrip;
use crate::store::reads;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

/// `GET /v1/users/{user_id}/claims`: what waits, in booked order.
pub(super) async fn list(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    let mut query = Query::of(&request)?;
    let page = Page::of(&mut query)?;
    query.close()?;
    let user = user_of(&path)?;
    settled(&state, user, &request_id(&request)).await?;
    let after = page.after_one()?.unwrap_or(i64::MIN);
    let trips = reads::claims_after(&state.readers, user, after, page.rows()).await?;
    let opener = Opener::of(&state.readers, &state.kek, user).await?;
    let mut items = Vec::new();
    for trip in trips {
        let shown = if caller.may_use(&trip.record.programme) {
            Some(claim(&trip, &opener)?)
        } else {
            None
        };
        items.push((trip.seq.to_string(), shown));
    }
    Ok(HttpResponse::Ok().json(page.answer(items)))
}

fn claim(trip: &StoredTrip, opener: &Opener) -> Result<Value, Problem> {
    let record = &trip.record;
    let evidence = opener.open(trip)?;
    Ok(json!({
        "trip_id": evidence.trip_id.as_str(),
        "client": evidence.client.as_str(),
        "programme": record.programme,
        "mode": record.headline_leg().map(|leg| leg.leg.mode.as_str()),
        "day": record.day,
        "amount": record.amount(),
        "state": "waiting",
        "opens_at": record.claim.and_then(|span| instant(span.opens_at_ms)),
        "closes_at": record.claim.and_then(|span| span.closes_at_ms).and_then(instant),
    }))
}
