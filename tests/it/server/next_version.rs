//! The next version changes the tables while this one serves: callers notice nothing but that they may have to come back, whoever starts on
//! tables of a newer version works, and one who waits to change a table does not keep everybody else waiting with it.

use super::{more_are_stored, read, session, submit};
use crate::database;
use crate::dispatch::verified;
use crate::support::{NOON_MS, TestApp};
use carbon_gateway::store::db::{Location, MySqlServer};
use carbon_gateway::store::migrate::{TEMPLATES, Template, migrate_to, schema, schema_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What the next version may bring: a table per shard, and columns for those that are written most.
const LATER: [Template; 4] = [
    (
        "0097_note",
        "CREATE TABLE IF NOT EXISTS note_{shard} (seq BIGINT NOT NULL PRIMARY KEY, words VARCHAR(64) NOT NULL)",
    ),
    (
        "0098_trip_note",
        "ALTER TABLE trip_{shard} ADD COLUMN note VARCHAR(64) NOT NULL DEFAULT 'none'",
    ),
    (
        "0099_account_note",
        "ALTER TABLE account_{shard} ADD COLUMN note BIGINT NOT NULL DEFAULT 7",
    ),
    (
        "0100_head_note",
        "ALTER TABLE shard_head ADD COLUMN note BIGINT NOT NULL DEFAULT 0",
    ),
];
/// Steps of it after which the first attempt is cut off: among the trips' tables.
const CUT: usize = 47;
/// All its steps.
const ALL: usize = 91;

fn next_version() -> Vec<Template> {
    TEMPLATES.into_iter().chain(LATER).collect()
}

/// What callers met.
#[derive(Default)]
struct Met {
    stored: AtomicU32,
    turned_away: AtomicU32,
}

/// Callers of several instances, until it is enough; answers the trips that were acknowledged.
fn callers(apps: &[Arc<TestApp>], met: &Arc<Met>, enough: &CancellationToken) -> JoinSet<Vec<u32>> {
    let mut lanes = JoinSet::new();
    let next = Arc::new(AtomicU32::new(0));
    for lane in 0..8 {
        let app = Arc::clone(&apps[lane % apps.len()]);
        let (next, met, enough) = (Arc::clone(&next), Arc::clone(met), enough.clone());
        lanes.spawn(async move {
            let mut taken = Vec::new();
            while !enough.is_cancelled() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                for status in [submit(&app, n).await, read(&app, n).await] {
                    match status {
                        201 => {
                            met.stored.fetch_add(1, Ordering::Relaxed);
                            taken.push(n);
                        }
                        200 => {}
                        other => {
                            assert_eq!(other, 503, "trip {n}");
                            met.turned_away.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            }
            taken
        });
    }
    lanes
}

/// Migrates as the next version does, and ends after so many steps.
async fn migrated(location: &Location, limit: usize) -> usize {
    let mut connection = session(location).await;
    connection.alone().await.unwrap();
    let done = migrate_to(&mut connection, &next_version(), NOON_MS, limit)
        .await
        .unwrap();
    connection.close().await.unwrap();
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_version_serves_while_the_next_one_migrates() {
    if database::is_in_files("a migration under load", "a file is migrated before it is served") {
        return;
    }
    let first = Arc::new(TestApp::spawn().await);
    let second = Arc::new(first.beside().await);
    let location = database::location(first.data_dir());
    let (met, enough) = (Arc::new(Met::default()), CancellationToken::new());
    let lanes = callers(&[Arc::clone(&first), Arc::clone(&second)], &met, &enough);
    more_are_stored(&met.stored).await;
    assert_eq!(migrated(&location, CUT).await, CUT);
    // It was killed between its last statement and the row that says so.
    let mut looking = session(&location).await;
    looking
        .execute("DELETE FROM schema_step WHERE name = '0098_trip_note/16'")
        .await
        .unwrap();
    let half_way = schema_of(&mut looking, &next_version()).await.unwrap();
    assert!(
        half_way.is_half_way && half_way.missing == ALL - CUT + 1,
        "{half_way:?}"
    );
    more_are_stored(&met.stored).await;
    let third = first.beside().await;
    assert_eq!(submit(&third, 1_000_000).await, 201);
    assert_eq!(migrated(&location, usize::MAX).await, ALL - CUT + 1);
    more_are_stored(&met.stored).await;
    enough.cancel();
    let taken = lanes.join_all().await.concat();
    let fourth = first.beside().await;
    assert_eq!(submit(&fourth, 1_000_001).await, 201);
    for n in taken.iter().step_by(10) {
        assert_eq!(submit(&third, *n).await, 200, "trip {n} was acknowledged");
        assert_eq!(read(&fourth, *n).await, 200);
    }
    let turned_away = met.turned_away.load(Ordering::Relaxed);
    #[expect(clippy::print_stdout, reason = "a person who looks wants to know how many it were")]
    {
        println!("{turned_away} callers turned away beside {} trips", taken.len());
    }
    assert_eq!(turned_away, 0, "nothing of this needs to wait for long");
    // This version sees steps that it does not know, and nothing wrong with its own.
    let seen = schema(&mut looking).await.unwrap();
    assert!(
        !seen.is_half_way && seen.missing == 0 && seen.lost.is_empty(),
        "{seen:?}"
    );
    assert_eq!(seen.later.len(), ALL);
    for app in [third, fourth, Arc::into_inner(second).unwrap()] {
        app.stop().await;
    }
    let first = Arc::into_inner(first).unwrap();
    let locations = first.locations.clone();
    let (folder, _) = first.stop().await;
    let report = verified(&locations, folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

/// A report or `verify` holds the tables that it has read until it ends: a migration that waits for it must not bring the writers to a halt,
/// who wait behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_waits_for_a_reader_lets_writers_pass() {
    if database::is_in_files("a migration that waits", "a file is migrated before it is served") {
        return;
    }
    let app = Arc::new(TestApp::spawn().await);
    for n in 0..30 {
        assert_eq!(submit(&app, n).await, 201);
    }
    let url = &database::settings(app.data_dir()).last().unwrap().1.clone();
    // Whoever migrates may be set to wait for others' locks for long.
    let patient = MySqlServer::new(url, Duration::from_secs(40), Duration::from_mins(2)).unwrap();
    let patient = Location::MySql(patient);
    assert_eq!(migrated(&patient, 30).await, 30, "the tables that nobody uses yet");
    let mut reader = database::location(app.data_dir()).snapshot().await.unwrap();
    reader.execute("SELECT seq FROM trip_00 LIMIT 1").await.unwrap();
    let begun = Instant::now();
    let mut migrating = JoinSet::new();
    migrating.spawn(async move { migrated(&patient, usize::MAX).await });
    // Riders of shard 0, as long as the migration waits.
    let (mut longest, mut turned_away, mut n) = (Duration::ZERO, 0, 20);
    while begun.elapsed() < Duration::from_secs(8) {
        n += 30;
        let sent = Instant::now();
        turned_away += u32::from(submit(&app, n).await != 201);
        longest = longest.max(sent.elapsed());
    }
    assert!(
        migrating.try_join_next().is_none(),
        "nothing was waited for: the test says nothing"
    );
    #[expect(clippy::print_stdout, reason = "a person who looks wants to know how long it was")]
    {
        println!("{turned_away} riders turned away, the longest waited {longest:?}");
    }
    assert_eq!(turned_away, 0);
    reader.execute("ROLLBACK").await.unwrap();
    assert_eq!(migrating.join_all().await, [ALL - 30]);
    Arc::into_inner(app).unwrap().stop().await;
}
