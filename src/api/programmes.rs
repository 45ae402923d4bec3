//! `GET /v1/programmes`: what the active programmes count and how they judge. A key that is limited to some sees only those.

use super::ApiState;
use super::auth::authenticate;
use super::list::Page;
use super::problem::{Code, Problem};
use super::query::Query;
use crate::distance::Network;
use crate::ledger::ids::Hash;
use crate::methodology::programme::{Binding, Collecting, DayOf, Programme};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The active programmes.
pub(super) async fn list(request: HttpRequest, state: Data<ApiState>) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    let mut query = Query::of(&request)?;
    let page = Page::of(&mut query)?;
    query.close()?;
    let seen = state.programmes.iter().filter(|(id, _)| caller.may_use(id));
    let items = seen.map(|(id, programme)| (id.clone(), Value::Object(head(programme))));
    Ok(HttpResponse::Ok().json(page.cut(items)))
}

/// One programme with its modes, rules, caps and claim window.
pub(super) async fn read(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    Query::of(&request)?.close()?;
    caller.require_programme(&path)?;
    let programme = state.programmes.get(path.as_str());
    let programme = programme.ok_or_else(|| Problem::new(Code::NotFound, "there is no programme of that id"))?;
    Ok(HttpResponse::Ok().json(document(programme, &state.networks)))
}

fn head(programme: &Programme) -> Map<String, Value> {
    let day_of = match programme.day_rule() {
        DayOf::Start => "start",
        DayOf::End => "end",
    };
    let collect = match programme.collect() {
        Collecting::Rider => "rider",
        Collecting::Automatic => "automatic",
    };
    let evidence = if programme.requires_evidence() {
        "required"
    } else {
        "optional"
    };
    let members = [
        ("id", json!(programme.id())),
        ("digest", json!(Hash::new(programme.digest()).to_string())),
        ("zone", json!(programme.zone_name())),
        ("day_of", json!(day_of)),
        ("collect", json!(collect)),
        ("evidence", json!(evidence)),
        ("back_test", json!(programme.is_back_test())),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn document(programme: &Programme, networks: &BTreeMap<String, Arc<Network>>) -> Value {
    let (caps, claims) = (programme.caps(), programme.claims());
    let modes: Vec<Value> = programme
        .modes()
        .map(|(mode, binding)| bound(mode, binding, networks))
        .collect();
    let members = [
        ("modes", json!(modes)),
        (
            "rules",
            json!({
                "overlap": programme.refuses_overlap().then_some("refuse"),
                "max_age_s": programme.max_age_s(),
                "max_ahead_s": programme.max_ahead_s(),
            }),
        ),
        (
            "caps",
            json!({
                "daily_count": caps.daily_count,
                "per_trip_amount": caps.per_trip_amount,
                "daily_amount": caps.daily_amount,
            }),
        ),
        (
            "claims",
            json!({"delay_s": claims.delay_s, "window_s": claims.window_s}),
        ),
    ];
    let mut document = head(programme);
    document.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(document)
}

/// A mode and what counts for it. A network that is named but not loaded has no version.
fn bound(mode: &str, binding: &Binding, networks: &BTreeMap<String, Arc<Network>>) -> Value {
    let (set, rules, (from, to)) = (binding.methodology(), binding.rules(), binding.days());
    let network = binding.network().map(|id| {
        let loaded = networks.get(id);
        json!({
            "id": id,
            "version": loaded.map(|network| network.version()),
            "digest": loaded.map(|network| Hash::new(network.digest()).to_string()),
        })
    });
    json!({
        "mode": mode,
        "as": binding.word(),
        "methodology": {
            "id": set.id(),
            "version": set.version(),
            "digest": Hash::new(set.digest()).to_string(),
        },
        "network": network,
        "from": from,
        "to": to,
        "rules": {
            "min_distance_m": rules.min_distance_m,
            "max_distance_m": rules.max_distance_m,
            "min_duration_s": rules.min_duration_s,
            "max_duration_s": rules.max_duration_s,
            "max_speed_kmh": rules.max_speed_kmh,
        },
    })
}
