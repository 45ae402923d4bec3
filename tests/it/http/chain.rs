//! The chain as callers see it, and what a gateway does for it: founded once for a deployment, ready or not, ended last.

use super::{get, header, location, pointers, problem};
use crate::http::access::key;
use crate::sending::{Sending, binding, named};
use crate::support::{NOON_MS, TestApp, embedded};
use carbon_gateway::app::{AppError, Core, Parts};
use carbon_gateway::chain::embedded::verify::{ChainFinding, Listener, Seen, replay};
use carbon_gateway::chain::embedded::{ChainFile, Fault, FaultPlan, FileError};
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::identity::signer::Sender;
use carbon_gateway::lifecycle::{Lifecycle, Stopped};
use carbon_gateway::store::deployment;
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn plan(app: &TestApp, faults: FaultPlan) {
    let chain = embedded(&app.chain);
    chain.plan(faults);
}

#[tokio::test]
async fn blocks_and_transactions_are_told() {
    let app = TestApp::spawn().await;
    let mut connection = location(&app).connect().await.unwrap();
    let founded = deployment::find(&mut connection).await.unwrap().unwrap();
    connection.close().await.unwrap();
    let digits = founded.deployment.id.iter();
    let digits = digits.fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    let mut chain = json!({
        "kind": "embedded", "chain_id": format!("carbon-{digits}"), "contract": "carbon", "ready": true, "height": 0,
        "block_hash": null, "block_at": null,
    });
    assert_eq!(get(&app, "/v1/chain").await, (200, chain.clone()));

    let sending = Sending::beside(&app).await;
    let issue = sending.issue(17, "trip", 5).await;
    let again = sending.issue(17, "trip", 6).await;
    let envelopes = [("first", &issue), ("second", &binding("sink")), ("third", &again)];
    for (height, (word, envelope)) in (1..).zip(envelopes) {
        assert_eq!(sending.commit(word, envelope, NOON_MS).await, height);
    }
    let [content_id, other] = [&issue, &again].map(|envelope| envelope.content_ids()[0].to_string());
    let committed = |word: &str, height: u64, method: &str, content_ids: Value| {
        json!({
            "tx_id": named(word).to_string(), "state": "committed", "height": height, "index": 0,
            "block_at": "2026-11-20T12:00:00.000Z", "code": 0, "contract_code": 0, "message": "", "contract": "carbon",
            "method": method, "envelope": {"kind": method, "content_ids": content_ids},
        })
    };
    let first = committed("first", 1, "issue", json!([content_id]));
    let path = |word: &str| format!("/v1/chain/transactions/{}", named(word));
    assert_eq!(get(&app, &path("first")).await, (200, first.clone()));
    assert_eq!(
        get(&app, &path("second")).await.1,
        committed("second", 2, "rebind", json!([]))
    );
    let third = get(&app, &path("third")).await.1;
    assert_eq!(
        (&third["code"], &third["contract_code"]),
        (&json!(4), &json!(1)),
        "{third}"
    );
    assert!(third["message"].as_str().unwrap().starts_with("source_"), "{third}");
    assert_eq!(third["envelope"], json!({"kind": "issue", "content_ids": [other]}));
    let absent = json!({"tx_id": named("fourth").to_string(), "state": "absent"});
    assert_eq!(get(&app, &path("fourth")).await, (200, absent));

    let (status, block) = get(&app, "/v1/chain/blocks/1").await;
    assert_eq!(
        (status, &block["height"], &block["transactions"]),
        (200, &json!(1), &json!([first]))
    );
    let (_, last) = get(&app, "/v1/chain/blocks/3").await;
    for (field, value) in [
        ("height", json!(3)),
        ("block_hash", last["block_hash"].clone()),
        ("block_at", json!("2026-11-20T12:00:00.000Z")),
    ] {
        chain[field] = value;
    }
    assert_eq!(get(&app, "/v1/chain").await, (200, chain));
    assert_ne!(last["block_hash"], block["block_hash"]);
    sending.close().await;
}

#[tokio::test]
async fn what_waits_for_a_block_is_pending() {
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS", "2000")]).await;
    let sending = Sending::beside(&app).await;
    let tx_id = sending.send("first", &binding("sink"), NOON_MS).await.to_string();
    let (status, answer) = get(&app, &format!("/v1/chain/transactions/{tx_id}")).await;
    assert_eq!((status, answer), (200, json!({"tx_id": tx_id, "state": "pending"})));
    sending.close().await;
    // The stop waits for its block, and the folder's lock for the stop.
    let app = app.restart(&[]).await;
    let (_, answer) = get(&app, &format!("/v1/chain/transactions/{tx_id}")).await;
    assert_eq!(answer["state"], "committed");
}

#[tokio::test]
async fn what_names_no_block_and_no_transaction_is_refused() {
    let app = TestApp::spawn().await;
    for height in ["0", "1", "18446744073709551615"] {
        let response = app.get(&format!("/v1/chain/blocks/{height}")).await;
        problem(response, "not_found").await;
    }
    for height in ["-1", "+1", "1.0", "x", "18446744073709551616"] {
        let response = app.get(&format!("/v1/chain/blocks/{height}")).await;
        assert_eq!(pointers(&problem(response, "invalid_field").await), ["height"]);
    }
    for tx_id in ["x", &"AB".repeat(32), &"ab".repeat(33)] {
        let response = app.get(&format!("/v1/chain/transactions/{tx_id}")).await;
        assert_eq!(pointers(&problem(response, "invalid_field").await), ["tx_id"]);
    }
    problem(app.get("/v1/chain?height=1").await, "unknown_field").await;
}

#[tokio::test]
async fn any_right_to_read_shows_the_chain() {
    let app = TestApp::spawn().await;
    let paths = [
        "/v1/chain".to_owned(),
        format!("/v1/chain/transactions/{}", named("first")),
    ];
    for (rights, allowed) in [
        ("credits:read", true),
        ("reports:read", true),
        ("admin", true),
        ("trips:write,credits:spend", false),
    ] {
        let (key, _) = key(&app, "reader", rights, &[], None).await;
        for path in &paths {
            let request = app.client.get(format!("{}{path}", app.base)).bearer_auth(&key);
            let response = request.send().await.unwrap();
            if allowed {
                assert_eq!(response.status().as_u16(), 200, "{rights}");
            } else {
                problem(response, "forbidden").await;
            }
        }
        let request = app
            .client
            .get(format!("{}/v1/chain/blocks/1", app.base))
            .bearer_auth(&key);
        let code = if allowed { "not_found" } else { "forbidden" };
        problem(request.send().await.unwrap(), code).await;
    }
    for path in paths.iter().map(String::as_str).chain(["/v1/chain/blocks/1"]) {
        let response = app.client.get(format!("{}{path}", app.base)).send().await.unwrap();
        problem(response, "unauthorized").await;
    }
}

#[tokio::test]
async fn a_gateway_without_its_chain_is_not_ready() {
    let app = TestApp::spawn().await;
    plan(&app, FaultPlan::script([Some(Fault::Away(u32::MAX))]));
    let sending = Sending::beside(&app).await;
    let request = carbon_gateway::chain::Request {
        payload: Vec::new(),
        certificate: Vec::new(),
        signature: [0; 64],
    };
    app.chain.submit(request).await.unwrap_err();
    let (status, answer) = get(&app, "/readyz").await;
    let checks = json!({"database": "ok", "chain": "unavailable", "draining": false});
    assert_eq!((status, answer), (503, json!({"ready": false, "checks": checks})));
    for path in ["", "/blocks/1", &format!("/transactions/{}", named("first"))] {
        let response = app.get(&format!("/v1/chain{path}")).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "retry-after")),
            (503, "1")
        );
        problem(response, "storage_unavailable").await;
    }
    plan(&app, FaultPlan::None);
    let (status, _) = get(&app, "/readyz").await;
    assert_eq!(status, 200);
    sending.close().await;
}

#[tokio::test]
async fn a_snapshot_shows_what_stood_when_it_was_taken() {
    let app = TestApp::spawn().await;
    let sending = Sending::beside(&app).await;
    let file = ChainFile {
        file: DataFolder::new(app.data_dir()).chain_file(),
        durable: false,
    };
    let (mut heights, mut wrong) = (Vec::new(), Wrong::default());
    let mut snapshots = Vec::new();
    for word in ["one", "two", "three"] {
        snapshots.push(file.snapshot().await.unwrap());
        sending.commit(word, &binding(word), NOON_MS).await;
    }
    for snapshot in &mut snapshots {
        heights.push(replay(snapshot, None, &mut wrong).await.unwrap().tip.height);
    }
    assert_eq!((heights, wrong.0), (vec![0, 1, 2], Vec::new()));
    sending.close().await;
}

/// Hears what is wrong.
#[derive(Default)]
struct Wrong(Vec<ChainFinding>);

impl Listener for Wrong {
    fn found(&mut self, finding: ChainFinding) {
        self.0.push(finding);
    }

    fn saw(&mut self, _: Seen<'_>) {}
}

/// The genesis names the issuer's key, which a renewal leaves as it is.
#[tokio::test]
async fn the_chain_is_the_same_after_a_renewal_of_the_issuers_certificate() {
    let app = TestApp::spawn().await;
    let sending = Sending::beside(&app).await;
    sending.commit("first", &binding("one"), NOON_MS).await;
    let before = sending.signer.identify(Sender::Issuer).await.unwrap().certificate;
    app.clock.advance(DAY * 1_700);
    let after = sending.signer.identify(Sender::Issuer).await.unwrap().certificate;
    assert_ne!(before.serial, after.serial);
    sending.close().await;
    let app = app.restart(&[]).await;
    let sending = Sending::beside(&app).await;
    let now_ms = app.clock.clock().now_ms();
    assert_eq!(sending.commit("second", &binding("two"), now_ms).await, 2);
    sending.close().await;
}

#[tokio::test]
async fn a_chain_of_another_folder_stops_the_start() {
    let (app, other) = (TestApp::spawn().await, TestApp::spawn().await);
    let (folder, stopped) = app.stop().await;
    assert_eq!(stopped, Stopped::Clean);
    let (other, _) = other.stop().await;
    std::fs::copy(other.path().join("chain.db"), folder.path().join("chain.db")).unwrap();
    let open = async || {
        let parts = Parts {
            config: Loaded::read(None, Vec::new()).unwrap().config,
            folder: DataFolder::new(folder.path()),
            clock: carbon_gateway::clock::ManualClock::new(NOON_MS).clock(),
        };
        Core::open(parts, &Lifecycle::new(Duration::from_secs(5))).await
    };
    let refused = open().await.err().unwrap();
    assert!(
        matches!(refused, AppError::Chain(FileError::OtherGenesis { .. })),
        "{refused:?}"
    );
    // Nothing was started, so nothing holds the folder.
    std::fs::remove_file(folder.path().join("chain.db")).unwrap();
    drop(open().await.unwrap());
}

/// Whoever holds the chain may still send when the writer has gone: nobody else has the folder until the chain has ended too.
#[tokio::test]
async fn the_folder_is_locked_until_the_chain_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(Duration::from_secs(5));
    let parts = Parts {
        config: Loaded::read(None, Vec::new()).unwrap().config,
        folder: DataFolder::new(folder.path()),
        clock: carbon_gateway::clock::ManualClock::new(NOON_MS).clock(),
    };
    let Core { outgoing, ledger, .. } = Core::open(parts, &lifecycle).await.unwrap();
    let chain = outgoing.chain;
    let folder = DataFolder::new(folder.path());
    lifecycle.stop();
    drop(ledger);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(folder.lock().is_err());
    drop(chain);
    assert_eq!(lifecycle.wait().await, Stopped::Clean);
    folder.lock().unwrap();
}
