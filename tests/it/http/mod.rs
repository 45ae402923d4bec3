//! The HTTP interface from outside: every answer, every problem, every rule, as docs and clients rely on them.

mod access;
mod as_described;
mod chain;
mod credits;
mod limits;
mod networks;
mod openapi;
mod outage;
mod problems;
mod proof;
mod reports;
mod requests;
mod rules;
mod trace;
mod trips;
mod unreadable;

use crate::database;
use crate::support::TestApp;
use carbon_gateway::store::db::Location;
use reqwest::Response;
use serde_json::{Value, json};

/// The trip of the documentation's example.
fn example() -> Value {
    json!({
        "programme": "demo", "trip_id": "T-0001", "user_id": "1000017",
        "legs": [{"mode": "metro", "started_at": "2026-11-20T07:58:11+08:00", "ended_at": "2026-11-20T08:24:40+08:00", "distance_m": 8550}],
        "evidence": {"kind": "gate", "digest": "ab".repeat(32)},
    })
}

/// A trip of one leg between two Unix seconds.
fn ride(user: u32, trip_id: &str, mode: &str, (from_s, to_s): (i64, i64), metres: u64) -> Value {
    let time = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_string();
    json!({
        "programme": "demo", "trip_id": trip_id, "user_id": user,
        "legs": [{"mode": mode, "started_at": time(from_s), "ended_at": time(to_s), "distance_m": metres}],
    })
}

async fn read(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn post(app: &TestApp, path: &str, body: &Value) -> (u16, Value) {
    read(app.post(path, body).await).await
}

async fn get(app: &TestApp, path: &str) -> (u16, Value) {
    read(app.get(path).await).await
}

/// POST of bytes as they are.
async fn post_bytes(app: &TestApp, path: &str, body: Vec<u8>) -> Response {
    let request = app.client.post(format!("{}{path}", app.base)).bearer_auth(&app.key);
    request
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A whole problem document of that code; answers it.
async fn problem(response: Response, code: &str) -> Value {
    let status = response.status().as_u16();
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let id = header(&response, "x-request-id").to_owned();
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["code"], code, "{document}");
    assert_eq!(document["type"], format!("/problems/{code}"));
    assert_eq!(document["status"], status);
    assert_eq!(document["instance"], id);
    assert!(!id.is_empty() && document["title"].is_string() && document["detail"].is_string());
    document
}

/// Pointers of a problem's errors, in their order.
fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().map_or(Vec::new(), |errors| {
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    })
}

/// The ledger's file, to be opened beside the gateway.
fn location(app: &TestApp) -> Location {
    database::location(app.data_dir())
}
