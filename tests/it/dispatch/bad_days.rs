//! The chain refuses, forgets, loses replies, is away: nothing is lost, nothing happens twice.

use super::{all_is_well, drained, get, issue, keyed, location, plan, redeem, transaction, until};
use crate::support::{NOON_MS, TestApp};
use carbon_gateway::chain::embedded::{Fault, FaultPlan};
use carbon_gateway::ledger::ids::UserId;
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::reads::dispatch::abandoned;
use serde_json::{Value, json};
use std::time::Duration;

/// `dispatch.lease_s` where nothing is configured.
const LEASE_MS: i64 = 30_000;

fn script(faults: &[Fault]) -> FaultPlan {
    FaultPlan::script(faults.iter().map(|fault| Some(*fault)))
}

#[tokio::test]
async fn lost_and_late_and_reordered_and_full() {
    let app = TestApp::spawn().await;
    let faults = [
        Fault::LoseReply,
        Fault::LoseRequest,
        Fault::Delay(Duration::from_millis(50)),
        Fault::Reorder,
        Fault::Full,
        Fault::Away(3),
    ];
    let mut references = Vec::new();
    for (n, fault) in (0..).zip(faults) {
        plan(&app, script(&[fault]));
        references.push(issue(&app, 17, n).await);
        references.push(redeem(&app, 17, &format!("r-{n}"), "10").await);
    }
    for reference in &references {
        until(&app, reference, "confirmed").await;
    }
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// Told that it was taken, and forgotten: the same bytes go again; beyond their window a new attempt is made under a new id.
#[tokio::test]
async fn what_the_chain_forgets_is_sent_again() {
    let app = TestApp::spawn().await;
    plan(&app, script(&[Fault::Forget, Fault::Forget]));
    let issued = issue(&app, 17, 0).await;
    let found = until(&app, &issued, "confirmed").await;
    assert_eq!(found["attempts"].as_array().unwrap().len(), 1, "the same bytes");

    plan(&app, FaultPlan::Seeded { seed: 1, percent: 0 });
    plan(&app, script(&[Fault::Away(100_000)]));
    let issued = issue(&app, 17, 1).await;
    until(&app, &issued, "submitted").await;
    // The lease ends, and with it the caring; then the payload's window.
    app.clock.advance(Duration::from_mins(11));
    tokio::time::sleep(Duration::from_millis(200)).await;
    plan(&app, FaultPlan::None);
    drained(&app).await;
    let found = transaction(&app, &issued).await;
    assert_eq!(found["status"], "confirmed", "{found}");
    let outcomes: Vec<&Value> = found["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| &attempt["outcome"])
        .collect();
    assert_eq!(outcomes, ["lapsed", "confirmed"]);
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// What is refused alone is listed, takes nothing back, holds its children and nobody else, and goes again when an operator says so.
#[tokio::test]
async fn refused_blocked_and_redriven() {
    let app = TestApp::spawn().await;
    plan(&app, script(&[Fault::Refuse]));
    let refused = issue(&app, 17, 0).await;
    let found = until(&app, &refused, "refused").await;
    assert!(found["reason"].as_str().unwrap().contains("fault plan"), "{found}");
    let child = redeem(&app, 17, "r-1", "10").await;
    let grandchild = redeem(&app, 17, "r-2", "10").await;
    let other = issue(&app, 47, 0).await;
    until(&app, &other, "confirmed").await;
    assert_eq!(transaction(&app, &child).await["status"], "blocked");
    assert_eq!(transaction(&app, &grandchild).await["status"], "blocked");
    let credits = get(&app, "/v1/users/17/credits?state=unspent").await;
    assert_eq!(credits["items"][0]["on_chain"], "blocked");
    let listed = async |status: &str| {
        let list = get(&app, &format!("/v1/transactions?status={status}")).await;
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(
        [
            listed("refused").await,
            listed("blocked").await,
            listed("waiting_for_parents").await
        ],
        [1, 2, 0]
    );
    let balance = get(&app, "/v1/users/17/balance").await;
    assert_eq!(balance["programmes"][0]["available"], "26.8", "the rider's word stands");

    let path = format!("/v1/transactions/{refused}/redrive");
    keyed(&app, &path, "any", &json!({})).await;
    for reference in [&refused, &child, &grandchild] {
        until(&app, reference, "confirmed").await;
    }
    let again = app.post(&path, &json!({})).await;
    assert_eq!(again.status().as_u16(), 409);
    assert_eq!(again.json::<Value>().await.unwrap()["code"], "not_redrivable");
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// An envelope of several that is refused is split until the cause stands alone; the others arrive.
#[tokio::test]
async fn a_refused_envelope_is_split() {
    let app = TestApp::spawn().await;
    // While the chain is away they gather, and then travel together.
    plan(&app, script(&[Fault::Away(100_000)]));
    let mut references = vec![issue(&app, 17, 0).await];
    for n in 1..6 {
        references.push(issue(&app, 17 + 30 * n, i64::from(n)).await);
    }
    plan(&app, script(&[Fault::Refuse, Fault::Refuse, Fault::Refuse]));
    let left = drained(&app).await;
    assert!(left.refused <= 1 && left.dead == 0, "{left:?}");
    let mut carried = 0;
    for reference in &references {
        let found = transaction(&app, reference).await;
        carried = carried.max(found["attempts"].as_array().unwrap().len());
        assert!(
            ["confirmed", "refused"].contains(&found["status"].as_str().unwrap()),
            "{found}"
        );
    }
    assert!(carried > 1);
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

#[tokio::test]
async fn any_order_of_faults() {
    let app = TestApp::spawn().await;
    plan(&app, FaultPlan::Seeded { seed: 7, percent: 40 });
    for n in 0..40 {
        let user = 17 + 30 * (n % 8);
        issue(&app, user, i64::from(n)).await;
        if n % 3 == 2 {
            redeem(&app, user, &format!("r-{n}"), "30").await;
        }
    }
    let left = drained(&app).await;
    assert_eq!((left.refused, left.dead, left.waiting), (0, 0, 0), "{left:?}");
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// An hour back while an envelope is on its way: its lease lies further ahead than any can and is void, and what is signed within that
/// hour, which the chain has behind it, arrives as well.
#[tokio::test]
async fn the_clock_is_set_back_an_hour() {
    let app = TestApp::spawn().await;
    plan(&app, script(&[Fault::Away(100_000)]));
    let before = issue(&app, 17, 0).await;
    until(&app, &before, "submitted").await;
    let readers = Homes::one(location(app.data_dir())).readers(1).await.unwrap();
    let found = async |now_ms: i64| {
        let (shard, void_ms) = (UserId::new(17).unwrap().shard(), now_ms + LEASE_MS);
        abandoned(&readers, shard, (now_ms, void_ms), 10).await.unwrap().len()
    };
    let back_ms = NOON_MS - 3_600_000;
    assert_eq!((found(NOON_MS).await, found(back_ms).await), (0, 1));

    app.clock.set(back_ms);
    plan(&app, FaultPlan::None);
    let during = issue(&app, 18, 0).await;
    until(&app, &before, "confirmed").await;
    let arrived = until(&app, &during, "confirmed").await;
    assert_eq!(arrived["attempts"].as_array().unwrap().len(), 1, "{arrived}");

    // Another process, which knows of no time but what the clock and the files say.
    let app = app.restart(&[]).await;
    let after = issue(&app, 19, 0).await;
    let arrived = until(&app, &after, "confirmed").await;
    assert_eq!(arrived["attempts"].as_array().unwrap().len(), 1, "{arrived}");
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}
