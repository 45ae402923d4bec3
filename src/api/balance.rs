//! `GET /v1/users/{user_id}/balance`: what a rider has, by programme. A user without trips reads as zero everywhere.

use super::ApiState;
use super::auth::authenticate;
use super::keys::Right;
use super::problem::Problem;
use super::query::{Query, user_of};
use crate::ledger::account::Figures;
use crate::store::reads;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Reads a balance.
pub(super) async fn read(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    Query::of(&request)?.close()?;
    let user = user_of(&path)?;
    let (balances, seq) = reads::balances(&state.readers, user).await?;
    let mut figures: BTreeMap<&str, Figures> = state
        .programmes
        .keys()
        .map(|id| (id.as_str(), Figures::default()))
        .collect();
    figures.extend(
        balances
            .iter()
            .map(|balance| (balance.programme.as_str(), balance.figures)),
    );
    let programmes: Vec<Value> = figures
        .into_iter()
        .filter(|(id, _)| caller.may_use(id))
        .map(|(id, figures)| balance(id, &figures))
        .collect();
    let position = format!("{}:{seq}", user.shard());
    let document = json!({"user_id": user.to_string(), "programmes": programmes, "position": position});
    Ok(HttpResponse::Ok().json(document))
}

/// Nothing can be collected yet, so whatever begins with collecting is exactly zero.
fn balance(programme: &str, figures: &Figures) -> Value {
    json!({
        "programme": programme,
        "available": "0",
        "settling": "0",
        "held": "0",
        "waiting": figures.waiting,
        "expiring": null,
        "debt": "0",
        "unspent_count": 0,
        "lifetime": {
            "quantified": figures.quantified,
            "capped": figures.capped,
            "collected": "0",
            "issued": "0",
            "spent": "0",
            "retired": "0",
            "expired": "0",
            "lapsed": "0",
        },
    })
}
