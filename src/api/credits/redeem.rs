//! `POST /v1/redemptions`: a rider spends credits.

use super::super::ApiState;
use super::super::auth::Caller;
use super::super::body::{Rider, Taking, intake};
use super::super::fields::{Mistakes, Object};
use super::super::frame::request_id;
use super::super::keyed::{key_of, keyed};
use super::super::keys::Right;
use super::super::problem::Problem;
use super::super::reference::{Kind, reference};
use super::super::trips::programme;
use super::super::written::{created, position, written};
use super::{inputs, shown};
use crate::identity::fresh::new_account;
use crate::ledger::command::{Command, KeyedAnswer, Merge, Meta, Redeem, Rejection};
use crate::ledger::idempotency::{Answer, redemption_id};
use crate::ledger::ids::UserId;
use crate::ledger::select::Choice;
use crate::store::reads;
use crate::store::writer::SubmitError;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::sync::Arc;

/// How often credits are merged to make a payment fit: each time hundreds become dozens.
const MOST_MERGES: usize = 64;

/// Redeems.
pub(in super::super) async fn redeem(
    request: HttpRequest,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let taking = Taking {
        most: state.max_body,
        rights: &[Right::CreditsSpend],
        rider: Rider::InBody,
    };
    let (caller, value) = intake(&request, payload, &state, taking).await?;
    let key = key_of(&request)?;
    let command = Arc::new(order(&state, &caller, (&request_id(&request), &key), &value)?);
    let answered = carry_out(&state, &command).await?;
    let Answer::Redeem { content_id, choice } = *answered.answer else {
        return Err(Problem::storage_unavailable()); // the request's digest tells collections and redemptions apart
    };
    let found = reads::transaction(&state.readers, Some(command.user.shard()), &content_id).await?;
    let found = found.ok_or_else(Problem::storage_unavailable)?;
    let made = reads::made_by(&state.readers, &found).await?;
    let shard = command.user.shard();
    let change = made.into_iter().find(|(credit, _)| !credit.user.is_system());
    let change = shown(&state.readers, shard, change.as_slice()).await?.pop();
    let id = redemption_id(&caller.client, command.user, &key);
    let document = json!({
        "redemption_id": reference(Kind::Redemption, shard, &id),
        "transaction_id": reference(Kind::Transaction, shard, &content_id),
        "user_id": command.user.to_string(),
        "programme": found.standing.programme,
        "amount": found.amount,
        "reference": found.transaction.reason,
        "inputs": inputs(&found),
        "change": change,
        "choice": Choice::as_str(choice),
    });
    Ok(written(created(true), position(shard, answered.seq), answered.replayed).json(document))
}

/// Asks the ledger; where a rider's credits are too many for one transaction, they are merged first.
async fn carry_out(state: &ApiState, command: &Arc<Redeem>) -> Result<KeyedAnswer, SubmitError> {
    for _ in 0..MOST_MERGES {
        match state.ledger.answer(Command::Redeem(Arc::clone(command))).await {
            Err(SubmitError::Rejected(Rejection::Fragmented)) => {
                let merge = Merge {
                    meta: command.meta.clone(),
                    user: command.user,
                    programme: command.programme.id().to_owned(),
                };
                state.ledger.submit(Command::Merge(Arc::new(merge))).await?;
            }
            answered => return answered,
        }
    }
    Err(SubmitError::Overloaded)
}

fn order(state: &ApiState, caller: &Caller, (request_id, key): (&str, &str), value: &Value) -> Result<Redeem, Problem> {
    let mut mistakes = Mistakes::default();
    let mut object = Object::new(value, "", &mut mistakes);
    let user = object.user("user_id", &mut mistakes);
    let programme = programme(&mut object, state, caller, &mut mistakes)?;
    let amount = object.amount("amount", &mut mistakes);
    let named = object.optional_name("reference", &mut mistakes);
    object.close(&mut mistakes);
    match (user, programme, amount) {
        (Some(user), Some(programme), Some(amount)) if mistakes.0.is_empty() => {
            let text = named.map(|name| name.to_string()).unwrap_or_default();
            let keyed = keyed((caller, user, key), "/v1/redemptions", |e| {
                e.u8(2);
                e.i64(user.value());
                e.text(programme.id());
                e.i64(amount.micrograms());
                e.text(&text);
            })?;
            Ok(Redeem {
                meta: Meta {
                    client: caller.client.clone(),
                    request_id: request_id.to_owned(),
                },
                user,
                sink: new_account(&state.kek, UserId::system(user.shard()), programme.id())?,
                programme,
                amount,
                reference: text,
                keyed,
            })
        }
        _ => Err(Problem::fields(mistakes.0)),
    }
}
