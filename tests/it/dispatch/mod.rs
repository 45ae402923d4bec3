//! From the ledger to the chain and back: what is booked is confirmed, whatever the chain does.

mod bad_days;
mod flow;
mod operator;

use crate::database::location;
use crate::support::{NOON_MS, TestApp, embedded};
use carbon_gateway::chain::embedded::{ChainFile, FaultPlan};
use carbon_gateway::folder::DataFolder;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::store::db::{Homes, Location};
use carbon_gateway::store::deployment;
use carbon_gateway::store::reads::dispatch::{Backlog, backlog};
use carbon_gateway::verify::{ChainLook, Options, Report, verify};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const NOON_S: i64 = NOON_MS / 1_000;
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The n-th of a series of rides that do not meet: 1000 m, 46.8 g each.
pub(crate) fn ride_of(user: u32, n: i64) -> Value {
    let time = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_string();
    let from_s = NOON_S - 80_000 + n * 400;
    json!({
        "programme": "demo", "trip_id": format!("R-{n}"), "user_id": user,
        "legs": [{"mode": "metro", "started_at": time(from_s), "ended_at": time(from_s + 300), "distance_m": 1_000}],
    })
}

async fn ride(app: &TestApp, user: u32, n: i64) {
    let answer = app.post("/v1/trips", &ride_of(user, n)).await;
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

pub(crate) async fn keyed(app: &TestApp, path: &str, key: &str, body: &Value) -> Value {
    let request = app.client.post(format!("{}{path}", app.base)).bearer_auth(&app.key);
    let answer = request.header("Idempotency-Key", key).json(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// A ride, collected; answers the issue's reference.
pub(crate) async fn issue(app: &TestApp, user: u32, n: i64) -> String {
    ride(app, user, n).await;
    let path = format!("/v1/users/{user}/claims/collect");
    let done = keyed(
        app,
        &path,
        &format!("c-{n}"),
        &json!({"programme": "demo", "all": true}),
    )
    .await;
    done["transaction_id"].as_str().unwrap().to_owned()
}

/// A redemption; answers its reference.
pub(crate) async fn redeem(app: &TestApp, user: u32, key: &str, amount: &str) -> String {
    let body = json!({"user_id": user, "programme": "demo", "amount": amount, "reference": key});
    let done = keyed(app, "/v1/redemptions", key, &body).await;
    done["transaction_id"].as_str().unwrap().to_owned()
}

async fn get(app: &TestApp, path: &str) -> Value {
    app.get(path).await.json().await.unwrap()
}

async fn transaction(app: &TestApp, reference: &str) -> Value {
    get(app, &format!("/v1/transactions/{reference}")).await
}

/// Waits until a transaction has come so far.
pub(crate) async fn until(app: &TestApp, reference: &str, status: &str) -> Value {
    let begun = Instant::now();
    loop {
        let found = transaction(app, reference).await;
        if found["status"] == status {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until nothing is on its way, the clock going on meanwhile.
async fn drained(app: &TestApp) -> Backlog {
    let readers = Homes::one(location(app.data_dir())).readers(1).await.unwrap();
    let begun = Instant::now();
    loop {
        let left = backlog(&readers).await.unwrap();
        if left.is_drained() {
            return left;
        }
        assert!(begun.elapsed() < PATIENCE, "{left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.clock.advance(Duration::from_millis(100));
    }
}

pub(crate) fn plan(app: &TestApp, plan: FaultPlan) {
    let chain = embedded(&app.chain);
    chain.plan(plan);
}

pub(crate) async fn verified(locations: &Homes<Location>, folder: &Path) -> Report {
    let chain = ChainFile {
        file: DataFolder::new(folder).chain_file(),
        durable: false,
    };
    let chain = ChainLook::take(chain).await;
    let mut snapshots = locations.snapshot().await.unwrap();
    let founded = deployment::find(snapshots.main_mut()).await.unwrap().unwrap();
    let kek = Kek::load(&DataFolder::new(folder).kek_file(), founded.kek_id).unwrap();
    let report = verify(
        &mut snapshots,
        chain,
        Ok(&kek),
        Options { recompute: true },
        &mut |_| {},
    )
    .await;
    snapshots.close().await.unwrap();
    report.unwrap()
}

async fn all_is_well(folder: &Path) {
    let report = verified(&Homes::one(location(folder)), folder).await;
    assert!(report.ok, "{report:#?}");
}
