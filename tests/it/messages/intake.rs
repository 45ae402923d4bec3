//! Trips by the queue are booked as requests would be, once each, and what cannot be is put aside with the reason.

use super::{PATIENCE, Wire, admit, of_the_sender};
use crate::database;
use crate::dispatch::ride_of;
use crate::process::Served;
use crate::services::broker;
use crate::support::{NOON_MS, TestApp, now_s, trip_at};
use carbon_gateway::ledger::ids::UserId;
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::reads;
use futures_util::{StreamExt as _, stream};
use lapin::options::QueueDeclareOptions;
use lapin::types::{FieldTable, ShortString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const NOON_S: i64 = NOON_MS / 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trips_by_the_queue_are_booked_once_and_answered() {
    let Some(url) = broker("trips by the queue") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let app = TestApp::spawn_with(&wire.settings()).await;
    admit(&app.locations, "trips:write", &[]).await;
    wire.wait_until_there(&wire.trips).await;
    let options = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let answers = wire
        .channel
        .queue_declare("".into(), options, FieldTable::default())
        .await
        .unwrap();
    // Each trip comes twice.
    for n in (0..100).chain(0..100) {
        let properties = of_the_sender()
            .with_message_id(format!("m-{n}").into())
            .with_reply_to(answers.name().clone());
        wire.send(trip_at(NOON_S, n).to_string().as_bytes(), properties).await;
    }
    let mut statuses = Vec::new();
    for _ in 0..200 {
        let got = wire.wait_for(answers.name().as_str()).await;
        let trip: Value = serde_json::from_slice(&got.body).unwrap();
        let n = got.properties.correlation_id().as_ref().unwrap().as_str();
        let n: u32 = n.strip_prefix("m-").unwrap().parse().unwrap();
        assert_eq!(trip["trip_id"], format!("T-{n:06}"));
        assert_eq!(trip["client"], "guest");
        assert_eq!(trip["outcome"], "credited");
        statuses.push(got.properties.kind().as_ref().map(ShortString::to_string).unwrap());
    }
    statuses.sort();
    assert_eq!(statuses, [vec!["200"; 100], vec!["201"; 100]].concat());
    assert_eq!(wire.depth(&wire.trips).await, Some(0));
    assert_eq!(wire.depth(&format!("{}.dead", wire.trips)).await, Some(0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_is_put_aside_with_the_reason() {
    let Some(url) = broker("what cannot be taken") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let app = TestApp::spawn_with(&wire.settings()).await;
    wire.wait_until_there(&wire.trips).await;
    let aside = format!("{}.dead", wire.trips);
    let trip = trip_at(NOON_S, 1);
    let with = |name: &str, value: Value| {
        let mut other = trip.clone();
        other[name] = value;
        other.to_string().into_bytes()
    };
    let expect = async |body: Vec<u8>, code: &str, word: &str| {
        wire.send(&body, of_the_sender().with_message_id("m-1".into())).await;
        let got = wire.wait_for(&aside).await;
        assert_eq!((&got.body, got.header("x-carbon-code").as_str()), (&body, code));
        let detail = got.header("x-carbon-detail");
        assert!(detail.contains(word), "{detail}");
        let problem: Value = serde_json::from_str(&got.header("x-carbon-problem")).unwrap();
        assert_eq!((&problem["code"], &problem["instance"]), (&json!(code), &json!("m-1")));
        assert_eq!(got.header("x-carbon-client"), "guest");
        assert_eq!(got.properties.message_id().as_ref().unwrap().as_str(), "m-1");
    };
    // Nobody has a key of that name, or none that may.
    let good = trip.to_string().into_bytes();
    expect(good.clone(), "forbidden", "guest").await;
    admit(&app.locations, "credits:read", &[]).await;
    expect(good.clone(), "forbidden", "trips:write").await;
    admit(&app.locations, "trips:write", &["demo"]).await;

    expect(b"{\"trip_id\": ".to_vec(), "malformed_json", "EOF").await;
    expect(b"\xff\xfe".to_vec(), "malformed_json", "").await;
    expect(Vec::new(), "malformed_json", "EOF").await;
    expect(with("colour", json!("blue")), "unknown_field", "/colour").await;
    expect(with("user_id", json!("x")), "invalid_field", "/user_id").await;
    expect(with("programme", json!("other")), "forbidden", "programme").await;
    expect(vec![b' '; 1_048_577], "body_too_large", "1048576").await;
    wire.send(&good, lapin::BasicProperties::default()).await;
    let got = wire.wait_for(&aside).await;
    assert_eq!(got.header("x-carbon-code"), "unauthorized");

    // What is good is taken all the same, once, and other content under its name is not.
    wire.send_trip(&trip, "m-2").await;
    wire.send_trip(&trip, "m-3").await;
    let mut legs = trip["legs"].clone();
    legs[0]["distance_m"] = json!(9_000);
    expect(with("legs", legs), "trip_conflict", "/legs/0/distance_m").await;
    let found = app.get("/v1/users/1000001/trips/T-000001?client=guest").await;
    assert_eq!(found.status(), 200);

    // What the database does not take, for what it says, and takes after all once an operator has seen to it.
    let mut ledger = app.locations.main().connect().await.unwrap();
    database::refuse_a_rider(&mut ledger).await;
    let refused = trip_at(NOON_S, 61);
    expect(refused.to_string().into_bytes(), "storage_refused", "the database").await;
    wire.send_trip(&trip_at(NOON_S, 31), "m-4").await;
    database::refuse_nobody(&mut ledger).await;
    ledger.close().await.unwrap();
    wire.send_trip(&refused, "m-5").await;
    for trip in ["1000031/trips/T-000031", "1000061/trips/T-000061"] {
        until_booked(&app, trip).await;
    }
    assert_eq!(wire.depth(&wire.trips).await, Some(0));
    app.stop().await;
}

/// Waits for a trip of the tests' user of the broker.
async fn until_booked(app: &TestApp, trip: &str) {
    let begun = Instant::now();
    while app.get(&format!("/v1/users/{trip}?client=guest")).await.status() != 200 {
        assert!(begun.elapsed() < PATIENCE, "{trip} is not booked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As much of the writers' queue as few messages fill.
const NARROW: (&str, &str) = ("CARBON_GATEWAY__WRITER__QUEUE", "64");

/// However much has queued at the broker while the gateway was away: whoever calls meanwhile finds room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_back_log_turns_no_caller_away() {
    let Some(url) = broker("a back-log") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = [&wire.settings()[..], &[NARROW]].concat();
    let served = Served::start_with(folder.path(), &settings).await;
    admit(&Homes::one(database::location(folder.path())), "trips:write", &[]).await;
    wire.wait_until_there(&wire.trips).await;
    assert_eq!(served.terminate(), Some(0));
    let (wire, now_s) = (&wire, now_s());
    stream::iter(0..4_000)
        .for_each_concurrent(64, async |n| {
            wire.send_trip(&trip_at(now_s, n), &format!("m-{n}")).await;
        })
        .await;
    let served = &Served::start_with(folder.path(), &settings).await;
    let (mut next, mut statuses) = (10_000, BTreeMap::new());
    while wire.depth(&wire.trips).await != Some(0) {
        let mut posted = stream::iter(next..next + 20)
            .map(async |n| served.submit(now_s, n).await)
            .buffer_unordered(4);
        while let Some(status) = posted.next().await {
            *statuses.entry(status).or_insert(0) += 1;
        }
        next += 20;
    }
    let booked = statuses.remove(&Some(201));
    assert!(statuses.is_empty() && booked >= Some(100), "{booked:?}, {statuses:?}");
}

/// Messages of riders whose shard nobody can write wait, in their order, and those of others are booked and acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_for_a_writer_that_is_busy_hold_up_no_others() {
    if database::is_in_files("a writer that is busy", "files have one writer") {
        return;
    }
    let Some(url) = broker("a writer that is busy") else {
        return;
    };
    let wire = Wire::new(&url).await;
    // Longer than this test waits.
    let patient = ("CARBON_GATEWAY__DATABASE__BUSY_TIMEOUT_MS", "60000");
    let app = TestApp::spawn_with(&[&wire.settings()[..], &[NARROW, patient]].concat()).await;
    admit(&app.locations, "trips:write", &[]).await;
    wire.wait_until_there(&wire.trips).await;
    // Somebody else is in the middle of a batch of shard 11, where rider 1,000,001 is at home.
    let mut busy = app.locations.main().connect().await.unwrap();
    busy.begin().await.unwrap();
    busy.execute("UPDATE shard_head SET epoch = epoch + 1 WHERE shard = 11")
        .await
        .unwrap();
    for (rider, n) in (0..40).flat_map(|n| [(1_000_001, n), (1_000_002, n)]) {
        wire.send_trip(&ride_of(rider, n), &format!("m-{rider}-{n}")).await;
    }
    let readers = app.locations.readers(1).await.unwrap();
    let booked = async |rider| {
        let user = UserId::new(rider).unwrap();
        let mut trips = reads::trips_before(&readers, user, None, 100).await.unwrap();
        trips.sort_by_key(|trip| trip.seq);
        trips.into_iter().map(|trip| trip.record.started_s).collect::<Vec<_>>()
    };
    let all_booked = async |rider| {
        let begun = Instant::now();
        while booked(rider).await.len() < 40 {
            assert!(begun.elapsed() < Duration::from_secs(30), "rider {rider} waits");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    all_booked(1_000_002).await;
    assert_eq!(booked(1_000_001).await, [0; 0]);
    busy.execute("ROLLBACK").await.unwrap();
    all_booked(1_000_001).await;
    for rider in [1_000_001, 1_000_002] {
        let starts = booked(rider).await;
        assert!(starts.is_sorted(), "rider {rider}: {starts:?}");
    }
    app.stop().await;
}
