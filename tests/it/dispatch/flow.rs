//! The good day: issues travel together, spends wait for what they spend, sinks are bound before they spend.

use super::{all_is_well, drained, get, issue, redeem, transaction, until};
use crate::support::TestApp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_issue_is_confirmed_and_said_so_everywhere() {
    let app = TestApp::spawn().await;
    let issued = issue(&app, 17, 0).await;
    let found = until(&app, &issued, "confirmed").await;
    let chain = &found["chain"];
    assert_eq!((&chain["kind"], &chain["height"]), (&json!("embedded"), &json!(1)));
    assert_eq!(found["attempts"][0]["outcome"], "confirmed");
    assert_eq!(found["attempts"][0]["chain_tx_id"], chain["tx_id"]);
    assert_eq!(
        (&found["next_attempt_at"], &found["reason"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(found["outputs"][0]["on_chain"], "confirmed");
    let on_chain = get(
        &app,
        &format!("/v1/chain/transactions/{}", chain["tx_id"].as_str().unwrap()),
    )
    .await;
    assert_eq!(on_chain["height"], 1, "{on_chain}");
    let credits = get(&app, "/v1/users/17/credits").await;
    assert_eq!(credits["items"][0]["on_chain"], "confirmed");
    let balance = get(&app, "/v1/users/17/balance").await;
    let demo = &balance["programmes"][0];
    assert_eq!((&demo["available"], &demo["settling"]), (&json!("46.8"), &json!("0")));
    let listed = get(&app, "/v1/transactions?status=confirmed").await;
    assert_eq!(listed["items"][0]["transaction_id"], issued);
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

#[tokio::test]
async fn a_redemption_waits_for_what_it_spends_and_only_for_that() {
    let app = TestApp::spawn().await;
    let issued = issue(&app, 17, 0).await;
    let spent = redeem(&app, 17, "r-1", "20").await;
    let again = redeem(&app, 17, "r-2", "26.8").await;
    for reference in [&issued, &spent, &again] {
        until(&app, reference, "confirmed").await;
    }
    let place = async |reference: &str| {
        let chain = transaction(&app, reference).await["chain"].clone();
        (chain["height"].as_i64().unwrap(), chain["index"].as_i64().unwrap())
    };
    assert!(place(&issued).await < place(&spent).await);
    assert!(place(&spent).await < place(&again).await);
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// 33 payments to one sink: at 32 it makes one credit of them, which its own key must sign for the chain.
#[tokio::test]
async fn a_sink_is_bound_before_it_spends() {
    let app = TestApp::spawn().await;
    for n in 0..33 {
        let user = 7 + 30 * n;
        issue(&app, u32::try_from(user).unwrap(), 0).await;
    }
    for n in 0..33 {
        let user = 7 + 30 * n;
        redeem(&app, u32::try_from(user).unwrap(), "r-1", "46.8").await;
    }
    let left = drained(&app).await;
    assert_eq!((left.refused, left.dead, left.waiting), (0, 0, 0));
    let confirmed = get(&app, "/v1/transactions?status=confirmed&limit=200").await;
    let confirmed: Vec<&Value> = confirmed["items"].as_array().unwrap().iter().collect();
    let merged = confirmed.iter().filter(|found| found["kind"] == "merge");
    assert_eq!(merged.clone().count(), 1);
    assert!(merged.clone().all(|found| found["user_id"].is_null()));
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// What a stop leaves in the store is taken up by the next start.
#[tokio::test]
async fn a_restart_takes_up_what_was_left() {
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS", "3000")]).await;
    let mut issues = Vec::new();
    for n in 0..5 {
        issues.push(issue(&app, 17 + 30 * n, i64::from(n)).await);
    }
    let app = app.restart(&[]).await;
    for reference in &issues {
        until(&app, reference, "confirmed").await;
    }
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// What was tried is shown for a week; the receipt stays.
#[tokio::test]
async fn ended_envelopes_are_forgotten_and_receipts_are_not() {
    let app = TestApp::spawn().await;
    let issued = issue(&app, 17, 0).await;
    let found = until(&app, &issued, "confirmed").await;
    app.clock.advance(Duration::from_hours(8 * 24));
    let begun = Instant::now();
    let later = loop {
        let later = transaction(&app, &issued).await;
        if later["attempts"] == json!([]) {
            break later;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{later}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((&later["status"], &later["chain"]), (&found["status"], &found["chain"]));
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}
