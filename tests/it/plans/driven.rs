//! All that a gateway can do, each thing in a batch of few commands and in one of many.

use crate::support::{NOON_MS, TestApp, embedded};
use crate::{database, dispatch};
use carbon_gateway::api::events::Events;
use carbon_gateway::api::keys::{KeyOrder, Rights, new_key};
use carbon_gateway::app::signing::signer;
use carbon_gateway::chain::embedded::{Fault, FaultPlan};
use carbon_gateway::cli::doctor::examine;
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::identity::signer::Sender;
use carbon_gateway::ledger::ids::{Hash, Name, ShardId, UserId};
use carbon_gateway::store::db::{Homes, Location};
use carbon_gateway::store::leases::Leases;
use carbon_gateway::store::reads::dispatch::{Open, abandoned, backlog, ended_before, forget, ready, take_lease};
use carbon_gateway::store::reads::due::{Why, users_due};
use carbon_gateway::store::{clients, cursors, deployment, migrate};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const NOON_S: i64 = NOON_MS / 1_000;
const HOUR: Duration = Duration::from_hours(1);

/// Claims lapse, credits expire, and the gateway collects by itself.
const AUTO: &str = "id = 'auto'\ntime_zone = 'Asia/Shanghai'\ncollect = 'automatic'\n\
    [modes.metro]\nmethodology = 'cn-sz-public-transport-2021'\nversion = '1.0.0'\n\
    [claims]\ndelay_s = 60\nwindow_s = 3600\n[credits]\nvalid_months = 0\n";

/// Riders of one shard.
fn riders() -> impl Iterator<Item = u32> {
    (0..90).map(|n| 17 + 30 * n)
}

pub(super) async fn all_it_can_do() {
    let programmes = tempfile::tempdir().unwrap();
    std::fs::write(programmes.path().join("auto.toml"), AUTO).unwrap();
    let settings = [
        ("CARBON_GATEWAY__PROGRAMME__DIR", programmes.path().to_str().unwrap()),
        ("CARBON_GATEWAY__DATABASE__SYNCHRONOUS", "normal"),
    ];
    let app = Arc::new(TestApp::spawn_with(&settings).await);
    for programme in ["demo", "auto"] {
        trips(&app, programme).await;
    }
    collections_and_redemptions(&app).await;
    merged_redemption(&app).await;
    time_passes(&app).await;
    reads(&app).await;
    signed(&app).await;
    riders_due(&app).await;
    messages(&app).await;
    on_their_way(&app).await;
    command_line(&app).await;
    let impatient = [
        settings[0],
        settings[1],
        ("CARBON_GATEWAY__DATABASE__BUSY_TIMEOUT_MS", "50"),
    ];
    let app = Arc::into_inner(app).unwrap().restart(&impatient).await;
    outage(&app).await;
    verified(&app).await;
    app.stop().await;
}

fn trip(user: u32, n: i64, programme: &str) -> Value {
    let from_s = NOON_S - 80_000 + n * 400;
    let time = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_string();
    json!({
        "programme": programme, "trip_id": format!("{programme}-{n}"), "user_id": user,
        "legs": [{"mode": "metro", "started_at": time(from_s), "ended_at": time(from_s + 300), "distance_m": 1_000}],
    })
}

async fn trips(app: &TestApp, programme: &str) {
    for n in 0..6 {
        assert_eq!(app.post("/v1/trips", &trip(17, n, programme)).await.status(), 201);
    }
    let batch: Vec<Value> = riders()
        .flat_map(|user| [trip(user, 7, programme), trip(user, 8, programme)])
        .collect();
    let answer = app.post("/v1/trips/batch", &json!({"trips": batch})).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["summary"]["created"], 180, "{answer}");
    assert_eq!(app.post("/v1/trips", &trip(17, 0, programme)).await.status(), 200);
}

async fn keyed(app: &TestApp, path: String, key: String, body: Value) -> u16 {
    let request = app.client.post(format!("{}{path}", app.base)).bearer_auth(&app.key);
    let response = request.header("Idempotency-Key", key).json(&body).send().await;
    response.unwrap().status().as_u16()
}

async fn collect(app: &TestApp, user: u32, key: String, body: Value) -> u16 {
    keyed(app, format!("/v1/users/{user}/claims/collect"), key, body).await
}

async fn redeem(app: &TestApp, user: u32, key: String, amount: &str) -> u16 {
    let body = json!({"user_id": user, "programme": "demo", "amount": amount});
    keyed(app, "/v1/redemptions".to_owned(), key, body).await
}

/// Carries out an order for each rider in one batch: they queue up while the database is locked.
async fn together<F>(app: &Arc<TestApp>, expected: u16, order: impl Fn(Arc<TestApp>, u32) -> F)
where
    F: Future<Output = u16> + Send + 'static,
{
    let mut lock = app.locked().await;
    let mut orders = JoinSet::new();
    for user in riders() {
        orders.spawn(order(Arc::clone(app), user));
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    lock.execute("ROLLBACK").await.unwrap();
    lock.close().await.unwrap();
    for status in orders.join_all().await {
        assert_eq!(status, expected);
    }
}

async fn collections_and_redemptions(app: &Arc<TestApp>) {
    let all = || json!({"programme": "demo", "all": true});
    let names = json!([{"client": "first", "trip_id": "demo-1"}, {"client": "first", "trip_id": "nothing"}]);
    let by_name = json!({"programme": "demo", "trips": names});
    assert_eq!(collect(app, 17, "named".to_owned(), by_name).await, 201);
    assert_eq!(collect(app, 17, "all".to_owned(), all()).await, 201);
    assert_eq!(redeem(app, 17, "pay".to_owned(), "10").await, 201);
    app.post("/v1/trips", &trip(17, 9, "demo")).await;
    together(app, 201, |app, user| async move {
        if user == 17 {
            return collect(&app, 17, "more".to_owned(), json!({"programme": "demo", "all": true})).await;
        }
        collect(&app, user, "all".to_owned(), json!({"programme": "demo", "all": true})).await
    })
    .await;
    together(app, 201, |app, user| async move {
        redeem(&app, user, "many".to_owned(), "10").await
    })
    .await;
    assert_eq!(redeem(app, 17, "all-of-it".to_owned(), "1000000").await, 422);
}

async fn merged_redemption(app: &TestApp) {
    for n in 20..60 {
        app.post("/v1/trips", &trip(47, n, "demo")).await;
        let all = json!({"programme": "demo", "all": true});
        assert_eq!(collect(app, 47, format!("k{n}"), all).await, 201);
    }
    assert_eq!(redeem(app, 47, "merged".to_owned(), "1900").await, 201);
}

/// The gateway collects half of the programme's claims, the other half lapses, and what was collected expires.
async fn time_passes(app: &Arc<TestApp>) {
    app.clock.advance(HOUR / 2);
    let balance = |app: Arc<TestApp>, user: u32| async move {
        app.get(&format!("/v1/users/{user}/balance")).await.status().as_u16()
    };
    together(app, 200, balance).await;
    for user in riders() {
        app.post("/v1/trips", &trip(user, 30, "auto")).await;
    }
    app.clock.advance(HOUR * 24 * 15);
    together(app, 200, balance).await;
    let ids: Vec<String> = riders().map(|user| user.to_string()).collect();
    assert_eq!(
        app.get(&format!("/v1/balances?ids={}", ids.join(","))).await.status(),
        200
    );
}

async fn json_of(app: &TestApp, path: &str) -> Value {
    let response = app.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

async fn reads(app: &TestApp) {
    app.post("/v1/trips", &trip(17, 40, "auto")).await;
    app.post("/v1/trips", &trip(17, 41, "auto")).await;
    for list in [
        "trips",
        "claims",
        "credits",
        "credits?state=spent",
        "credits?state=unspent",
    ] {
        let path = format!("/v1/users/17/{list}");
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = json_of(app, &format!("{path}{separator}limit=1")).await;
        if let Some(cursor) = page["next"].as_str() {
            json_of(app, &format!("{path}{separator}limit=1&cursor={cursor}")).await;
        }
    }
    json_of(app, "/v1/users/17/trips/demo-1").await;
    json_of(app, "/v1/users/17/trips/demo-1/trace").await;
    let credits = json_of(app, "/v1/users/47/credits").await;
    for credit in credits["items"].as_array().unwrap() {
        let (id, transaction) = (
            credit["credit_id"].as_str().unwrap(),
            credit["created_by"].as_str().unwrap(),
        );
        for path in [
            format!("credits/{id}"),
            format!("credits/{}", &id[6..]),
            format!("credits/{id}/trace"),
        ] {
            json_of(app, &format!("/v1/{path}")).await;
        }
        json_of(app, &format!("/v1/transactions/{transaction}")).await;
        json_of(app, &format!("/v1/transactions/{}", &transaction[6..])).await;
    }
    let what_if = json!({"programme": "demo", "legs": trip(17, 0, "demo")["legs"]});
    assert_eq!(app.post("/v1/quantify", &what_if).await.status(), 200);
    for path in [
        "/v1/methodologies",
        "/v1/programmes",
        "/v1/programmes/demo",
        "/readyz",
        "/metrics",
    ] {
        assert_eq!(app.get(path).await.status(), 200, "{path}");
    }
}

/// The writer finds the database locked for longer than it waits, and later tries it by itself.
/// What the job asks, which in a test runs by the minutes of the machine's clock.
async fn riders_due(app: &TestApp) {
    let readers = Homes::one(location(app)).readers(1).await.unwrap();
    for why in [Why::Lapses, Why::Collects] {
        let shard = ShardId::FIRST;
        users_due(&readers, shard, why, (i64::MAX, (i64::MIN, i64::MIN)), 10)
            .await
            .unwrap();
    }
    let leases = Leases::new(location(app), [7; 16]);
    assert!(leases.take("settle-due", i64::MAX / 2).await.unwrap());
    assert!(
        !leases
            .is_anothers(readers.main(), "settle-due", i64::MAX / 2)
            .await
            .unwrap()
    );
    leases.give_back("settle-due").await.unwrap();
}

/// What is read and written for a broker, which the test has none of.
async fn messages(app: &TestApp) {
    let readers = Homes::one(location(app)).readers(1).await.unwrap();
    let mut connection = location(app).connect().await.unwrap();
    let founded = deployment::find(&mut connection).await.unwrap().unwrap();
    connection.close().await.unwrap();
    let kek = Kek::load(&DataFolder::new(app.data_dir()).kek_file(), founded.kek_id).unwrap();
    let events = Events::new(readers.clone(), Arc::new(kek), &founded.deployment.id);
    let progress = cursors::progress(readers.main()).await.unwrap();
    for one in progress.iter().filter(|one| one.head > 0) {
        let mut seq = one.published;
        while let Some(told) = events.behind(one.shard, seq).await.unwrap() {
            seq = told.seq;
        }
        assert_eq!(seq, one.head);
    }
    for _ in 0..2 {
        cursors::advance(&location(app), &[(ShardId::FIRST, 1)]).await.unwrap();
    }
    assert_eq!(clients::named(&readers, "first").await.unwrap().len(), 1);
}

/// What the sweeper asks, and what is refused, listed and redriven.
async fn on_their_way(app: &TestApp) {
    let chain = embedded(&app.chain);
    chain.plan(FaultPlan::script([Some(Fault::Refuse)]));
    app.post("/v1/trips", &trip(107, 50, "demo")).await;
    let all = json!({"programme": "demo", "all": true});
    assert_eq!(collect(app, 107, "refused".to_owned(), all).await, 201);
    let refused = loop {
        let list = json_of(app, "/v1/transactions?status=refused&limit=1").await;
        if let Some(id) = list["items"][0]["transaction_id"].as_str() {
            break id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(redeem(app, 107, "blocked".to_owned(), "10").await, 201);
    for status in ["?limit=1", "?status=blocked", "?status=stored", "?status=confirmed"] {
        json_of(app, &format!("/v1/transactions{status}")).await;
    }
    json_of(app, "/v1/users/107/credits").await;
    let path = format!("/v1/transactions/{refused}/redrive");
    assert_eq!(app.post(&path, &json!({})).await.status(), 200);
    let readers = Homes::one(location(app)).readers(1).await.unwrap();
    let mut connection = location(app).connect().await.unwrap();
    ready(&readers, ShardId::FIRST, 0, 1).await.unwrap();
    abandoned(&readers, ShardId::FIRST, (0, i64::MIN), 1).await.unwrap();
    let nobodys = Open {
        chain_tx_id: Hash::new([1; 32]),
        lease_ms: 0,
        expires_ms: 0,
        request: Vec::new(),
    };
    assert!(!take_lease(&mut connection, ShardId::FIRST, &nobodys, 1).await.unwrap());
    backlog(&readers).await.unwrap();
    let shard = ShardId::new(17).unwrap();
    let ended = ended_before(&readers, shard, i64::MAX, 1).await.unwrap();
    assert_eq!(ended.len(), 1);
    forget(&mut connection, shard, &ended).await.unwrap();
    assert_ne!(ended_before(&readers, shard, i64::MAX, 1).await.unwrap(), ended);
    connection.close().await.unwrap();
}

async fn outage(app: &TestApp) {
    let readers = Homes::one(location(app)).readers(1).await.unwrap();
    // Dispatch may wake the writer before it tries by itself; what rider 17 has left waits for a certificate that is revoked.
    for n in 0..5 {
        while backlog(&readers).await.unwrap().submitted > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut lock = app.locked().await;
        assert_eq!(app.post("/v1/trips", &trip(77, n, "demo")).await.status(), 503);
        lock.execute("ROLLBACK").await.unwrap();
        lock.close().await.unwrap();
        while app.get("/readyz").await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn location(app: &TestApp) -> Location {
    database::location(app.data_dir())
}

/// What the command line does beside a running gateway.
async fn command_line(app: &TestApp) {
    let mut connection = location(app).connect().await.unwrap();
    let order = KeyOrder {
        client: Name::parse("second").unwrap(),
        rights: Rights::parse("all").unwrap(),
        programmes: Vec::new(),
        expires_ms: None,
    };
    let (_, key) = new_key(&order, [5; 32], NOON_MS);
    clients::insert(&mut connection, &key).await.unwrap();
    assert!(!clients::list(&mut connection).await.unwrap().is_empty());
    assert!(
        clients::revoke(&mut connection, &key.key_digest, NOON_MS)
            .await
            .unwrap()
    );
    assert_eq!(migrate::missing_steps(&mut connection).await.unwrap(), 0);
    connection.close().await.unwrap();
    verified(app).await;
    let config = Loaded::read(None, database::settings(app.data_dir())).unwrap().config;
    // Something is on its way meanwhile: the chain does not take it.
    let chain = embedded(&app.chain);
    chain.plan(FaultPlan::script(vec![Some(Fault::Full); 1_000]));
    app.post("/v1/trips", &trip(137, 60, "demo")).await;
    let all = json!({"programme": "demo", "all": true});
    assert_eq!(collect(app, 137, "held-up".to_owned(), all).await, 201);
    let looked = examine(&config, &DataFolder::new(app.data_dir()), &app.clock.clock()).await;
    chain.plan(FaultPlan::None);
    assert!(looked.findings.len() > 10, "{}", looked.to_text());
}

/// A rider's keys and certificates, as whoever sends to the chain will ask for them.
async fn signed(app: &TestApp) {
    let readers = Homes::one(location(app)).readers(1).await.unwrap();
    let mut connection = location(app).connect().await.unwrap();
    let founded = deployment::find(&mut connection).await.unwrap().unwrap();
    connection.close().await.unwrap();
    let kek = Arc::new(Kek::load(&DataFolder::new(app.data_dir()).kek_file(), founded.kek_id).unwrap());
    let config = Loaded::read(None, Vec::new()).unwrap().config;
    let (signer, writers) = signer(
        (&Homes::one(location(app)), readers),
        kek,
        app.clock.clock(),
        &config.keys,
    )
    .unwrap();
    let mut writing = JoinSet::new();
    for writer in writers {
        writing.spawn(writer.run());
    }
    let rider = UserId::new(17).unwrap();
    let identity = signer.identify(Sender::User(rider)).await.unwrap();
    assert!(signer.revoke(identity.certificate.serial).await.unwrap());
    signer.replace_key(rider, identity.certificate.key_id).await.unwrap();
    signer.identify(Sender::Issuer).await.unwrap();
    drop(signer);
    writing.join_next().await.unwrap().unwrap();
}

async fn verified(app: &TestApp) {
    let report = dispatch::verified(&Homes::one(location(app)), app.data_dir()).await;
    assert!(report.ok, "{report:#?}");
}
