//! `GET /v1/users/{user_id}/trips`: the trips that one client booked for a user, latest activity day first.

use super::super::ApiState;
use super::super::auth::authenticate;
use super::super::list::Page;
use super::super::problem::Problem;
use super::super::query::{Query, user_of};
use super::answer::{self, Named};
use super::opener::Opener;
use crate::methodology::units::Day;
use crate::store::reads;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// Lists trips; those of other clients are passed over, so that a page may be short and still have a next one.
pub(in super::super) async fn list(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    let mut query = Query::of(&request)?;
    let client = super::client(&caller, &mut query)?;
    let page = Page::of(&mut query)?;
    query.close()?;
    let user = user_of(&path)?;
    let before = page
        .after_two()?
        .and_then(|(day, seq)| Some((Day::from_epoch_days(i32::try_from(day).ok()?), seq)));
    let stored = reads::trips_before(&state.readers, user, before, page.rows()).await?;
    let opener = Opener::of(&state.readers, &state.kek, user).await?;
    let now_ms = state.clock.now_ms();
    let mut items = Vec::new();
    for trip in stored {
        let place = format!("{}.{}", trip.record.day.epoch_days(), trip.seq);
        let evidence = opener.open(&trip)?;
        let shown = evidence.client == client && caller.may_use(&trip.record.programme);
        let named = Named {
            client: client.as_str(),
            user,
            trip_id: Some(evidence.trip_id.as_str()),
        };
        items.push((place, shown.then(|| json!(answer::trip(&trip, &named, now_ms)))));
    }
    Ok(HttpResponse::Ok().json(page.answer(items)))
}
