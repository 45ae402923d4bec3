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

/// The rider's trip between these instants, in seconds before noon.
fn later(trip_id: &str, started: i64, ended: i64) -> Value {
    let mut trip = between("town", "metro", "b", "c");
    trip["trip_id"] = json!(trip_id);
    for (end, before) in [("started_at", started), ("ended_at", ended)] {
        let at = jiff::Timestamp::from_second(NOON_MS / 1_000 - before).unwrap();
        trip["legs"][0][end] = json!(at.to_string());
    }
    trip
}

#[tokio::test]
async fn a_total_that_would_leave_64_bits() {
    let (app, _folder) = town().await;
    let mut ledger = location(&app).connect().await.unwrap();
    assert_eq!(
        post(&app, "/v1/trips", &between("town", "metro", "c", "b")).await.0,
        201
    );
    let (next, last) = (later("T-3", 1_700, 800), later("T-4", 700, 60));
    // Each of these undoes itself. One trip is what the table does not take, two are what no sum of 64 bits takes.
    for turned in [
        "UPDATE daily_total SET amount_ug = 9223372036854775807 - amount_ug WHERE shard = 7 AND figure = 'quantified' AND programme = 'town'",
        "UPDATE daily_total SET count = 9223372036854775807 - count WHERE shard = 7 AND figure = 'quantified' AND programme = 'town'",
    ] {
        ledger.execute(turned).await.unwrap();
        refused(app.post("/v1/trips", &next).await).await;
        let (_, answer) = post(&app, "/v1/trips/batch", &json!({"trips": [next, last, beside()]})).await;
        for refused in [0, 1] {
            let code = &answer["results"][refused]["problem"]["code"];
            assert_eq!(code, "storage_refused", "{answer}");
        }
        assert!(answer["results"][2]["status"].as_u64() < Some(202), "{answer}");
        ledger.execute(turned).await.unwrap();
    }
    ledger.close().await.unwrap();
    for trip in [next, last] {
        assert_eq!(post(&app, "/v1/trips", &trip).await.0, 201);
    }
    let (_, report) = get(&app, "/v1/reports/totals?programme=town").await;
    assert_eq!(report["totals"]["trips"], 3, "{report}");
    app.stop().await;
}

#[tokio::test]
async fn a_column_that_holds_another_type() {
    if database::is_on_a_server("a column that holds another type", "a column holds nothing but its own") {
        return;
    }
    let change = "UPDATE account_07 SET issued_ug = 'many' WHERE user_id = 7";
    only_the_rider_is_refused(change, "/v1/users/7/balance").await;
}
