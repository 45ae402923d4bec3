//! Bad days: kill -9 under load, a migration cut short, a full disk, a clock set back, a second gateway on the same folder,
//! more requests than the queue holds. What was acknowledged is there afterwards, once, and `verify` says so.

use crate::database;
use crate::process::{Served, command};
use crate::support::{NOON_MS, TestApp, now_s, trip_at};
use carbon_gateway::lifecycle::Stopped;
use carbon_gateway::store::migrate::{migrate, missing_steps};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn assert_verified(data: &std::path::Path) {
    let (code, stdout, stderr) = command(data, &["verify", "--json", "--recompute"]);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged: Arc<Mutex<Vec<(i64, u32)>>> = Arc::default();
    let mut next = 0_u32;
    for round in 0..6_u64 {
        let served = Arc::new(Served::start(folder.path(), None).await);
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..8_u32 {
            let (served, acknowledged, first) = (Arc::clone(&served), Arc::clone(&acknowledged), next + lane * 1000);
            tasks.spawn(async move {
                let time = now_s();
                for n in first..first + 1000 {
                    match served.submit(time, n).await {
                        Some(201) => acknowledged.lock().unwrap().push((time, n)),
                        None => break, // killed: the answer is unknown, so the trip may be there or not
                        Some(other) => panic!("unexpected status {other}"),
                    }
                }
            });
        }
        next += 8000;
        let (before, begun) = (acknowledged.lock().unwrap().len(), Instant::now());
        while acknowledged.lock().unwrap().len() < before + 20 {
            assert!(
                begun.elapsed() < Duration::from_mins(2),
                "nothing is stored in round {round}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(round * 30)).await;
        // The lanes hold clones, so the process is ended by its id; its lanes then see the connection fall.
        served.kill_now();
        while let Some(lane) = tasks.join_next().await {
            lane.unwrap();
        }
    }
    let served = Served::start(folder.path(), None).await;
    let acknowledged = acknowledged.lock().unwrap().clone();
    for (time, n) in &acknowledged {
        assert_eq!(
            served.submit(*time, *n).await,
            Some(200),
            "trip {n} was acknowledged and must be there"
        );
    }
    assert_eq!(served.terminate(), Some(0));
    assert_verified(folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_harms_nothing() {
    if database::is_on_a_server("a full disk", "the limit would meet the chain's file only") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    Served::start(folder.path(), None).await.terminate();
    let served = Served::start(folder.path(), Some(1500)).await;
    let mut taken = Vec::new();
    let time = now_s();
    let mut refused = 0;
    for n in 0..20_000 {
        match served.submit(time, n).await {
            Some(201) if refused == 0 => taken.push(n),
            Some(503) => refused += 1,
            other => assert!(refused > 0 && other == Some(201), "{other:?}"),
        }
        if refused >= 3 {
            break;
        }
    }
    assert!(refused >= 3, "the limit was never met");
    assert_eq!(served.status("/readyz").await, Some(503));
    assert_eq!(served.status("/healthz").await, Some(200));
    served.kill();
    let served = Served::start(folder.path(), None).await;
    for n in &taken {
        assert_eq!(served.submit(time, *n).await, Some(200), "trip {n}");
    }
    assert_eq!(served.submit(time, 900_000).await, Some(201));
    served.terminate();
    assert_verified(folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_gateway_a_folder_and_the_first_key_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), None).await;
    let mode = |file: &str| {
        std::fs::metadata(folder.path().join(file))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("first-api-key"), mode("keys/kek")), (0o600, 0o600));
    let (code, _, stderr) = command(folder.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("another gateway"), "{stderr}");

    // Keys are made and revoked beside the running server.
    let (code, stdout, _) = command(
        folder.path(),
        &["keys", "create", "--client", "app", "--rights", "trips:write"],
    );
    assert_eq!(code, Some(0));
    let created: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let balance = |key: String| {
        let request = served
            .client
            .get(format!("{}/v1/users/1/balance", served.base))
            .bearer_auth(key);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(
        balance(created["key"].as_str().unwrap().to_owned()).await,
        403,
        "known at once, without that right"
    );
    assert_eq!(balance(served.key.clone()).await, 200);
    assert_verified(folder.path());
    assert_eq!(served.terminate(), Some(0));

    let kek = folder.path().join("keys/kek");
    std::fs::write(&kek, "00".repeat(32)).unwrap();
    let (code, _, stderr) = command(folder.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("expects the key-encryption key"), "{stderr}");
}

#[tokio::test]
async fn a_migration_cut_short_anywhere_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let location = database::location(folder.path());
    let mut steps = 0;
    loop {
        let mut connection = location.connect().await.unwrap();
        let done = migrate(&mut connection, 0, 7).await.unwrap();
        connection.close().await.unwrap();
        if done == 0 {
            break;
        }
        steps += done;
    }
    let mut connection = location.connect().await.unwrap();
    assert_eq!(missing_steps(&mut connection).await.unwrap(), 0);
    // Tables of another state of the program are not touched.
    connection
        .execute("UPDATE schema_step SET digest = x'00' WHERE name = '0007_trip/11'")
        .await
        .unwrap();
    let refused = migrate(&mut connection, 0, usize::MAX).await.unwrap_err();
    assert!(refused.to_string().contains("0007_trip/11"), "{refused}");
    assert_eq!(missing_steps(&mut connection).await.unwrap(), 1);
    // A kill between a statement and its row: the statement runs again and changes nothing.
    connection.execute("DELETE FROM schema_step").await.unwrap();
    assert_eq!(migrate(&mut connection, 0, usize::MAX).await.unwrap(), steps);
}

#[tokio::test(flavor = "multi_thread")]
async fn booked_time_never_goes_back() {
    let app = TestApp::spawn().await;
    let trip = trip_at(NOON_MS / 1000, 1);
    let first: serde_json::Value = app.post("/v1/trips", &trip).await.json().await.unwrap();
    app.clock.set(NOON_MS - 3_600_000);
    let mut again = trip_at(NOON_MS / 1000, 1);
    again["trip_id"] = "T-later".into();
    again["legs"][0]["started_at"] = "2026-11-20T09:00:00Z".into();
    again["legs"][0]["ended_at"] = "2026-11-20T09:20:00Z".into();
    let second: serde_json::Value = app.post("/v1/trips", &again).await.json().await.unwrap();
    assert_eq!(
        first["claim"]["opens_at"], second["claim"]["opens_at"],
        "{first} {second}"
    );
    let (folder, stopped) = app.stop().await;
    assert!(matches!(stopped, Stopped::Clean));
    assert_verified(folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_the_queue_holds_are_told_to_come_back() {
    let app = Arc::new(TestApp::spawn_with(&[("CARBON_GATEWAY__WRITER__QUEUE", "4")]).await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..400 {
        let app = Arc::clone(&app);
        tasks.spawn(async move {
            let answer = app.post("/v1/trips", &trip_at(NOON_MS / 1000, n)).await;
            if answer.status() == 503 {
                assert!(answer.headers().contains_key("retry-after"));
                let problem: serde_json::Value = answer.json().await.unwrap();
                assert_eq!(problem["code"], "overloaded");
                return (n, false);
            }
            assert_eq!(answer.status(), 201);
            (n, true)
        });
    }
    let outcomes = tasks.join_all().await;
    assert!(outcomes.iter().any(|(_, taken)| *taken));
    for (n, taken) in outcomes {
        let expected = if taken { 200 } else { 201 };
        assert_eq!(
            app.post("/v1/trips", &trip_at(NOON_MS / 1000, n)).await.status(),
            expected,
            "trip {n}"
        );
    }
    let app = Arc::into_inner(app).unwrap();
    let (folder, _) = app.stop().await;
    assert_verified(folder.path());
}
