//! `GET /v1/networks/{id}/route`: how far it is between two stations, found as for a trip.

use super::ApiState;
use super::auth::authenticate;
use super::problem::{Code, FieldError, Problem};
use super::query::Query;
use crate::distance::{Network, RouteError};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

/// A station that a request names, and where in the request it stands.
pub(super) struct End<'a> {
    /// The station's id.
    pub(super) id: &'a str,
    /// Pointer for mistakes.
    pub(super) pointer: String,
}

/// Metres of the shortest way, or everything that is wrong with its ends.
pub(super) fn metres_between(network: &Network, from: &End<'_>, to: &End<'_>) -> Result<u64, Vec<FieldError>> {
    let errors: Vec<FieldError> = [from, to]
        .into_iter()
        .filter_map(|end| Some(wrong(&network.station(end.id).err()?, end)))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let metres = network.metres_between(from.id, to.id);
    metres.map_err(|error| vec![wrong(&error, to)])
}

fn wrong(error: &RouteError, end: &End<'_>) -> FieldError {
    let code = match error {
        RouteError::UnknownStation(_) | RouteError::AmbiguousStation { .. } => Code::UnknownStation,
        RouteError::NoRoute { .. } => Code::NoRoute,
    };
    FieldError::new(code, end.pointer.clone(), error.to_string())
}

/// Finds a way. Networks belong to no programme, so any key may ask.
pub(super) async fn route(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    authenticate(&request, &state).await?;
    let mut query = Query::of(&request)?;
    let (from, to) = (query.take("from")?, query.take("to")?);
    query.close()?;
    let missing = [("?from", &from), ("?to", &to)]
        .into_iter()
        .filter(|(_, value)| value.is_none())
        .map(|(pointer, _)| FieldError::new(Code::InvalidField, pointer, "is missing"));
    let missing: Vec<FieldError> = missing.collect();
    let (Some(from), Some(to)) = (from, to) else {
        return Err(Problem::fields(missing));
    };
    let unknown = || Problem::field(Code::UnknownNetwork, "id", "no network of that id is loaded");
    let network = state.networks.get(path.as_str()).ok_or_else(unknown)?;
    let end = |id, pointer: &str| End {
        id,
        pointer: pointer.to_owned(),
    };
    let metres = metres_between(network, &end(&from, "?from"), &end(&to, "?to")).map_err(Problem::fields)?;
    Ok(HttpResponse::Ok().json(json!({
        "network": {"id": network.id(), "version": network.version()},
        "from": station(network, &from),
        "to": station(network, &to),
        "metres": metres,
    })))
}

fn station(network: &Network, id: &str) -> Value {
    let name = network.station(id).ok().map(|station| station.name.as_str());
    json!({"id": id, "name": name})
}
