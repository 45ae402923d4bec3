//! From the JSON of a trip to a command for the ledger. Everything is parsed and judged before anything is asked for.

use super::super::ApiState;
use super::super::auth::Caller;
use super::super::fields::{Mistakes, Object};
use super::super::problem::{Code, FieldError, Problem};
use super::legs::{LONGEST_WORD, Times, legs};
use super::way::Stations;
use crate::identity::fresh::fresh;
use crate::ledger::command::{Meta, SubmitTrip};
use crate::ledger::evidence::Proof;
use crate::ledger::ids::{Hash, trip_key};
use crate::methodology::programme::{Assessment, Programme};
use crate::methodology::trip::{InputCode, Trip};
use serde_json::Value;
use std::sync::Arc;

/// Characters of a programme's id that are looked at.
const LONGEST_PROGRAMME: usize = 128;

/// The command that books the trip, or everything that is wrong with it.
pub(in super::super) fn order(
    state: &ApiState,
    caller: &Caller,
    request_id: &str,
    value: &Value,
) -> Result<SubmitTrip, Problem> {
    let mut mistakes = Mistakes::default();
    let mut object = Object::new(value, "", &mut mistakes);
    let programme = programme(&mut object, state, caller, &mut mistakes)?;
    let trip_id = object.name("trip_id", &mut mistakes);
    let user = object.user("user_id", &mut mistakes);
    let stations = Stations::of(programme.as_deref(), &state.networks);
    let (legs, places) = legs(&mut object, Times::Needed, stations, &mut mistakes);
    let (has_evidence, proof) = evidence(&mut object, &mut mistakes);
    object.close(&mut mistakes);
    let trip = Trip { legs, has_evidence };
    let assessment = programme
        .as_ref()
        .and_then(|programme| assess(programme, &trip, &mut mistakes));
    match (programme, trip_id, user, assessment) {
        (Some(programme), Some(trip_id), Some(user), Some(assessment)) if mistakes.0.is_empty() => Ok(SubmitTrip {
            meta: Meta {
                client: caller.client.clone(),
                request_id: request_id.to_owned(),
            },
            user,
            trip_key: trip_key(&caller.client, user, &trip_id),
            trip_id,
            fresh: fresh(&state.kek, user, programme.id())?,
            programme,
            trip,
            assessment,
            proof,
            places,
        }),
        _ => Err(Problem::fields(mistakes.0)),
    }
}

/// The programme that a request names.
pub(in super::super) fn programme(
    object: &mut Object<'_>,
    state: &ApiState,
    caller: &Caller,
    mistakes: &mut Mistakes,
) -> Result<Option<Arc<Programme>>, Problem> {
    let Some(id) = object.needed_text("programme", LONGEST_PROGRAMME, mistakes) else {
        return Ok(None);
    };
    caller.require_programme(id)?;
    let programme = state.programmes.get(id).map(Arc::clone);
    if programme.is_none() {
        let pointer = object.pointer("programme");
        mistakes.0.push(FieldError::new(
            Code::UnknownProgramme,
            pointer,
            format!("there is no programme {id:?}"),
        ));
    }
    Ok(programme)
}

/// Whether there is evidence, and what it is; wrong evidence is evidence all the same.
pub(in super::super) fn evidence(object: &mut Object<'_>, mistakes: &mut Mistakes) -> (bool, Option<Proof>) {
    let Some(value) = object.take("evidence") else {
        return (false, None);
    };
    let mut inner = Object::new(value, object.pointer("evidence"), mistakes);
    let kind = inner.needed_text("kind", LONGEST_WORD, mistakes);
    let digest = inner.take("digest").and_then(|value| {
        let digest = value.as_str().and_then(|text| Hash::parse(text).ok());
        if digest.is_none() {
            mistakes.invalid(inner.pointer("digest"), "must be 64 lower-case hexadecimal digits");
        }
        digest
    });
    inner.close(mistakes);
    (
        true,
        kind.map(|kind| Proof {
            kind: kind.to_owned(),
            digest,
        }),
    )
}

/// The programme's judgement; what it finds wrong joins what was found already, unless it only follows from that.
pub(in super::super) fn assess(programme: &Programme, trip: &Trip, mistakes: &mut Mistakes) -> Option<Assessment> {
    match programme.assess(trip) {
        Ok(assessment) => Some(assessment),
        Err(errors) => {
            let known = |error: &crate::methodology::trip::InputError| {
                let misspelt = error.code == InputCode::InvalidField && mistakes.unknown_beside(&error.pointer);
                misspelt || mistakes.touch(&error.pointer)
            };
            let more: Vec<FieldError> = errors
                .into_iter()
                .filter(|error| !known(error))
                .map(FieldError::from)
                .collect();
            mistakes.0.extend(more);
            None
        }
    }
}
