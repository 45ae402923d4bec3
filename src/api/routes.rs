//! The whole route table on one screen. Everything else is a problem: no such path, or a method that is not offered.

use super::body::Body;
use super::openapi::{self as docs, operation::Operation};
use super::problem::{Code, Problem};
use super::{
    balance, chain, claims, credits, health, methodologies, networks, programmes, quantify, reports, transactions,
    trips,
};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{Handler, HttpResponse, Resource, Responder, guard};

/// A route: where it is, who answers, and what the document says of it.
pub(super) struct Route {
    /// The method, in capitals.
    pub(super) method: &'static str,
    /// The path, with names in braces.
    pub(super) path: &'static str,
    /// What the document says.
    pub(super) operation: Operation,
    resource: Resource,
}

/// Sets the routes up.
pub(super) fn configure(app: &mut ServiceConfig) {
    for route in table() {
        app.service(route.resource);
    }
    app.default_service(web::to(nowhere));
}

/// All routes, in the order in which they are looked at. One line each, so that the table stays on one screen.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    vec![
        post("/v1/trips", trips::create, docs::trips::create()),
        post("/v1/trips/batch", trips::batch, docs::trips::batch()),
        post("/v1/quantify", quantify::quantify, docs::quantify::quantify()),
        get("/v1/users/{user_id}/trips/{trip_id}", trips::read_one, docs::trips::read_one()),
        get("/v1/users/{user_id}/trips/{trip_id}/trace", credits::trace::forth, docs::traces::forth()),
        get("/v1/users/{user_id}/trips", trips::list, docs::trips::list_of_user()),
        get("/v1/users/{user_id}/balance", balance::read, docs::balances::of_user()),
        get("/v1/balances", balance::read_many, docs::balances::of_users()),
        get("/v1/users/{user_id}/claims", claims::list, docs::claims::list_of_user()),
        post("/v1/users/{user_id}/claims/collect", claims::collect, docs::claims::collect()),
        get("/v1/users/{user_id}/credits", credits::list, docs::credits::list_of_user()),
        get("/v1/credits/{credit_id}", credits::read, docs::credits::read()),
        get("/v1/credits/{credit_id}/trace", credits::trace::back, docs::traces::back()),
        get("/v1/credits/{credit_id}/proof", credits::proof::read, docs::proofs::of_credit()),
        post("/v1/redemptions", credits::redeem, docs::credits::redeem()),
        get("/v1/transactions", transactions::list, docs::transactions::list_all()),
        post("/v1/transactions/{id}/redrive", transactions::redrive, docs::transactions::redrive()),
        get("/v1/transactions/{id}", transactions::read, docs::transactions::read()),
        get("/v1/reports/totals", reports::totals, docs::reports::totals()),
        get("/v1/methodologies", methodologies::list, docs::methodologies::list_all()),
        get("/v1/methodologies/{id}/{version}", methodologies::read, docs::methodologies::read()),
        get("/v1/programmes", programmes::list, docs::programmes::list_all()),
        get("/v1/programmes/{id}", programmes::read, docs::programmes::read()),
        get("/v1/networks/{id}/route", networks::route, docs::programmes::route()),
        get("/v1/chain", chain::read, docs::chain::read()),
        get("/v1/chain/blocks/{height}", chain::block, docs::chain::block()),
        get("/v1/chain/transactions/{tx_id}", chain::transaction, docs::chain::transaction()),
        get("/problems/{code}", health::problem, docs::service::problem()),
        get("/healthz", health::alive, docs::service::alive()),
        get("/readyz", health::ready, docs::service::ready()),
        get("/metrics", health::figures, docs::service::figures()),
        get("/openapi.json", docs::serve_document, docs::service::document()),
        get("/docs", docs::serve_page, docs::service::page()),
    ]
}

fn get<F, Args>(path: &'static str, handler: F, operation: Operation) -> Route
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let reading = guard::Any(guard::Get()).or(guard::Head());
    let other = web::to(|payload: Payload| other_method("GET, HEAD", payload));
    let resource = web::resource(path)
        .route(web::route().guard(reading).to(handler))
        .default_service(other);
    Route {
        method: "GET",
        path,
        operation,
        resource,
    }
}

fn post<F, Args>(path: &'static str, handler: F, operation: Operation) -> Route
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let other = web::to(|payload: Payload| other_method("POST", payload));
    let resource = web::resource(path)
        .route(web::post().to(handler))
        .default_service(other);
    Route {
        method: "POST",
        path,
        operation,
        resource,
    }
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
