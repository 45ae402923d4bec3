//! Balances: what riders have, by programme. A user without trips reads as zero everywhere.

use super::ApiState;
use super::auth::{Caller, authenticate};
use super::due::settled;
use super::frame::request_id;
use super::keys::Right;
use super::problem::{Code, Problem};
use super::query::{Query, user_of};
use super::trips::instant;
use super::written::position;
use crate::ledger::account::Figures;
use crate::ledger::ids::UserId;
use crate::methodology::units::Amount;
use crate::store::reads::{self, Expiring};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Users that one request may ask for.
const MOST_USERS: usize = 100;
const DAY_MS: i64 = 86_400_000;

/// `GET /v1/users/{user_id}/balance`.
pub(super) async fn read(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    Query::of(&request)?.close()?;
    let user = user_of(&path)?;
    let document = balances(&state, &caller, user, &request_id(&request)).await?;
    Ok(HttpResponse::Ok().json(document))
}

/// `GET /v1/balances?ids=`: the balances of up to a hundred users, in the order asked for.
pub(super) async fn read_many(request: HttpRequest, state: Data<ApiState>) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    let mut query = Query::of(&request)?;
    let ids = query.take("ids")?.unwrap_or_default();
    query.close()?;
    let wrong = |detail: String| Problem::field(Code::InvalidField, "?ids", detail);
    let users: Vec<UserId> = ids
        .split(',')
        .map(|text| UserId::parse(text).map_err(|error| wrong(format!("each {error}, with commas between"))))
        .collect::<Result<_, _>>()?;
    if users.len() > MOST_USERS {
        return Err(wrong(format!("{} users, at most {MOST_USERS}", users.len())));
    }
    let mut items = Vec::new();
    for user in users {
        items.push(balances(&state, &caller, user, &request_id(&request)).await?);
    }
    Ok(HttpResponse::Ok().json(json!({"items": items, "next": null})))
}

async fn balances(state: &ApiState, caller: &Caller, user: UserId, request_id: &str) -> Result<Value, Problem> {
    let (stored, seq) = settled(state, user, request_id).await?;
    let owns = stored.iter().any(|balance| balance.unspent_count > 0);
    let settling = if owns {
        reads::settling(&state.readers, user).await?
    } else {
        BTreeMap::new()
    };
    let mut figures: BTreeMap<&str, (Figures, i64)> = state
        .programmes
        .keys()
        .map(|id| (id.as_str(), (Figures::default(), 0)))
        .collect();
    figures.extend(
        stored
            .iter()
            .map(|balance| (balance.programme.as_str(), (balance.figures, balance.unspent_count))),
    );
    let mut programmes = Vec::new();
    for (id, (figures, unspent_count)) in figures.into_iter().filter(|(id, _)| caller.may_use(id)) {
        let expiring = if figures.available > Amount::ZERO {
            expiring(state, user, id).await?
        } else {
            None
        };
        let settling = settling.get(id).copied().unwrap_or(Amount::ZERO);
        programmes.push(balance(id, &figures, unspent_count, (settling, expiring)));
    }
    Ok(json!({"user_id": user.to_string(), "programmes": programmes, "position": position(user.shard(), seq)}))
}

/// What expires within the programme's notice.
async fn expiring(state: &ApiState, user: UserId, programme: &str) -> Result<Option<Expiring>, Problem> {
    let Some(active) = state.programmes.get(programme) else {
        return Ok(None);
    };
    let notice_days = i64::try_from(active.credits().notice_days).unwrap_or(i64::MAX);
    let before_ms = state.clock.now_ms().saturating_add(notice_days.saturating_mul(DAY_MS));
    Ok(reads::expiring(&state.readers, user, programme, before_ms).await?)
}

/// Nothing can be held, owed or retired yet, so these are exactly zero.
fn balance(
    programme: &str,
    figures: &Figures,
    unspent_count: i64,
    (settling, expiring): (Amount, Option<Expiring>),
) -> Value {
    json!({
        "programme": programme,
        "available": figures.available,
        "settling": settling,
        "held": "0",
        "waiting": figures.waiting,
        "expiring": expiring.map(|expiring| json!({"amount": expiring.amount, "before": instant(expiring.before_ms)})),
        "debt": "0",
        "unspent_count": unspent_count,
        "lifetime": {
            "quantified": figures.quantified,
            "capped": figures.capped,
            "collected": figures.collected,
            "issued": figures.issued,
            "spent": figures.spent,
            "retired": "0",
            "expired": figures.expired,
            "lapsed": figures.lapsed,
        },
    })
}
