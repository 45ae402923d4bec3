//! What a database server does that a file does not: many writers at once, sessions that it ends, connections that are borrowed again,
//! a restart under load. Where no server is at hand these say so.

mod died;
mod exhausted;
mod instances;
mod lost_replies;
mod next_version;
mod rolling;
mod shards;
mod silence;
mod silent_server;
mod slow_disk;
mod tampered;
mod turns;
mod two;

use crate::database;
use crate::dispatch::verified;
use crate::services::Server;
use crate::support::{NOON_MS, TestApp, trip_at};
use carbon_gateway::store::db::{Connection, Homes, Location, MySqlServer, Pool};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// More than any read may take, on a machine that is busy with other things: five seconds for a connection, fifteen for an answer.
const BOUND: Duration = Duration::from_mins(1);

/// Shorter than any lock is waited for.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Counts the writers that are locking their shards.
const WAITING_FOR_SHARDS: &str = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'SELECT shard, epoch, % FOR UPDATE'";

async fn submit(app: &TestApp, n: u32) -> u16 {
    app.post("/v1/trips", &trip_at(NOON_MS / 1_000, n))
        .await
        .status()
        .as_u16()
}

/// A session of the writers' kind, and the server's own connection inside of it.
async fn session(location: &Location) -> Connection {
    location.connect().await.unwrap()
}

fn raw(connection: &mut Connection) -> &mut MySqlConnection {
    match connection {
        Connection::MySql(c) => c,
        Connection::Sqlite(_) => unreachable!("it was opened on a server"),
    }
}

/// A gateway whose ledger is on a server of the test's own.
async fn gateway_on(server: &Server) -> (TestApp, Location) {
    let url = format!("{}/carbon", server.url);
    let location = Location::MySql(MySqlServer::new(&url, AT_ONCE, Duration::from_mins(1)).unwrap());
    let settings = [
        ("CARBON_GATEWAY__DATABASE__KIND", "mysql"),
        ("CARBON_GATEWAY__DATABASE__URL", url.as_str()),
    ];
    let folder = tempfile::tempdir().unwrap();
    (
        TestApp::spawn_on(folder, vec![location.clone()], &settings).await,
        location,
    )
}

/// A gateway that reaches its server through somebody `between`, who is told the server's address and answers with his own.
async fn gateway_behind<T>(between: impl AsyncFnOnce(String) -> (T, String)) -> (T, TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let location = database::location(folder.path());
    let mut settings = database::settings(folder.path());
    let url = &mut settings.last_mut().unwrap().1;
    let server = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let (kept, address) = between(server.clone()).await;
    // In plain bytes, so that he sees what is said.
    *url = format!("{}?ssl-mode=DISABLED", url.replace(&server, &address));
    let settings = settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let app = TestApp::spawn_on(folder, vec![location], &settings.collect::<Vec<_>>()).await;
    (kept, app)
}

/// The status of an answer; one that turns the caller away says when to come back.
async fn told(answer: reqwest::Response) -> u16 {
    let (status, after) = (answer.status().as_u16(), answer.headers().get("retry-after").cloned());
    if status == 503 {
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(
            (after.unwrap().to_str().unwrap(), &problem["code"]),
            ("1", &"storage_unavailable".into())
        );
    }
    status
}

/// Reads the balance of the rider of the `n`th trip.
async fn read(app: &TestApp, n: u32) -> u16 {
    told(app.get(&format!("/v1/users/{}/balance", 1_000_000 + n)).await).await
}

/// So many reads at once, of riders from `first` on; the number of those that were answered.
async fn reads(app: &Arc<TestApp>, first: u32, count: u32) -> usize {
    let mut reading = JoinSet::new();
    for n in first..first + count {
        let app = Arc::clone(app);
        reading.spawn(async move { tokio::time::timeout(BOUND, read(&app, n)).await });
    }
    let statuses = reading
        .join_all()
        .await
        .into_iter()
        .map(|read| read.expect("a read hangs"));
    let statuses: Vec<u16> = statuses.collect();
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
    statuses.iter().filter(|status| **status == 200).count()
}

async fn number(c: &mut MySqlConnection, sql: &'static str) -> i64 {
    let (number,): (i64,) = sqlx::query_as(sql).fetch_one(c).await.unwrap();
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_other_shards_never_wait() {
    if database::is_in_files("writers of other shards", "files have one writer") {
        return;
    }
    let app = TestApp::spawn().await;
    let location = database::location(app.data_dir());
    // Somebody is in the middle of a batch of shard 0, in the way that writers are.
    let mut busy = session(&location).await;
    busy.begin().await.unwrap();
    busy.execute("SELECT seq FROM shard_head FORCE INDEX (PRIMARY) WHERE shard IN (0) FOR UPDATE")
        .await
        .unwrap();
    busy.execute("SELECT seq FROM trip_00 WHERE user_id = 1000020 AND activity_day BETWEEN 1 AND 90000")
        .await
        .unwrap();
    // The second of these finds the row of the first.
    for _ in 0..2 {
        busy.execute("INSERT INTO daily_total VALUES (0, 1, 1, 'p', 'CO2', 'trip', 'metro', 'm', 1, 1) ON DUPLICATE KEY UPDATE count = count + VALUES(count)")
            .await
            .unwrap();
    }
    busy.execute("DELETE FROM journal WHERE shard = 0 AND seq_from > 1000")
        .await
        .unwrap();
    busy.execute("REPLACE INTO shard_head SELECT * FROM shard_head WHERE shard = 0")
        .await
        .unwrap();
    // Riders 1,000,001 and on: shards 11 to 13, of three of the four writers, none of them that of shard 0. Who waited for it would wait
    // until its lock is not waited for any longer, and be refused.
    for n in [1, 2, 3] {
        assert_eq!(submit(&app, n).await, 201);
    }
    busy.execute("ROLLBACK").await.unwrap();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trip_of_a_batch_waits_for_the_room_of_another_shard() {
    if database::is_in_files("room of shards", "files have one writer") {
        return;
    }
    // Ten places for each of four writers, of which trips of batches have three.
    let app = Arc::new(TestApp::spawn_with(&[("CARBON_GATEWAY__WRITER__QUEUE", "40")]).await);
    let mut other = session(&database::location(app.data_dir())).await;
    other.begin().await.unwrap();
    other
        .execute("UPDATE shard_head SET epoch = epoch + 1 WHERE shard = 11")
        .await
        .unwrap();
    // Of shard 11, which another instance has, more than find room; behind them one of shard 12, which is another writer's.
    let riders = (0..9).map(|n| 1 + 30 * n).chain([2]);
    let trips = json!({"trips": riders.map(|n| trip_at(NOON_MS / 1_000, n)).collect::<Vec<_>>()});
    let caller = Arc::clone(&app);
    let mut batch = JoinSet::new();
    batch.spawn(async move { caller.post("/v1/trips/batch", &trips).await });
    comes_about(async || number(raw(&mut other), "SELECT COUNT(*) FROM trip_12").await == 1).await;
    other.execute("ROLLBACK").await.unwrap();
    let answer = batch.join_next().await.unwrap().unwrap();
    let answer: Value = answer.json().await.unwrap();
    let summary = json!({"created": 10, "replayed": 0, "refused": 0, "failed": 0, "busy": 0});
    assert_eq!(answer["summary"], summary);
}

/// Asks again and again, until it is so.
async fn comes_about(mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < BOUND, "it never came about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The answers, smallest first, of four callers with trips of shard 11, of whom three come while the batch of the first waits for it; and
/// how many pages they filled.
async fn four_in_a_batch(app: &Arc<TestApp>, other: &mut Connection) -> (Vec<u16>, i64) {
    // Another instance is in the middle of a batch of shard 11, where the riders of these trips are at home.
    other.begin().await.unwrap();
    other
        .execute("UPDATE shard_head SET epoch = epoch + 1 WHERE shard = 11")
        .await
        .unwrap();
    let mut callers = JoinSet::new();
    let mut call = |n| {
        let app = Arc::clone(app);
        callers.spawn(async move { submit(&app, n).await });
    };
    call(1);
    comes_about(async || number(raw(other), WAITING_FOR_SHARDS).await == 1).await;
    [31, 61, 91].into_iter().for_each(&mut call);
    comes_about(async || {
        let figures = app.get("/metrics").await.text().await.unwrap();
        figures.lines().any(|line| line == "carbon_writer_queue_depth 3")
    })
    .await;
    other.execute("ROLLBACK").await.unwrap();
    let mut statuses = callers.join_all().await;
    statuses.sort_unstable();
    // Whatever a batch books of a shard stands in one page.
    let pages = number(raw(other), "SELECT COUNT(*) FROM journal WHERE shard = 11").await;
    (statuses, pages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_a_batch_waits_for_its_shard_joins_it() {
    if database::is_in_files("what comes while a batch waits", "files have one writer") {
        return;
    }
    let app = Arc::new(TestApp::spawn().await);
    let mut other = session(&database::location(app.data_dir())).await;
    assert_eq!(four_in_a_batch(&app, &mut other).await, (vec![201; 4], 1));
    Arc::into_inner(app).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trip_that_the_database_refuses_harms_none_that_joined_its_batch() {
    if database::is_in_files("a trip that the database refuses", "files have one writer") {
        return;
    }
    let app = Arc::new(TestApp::spawn().await);
    let mut other = session(&database::location(app.data_dir())).await;
    // Of the trips 1, 31, 61 and 91, in whatever order the last three come.
    database::refuse_a_rider(&mut other).await;
    let (statuses, pages) = four_in_a_batch(&app, &mut other).await;
    assert_eq!(statuses, [201, 201, 201, 503]);
    assert!((2..4).contains(&pages), "{pages} pages of a batch that was split");
    let trips = "SELECT COUNT(*) FROM trip_11";
    assert_eq!(number(raw(&mut other), trips).await, 3);
    // Whoever sent it is told that it is no use to come back.
    let refused = trip_at(NOON_MS / 1_000, 61);
    let answer = app.post("/v1/trips", &refused).await;
    assert_eq!(
        (answer.status(), answer.headers().get("retry-after")),
        (503.try_into().unwrap(), None)
    );
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (&problem["code"], &problem["retry_after_ms"]),
        (&"storage_refused".into(), &Value::Null)
    );
    let batch = json!({"trips": [refused, trip_at(NOON_MS / 1_000, 91)]});
    let answered: Value = app.post("/v1/trips/batch", &batch).await.json().await.unwrap();
    let of_batch = json!({"created": 0, "replayed": 1, "refused": 0, "failed": 1, "busy": 0});
    assert_eq!(answered["summary"], of_batch, "{answered}");
    assert_eq!(app.get("/readyz").await.status(), 200, "the database is there");
    // Nothing of it has stayed: it is as new once the database takes it.
    database::refuse_nobody(&mut other).await;
    assert_eq!(submit(&app, 61).await, 201);
    assert_eq!(number(raw(&mut other), trips).await, 4);
    Arc::into_inner(app).unwrap().stop().await;
}

/// What asks a session of MariaDB, and one of MySQL, how many seconds a statement may last, and how it is isolated.
const BOUNDS: [[&str; 2]; 2] = [
    [
        "SELECT CAST(@@max_statement_time AS SIGNED)",
        "SELECT CAST(@@max_execution_time DIV 1000 AS SIGNED)",
    ],
    ["SELECT @@tx_isolation", "SELECT @@transaction_isolation"],
];

#[tokio::test]
async fn every_session_is_read_committed_and_strict() {
    if database::is_in_files("every session", "files have no sessions") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let location = database::location(folder.path());
    let mut writing = session(&location).await;
    let Pool::MySql(pool) = location.pool(2).await.unwrap() else {
        unreachable!("it was opened on a server")
    };
    let mut reading = pool.acquire().await.unwrap();
    let mut patient = location.connect_patiently().await.unwrap();
    // One that writes may freeze with locks; one that works on several databases in turn is silent on each for long.
    let waits = "SELECT CAST(@@wait_timeout AS SIGNED)";
    assert_eq!(number(raw(&mut writing), waits).await, 60);
    assert!(number(raw(&mut patient), waits).await > 3_600);
    // What is read for a caller ends; a batch has its locks to end it, and whoever reads everything may take long.
    let (version,): (String,) = sqlx::query_as("SELECT VERSION()")
        .fetch_one(&mut *reading)
        .await
        .unwrap();
    let [lasts, isolated] = BOUNDS.map(|of| of[usize::from(!version.contains("MariaDB"))]);
    assert_eq!(number(&mut reading, lasts).await, 10);
    assert_eq!(number(raw(&mut writing), lasts).await, 0);
    assert_eq!(number(raw(&mut patient), lasts).await, 0);
    for c in [raw(&mut writing), raw(&mut patient), &mut *reading] {
        let (isolation,): (String,) = sqlx::query_as(isolated).fetch_one(&mut *c).await.unwrap();
        assert_eq!(isolation, "READ-COMMITTED");
        let (mode,): (String,) = sqlx::query_as("SELECT @@sql_mode").fetch_one(&mut *c).await.unwrap();
        assert_eq!(mode, "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION");
    }
}

/// A caller that goes away while its snapshot is being opened: the next who borrows the connection must not be inside of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_nobody_waits_for_stays_open_for_nobody() {
    if database::is_in_files("dropped snapshots", "a file's snapshot ends with its reader") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let readers = database::location(folder.path()).pool(2).await.unwrap();
    let Pool::MySql(pool) = &readers else {
        unreachable!("it was opened on a server")
    };
    let mut dropped = 0;
    for round in 0..400_u32 {
        // From none at all to more than any machine needs: who goes away does so at every step of the way.
        let patience = async {
            for _ in 0..(1_u32 << (round % 20)) - 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            opened = readers.snapshot() => drop(opened.unwrap()),
            () = patience => dropped += 1,
        }
        let mut next = pool.acquire().await.unwrap();
        // Refused inside of a transaction.
        let outside = next.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
        assert!(outside.is_ok(), "round {round}: {outside:?}");
    }
    assert!(
        (20..400).contains(&dropped),
        "{dropped} of 400 were dropped: the test says nothing"
    );
}

#[tokio::test]
async fn sessions_that_the_server_has_ended_are_opened_again() {
    if database::is_in_files("ended sessions", "files have no sessions") {
        return;
    }
    let app = TestApp::spawn().await;
    assert_eq!(submit(&app, 1).await, 201);
    let location = database::location(app.data_dir());
    let mut other = session(&location).await;
    let own = number(raw(&mut other), "SELECT CAST(CONNECTION_ID() AS SIGNED)").await;
    let sql = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = DATABASE()";
    let sessions: Vec<(i64,)> = sqlx::query_as(sql).fetch_all(raw(&mut other)).await.unwrap();
    assert!(sessions.len() > 2, "{sessions:?}");
    for (id,) in sessions.into_iter().filter(|(id,)| *id != own) {
        let kill = AssertSqlSafe(format!("KILL {id}"));
        sqlx::raw_sql(kill).execute(raw(&mut other)).await.unwrap();
    }
    assert_eq!(submit(&app, 2).await, 201);
    // The sessions of readers were idle for less than they are asked after; one answer may be late, none is lost.
    let begun = Instant::now();
    while app.get("/v1/users/1000002/balance").await.status() != 200 {
        assert!(begun.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(submit(&app, 1).await, 200);
    app.stop().await;
}

/// Waits until a hundred more trips are stored, however slow the machine.
async fn more_are_stored(stored: &AtomicU32) {
    let (before, begun) = (stored.load(Ordering::Relaxed), Instant::now());
    while stored.load(Ordering::Relaxed) < before + 100 {
        assert!(begun.elapsed() < Duration::from_mins(2), "{before} and no more");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_under_load_loses_and_doubles_nothing() {
    if database::is_in_files("a server killed", "files have no server") {
        return;
    }
    let server = Arc::new(Server::start("mariadb"));
    let (app, location) = gateway_on(&server).await;
    let app = Arc::new(app);
    let next = Arc::new(AtomicU32::new(0));
    let stored = Arc::new(AtomicU32::new(0));
    let enough = CancellationToken::new();
    let mut lanes = JoinSet::new();
    for _ in 0..16 {
        let (app, next, stored, enough) = (Arc::clone(&app), Arc::clone(&next), Arc::clone(&stored), enough.clone());
        lanes.spawn(async move {
            let (mut taken, mut refused) = (Vec::new(), Vec::new());
            while !enough.is_cancelled() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let answer = app.post("/v1/trips", &trip_at(NOON_MS / 1_000, n)).await;
                match answer.status().as_u16() {
                    201 => {
                        stored.fetch_add(1, Ordering::Relaxed);
                        taken.push(n);
                    }
                    503 => {
                        let problem: Value = answer.json().await.unwrap();
                        refused.push((n, problem["code"] == "outcome_unknown"));
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    other => panic!("trip {n}: {other}"),
                }
            }
            (taken, refused)
        });
    }
    more_are_stored(&stored).await;
    let dying = Arc::clone(&server);
    tokio::task::spawn_blocking(move || dying.kill_and_restart())
        .await
        .unwrap();
    more_are_stored(&stored).await;
    enough.cancel();
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    while let Some(lane) = lanes.join_next().await {
        let (of_lane, refused_of_lane) = lane.unwrap();
        taken.extend(of_lane);
        refused.extend(refused_of_lane);
    }
    assert!(!refused.is_empty(), "nobody noticed that the server was away");
    for n in &taken {
        assert_eq!(submit(&app, *n).await, 200, "trip {n} was acknowledged");
    }
    // Whoever was told that nothing was stored was told the truth; others were told that nobody knows.
    for (n, is_unknown) in &refused {
        let again = submit(&app, *n).await;
        assert!(again == 201 || (again == 200 && *is_unknown), "trip {n}: {again}");
    }
    let ready: Value = app.get("/readyz").await.json().await.unwrap();
    assert_eq!(ready["ready"], true, "{ready}");
    let app = Arc::into_inner(app).unwrap();
    let (folder, _) = app.stop().await;
    let report = verified(&Homes::one(location.clone()), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}
