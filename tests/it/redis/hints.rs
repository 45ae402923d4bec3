//! Hints by Redis: who has a job's lease, and that a shard has something for the chain. They spare asking and waiting and decide nothing.

use super::{PATIENT, URL, ask, config, connect, space, until};
use crate::database;
use crate::dispatch::{self, issue, redeem, verified};
use crate::services;
use crate::support::{NOON_MS, TestApp};
use carbon_gateway::app::dispatching::Standing;
use carbon_gateway::app::sharing::Sharing;
use carbon_gateway::app::{Core, Parts};
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::jobs::Turns;
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::redis::Redis;
use carbon_gateway::redis::holders::Holders;
use carbon_gateway::store::db::{Homes, Location};
use carbon_gateway::store::leases::Leases;
use std::sync::Arc;
use std::time::Duration;

const JOB: &str = "a-job";

fn life() -> Lifecycle {
    Lifecycle::new(Duration::from_secs(10))
}

async fn end(life: &Lifecycle) {
    life.stop();
    life.wait().await;
}

#[tokio::test]
async fn what_redis_says_of_a_lease_spares_asking_and_decides_nothing() {
    let Some(url) = services::redis("hints of leases") else {
        return;
    };
    let (app, life, (space, prefix)) = (TestApp::spawn().await, life(), space());
    let redis = Redis::start(&config(&url), &life).await.unwrap().unwrap();
    let turns = |holder: [u8; 16], location: &Location| {
        let holders = Holders::new(redis.clone(), Arc::clone(&space), &holder);
        Turns::new(Leases::new(location.clone(), holder), Some(holders))
    };
    let ledger = app.locations.main();
    let nowhere = tempfile::tempdir().unwrap();
    let [one, other] = [[1; 16], [2; 16]].map(|holder| turns(holder, ledger));
    // Who has to ask the database cannot.
    let blind = turns(
        [3; 16],
        &database::file_of(&nowhere.path().join("there is no such folder")),
    );
    assert!(blind.take(JOB, 0).await.is_err(), "nobody has said anything yet");

    assert!(one.take(JOB, 0).await.unwrap());
    assert!(!blind.take(JOB, 0).await.unwrap(), "it heard that another has it");
    assert!(one.take(JOB, 60_000).await.unwrap(), "it is kept by asking again");
    let (mut connection, key) = (connect(&url).await, format!("{prefix}:holder:{JOB}"));
    let left_ms: i64 = ask(&mut connection, &["PTTL", &key]).await;
    assert!((1..120_000).contains(&left_ms), "{left_ms}: it ends before the lease");

    // Wiped: the row says the same.
    ask::<()>(&mut connection, &["DEL", &key]).await;
    assert!(blind.take(JOB, 60_000).await.is_err());
    assert!(!other.take(JOB, 60_000).await.unwrap() && one.take(JOB, 60_000).await.unwrap());

    // Somebody said to have a lease that has ended holds the others up until his word ends.
    ask::<()>(&mut connection, &["SET", &key, "gone", "PX", "2000"]).await;
    let passes = async || other.take(JOB, 180_000).await.unwrap();
    until("a stale word lasts for ever", passes).await;

    // What is said for ever, or for longer than any lease lasts, counts for nothing.
    for words in [
        &["SET", key.as_str(), "gone"][..],
        &["SET", key.as_str(), "gone", "PX", "130000"],
    ] {
        ask::<()>(&mut connection, words).await;
        assert!(other.take(JOB, 180_000).await.unwrap());
    }

    // Given back, it is nobody's, and nobody is said to have it.
    assert!(!blind.take(JOB, 180_000).await.unwrap());
    other.give_back(JOB).await.unwrap();
    assert!(blind.take(JOB, 180_000).await.is_err());
    assert!(one.take(JOB, 180_000).await.unwrap());
    app.stop().await;
    end(&life).await;
}

#[tokio::test]
async fn what_is_booked_elsewhere_leaves_without_a_sweep() {
    let Some(url) = services::redis("hints between instances") else {
        return;
    };
    if database::is_in_files("hints between instances", "a file has one instance") {
        return;
    }
    let (home, life) = (tempfile::tempdir().unwrap(), life());
    let shared = |own: &[(&str, &str)]| {
        let own = own
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.chain(database::settings(home.path())).collect::<Vec<_>>()
    };
    let parts = Parts {
        config: Loaded::read(None, shared(&[(URL, &url), PATIENT])).unwrap().config,
        folder: DataFolder::new(home.path()),
        clock: ManualClock::new(NOON_MS).clock(),
    };
    let core = Core::open(parts, &life).await.unwrap();
    let readers = core.locations.readers(2).await.unwrap();
    let secrets = (&core.deployment, &core.source_secret);
    let sharing = Sharing::start(&core.config.redis, secrets, &life).await.unwrap();
    let on = Standing {
        ledger: &core.ledger,
        locations: &core.locations,
        readers: &readers,
        kek: &core.kek,
        clock: &core.clock,
        config: &core.config,
    };
    // The sweeper is made and never told to sweep: what leaves was hinted at.
    let sweeper = sharing.dispatch(core.outgoing, &on, &life).unwrap();
    let id = Hash::new([core.deployment, core.deployment].concat().try_into().unwrap()).to_string();
    let channel = format!("carbon:{}:booked", &id[..32]);
    let connection = connect(&url).await;
    until("nobody listens", async || {
        let told: (String, u32) = ask(&mut connection.clone(), &["PUBSUB", "NUMSUB", &channel]).await;
        told.1 == 1
    })
    .await;

    let kek = DataFolder::new(home.path()).kek_file();
    let settings = shared(&[
        (URL, &url),
        PATIENT,
        ("CARBON_GATEWAY__KEYS__KEK_FILE", kek.to_str().unwrap()),
        ("CARBON_GATEWAY__CHAIN__KIND", "elsewhere"),
    ]);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    let location = database::location(home.path());
    let elsewhere = TestApp::spawn_on(tempfile::tempdir().unwrap(), vec![location.clone()], &settings).await;
    let issued = issue(&elsewhere, 17, 0).await;
    dispatch::until(&elsewhere, &issued, "confirmed").await;
    let spent = redeem(&elsewhere, 17, "r-1", "20").await;
    dispatch::until(&elsewhere, &spent, "confirmed").await;

    elsewhere.stop().await;
    drop(sweeper);
    drop((core.ledger, core.in_force));
    core.connections.close().await.unwrap();
    end(&life).await;
    let report = verified(&Homes::one(location), home.path()).await;
    assert!(report.ok, "{report:#?}");
}
