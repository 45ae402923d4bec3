//! A server that has no session left, and one on which every connection for reads is held up by somebody's lock: who reads is told to come
//! back and never waits for long, who writes goes on as long as the writers have their sessions, and afterwards all is well at once.

use super::{BOUND, gateway_on, number, raw, read, reads, session, submit, told};
use crate::database;
use crate::dispatch::{issue, until, verified};
use crate::services::Server;
use crate::support::{NOON_MS, TestApp, trip_at};
use carbon_gateway::store::db::{Homes, Location, Pool};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Sessions that the server has: few enough for a test to take them all.
const SESSIONS: u32 = 60;
/// Statements that fill a writer's session.
const FULL: u32 = 520;
/// What a server says then.
const TOO_MANY: &str = "Too many connections";

/// Sessions of somebody else's, until there are no more.
async fn take_all(url: &str, held: &mut Vec<MySqlConnection>) {
    loop {
        match MySqlConnection::connect(url).await {
            Ok(one) => held.push(one),
            Err(error) => {
                let told = error.as_database_error().map(sqlx::error::DatabaseError::message);
                assert!(told.is_some_and(|told| told.contains(TOO_MANY)), "{error}");
                return;
            }
        }
    }
}

/// Ends all sessions but these, and takes their places, until nobody else has one.
async fn take_over(url: &str, held: &mut Vec<MySqlConnection>) {
    const OTHERS: &str = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE command <> 'Daemon'";
    const OWN: &str = "SELECT CAST(CONNECTION_ID() AS SIGNED)";
    let begun = Instant::now();
    loop {
        take_all(url, held).await;
        let mut own = Vec::new();
        for one in held.iter_mut() {
            own.push(number(one, OWN).await);
        }
        let sessions: Vec<(i64,)> = sqlx::query_as(OTHERS).fetch_all(&mut held[0]).await.unwrap();
        let others: Vec<i64> = sessions
            .into_iter()
            .map(|(id,)| id)
            .filter(|id| !own.contains(id))
            .collect();
        if others.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "{others:?}");
        for id in others {
            // One that has ended by itself cannot be ended.
            let _ended = sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")))
                .execute(&mut held[0])
                .await;
        }
    }
}

/// Gives them back, and waits until the server has noticed.
async fn give_back(url: &str, held: Vec<MySqlConnection>) {
    for one in held {
        one.close().await.unwrap();
    }
    let begun = Instant::now();
    let sql = "SELECT COUNT(*) FROM information_schema.processlist";
    loop {
        if let Ok(mut one) = MySqlConnection::connect(url).await
            && number(&mut one, sql).await < i64::from(SESSIONS / 2)
        {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "sessions do not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_a_session_left_turns_readers_away_and_writers_go_on() {
    if database::is_in_files("a server without a session left", "a file has no sessions") {
        return;
    }
    let server = Server::start_with("mariadb", &["--fast"]);
    let (app, location) = gateway_on(&server).await;
    let (app, url) = (Arc::new(app), format!("{}/carbon", server.url));
    // Of every shard one: each writer has its session.
    for n in 0..30 {
        assert_eq!(submit(&app, n).await, 201);
    }
    let mut held = vec![MySqlConnection::connect(&url).await.unwrap()];
    let limit = AssertSqlSafe(format!("SET GLOBAL max_connections = {SESSIONS}"));
    sqlx::raw_sql(limit).execute(&mut held[0]).await.unwrap();
    take_all(&url, &mut held).await;
    let writing = async {
        for n in 30..60 {
            assert_eq!(submit(&app, n).await, 201, "trip {n} needs no new session");
        }
    };
    tokio::join!(writing, reads(&app, 0, 24));
    // A writer's session that has prepared so much that it should be replaced is kept where it cannot be.
    full_session_goes_on(&location, &mut held, &url).await;

    take_over(&url, &mut held).await;
    assert_eq!(reads(&app, 0, 24).await, 0, "there is no session to read on");
    let refused = app.post("/v1/trips", &trip_at(NOON_MS / 1_000, 100)).await;
    assert_eq!(told(refused).await, 503);
    assert_eq!(app.get("/healthz").await.status(), 200);
    assert_eq!(app.get("/readyz").await.status(), 503);

    give_back(&url, held).await;
    assert_eq!(reads(&app, 0, 24).await, 24);
    for n in 100..130 {
        assert_eq!(submit(&app, n).await, 201, "trip {n}");
    }
    for n in 0..60 {
        assert_eq!(submit(&app, n).await, 200, "trip {n} is there");
    }
    // Keys, dispatch and the chain have sessions of their own.
    until(&app, &issue(&app, 17, 0).await, "confirmed").await;
    app.drained().await;
    let (folder, _) = Arc::into_inner(app).unwrap().stop().await;
    let report = verified(&Homes::one(location), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

async fn full_session_goes_on(location: &Location, held: &mut Vec<MySqlConnection>, url: &str) {
    held.pop().unwrap().close().await.unwrap();
    let begun = Instant::now();
    let mut full = loop {
        match location.connect().await {
            Ok(one) => break one,
            Err(error) => assert!(begun.elapsed() < Duration::from_mins(1), "{error}"),
        }
    };
    for n in 0..FULL {
        let sql = AssertSqlSafe(format!("SELECT CAST({n} AS SIGNED)"));
        let (_,): (i64,) = sqlx::query_as(sql).fetch_one(raw(&mut full)).await.unwrap();
    }
    take_all(url, held).await;
    let own = "SELECT CAST(CONNECTION_ID() AS SIGNED)";
    let before = number(raw(&mut full), own).await;
    let mut same = location.begin(Some(full)).await.unwrap();
    assert_eq!(number(raw(&mut same), own).await, before);
    same.close().await.unwrap();
    take_all(url, held).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_held_up_by_a_lock_are_told_and_writers_of_other_tables_go_on() {
    if database::is_in_files("readers held up", "a file's readers wait for nobody") {
        return;
    }
    let app = Arc::new(TestApp::spawn().await);
    // The rider of shard 0, and riders of shards of other writers.
    for n in [20, 1, 2, 3] {
        assert_eq!(submit(&app, n).await, 201);
    }
    let mut other = session(&database::location(app.data_dir())).await;
    other.execute("LOCK TABLES account_00 WRITE").await.unwrap();
    let mut held_up = JoinSet::new();
    for _ in 0..12 {
        let app = Arc::clone(&app);
        held_up.spawn(async move { tokio::time::timeout(BOUND, read(&app, 20)).await });
    }
    for n in 0..8 {
        for rider in [31, 32, 33] {
            assert_eq!(submit(&app, 30 * n + rider).await, 201);
        }
    }
    for status in held_up.join_all().await {
        assert_eq!(status.expect("a read hangs"), 503);
    }
    other.execute("UNLOCK TABLES").await.unwrap();
    for _ in 0..8 {
        assert_eq!(read(&app, 20).await, 200);
    }
    assert_eq!(submit(&app, 50).await, 201);
    Arc::into_inner(app).unwrap().stop().await;
}

#[tokio::test]
async fn a_statement_that_a_caller_waits_for_ends() {
    if database::is_in_files("a slow statement", "a file is read by the process itself") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pool = database::location(folder.path()).pool(1).await.unwrap();
    let Pool::MySql(pool) = pool else {
        unreachable!("it was opened on a server")
    };
    // Tables of the server itself, thousands of millions of rows.
    let slow = "SELECT COUNT(*) FROM information_schema.collations a, information_schema.collations b, \
                information_schema.collations c, information_schema.collations d";
    let answer = tokio::time::timeout(BOUND, sqlx::query(slow).fetch_one(&pool)).await;
    let refused = answer.expect("it goes on for ever").unwrap_err();
    // In the words of MariaDB, and of MySQL.
    let ended = ["max_statement_time", "maximum statement execution time"];
    assert!(
        ended.iter().any(|words| refused.to_string().contains(words)),
        "{refused}"
    );
    let mut same = pool.acquire().await.unwrap();
    assert_eq!(number(&mut same, "SELECT CAST(1 AS SIGNED)").await, 1);
}
