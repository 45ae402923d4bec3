//! What needs no key: whether the process lives, whether it can work, its figures, and what a problem's code means.

use super::ApiState;
use super::problem::{Code, Problem};
use crate::store::db::{PoolUse, Readers};
use crate::store::reads;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, Responder};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use std::future;
use std::time::Duration;
use tokio::time::timeout;

/// How long database and chain may take to show that they are there.
const PROBE_BUDGET: Duration = Duration::from_secs(2);

/// `GET /healthz`: 200 while the process lives.
pub(super) async fn alive() -> impl Responder {
    HttpResponse::Ok().json(json!({"alive": true}))
}

/// `GET /readyz`: 200 while requests can be carried out.
pub(super) async fn ready(state: Data<ApiState>) -> impl Responder {
    let draining = state.lifecycle.is_leaving();
    let chain = timeout(PROBE_BUDGET, state.chain.allows_work());
    let (answers, chain) = tokio::join!(any_answers(&state.readers), chain);
    let database = state.ledger.healthy() && answers;
    let chain = matches!(chain, Ok(true));
    let ready = database && chain && !draining;
    let word = |ok| if ok { "ok" } else { "unavailable" };
    let mut checks = json!({"database": word(database), "chain": word(chain), "draining": draining});
    if let Some(redis) = &state.redis {
        // Without it everything goes on, each instance by itself.
        checks["redis"] = json!(if redis.is_up() { "ok" } else { "degraded" });
    }
    let mut answer = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer.json(json!({"ready": ready, "checks": checks}))
}

/// Whether a database can be read: while another is away, riders who are at home in this one are served. All are asked at once, for one that
/// is silent would let whoever asks wait.
async fn any_answers(readers: &Readers) -> bool {
    let firsts = readers.each().filter_map(|(_, shards)| shards.first().copied());
    let answers = firsts.map(async |first| {
        let answer = timeout(PROBE_BUDGET, reads::position(readers, first)).await;
        matches!(answer, Ok(Ok(_)))
    });
    answers.collect::<FuturesUnordered<_>>().any(future::ready).await
}

/// `GET /metrics`: the figures of the process, for Prometheus.
pub(super) async fn figures(state: Data<ApiState>) -> impl Responder {
    gauge_ledger(&state);
    state.metrics.run_upkeep();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(state.metrics.render())
}

/// What is looked at only when somebody asks.
fn gauge_ledger(state: &ApiState) {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    metrics::gauge!("carbon_writer_queue_depth").set(number(state.ledger.depth()));
    metrics::gauge!("carbon_writer_queue_limit").set(number(state.ledger.limit()));
    for (database, up) in state.ledger.databases_up() {
        metrics::gauge!("carbon_database_up", "database" => database.to_string()).set(u32::from(up));
    }
    for (database, (pool, _)) in state.readers.each().enumerate() {
        let (PoolUse { busy, idle, limit }, database) = (pool.usage(), database.to_string());
        metrics::gauge!("carbon_pool_connections", "database" => database.clone(), "state" => "busy").set(busy);
        metrics::gauge!("carbon_pool_connections", "database" => database.clone(), "state" => "idle").set(idle);
        metrics::gauge!("carbon_pool_limit", "database" => database).set(limit);
    }
}

/// `GET /problems/{code}`: what the code of a problem means.
pub(super) async fn problem(code: Path<String>) -> Result<HttpResponse, Problem> {
    let found = Code::ALL.iter().find(|known| known.as_str() == code.as_str());
    let code = found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such problem"))?;
    let document = json!({
        "type": format!("/problems/{}", code.as_str()),
        "code": code.as_str(),
        "status": code.status(),
        "title": code.title(),
        "advice": code.advice(),
    });
    Ok(HttpResponse::Ok().json(document))
}
