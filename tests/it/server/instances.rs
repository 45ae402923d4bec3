//! Several instances on one database: any of them takes any rider, and only one has the chain.

use crate::database;
use crate::dispatch::{issue, redeem, until, verified};
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
use std::time::Duration;

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
    let readers = app.locations.readers(1).await.unwrap();
    let main = readers.main();
    let is_anothers = async |leases: &Leases, at_ms: i64| leases.is_anothers(main, "a-job", at_ms).await.unwrap();
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
