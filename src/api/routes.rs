//! The whole route table on one screen. Everything else is a problem: no such path, or a method that is not offered.

use super::body::Body;
use super::problem::{Code, Problem};
use super::{
    balance, chain, claims, credits, health, methodologies, networks, programmes, quantify, reports, transactions,
    trips,
};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{Handler, HttpResponse, Resource, Responder, guard};

/// Sets the routes up.
pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(post("/v1/trips", trips::create))
        .service(post("/v1/trips/batch", trips::batch))
        .service(post("/v1/quantify", quantify::quantify))
        .service(get("/v1/users/{user_id}/trips/{trip_id}", trips::read_one))
        .service(get("/v1/users/{user_id}/trips/{trip_id}/trace", credits::trace::forth))
        .service(get("/v1/users/{user_id}/trips", trips::list))
        .service(get("/v1/users/{user_id}/balance", balance::read))
        .service(get("/v1/balances", balance::read_many))
        .service(get("/v1/users/{user_id}/claims", claims::list))
        .service(post("/v1/users/{user_id}/claims/collect", claims::collect))
        .service(get("/v1/users/{user_id}/credits", credits::list))
        .service(get("/v1/credits/{credit_id}", credits::read))
        .service(get("/v1/credits/{credit_id}/trace", credits::trace::back))
        .service(post("/v1/redemptions", credits::redeem))
        .service(get("/v1/transactions", transactions::list))
        .service(post("/v1/transactions/{id}/redrive", transactions::redrive))
        .service(get("/v1/transactions/{id}", transactions::read))
        .service(get("/v1/reports/totals", reports::totals))
        .service(get("/v1/methodologies", methodologies::list))
        .service(get("/v1/methodologies/{id}/{version}", methodologies::read))
        .service(get("/v1/programmes", programmes::list))
        .service(get("/v1/programmes/{id}", programmes::read))
        .service(get("/v1/networks/{id}/route", networks::route))
        .service(get("/v1/chain", chain::read))
        .service(get("/v1/chain/blocks/{height}", chain::block))
        .service(get("/v1/chain/transactions/{tx_id}", chain::transaction))
        .service(get("/problems/{code}", health::problem))
        .service(get("/healthz", health::alive))
        .service(get("/readyz", health::ready))
        .service(get("/metrics", health::figures))
        .default_service(web::to(nowhere));
}

fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let reading = guard::Any(guard::Get()).or(guard::Head());
    let other = web::to(|payload: Payload| other_method("GET, HEAD", payload));
    web::resource(path)
        .route(web::route().guard(reading).to(handler))
        .default_service(other)
}

fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let other = web::to(|payload: Payload| other_method("POST", payload));
    web::resource(path)
        .route(web::post().to(handler))
        .default_service(other)
}

async fn other_method(allow: &'static str, payload: Payload) -> Result<HttpResponse, Problem> {
    let mut problem = Problem::new(Code::MethodNotAllowed, format!("this path takes {allow}"));
    problem.allow = Some(allow);
    Err(Body::new(payload).refuse(problem).await)
}

async fn nowhere(payload: Payload) -> Result<HttpResponse, Problem> {
    let problem = Problem::new(Code::NotFound, "there is no such path");
    Err(Body::new(payload).refuse(problem).await)
}
