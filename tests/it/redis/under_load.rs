//! Gateways with a Redis: they count together, and go on whatever becomes of it.

use super::{PATIENT, Server, URL, ask, connect, until};
use crate::database;
use crate::dispatch::verified;
use crate::services;
use crate::support::{NOON_MS, TestApp, trip_at};
use carbon_gateway::store::db::Homes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_util::sync::CancellationToken;

const CLIENT: &str = "CARBON_GATEWAY__LIMITS__CLIENT_PER_S";
const RIDER: &str = "CARBON_GATEWAY__LIMITS__USER_PER_S";

async fn submit(app: &TestApp, n: u32) -> u16 {
    let answer = app.post("/v1/trips", &trip_at(NOON_MS / 1_000, n)).await;
    answer.status().as_u16()
}

async fn redis_of(app: &TestApp) -> Value {
    let answer = app.get("/readyz").await;
    assert_eq!(answer.status(), 200, "without Redis a gateway is ready all the same");
    let ready: Value = answer.json().await.unwrap();
    ready["checks"]["redis"].clone()
}

#[tokio::test]
async fn two_gateways_count_together() {
    let Some(url) = services::redis("two gateways that count together") else {
        return;
    };
    if database::is_in_files("two gateways that count together", "a file has one instance") {
        return;
    }
    let settings = [(URL, url.as_str()), PATIENT, (RIDER, "1")];
    let app = TestApp::spawn_with(&settings).await;
    let beside = app.beside_with(&settings).await;
    let mut refused = 0;
    for n in 0..20 {
        assert_eq!(submit(&app, n).await, 201);
        // It is this rider's first order here: who counts alone lets it through.
        match submit(&beside, n).await {
            429 => refused += 1,
            other => assert_eq!(other, 200, "more than a second after the first"),
        }
    }
    assert!(refused > 0, "no rider's second order was refused elsewhere");
    beside.stop().await;
    app.stop().await;
}

/// Waits until fifty more trips are stored.
async fn more(stored: &AtomicU32) {
    let before = stored.load(Ordering::Relaxed);
    until("no more trips are stored", async || {
        stored.load(Ordering::Relaxed) >= before + 50
    })
    .await;
}

/// Whether a rider's second order at once is refused.
async fn limits_hold(app: &TestApp, n: u32) {
    let batch = json!({"trips": [trip_at(NOON_MS / 1_000, n), trip_at(NOON_MS / 1_000, n)]});
    let answer: Value = app.post("/v1/trips/batch", &batch).await.json().await.unwrap();
    let statuses = [0, 1].map(|item| answer["results"][item]["status"].clone());
    assert_eq!(statuses, [json!(201), json!(429)], "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_flushed_killed_and_restarted_under_load_costs_nobody_an_answer() {
    if services::redis("Redis killed under load").is_none() {
        return;
    }
    let server = Server::start();
    let settings = [(URL, server.url.as_str()), PATIENT, (CLIENT, "1000000"), (RIDER, "1")];
    let app = Arc::new(TestApp::spawn_with(&settings).await);
    let (next, stored) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let enough = CancellationToken::new();
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (app, next, stored, enough) = (Arc::clone(&app), Arc::clone(&next), Arc::clone(&stored), enough.clone());
        lanes.spawn(async move {
            while !enough.is_cancelled() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                assert_eq!(submit(&app, n).await, 201, "trip {n}");
                stored.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    more(&stored).await;
    assert_eq!(redis_of(&app).await, "ok");
    limits_hold(&app, 900_001).await;
    let mut connection = connect(&server.url).await;
    ask::<()>(&mut connection, &["FLUSHALL"]).await;
    more(&stored).await;
    server.signal("KILL");
    more(&stored).await;
    assert_eq!(redis_of(&app).await, "degraded");
    limits_hold(&app, 900_002).await;
    server.restart();
    until("Redis is not found again", async || redis_of(&app).await == "ok").await;
    more(&stored).await;
    limits_hold(&app, 900_003).await;
    enough.cancel();
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
    }
    let app = Arc::into_inner(app).unwrap();
    let (folder, _) = app.stop().await;
    let report = verified(&Homes::one(database::location(folder.path())), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

#[tokio::test]
async fn a_gateway_without_redis_speaks_of_none() {
    let app = TestApp::spawn().await;
    assert_eq!(redis_of(&app).await, Value::Null);
    app.stop().await;
}
