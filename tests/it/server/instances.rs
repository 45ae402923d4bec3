//! Several instances on one database: any of them takes any rider, one may die, and only one has the chain.

use super::more_are_stored;
use crate::database;
use crate::dispatch::{issue, redeem, until, verified};
use crate::process::{Served, command};
use crate::support::{NOON_MS, TestApp, trip_at};
use carbon_gateway::app::{App, AppError, Parts};
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::leases::Leases;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long an instance that freezes may hold a shard up.
const LONGEST_FREEZE: Duration = Duration::from_secs(15);

/// An instance in a folder of its own, on the database and under the key of another.
async fn start(shared: &Path, folder: &Path, chain: &str, lifecycle: &Lifecycle) -> Result<App, AppError> {
    let kek = DataFolder::new(shared).kek_file();
    let own = [
        ("HTTP__BIND", "127.0.0.1:0"),
        ("HTTP__WORKERS", "1"),
        ("KEYS__KEK_FILE", kek.to_str().unwrap()),
        ("CHAIN__KIND", chain),
    ];
    let own = own.map(|(key, value)| (format!("CARBON_GATEWAY__{key}"), value.to_owned()));
    let variables = own.into_iter().chain(database::settings(shared));
    let parts = Parts {
        config: Loaded::read(None, variables.collect::<Vec<_>>()).unwrap().config,
        folder: DataFolder::new(folder),
        clock: ManualClock::new(NOON_MS).clock(),
    };
    App::start(parts, lifecycle).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_that_start_at_once_found_one_ledger() {
    if database::is_in_files("instances that start at once", "a file has one instance") {
        return;
    }
    let shared = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(Duration::from_secs(10));
    let folders = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let starts = folders.iter().enumerate().map(|(n, folder)| {
        let chain = if n == 0 { "embedded" } else { "elsewhere" };
        start(shared.path(), folder.path(), chain, &lifecycle)
    });
    let [one, two, three, four] = starts.collect::<Vec<_>>().try_into().ok().unwrap();
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    let apps = [one, two, three, four].map(Result::unwrap);
    let keys: Vec<&String> = apps.iter().filter_map(|app| app.first_key.as_ref()).collect();
    assert_eq!(keys.len(), 1, "one of them makes the first key");
    for app in &apps {
        let answer = reqwest::Client::new()
            .post(format!("http://{}/v1/trips", app.address))
            .bearer_auth(keys[0])
            .json(&trip_at(NOON_MS / 1_000, 7))
            .send()
            .await
            .unwrap();
        let first = app.address == apps[0].address;
        assert_eq!(
            answer.status(),
            if first { 201 } else { 200 },
            "the same trip, wherever it is sent"
        );
    }
    drop(apps);
    lifecycle.stop();
    lifecycle.wait().await;
    let location = database::location(shared.path());
    // The chain lies in the folder of the first, the key where all were told.
    std::fs::copy(folders[0].path().join("chain.db"), shared.path().join("chain.db")).unwrap();
    let report = verified(&Homes::one(location.clone()), shared.path()).await;
    assert!(report.ok, "{report:#?}");
}

#[tokio::test]
async fn what_one_books_another_takes_to_the_chain() {
    if database::is_in_files("two instances", "a file has one instance") {
        return;
    }
    let app = TestApp::spawn().await;
    let beside = app.beside().await;
    // The rider's orders go now here, now there, each on what the other has booked.
    let first = issue(&beside, 17, 0).await;
    let second = issue(&app, 17, 1).await;
    let spend = redeem(&beside, 17, "r-1", "60").await;
    for reference in [&first, &second, &spend] {
        for instance in [&app, &beside] {
            let found = until(instance, reference, "confirmed").await;
            assert_eq!(found["chain"]["kind"], "embedded", "{found}");
        }
    }
    let ready = beside.get("/readyz").await;
    assert_eq!(ready.status(), 200, "that the chain is elsewhere hinders nobody");
    assert_eq!(beside.get("/v1/chain").await.status(), 503);
    beside.stop().await;
    let (folder, _) = app.stop().await;
    let report = verified(&Homes::one(database::location(folder.path())), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

/// An instance that goes on under the old key would wrap new rows by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_not_changed_while_an_instance_serves() {
    if database::is_in_files("a change of the key", "a folder's lock tells of its gateway") {
        return;
    }
    let app = TestApp::spawn().await;
    let away = tempfile::tempdir().unwrap();
    let next = away.path().join("next");
    let (next, kek) = (next.to_str().unwrap(), DataFolder::new(app.data_dir()).kek_file());
    let rotate = |folder: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_carbon-gateway"))
            .args(["keys", "rotate", "--to", next, "--data"])
            .arg(folder)
            .envs(database::settings(app.data_dir()))
            .env("CARBON_GATEWAY__KEYS__KEK_FILE", &kek)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, stderr) = rotate(away.path());
    assert!(code == Some(2) && stderr.contains("stop every instance"), "{stderr}");
    app.stop().await;
}

#[tokio::test]
async fn one_instance_at_a_time_has_the_lease_of_a_job() {
    // In a file too, where it is nobody else's.
    let app = TestApp::spawn().await;
    let [one, other] = [[1; 16], [2; 16]].map(|holder| Leases::new(app.locations.main().clone(), holder));
    let takes = async |leases: &Leases, at_ms: i64| leases.take("a-job", at_ms).await.unwrap();
    assert!(takes(&one, 0).await && !takes(&other, 0).await);
    let is_anothers = async |leases: &Leases, at_ms: i64| leases.is_anothers("a-job", at_ms).await.unwrap();
    assert!(!is_anothers(&one, 1).await && is_anothers(&other, 119_999).await && !is_anothers(&other, 120_000).await);
    assert!(takes(&one, 60_000).await, "it is kept by asking again");
    assert!(
        !takes(&other, 179_999).await && takes(&other, 180_000).await,
        "it ends by itself"
    );
    assert!(!takes(&one, 180_001).await);
    assert!(
        takes(&one, 179_998).await,
        "one that lies further ahead than any is given is void"
    );
    app.stop().await;
}

/// Another folder would begin a second chain, and the two would never come together.
#[tokio::test]
async fn a_second_chain_is_refused() {
    if database::is_in_files("a second chain", "a file lies beside its chain") {
        return;
    }
    let app = TestApp::spawn().await;
    until(&app, &issue(&app, 17, 0).await, "confirmed").await;
    let (other, lifecycle) = (tempfile::tempdir().unwrap(), Lifecycle::new(Duration::from_secs(10)));
    let refused = start(app.data_dir(), other.path(), "embedded", &lifecycle)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, AppError::ChainMissing { .. }), "{refused}");
    lifecycle.stop();
    lifecycle.wait().await;
    let (folder, _) = app.stop().await;
    let report = verified(&Homes::one(database::location(folder.path())), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

/// Two real instances: the first has the chain and the key in its folder.
struct Two {
    home: tempfile::TempDir,
    first: Arc<Served>,
    second: Arc<Served>,
    _away: tempfile::TempDir,
}

impl Two {
    async fn start() -> Self {
        let (home, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = Served::start(home.path(), None).await;
        std::fs::copy(home.path().join("first-api-key"), away.path().join("first-api-key")).unwrap();
        let kek = DataFolder::new(home.path()).kek_file();
        let database = database::settings(home.path());
        let mut settings: Vec<(&str, &str)> = database
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        settings.push(("CARBON_GATEWAY__KEYS__KEK_FILE", kek.to_str().unwrap()));
        settings.push(("CARBON_GATEWAY__CHAIN__KIND", "elsewhere"));
        let second = Served::start_with(away.path(), &settings).await;
        Self {
            home,
            first: Arc::new(first),
            second: Arc::new(second),
            _away: away,
        }
    }

    /// What was acknowledged is there; the first stops in good order, and everything adds up.
    async fn assert_complete(self, now_s: i64, taken: impl Iterator<Item = u32>) {
        for n in taken {
            assert_eq!(
                self.first.submit(now_s, n).await,
                Some(200),
                "trip {n} was acknowledged"
            );
        }
        drop(self.second);
        assert_eq!(Arc::into_inner(self.first).unwrap().terminate(), Some(0));
        let (code, stdout, stderr) = command(self.home.path(), &["verify", "--json", "--recompute"]);
        assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_killed_while_another_serves_loses_nothing() {
    if database::is_in_files("an instance killed", "a file has one instance") {
        return;
    }
    let two = Two::start().await;
    let now_s = jiff::Timestamp::now().as_second();
    let (next, stored) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let enough = CancellationToken::new();
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..8 {
        let to = Arc::clone(if lane % 2 == 0 { &two.first } else { &two.second });
        let (next, stored, enough) = (Arc::clone(&next), Arc::clone(&stored), enough.clone());
        lanes.spawn(async move {
            let mut taken = Vec::new();
            while !enough.is_cancelled() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                match to.submit(now_s, n).await {
                    Some(201) => {
                        stored.fetch_add(1, Ordering::Relaxed);
                        taken.push(n);
                    }
                    None if lane % 2 == 1 => break, // killed: the answer is unknown
                    other => panic!("trip {n}: {other:?}"),
                }
            }
            taken
        });
    }
    more_are_stored(&stored).await;
    two.second.kill_now();
    more_are_stored(&stored).await;
    enough.cancel();
    let taken = lanes.join_all().await.into_iter().flatten().collect::<Vec<u32>>();
    two.assert_complete(now_s, taken.into_iter()).await;
}

/// A batch that freezes holds its shards; the server ends the session, and another instance goes on with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_frozen_in_a_batch_holds_its_shards_up_for_seconds() {
    if database::is_in_files("an instance frozen", "a file has one instance") {
        return;
    }
    let two = Two::start().await;
    let now_s = jiff::Timestamp::now().as_second();
    let (next, stop) = (Arc::new(AtomicU32::new(1_000)), CancellationToken::new());
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (to, next, stop) = (Arc::clone(&two.second), Arc::clone(&next), stop.clone());
        lanes.spawn(async move {
            let mut taken = Vec::new();
            while !stop.is_cancelled() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                match to.submit(now_s, n).await {
                    Some(201) => taken.push(n),
                    Some(503) | None => {} // what was in the batch that froze
                    other => panic!("trip {n}: {other:?}"),
                }
            }
            taken
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    two.second.signal("STOP");
    let frozen = Instant::now();
    let mut others = tokio::task::JoinSet::new();
    for n in 0..30 {
        let to = Arc::clone(&two.first);
        others.spawn(async move {
            while to.submit(now_s, n).await != Some(201) {
                assert!(frozen.elapsed() < LONGEST_FREEZE, "trip {n} waits");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            frozen.elapsed()
        });
    }
    let mut waits = others.join_all().await;
    waits.sort();
    assert!(waits[29] < LONGEST_FREEZE, "{waits:?}");
    two.second.signal("CONT");
    stop.cancel();
    let taken: Vec<u32> = lanes.join_all().await.into_iter().flatten().collect();
    #[expect(clippy::print_stdout, reason = "a person who looks wants to know how long it was")]
    {
        println!(
            "frozen among {} trips; of thirty riders the last waited {:?}, the fifteenth {:?}",
            taken.len(),
            waits[29],
            waits[14]
        );
    }
    two.assert_complete(now_s, taken.into_iter().chain(0..30)).await;
}
