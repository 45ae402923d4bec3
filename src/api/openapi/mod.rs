//! The OpenAPI document, made from the table of routes: each route carries what is said of it, so the document has all of them
//! and nothing else. The tests hold every answer of theirs against it, status, headers and body.
//!
//! A new route gets a function here, in the file of its resource, and is named beside its handler in `routes`; a new schema is
//! a line in `schemas()` of that file.

pub(super) mod balances;
pub(super) mod chain;
pub(super) mod claims;
pub(super) mod credits;
pub(super) mod methodologies;
pub(super) mod operation;
mod page;
pub(super) mod programmes;
pub(super) mod proofs;
pub(super) mod quantify;
pub(super) mod reports;
mod scalars;
mod schema;
pub(super) mod service;
pub(super) mod traces;
pub(super) mod transactions;
pub(super) mod trips;

use super::frame;
use super::problem::Code;
use super::routes::{self, Route};
use actix_web::http::header;
use actix_web::{HttpResponse, Responder};
use operation::{Access, Answer, Area, Operation, Parameter};
use schema::{refer, shaped, text};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What is said of the whole.
const MANNERS: &str = include_str!("manners.md");
/// The page fetches nothing and runs nothing, whatever stood in it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let order: Vec<&str> = routes::table().iter().map(|route| route.operation.id).collect();
    page::render(&document(), &order)
});

/// `GET /openapi.json`.
pub(super) async fn serve_document() -> impl Responder {
    HttpResponse::Ok().content_type("application/json").body(TEXT.as_str())
}

/// `GET /docs`.
pub(super) async fn serve_page() -> impl Responder {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .content_type("text/html; charset=utf-8")
        .body(PAGE.as_str())
}

/// The document: OpenAPI 3.1.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes::table() {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.to_ascii_lowercase()] = described(&route);
    }
    let tag = |area: Area| json!({"name": area.name(), "description": area.description()});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Carbon-credit gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": MANNERS,
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": Area::ALL.map(tag),
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "headers": headers(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of a calling system: `Authorization: Bearer cgk_…`. Operations name the right that it needs.",
                },
            },
        },
    })
}

/// The schemas of all resources, by name.
fn schemas() -> Map<String, Value> {
    let all = [
        scalars::schemas(),
        trips::schemas(),
        quantify::schemas(),
        balances::schemas(),
        claims::schemas(),
        credits::schemas(),
        traces::schemas(),
        transactions::schemas(),
        chain::schemas(),
        proofs::schemas(),
        reports::schemas(),
        methodologies::schemas(),
        programmes::schemas(),
        service::schemas(),
    ];
    all.into_iter()
        .flatten()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// The headers that answers bear.
fn headers() -> Value {
    let header =
        |description: &str, schema: Value| json!({"description": description, "required": true, "schema": schema});
    let seconds = json!({"type": "string", "pattern": "^[0-9]+$"});
    json!({
        "X-Request-Id": header("The caller's own id of the request, if it is one that can stand in a log; else ours.", text()),
        "Gateway-Position": header("How far the shards written to have come, with commas between.", shaped("^[0-9]{2}:[0-9]+(, [0-9]{2}:[0-9]+)*$", "17:4711")),
        "Idempotent-Replayed": header("Stands there where the answer was given before.", schema::only("true")),
        "Report-At": header("The instant that the rows are of.", refer("At")),
        "Retry-After": header("Seconds until sending the same again makes sense.", seconds),
        "WWW-Authenticate": header("How to show a key.", schema::only("Bearer")),
    })
}

fn described(route: &Route) -> Value {
    let operation = &route.operation;
    let mut answers: BTreeMap<String, Value> = operation
        .answers
        .iter()
        .map(|answer| (answer.status.to_string(), answered(answer)))
        .collect();
    for (status, problems) in problems(route) {
        answers.entry(status.to_string()).or_insert_with(|| refused(&problems));
    }
    let parameters: Vec<Value> = operation.parameters.iter().map(parameter).collect();
    let mut document = json!({
        "operationId": operation.id,
        "tags": [operation.area.name()],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": answers,
        "security": security(operation),
    });
    if !operation.details.is_empty() {
        document["description"] = json!(operation.details);
    }
    if let Some((schema, example)) = &operation.body {
        let content = json!({"application/json": {"schema": schema, "example": example}});
        document["requestBody"] = json!({"required": true, "content": content});
    }
    document
}

/// One key, with one of the rights.
fn security(operation: &Operation) -> Value {
    match operation.access {
        Access::Open => json!([]),
        Access::AnyKey => json!([{"key": []}]),
        Access::OneOf(rights) => rights.iter().map(|right| json!({"key": [right.as_str()]})).collect(),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "in": parameter.place,
        "name": parameter.name,
        "required": parameter.is_needed,
        "description": parameter.description,
        "schema": parameter.schema,
    })
}

fn answered(answer: &Answer) -> Value {
    let contents: Map<String, Value> = answer
        .contents
        .iter()
        .map(|(media, schema)| ((*media).to_owned(), json!({"schema": schema})))
        .collect();
    let mut headers = json!({"X-Request-Id": header_named("X-Request-Id", true)});
    for (name, always) in &answer.headers {
        headers[*name] = header_named(name, *always);
    }
    json!({"description": answer.description, "headers": headers, "content": contents})
}

/// A header of ours; one that may be missing says so itself, since a reference cannot.
fn header_named(name: &str, always: bool) -> Value {
    if always {
        return json!({"$ref": format!("#/components/headers/{name}")});
    }
    let mut header = headers()[name].take();
    header["required"] = json!(false);
    header
}

/// The problems of a route by status: those it names, and what holds for every route of its kind.
fn problems(route: &Route) -> BTreeMap<u16, Vec<Code>> {
    let mut codes = route.operation.codes.clone();
    let is_read_with_key = route.method == "GET" && !matches!(route.operation.access, Access::Open);
    if is_read_with_key {
        codes.extend([Code::UnknownField, Code::InvalidField]); // a query that is not known
    }
    if !frame::ALWAYS.contains(&route.path) {
        codes.push(Code::Draining);
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.status()).or_default().push(*code);
    }
    by_status
}

fn refused(codes: &[Code]) -> Value {
    let sentences: Vec<String> = codes
        .iter()
        .map(|code| format!("`{}`: {}", code.as_str(), code.title()))
        .collect();
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let mut headers = json!({"X-Request-Id": header_named("X-Request-Id", true)});
    if codes.iter().any(|code| code.passes()) {
        headers["Retry-After"] = header_named("Retry-After", codes.iter().all(|code| code.passes()));
    }
    if codes.contains(&Code::Unauthorized) {
        headers["WWW-Authenticate"] = header_named("WWW-Authenticate", true);
    }
    json!({
        "description": sentences.join("\n\n"),
        "headers": headers,
        "content": {"application/problem+json": {"schema": refer("Problem")}},
        "x-problem-codes": words,
    })
}
