//! What the database holds and nobody can read: whoever comes upon it is told that it is no use to come back, and nobody else notices.

use super::networks::{between, town};
use super::{get, header, location, post, problem, ride};
use crate::database;
use crate::support::NOON_MS;
use reqwest::Response;
use serde_json::{Value, json};

/// A rider of the same shard, with whom nothing is wrong.
fn beside() -> Value {
    let mut trip = ride(
        37,
        "T-2",
        "metro",
        (NOON_MS / 1_000 - 3_600, NOON_MS / 1_000 - 1_800),
        3_000,
    );
    trip["programme"] = json!("county");
    trip
}

async fn refused(response: Response) {
    assert_eq!(
        (response.status().as_u16(), header(&response, "retry-after")),
        (503, "")
    );
    let document = problem(response, "storage_refused").await;
    assert_eq!(document["retry_after_ms"], Value::Null, "{document}");
}

/// Changes a row of rider 7, who is at home in shard 7 and has a trip. From then on the rider's trips are refused, by themselves and among others,
/// and so is whoever reads `path`; the others' trips are taken.
async fn only_the_rider_is_refused(change: &'static str, path: &str) {
    let (app, _folder) = town().await;
    let trip = between("town", "metro", "c", "b");
    assert_eq!(post(&app, "/v1/trips", &trip).await.0, 201);
    let mut ledger = location(&app).connect().await.unwrap();
    ledger.execute(change).await.unwrap();
    ledger.close().await.unwrap();
    refused(app.post("/v1/trips", &trip).await).await;
    let (_, answer) = post(&app, "/v1/trips/batch", &json!({"trips": [trip, beside()]})).await;
    assert_eq!(answer["summary"]["failed"], 1, "{answer}");
    assert_eq!(answer["results"][0]["problem"]["code"], "storage_refused", "{answer}");
    assert_eq!(answer["results"][1]["status"], 201, "{answer}");
    assert_eq!(get(&app, "/readyz").await.0, 200);
    refused(app.get(path).await).await;
    app.stop().await;
}

#[tokio::test]
async fn evidence_that_cannot_be_opened() {
    let change = "UPDATE trip_07 SET evidence = x'00' WHERE user_id = 7";
    only_the_rider_is_refused(change, "/v1/users/7/trips").await;
}

#[tokio::test]
async fn a_key_that_cannot_be_unwrapped() {
    let change = "UPDATE account_07 SET wrapped_key = x'00' WHERE user_id = 7";
    only_the_rider_is_refused(change, "/v1/users/7/trips").await;
}

#[tokio::test]
async fn a_column_that_holds_another_type() {
    if database::is_on_a_server("a column that holds another type", "a column holds nothing but its own") {
        return;
    }
    let change = "UPDATE account_07 SET issued_ug = 'many' WHERE user_id = 7";
    only_the_rider_is_refused(change, "/v1/users/7/balance").await;
}
