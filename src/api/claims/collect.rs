//! `POST /v1/users/{user_id}/claims/collect`: claims become credits.

use super::super::ApiState;
use super::super::auth::Caller;
use super::super::body::{Rider, Taking, intake};
use super::super::credits::shown;
use super::super::fields::{Mistakes, Object};
use super::super::frame::request_id;
use super::super::keyed::{key_of, keyed};
use super::super::keys::Right;
use super::super::problem::{Code, Problem};
use super::super::query::user_of;
use super::super::reference::{Kind, reference};
use super::super::trips::programme;
use super::super::written::{created, position, written};
use crate::ledger::command::{Collect, Command, Meta, Wanted};
use crate::ledger::idempotency::{Answer, Skip};
use crate::ledger::ids::{Hash, Name, UserId, trip_key};
use crate::methodology::units::Amount;
use crate::store::reads;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::sync::Arc;

/// Trips that one request may name.
const MOST_NAMED: usize = 1_000;

/// A trip as a request names it.
type Named = (Name, Name);

/// Collects.
pub(in super::super) async fn collect(
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let taking = Taking {
        most: state.max_body,
        rights: &[Right::CreditsSpend],
        rider: Rider::InPath(&path),
    };
    let (caller, value) = intake(&request, payload, &state, taking).await?;
    let key = key_of(&request)?;
    let user = user_of(&path)?;
    let (command, named) = order(&state, &caller, (user, &request_id(&request), &key), &value)?;
    let answered = state.ledger.answer(Command::Collect(Arc::new(command))).await?;
    let Answer::Collect {
        content_id,
        collected,
        skipped,
        more,
    } = answered.answer.as_ref()
    else {
        return Err(Problem::storage_unavailable()); // the request's digest tells collections and redemptions apart
    };
    let (credits, amount) = made(&state, user, content_id.as_ref()).await?;
    let document = json!({
        "transaction_id": content_id.map(|content_id| reference(Kind::Transaction, user.shard(), &content_id)),
        "credits": credits,
        "collected": collected,
        "amount": amount,
        "skipped": skips(&named, skipped),
        "more": more,
    });
    let position = position(user.shard(), answered.seq);
    let mut head = written(created(content_id.is_some()), position, answered.replayed);
    Ok(head.json(document))
}

/// The credits of an issue as they are now, and their sum.
async fn made(state: &ApiState, user: UserId, content_id: Option<&Hash>) -> Result<(Vec<Value>, Amount), Problem> {
    let Some(content_id) = content_id else {
        return Ok((Vec::new(), Amount::ZERO));
    };
    let found = reads::transaction(&state.readers, Some(user.shard()), content_id).await?;
    let found = found.ok_or_else(Problem::storage_unavailable)?;
    let made = reads::made_by(&state.readers, &found).await?;
    Ok((shown(&state.readers, user.shard(), &made).await?, found.amount))
}

fn skips(named: &[Named], skipped: &[Option<Skip>]) -> Vec<Value> {
    let skip = |((client, trip_id), skip): (&Named, &Option<Skip>)| {
        skip.map(|skip| json!({"client": client.as_str(), "trip_id": trip_id.as_str(), "reason": skip.as_str()}))
    };
    std::iter::zip(named, skipped).filter_map(skip).collect()
}

fn order(
    state: &ApiState,
    caller: &Caller,
    (user, request_id, key): (UserId, &str, &str),
    value: &Value,
) -> Result<(Collect, Vec<Named>), Problem> {
    let mut mistakes = Mistakes::default();
    let mut object = Object::new(value, "", &mut mistakes);
    let programme = programme(&mut object, state, caller, &mut mistakes)?;
    let named = wanted(&mut object, &mut mistakes)?;
    object.close(&mut mistakes);
    let Some(programme) = programme.filter(|_| mistakes.0.is_empty()) else {
        return Err(Problem::fields(mistakes.0));
    };
    let path = format!("/v1/users/{user}/claims/collect");
    let keyed = keyed((caller, user, key), &path, |e| {
        e.u8(1);
        e.text(programme.id());
        e.opt(named.as_ref(), |e, named| {
            e.list(named.iter(), |e, (client, trip_id)| {
                e.text(client.as_str());
                e.text(trip_id.as_str());
            });
        });
    })?;
    let trip_keys = |named: &Vec<Named>| {
        let key = |(client, trip_id): &Named| trip_key(client, user, trip_id);
        Wanted::Trips(named.iter().map(key).collect())
    };
    let collect = Collect {
        meta: Meta {
            client: caller.client.clone(),
            request_id: request_id.to_owned(),
        },
        user,
        programme,
        wanted: named.as_ref().map_or(Wanted::All, trip_keys),
        keyed,
    };
    Ok((collect, named.unwrap_or_default()))
}

/// The trips that are named, or none for all.
fn wanted(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Result<Option<Vec<Named>>, Problem> {
    let all = object.take("all");
    let trips = object.take("trips");
    match (all, trips) {
        (Some(Value::Bool(true)), None) => Ok(None),
        (None | Some(Value::Bool(false)), Some(Value::Array(trips))) => {
            if trips.len() > MOST_NAMED {
                let detail = format!("{} trips, at most {MOST_NAMED}", trips.len());
                return Err(Problem::new(Code::BatchTooLarge, detail));
            }
            let pointer = object.pointer("trips");
            let named = trips.iter().enumerate().map(|(index, value)| {
                let mut trip = Object::new(value, format!("{pointer}/{index}"), mistakes);
                let named = (trip.name("client", mistakes), trip.name("trip_id", mistakes));
                trip.close(mistakes);
                named
            });
            let named: Vec<_> = named.collect();
            Ok(Some(
                named
                    .into_iter()
                    .filter_map(|(client, trip_id)| client.zip(trip_id))
                    .collect(),
            ))
        }
        (Some(Value::Bool(true)), Some(_)) => {
            mistakes.invalid(object.pointer("trips"), "cannot stand beside \"all\": true");
            Ok(None)
        }
        (None | Some(Value::Bool(_)), Some(_)) => {
            mistakes.invalid(object.pointer("trips"), "must be a list of {\"client\", \"trip_id\"}");
            Ok(None)
        }
        (None | Some(Value::Bool(false)), None) => {
            mistakes.invalid(object.pointer("trips"), "is missing; or send \"all\": true");
            Ok(None)
        }
        (Some(_), _) => {
            mistakes.invalid(object.pointer("all"), "must be true or false");
            Ok(None)
        }
    }
}
