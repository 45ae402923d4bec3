//! Limits as callers meet them: 429, when to come back, and that coming back then helps.

use super::{get, header, post, problem, ride};
use crate::support::{NOON_MS, TestApp};
use serde_json::{Value, json};
use std::time::Duration;

const NOON_S: i64 = NOON_MS / 1_000;

fn trip(user: u32, n: i64) -> Value {
    let to_s = NOON_S - 600 * n;
    ride(user, &format!("T-{n}"), "metro", (to_s - 300, to_s), 1_000)
}

/// Asks until it is too often; the answer then.
async fn refused(ask: impl AsyncFn() -> reqwest::Response) -> reqwest::Response {
    for _ in 0..1_000 {
        let answer = ask().await;
        if answer.status() == 429 {
            return answer;
        }
        assert!(answer.status().is_success(), "{}", answer.status());
    }
    unreachable!("a thousand in a row passed");
}

#[tokio::test]
async fn a_client_is_told_when_to_come_back() {
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__LIMITS__CLIENT_PER_S", "2")]).await;
    let answer = refused(async || app.get("/v1/programmes").await).await;
    assert_eq!(header(&answer, "retry-after"), "1", "whole seconds, rounded up");
    let told = problem(answer, "rate_limited").await;
    assert_eq!(told["limit"], "client");
    let wait_ms = told["retry_after_ms"].as_u64().unwrap();
    assert!((1..=500).contains(&wait_ms), "{told}");
    tokio::time::sleep(Duration::from_millis(wait_ms + 5)).await;
    assert_eq!(app.get("/v1/programmes").await.status(), 200);
    // Orders count too, well or badly written; who is not known to have a key is told so, and the service's own paths are not limited.
    let answer = refused(async || app.post("/v1/trips", &trip(1, 1)).await).await;
    assert_eq!(problem(answer, "rate_limited").await["limit"], "client");
    let mut limited = false;
    for _ in 0..1_000 {
        let status = app.post("/v1/trips", &json!({})).await.status().as_u16();
        limited = status == 429;
        assert!(limited || status == 422, "{status}");
        if limited {
            break;
        }
    }
    assert!(limited, "what is badly written is free");
    for _ in 0..10 {
        let unknown = app.client.get(format!("{}/v1/programmes", app.base)).send().await;
        assert_eq!(unknown.unwrap().status(), 401);
        assert_eq!(app.get("/readyz").await.status(), 200);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_rider_s_orders_are_limited_one_by_one() {
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__LIMITS__USER_PER_S", "1")]).await;
    let answer = refused(async || app.post("/v1/trips", &trip(1, 1)).await).await;
    let told = problem(answer, "rate_limited").await;
    assert_eq!(told["limit"], "rider");
    let collecting = async || {
        let request = app.client.post(format!("{}/v1/users/2/claims/collect", app.base));
        let request = request.bearer_auth(&app.key).header("Idempotency-Key", "c-1");
        let collect = json!({"programme": "demo", "all": true});
        request.json(&collect).send().await.unwrap()
    };
    assert_eq!(
        problem(refused(collecting).await, "rate_limited").await["limit"],
        "rider"
    );
    // Reading a rider's balance is no order, and a batch is judged item by item.
    let batch = json!({"trips": [trip(3, 1), trip(3, 2), trip(4, 1), {"user_id": "nobody"}]});
    let (status, answer) = post(&app, "/v1/trips/batch", &batch).await;
    let statuses: Vec<&Value> = (0..4).map(|item| &answer["results"][item]["status"]).collect();
    assert_eq!(
        (status, json!(statuses)),
        (200, json!([201, 429, 201, 422])),
        "{answer}"
    );
    let item = &answer["results"][1]["problem"];
    assert_eq!(
        (&item["code"], &item["limit"]),
        (&json!("rate_limited"), &json!("rider"))
    );
    assert_eq!(answer["summary"]["busy"], 1, "to be sent again");
    for _ in 0..5 {
        assert_eq!(get(&app, "/v1/users/3/balance").await.0, 200);
    }
    app.stop().await;
}
