//! Bad days: the gateway or the broker is killed in the middle, or the broker is not there. No trip and no event is lost.

use super::{PATIENCE, Wire, admit, of_the_sender};
use crate::database;
use crate::dispatch::{ride_of, verified};
use crate::process::Served;
use crate::services::{Server, broker};
use crate::support::{TestApp, trip_at};
use carbon_gateway::ledger::ids::UserId;
use carbon_gateway::messages::EventsOut;
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::leases::Leases;
use carbon_gateway::store::reads;
use lapin::options::QueueDeleteOptions;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Trips that are sent while things end.
const TRIPS: u32 = 1_500;

/// The trip events that are in the queue: each trip's id, and all bytes under which each event came.
async fn trips_told(wire: &Wire, count: usize) -> BTreeSet<String> {
    let (mut trips, mut bytes) = (BTreeSet::new(), BTreeMap::new());
    let mut events = wire.listen(&wire.events).await;
    while trips.len() < count {
        let got = events.next().await;
        let event: Value = serde_json::from_slice(&got.body).unwrap();
        let id = event["id"].as_str().unwrap().to_owned();
        assert_eq!(
            bytes.entry(id).or_insert_with(|| got.body.clone()),
            &got.body,
            "told twice, not alike"
        );
        if let Some(trip) = event["data"]["trip"]["trip_id"].as_str() {
            trips.insert(trip.to_owned());
        }
    }
    trips
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_in_the_middle_books_and_tells_everything() {
    let Some(url) = broker("a gateway killed") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let folder = tempfile::tempdir().unwrap();
    let now_s = jiff::Timestamp::now().as_second();
    let mut served = Served::start_with(folder.path(), &wire.settings()).await;
    let locations = Homes::one(database::location(folder.path()));
    admit(&locations, "trips:write", &[]).await;
    wire.wait_until_there(&wire.trips).await;
    let sending = async {
        for n in 0..TRIPS {
            wire.send_trip(&trip_at(now_s, n), &format!("m-{n}")).await;
        }
    };
    let killing = async {
        for pause in [300_u64, 700, 1_100] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            served.kill_now();
            drop(served);
            served = Served::start_with(folder.path(), &wire.settings()).await;
        }
        served
    };
    let ((), served) = tokio::join!(sending, killing);
    let told = trips_told(&wire, TRIPS as usize).await;
    assert!((0..TRIPS).all(|n| told.contains(&format!("T-{n:06}"))));
    // What was taken is acknowledged a moment after it was told.
    let begun = Instant::now();
    while wire.depth(&wire.trips).await != Some(0) {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(served.terminate(), Some(0));
    assert_eq!(
        wire.depth(&wire.trips).await,
        Some(0),
        "something was given back at the stop"
    );
    assert_eq!(wire.depth(&format!("{}.dead", wire.trips)).await, Some(0));
    let readers = locations.readers(1).await.unwrap();
    for n in 0..TRIPS {
        let user = UserId::new(i64::from(1_000_000 + n)).unwrap();
        assert_eq!(
            reads::trips_before(&readers, user, None, 2).await.unwrap().len(),
            1,
            "rider {user}"
        );
    }
    let report = verified(&locations, folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_in_the_middle_loses_nothing_and_holds_up_no_request() {
    if broker("a broker killed").is_none() {
        return;
    }
    let own = Server::start("rabbitmq");
    let mut wire = Wire::new(&own.url).await;
    let app = TestApp::spawn_with(&wire.settings()).await;
    admit(&app.locations, "trips:write", &[]).await;
    wire.wait_until_there(&wire.trips).await;
    wire.wait_until_there(&wire.events).await;
    let noon_s = crate::support::NOON_MS / 1_000;
    for n in 0..300 {
        wire.send_trip(&trip_at(noon_s, n), &format!("m-{n}")).await;
    }
    own.kill();
    // Riders are served meanwhile, and what they do is told later.
    for n in 0..50 {
        assert_eq!(app.post("/v1/trips", &ride_of(5_000_000 + n, 1)).await.status(), 201);
    }
    assert_eq!(app.get("/readyz").await.status(), 200);
    own.restart();
    wire.again().await;
    for n in 300..600 {
        wire.send_trip(&trip_at(noon_s, n), &format!("m-{n}")).await;
    }
    // 600 by the queue, and one trip id that fifty riders have.
    let told = trips_told(&wire, 601).await;
    assert!((0..600).all(|n| told.contains(&format!("T-{n:06}"))));
    let begun = Instant::now();
    while wire.depth(&wire.trips).await != Some(0) {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    app.drained().await;
    let locations = app.locations.clone();
    let (folder, _) = app.stop().await;
    let report = verified(&locations, folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

/// A gateway starts without its broker, works, and tells everything once the broker is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_at_the_start_is_told_everything_later() {
    if broker("a broker away at the start").is_none() {
        return;
    }
    let own = Server::start("rabbitmq");
    let mut wire = Wire::new(&own.url).await;
    own.kill();
    let app = TestApp::spawn_with(&wire.settings()).await;
    for n in 0..100 {
        assert_eq!(
            app.post("/v1/trips", &trip_at(crate::support::NOON_MS / 1_000, n))
                .await
                .status(),
            201
        );
    }
    own.restart();
    wire.again().await;
    let told = trips_told(&wire, 100).await;
    assert!((0..100).all(|n| told.contains(&format!("T-{n:06}"))));
    // The stop does not wait for a broker that is away.
    own.kill();
    let (_folder, stopped) = app.stop().await;
    assert_eq!(stopped.exit_code(), 0);
}

/// Waits until the gateway tells so many entries that are not published.
async fn lag_becomes(served: &Served, entries: std::ops::Range<u32>) {
    let begun = Instant::now();
    loop {
        let told = served.figure("carbon_events_lag_entries").await;
        if told.is_some_and(|lag| lag >= f64::from(entries.start) && lag < f64::from(entries.end)) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{told:?} of {entries:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An alarm rests on what is told of events that are late: by whoever is to publish them, whatever keeps it from doing so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_published_is_told_while_nothing_can_be_published() {
    if broker("what is not published is told").is_none() {
        return;
    }
    let own = Server::start("rabbitmq");
    let mut wire = Wire::new(&own.url).await;
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_with(folder.path(), &wire.settings()).await;
    wire.wait_until_there(&wire.events).await;
    lag_becomes(&served, 0..1).await;
    let now_s = jiff::Timestamp::now().as_second();
    own.kill();
    for n in 0..100 {
        assert_eq!(served.submit(now_s, n).await, Some(201));
    }
    lag_becomes(&served, 100..u32::MAX).await;

    // Another instance has the lease, in whose view every other lease lies too far ahead to be true.
    let at_ms = jiff::Timestamp::now().as_millisecond();
    let another = Leases::new(database::location(folder.path()), [9; 16]);
    let at_once = another.clone().lasting(Duration::ZERO);
    let another = another.lasting(EventsOut::LEASE);
    assert!(at_once.take("events", at_ms).await.unwrap() && another.take("events", at_ms).await.unwrap());
    lag_becomes(&served, 0..1).await;
    another.give_back("events").await.unwrap();
    lag_becomes(&served, 100..u32::MAX).await;

    own.restart();
    lag_becomes(&served, 0..1).await;
    // The broker is there, and no queue takes what comes.
    wire.again().await;
    let delete = wire
        .channel
        .queue_delete(wire.events.as_str().into(), QueueDeleteOptions::default());
    delete.await.unwrap();
    for n in 100..110 {
        assert_eq!(served.submit(now_s, n).await, Some(201));
    }
    lag_becomes(&served, 10..100).await;
    assert_eq!(served.terminate(), Some(0));
}

/// Another instance goes on where one has stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_goes_on_with_both() {
    if database::is_in_files("another instance goes on", "a file has one instance") {
        return;
    }
    let Some(url) = broker("another instance goes on") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let now_s = jiff::Timestamp::now().as_second();
    let first = Served::start_with(folder.path(), &wire.settings()).await;
    let locations = Homes::one(database::location(folder.path()));
    admit(&locations, "trips:write", &[]).await;
    wire.wait_until_there(&wire.trips).await;
    let kek = carbon_gateway::folder::DataFolder::new(folder.path()).kek_file();
    std::fs::copy(folder.path().join("first-api-key"), other.path().join("first-api-key")).unwrap();
    let database = database::settings(folder.path());
    let mut settings: Vec<(&str, &str)> = database
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    settings.extend(wire.settings());
    settings.extend([
        ("CARBON_GATEWAY__KEYS__KEK_FILE", kek.to_str().unwrap()),
        ("CARBON_GATEWAY__CHAIN__KIND", "elsewhere"),
    ]);
    let second = Served::start_with(other.path(), &settings).await;
    let sending = async {
        for n in 0..400 {
            wire.send(trip_at(now_s, n).to_string().as_bytes(), of_the_sender())
                .await;
        }
    };
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::spawn_blocking(move || assert_eq!(first.terminate(), Some(0)))
            .await
            .unwrap();
    };
    tokio::join!(sending, stopping);
    let told = trips_told(&wire, 400).await;
    assert!((0..400).all(|n| told.contains(&format!("T-{n:06}"))));
    assert_eq!(second.terminate(), Some(0));
    assert_eq!(wire.depth(&wire.trips).await, Some(0));
}
