//! What is answered when the gateway cannot: a full queue, a locked database, the stop. And what it counts.

use super::{example, get, header, location, pointers, post, problem, read, ride};
use crate::support::{NOON_MS, TestApp};
use carbon_gateway::api::{Api, ApiParts};
use carbon_gateway::config::Loaded;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::ground::{Ground, SourceSecret};
use carbon_gateway::ledger::page::Deployment;
use carbon_gateway::lifecycle::{Lifecycle, Stopped};
use carbon_gateway::methodology::Library;
use carbon_gateway::redis::limits::Limits;
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::writer::{Ledger, WriterParts};
use carbon_gateway::telemetry::install_metrics;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_full_queue_is_felt_and_a_batch_keeps_its_order() {
    let one_writer = [
        ("CARBON_GATEWAY__WRITER__QUEUE", "2"),
        ("CARBON_GATEWAY__WRITER__COUNT", "1"),
        ("CARBON_GATEWAY__DATABASE__BUSY_TIMEOUT_MS", "20000"),
    ];
    let app = TestApp::spawn_with(&one_writer).await;
    let mut lock = app.locked().await;
    let trip = |n: u32| ride(30 * n, "T", "metro", (NOON_MS / 1_000 - 600, NOON_MS / 1_000), 1_000);
    // The first is in the writer's hands, which waits for the lock. Of the two places in the queue a batch has one, and a caller the other.
    let (one, five) = (trip(0), json!({"trips": (1..6).map(trip).collect::<Vec<_>>()}));
    let soon = || tokio::time::sleep(Duration::from_millis(300));
    let batch = async {
        soon().await;
        post(&app, "/v1/trips/batch", &five).await
    };
    let (second, third) = (trip(8), trip(9));
    let singles = async {
        soon().await;
        soon().await;
        let turned_away = async {
            soon().await;
            let response = app.post("/v1/trips", &third).await;
            assert_eq!(
                (response.status().as_u16(), header(&response, "retry-after")),
                (503, "1")
            );
            assert_eq!(problem(response, "overloaded").await["retry_after_ms"], 200);
            // Until the batch has waited long enough.
            tokio::time::sleep(Duration::from_secs(2)).await;
            lock.execute("ROLLBACK").await.unwrap();
        };
        tokio::join!(post(&app, "/v1/trips", &second), turned_away).0
    };
    let ((first, _), (_, answer), (second, _)) = tokio::join!(post(&app, "/v1/trips", &one), batch, singles);
    assert_eq!((first, second), (201, 201));
    assert_eq!(
        answer["summary"],
        json!({"created": 1, "replayed": 0, "refused": 0, "failed": 0, "busy": 4})
    );
    let statuses: Vec<u64> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|result| result["status"].as_u64())
        .collect();
    assert_eq!(statuses, [201, 503, 503, 503, 503]);
    // What was not taken may be sent again.
    let (_, again) = post(&app, "/v1/trips/batch", &json!({"trips": [trip(3), trip(1)]})).await;
    assert_eq!(
        again["summary"],
        json!({"created": 1, "replayed": 1, "refused": 0, "failed": 0, "busy": 0})
    );
}

#[tokio::test]
async fn a_batch_waits_for_room() {
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__WRITER__QUEUE", "40")]).await;
    let trip = |n: u32| ride(n, "T", "metro", (NOON_MS / 1_000 - 600, NOON_MS / 1_000), 1_000);
    let trips = json!({"trips": (0..200).map(trip).collect::<Vec<_>>()});
    let (_, answer) = post(&app, "/v1/trips/batch", &trips).await;
    let summary = json!({"created": 200, "replayed": 0, "refused": 0, "failed": 0, "busy": 0});
    assert_eq!(answer["summary"], summary);
}

#[tokio::test]
async fn a_locked_database_is_no_loss_and_passes() {
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__DATABASE__BUSY_TIMEOUT_MS", "50")]).await;
    let mut lock = app.locked().await;
    let response = app.post("/v1/trips", &example()).await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "retry-after")),
        (503, "1")
    );
    let document = problem(response, "storage_unavailable").await;
    assert!(pointers(&document).is_empty() && document["retry_after_ms"] == 1_000);
    let (status, ready) = get(&app, "/readyz").await;
    assert_eq!(
        (status, ready),
        (
            503,
            json!({"ready": false, "checks": {"database": "unavailable", "chain": "ok", "draining": false}})
        )
    );
    lock.execute("ROLLBACK").await.unwrap();
    assert_eq!(post(&app, "/v1/trips", &example()).await.0, 201);
    let (status, ready) = get(&app, "/readyz").await;
    assert_eq!(
        (status, ready),
        (
            200,
            json!({"ready": true, "checks": {"database": "ok", "chain": "ok", "draining": false}})
        )
    );
}

/// A server of its own on the folder of `app`, whose writer is gone.
async fn bare_server(app: &TestApp, life: &Lifecycle) -> String {
    let location = location(app);
    let kek = Arc::new(Kek::new(&[7; 32]));
    let (ledger, writers) = Ledger::new(&WriterParts {
        locations: Homes::one(location.clone()),
        clock: app.clock.clock(),
        kek: Arc::clone(&kek),
        deployment: Deployment {
            id: [0; 16],
            zone: "UTC".to_owned(),
            created_ms: 0,
        },
        ground: Arc::new(Ground {
            zone: jiff::tz::TimeZone::UTC,
            source_secret: SourceSecret::new([1; 32]),
        }),
        hints: carbon_gateway::store::hints::hints().0,
        queue: 1,
        batch_max: 1,
        count: NonZeroUsize::MIN,
    });
    drop(writers);
    let library = Arc::new(Library::builtin().unwrap());
    let demo = carbon_gateway::methodology::Programme::demo(&library).unwrap();
    let config = Loaded::read(None, Vec::new()).unwrap().config;
    let parts = ApiParts {
        ledger,
        readers: Homes::one(location).readers(1).await.unwrap(),
        chain: app.chain.clone(),
        kek,
        clock: app.clock.clock(),
        programmes: Arc::new(BTreeMap::from([("demo".to_owned(), Arc::new(demo))])),
        networks: Arc::default(),
        library,
        zone: jiff::tz::TimeZone::UTC,
        source_secret: SourceSecret::new([1; 32]),
        lifecycle: life.clone(),
        metrics: install_metrics(),
        redis: None,
        limits: Arc::new(Limits::new(config.limits, None)),
        config: config.http,
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let config = parts.config.clone();
    let server = Api::new(parts)
        .server(&config, listener, Duration::from_secs(1))
        .unwrap();
    life.spawn("http", async move { server.await.unwrap() });
    base
}

#[tokio::test]
async fn a_stopping_gateway_takes_nothing_new() {
    let app = TestApp::spawn().await;
    let life = Lifecycle::new(Duration::ZERO);
    let base = bare_server(&app, &life).await;
    let post = async || {
        let request = app
            .client
            .post(format!("{base}/v1/trips"))
            .bearer_auth(&app.key)
            .json(&example());
        request.send().await.unwrap()
    };
    // The writer has gone first.
    problem(post().await, "draining").await;
    assert_eq!(
        app.client.get(format!("{base}/readyz")).send().await.unwrap().status(),
        200
    );
    life.stop();
    let response = post().await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "retry-after")),
        (503, "1")
    );
    problem(response, "draining").await;
    let response = app.client.get(format!("{base}/readyz")).send().await.unwrap();
    assert_eq!(
        read(response).await,
        (
            503,
            json!({"ready": false, "checks": {"database": "ok", "chain": "ok", "draining": true}})
        )
    );
    assert_eq!(
        app.client.get(format!("{base}/healthz")).send().await.unwrap().status(),
        200
    );
    life.wait().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let app = TestApp::spawn().await;
    // The client keeps the connection open.
    post(&app, "/v1/trips", &example()).await;
    let (_folder, stopped) = tokio::time::timeout(Duration::from_secs(5), app.stop()).await.unwrap();
    assert_eq!(stopped, Stopped::Clean);
}

#[tokio::test]
async fn requests_are_counted() {
    let app = TestApp::spawn().await;
    post(&app, "/v1/trips", &example()).await;
    let figures = app.get("/metrics").await.text().await.unwrap();
    let counted = r#"carbon_http_requests_total{route="/v1/trips",method="POST",status="201"}"#;
    for line in [
        counted,
        "carbon_http_request_seconds",
        "carbon_writer_queue_depth",
        "carbon_writer_batch_commands_sum",
    ] {
        assert!(figures.contains(line), "{line}\n{figures}");
    }
}
