//! What the gateway does by itself: riders who stay away are settled all the same.

use crate::database;
use crate::support::{NOON_MS, TestApp, trip_at};
use carbon_gateway::app::{Core, Parts};
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::jobs::settle_due::Settling;
use carbon_gateway::jobs::{Turns, settle_in_turn};
use carbon_gateway::ledger::ids::UserId;
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::store::leases::Leases;
use carbon_gateway::store::reads;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A folder with a programme that collects by itself so long after the ride; what is not collected in the hour from then on lapses.
pub(crate) fn collecting_after(delay_s: u32) -> tempfile::TempDir {
    let programme = format!(
        r#"
id = "automatic"
time_zone = "Asia/Shanghai"
collect = "automatic"
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[claims]
delay_s = {delay_s}
window_s = 3600
"#
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("automatic.toml"), programme).unwrap();
    folder
}

const HOUR_MS: i64 = 3_600_000;

/// The data folder after a while, without a server.
async fn later(folder: &std::path::Path, programmes: &str, now_ms: i64) -> (Settling, Lifecycle) {
    let lifecycle = Lifecycle::new(Duration::from_secs(10));
    let programmes = ("CARBON_GATEWAY__PROGRAMME__DIR".to_owned(), programmes.to_owned());
    let variables = std::iter::once(programmes).chain(database::settings(folder));
    let core = Core::open(
        Parts {
            config: Loaded::read(None, variables).unwrap().config,
            folder: DataFolder::new(folder),
            clock: ManualClock::new(now_ms).clock(),
        },
        &lifecycle,
    )
    .await
    .unwrap();
    let settling = Settling {
        ledger: core.ledger.clone(),
        readers: core.locations.readers(1).await.unwrap(),
        clock: core.clock.clone(),
        programmes: Arc::new(core.in_force.programmes.clone()),
        at_once: 2,
    };
    core.connections.close().await.unwrap();
    (settling, lifecycle)
}

/// Waiting, available and lapsed of a rider, in micrograms.
async fn figures(settling: &Settling, user: i64) -> [i64; 3] {
    let (balances, _) = reads::balances(&settling.readers, UserId::new(user).unwrap())
        .await
        .unwrap();
    let figures = balances[0].figures;
    [figures.waiting, figures.available, figures.lapsed].map(carbon_gateway::methodology::Amount::micrograms)
}

#[tokio::test]
async fn claims_of_riders_who_stay_away_are_collected_or_lapse() {
    let programmes = collecting_after(3_600);
    let named = programmes.path().display().to_string();
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__PROGRAMME__DIR", &named)]).await;
    for (user, programme) in [(7, "automatic"), (37, "automatic"), (8, "automatic"), (8, "demo")] {
        let trip = json!({
            "programme": programme, "trip_id": programme, "user_id": user,
            "legs": [{"mode": "metro", "started_at": "2026-11-20T11:00:00Z", "ended_at": "2026-11-20T11:20:00Z", "distance_m": 1000}],
        });
        assert_eq!(app.post("/v1/trips", &trip).await.status(), 201);
    }
    let (folder, _) = app.stop().await;
    let go_on = CancellationToken::new();

    let (settling, life) = later(folder.path(), &named, NOON_MS + HOUR_MS - 1).await;
    assert_eq!(settling.run("job", &go_on).await.unwrap(), 0, "nothing has opened");
    assert_eq!(figures(&settling, 7).await, [46_800_000, 0, 0]);
    drop(settling);
    life.stop();
    life.wait().await;

    let (settling, life) = later(folder.path(), &named, NOON_MS + HOUR_MS).await;
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(
        settling.run("job", &stopped).await.unwrap(),
        0,
        "told to stop before it began"
    );
    assert_eq!(settling.run("job", &go_on).await.unwrap(), 3, "one issue a rider");
    for user in [7, 37, 8] {
        assert_eq!(figures(&settling, user).await, [0, 46_800_000, 0], "user {user}");
    }
    assert_eq!(
        settling.run("job", &go_on).await.unwrap(),
        0,
        "a second run finds nothing"
    );
    drop(settling);
    life.stop();
    life.wait().await;

    // The claim in the programme that the rider collects from closes a week after its ride was booked.
    let (settling, life) = later(folder.path(), &named, NOON_MS + 168 * HOUR_MS).await;
    assert_eq!(settling.run("job", &go_on).await.unwrap(), 1);
    let (balances, _) = reads::balances(&settling.readers, UserId::new(8).unwrap())
        .await
        .unwrap();
    assert_eq!(balances[1].figures.lapsed.micrograms(), 46_800_000);
    drop(settling);
    life.stop();
    life.wait().await;
}

#[tokio::test]
async fn what_was_not_collected_in_its_window_lapses() {
    let programmes = collecting_after(3_600);
    let named = programmes.path().display().to_string();
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__PROGRAMME__DIR", &named)]).await;
    let trip = json!({
        "programme": "automatic", "trip_id": "a", "user_id": 7,
        "legs": [{"mode": "metro", "started_at": "2026-11-20T11:00:00Z", "ended_at": "2026-11-20T11:20:00Z", "distance_m": 1000}],
    });
    assert_eq!(app.post("/v1/trips", &trip).await.status(), 201);
    let (folder, _) = app.stop().await;
    let (settling, life) = later(folder.path(), &named, NOON_MS + 2 * HOUR_MS).await;
    settling.run("job", &CancellationToken::new()).await.unwrap();
    assert_eq!(figures(&settling, 7).await, [0, 0, 46_800_000]);
    drop(settling);
    life.stop();
    life.wait().await;
}

/// Whoever does not settle has no part in an alarm about it, whatever it saw when it last did.
#[tokio::test]
async fn how_long_something_has_been_due_is_told_by_who_settles_it() {
    let app = TestApp::spawn().await;
    let trip = trip_at(NOON_MS / 1_000, 7);
    assert_eq!(app.post("/v1/trips", &trip).await.status(), 201);
    let (folder, _) = app.stop().await;
    // The figures of this test alone.
    let recorder = PrometheusBuilder::new().build_recorder();
    let _of_this_thread = metrics::set_default_local_recorder(&recorder);
    let oldest_s = || {
        let text = recorder.handle().render();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("carbon_settle_due_oldest_seconds "));
        value.map(|value| value.parse::<f64>().unwrap())
    };
    // The claim's window has been closed for an hour.
    let programmes = tempfile::tempdir().unwrap();
    let named = programmes.path().display().to_string();
    let (settling, life) = later(folder.path(), &named, NOON_MS + 169 * HOUR_MS).await;
    let [own, anothers] = [[1; 16], [2; 16]].map(|holder| Leases::new(database::location(folder.path()), holder));
    let turns = Turns::new(own.clone(), None);
    let go_on = CancellationToken::new();
    settle_in_turn(&settling, &turns, &go_on).await;
    assert_eq!(oldest_s(), Some(3_600.0));
    own.give_back("settle-due").await.unwrap();
    assert!(anothers.take("settle-due", settling.clock.now_ms()).await.unwrap());
    settle_in_turn(&settling, &turns, &go_on).await;
    assert_eq!(oldest_s(), Some(0.0));
    drop(settling);
    life.stop();
    life.wait().await;
}
