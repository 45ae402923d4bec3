//! `POST /v1/quantify`: what a trip would earn. Nothing is stored, so nothing is judged that needs the rider's other trips or
//! the time of booking.

use super::ApiState;
use super::auth::Caller;
use super::body::{Rider, Taking, intake};
use super::fields::{Mistakes, Object};
use super::keys::Right;
use super::problem::{FieldError, Problem};
use super::trips::{LONGEST_WORD, Stations, Times, assess, evidence, legs, programme, put_distance};
use crate::ledger::ids::Hash;
use crate::methodology::programme::Programme;
use crate::methodology::quantify::{LegFigure, what_if};
use crate::methodology::rules::Refusal;
use crate::methodology::trip::{Leg, Trip};
use crate::methodology::units::Amount;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

/// Any key will do.
const RIGHTS: &[Right] = &Right::ALL;

/// Works a trip out.
pub(super) async fn quantify(
    request: HttpRequest,
    payload: Payload,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let taking = Taking {
        most: state.max_body,
        rights: RIGHTS,
        rider: Rider::None,
    };
    let (caller, value) = intake(&request, payload, &state, taking).await?;
    let mut mistakes = Mistakes::default();
    let mut object = Object::new(&value, "", &mut mistakes);
    let answer = if value
        .get("methodology")
        .is_some_and(|methodology| !methodology.is_null())
    {
        by_methodology(&mut object, &state, &mut mistakes)
    } else {
        by_programme(&mut object, &state, &caller, &mut mistakes)?
    };
    object.close(&mut mistakes);
    match answer {
        Some(answer) if mistakes.0.is_empty() => Ok(HttpResponse::Ok().json(answer)),
        _ => Err(Problem::fields(mistakes.0)),
    }
}

fn by_methodology(object: &mut Object<'_>, state: &ApiState, mistakes: &mut Mistakes) -> Option<Value> {
    let pointer = object.pointer("methodology");
    let mut reference = Object::new(object.take("methodology")?, pointer.clone(), mistakes);
    let id = reference.needed_text("id", LONGEST_WORD, mistakes);
    let version = reference.needed_text("version", LONGEST_WORD, mistakes);
    reference.close(mistakes);
    let (legs, _) = legs(object, Times::Optional, Stations::Nowhere, mistakes);
    let methodology = match state.library.get(id?, version?) {
        Ok(methodology) => methodology,
        Err(error) => {
            mistakes.invalid(pointer, error.to_string());
            return None;
        }
    };
    match what_if(&methodology, &legs) {
        Ok(figures) => document(&legs, &figures, None, None),
        Err(errors) => {
            let new = errors
                .into_iter()
                .filter(|error| !mistakes.touch(&error.pointer))
                .map(FieldError::from);
            let new: Vec<FieldError> = new.collect();
            mistakes.0.extend(new);
            None
        }
    }
}

fn by_programme(
    object: &mut Object<'_>,
    state: &ApiState,
    caller: &Caller,
    mistakes: &mut Mistakes,
) -> Result<Option<Value>, Problem> {
    let programme = programme(object, state, caller, mistakes)?;
    let stations = Stations::of(programme.as_deref(), &state.networks);
    let (legs, _) = legs(object, Times::Needed, stations, mistakes);
    let (has_evidence, _) = evidence(object, mistakes);
    let trip = Trip { legs, has_evidence };
    let Some(programme) = programme else { return Ok(None) };
    let Some(assessment) = assess(&programme, &trip, mistakes) else {
        return Ok(None);
    };
    let answer = document(
        &trip.legs,
        &assessment.legs,
        assessment.refusal.as_ref(),
        programme.caps().per_trip_amount,
    );
    Ok(answer.map(|mut answer| {
        name_programme(&mut answer, &programme, &assessment.day.to_string());
        answer
    }))
}

fn name_programme(answer: &mut Value, programme: &Programme, day: &str) {
    if let Some(members) = answer.as_object_mut() {
        members.insert("programme".to_owned(), json!(programme.id()));
        members.insert(
            "programme_digest".to_owned(),
            json!(Hash::new(programme.digest()).to_string()),
        );
        members.insert("day".to_owned(), json!(day));
    }
}

/// The figures as a stored trip would show them; `None` beyond 64 bits, which was ruled out before.
fn document(legs: &[Leg], figures: &[LegFigure], refusal: Option<&Refusal>, most: Option<Amount>) -> Option<Value> {
    let earned = |figure: &LegFigure| {
        if refusal.is_some() {
            Amount::ZERO
        } else {
            figure.quantified
        }
    };
    let quantified = figures
        .iter()
        .try_fold(Amount::ZERO, |sum, figure| sum.checked_add(earned(figure)))?;
    let amount = most.map_or(quantified, |most| quantified.min(most));
    let capped = quantified.checked_sub(amount)?;
    let mut excess = capped;
    let mut documents = Vec::new();
    // Caps cut from the last leg backwards.
    for (leg, figure) in std::iter::zip(legs, figures).rev() {
        let cut = excess.min(earned(figure));
        excess = excess.checked_sub(cut)?;
        let mut document = json!({
            "mode": leg.mode,
            "quantified": earned(figure),
            "capped": cut,
            "unfloored": if refusal.is_some() { "0".to_owned() } else { figure.unfloored.to_string() },
            "methodology": {
                "id": figure.methodology.id,
                "version": figure.methodology.version,
                "digest": Hash::new(figure.methodology.digest).to_string(),
            },
        });
        put_distance(&mut document, leg.distance.as_ref());
        documents.push(document);
    }
    documents.reverse();
    Some(json!({
        "outcome": if refusal.is_some() { "refused" } else { "credited" },
        "refusal": refusal.map(|refusal| json!({"rule": refusal.rule.as_str(), "detail": refusal.detail})),
        "quantified": quantified,
        "capped": capped,
        "amount": amount,
        "legs": documents,
    }))
}
