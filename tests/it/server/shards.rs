//! A ledger whose shards lie on two servers: riders are served wherever they are at home, one server may go away, and a shard that is at
//! home nowhere or twice keeps the gateway from starting.

use super::{AT_ONCE, raw};
use crate::database;
use crate::dispatch::{issue, redeem, ride_of, until, verified};
use crate::process::command_with;
use crate::services::Server;
use crate::support::TestApp;
use carbon_gateway::store::databases::{self, HomesError};
use carbon_gateway::store::db::{Location, MySqlServer};
use futures_util::future::join_all;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};

/// Shorter than anything is waited for that is away.
const UNFELT: Duration = Duration::from_secs(5);

/// Two servers and the settings that spread a ledger over them.
pub(super) struct Pair {
    pub(super) servers: [Server; 2],
    urls: [String; 2],
}

impl Pair {
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with options of the servers.
    pub(super) fn start_with(options: &[&str]) -> Self {
        let servers = [(); 2].map(|()| Server::start_with("mariadb", options));
        let urls = [0, 1].map(|n: usize| format!("{}/carbon", servers[n].url));
        Self { servers, urls }
    }

    fn settings(&self) -> [(&'static str, String); 2] {
        [
            ("CARBON_GATEWAY__DATABASE__KIND", "mysql".to_owned()),
            ("CARBON_GATEWAY__DATABASE__URL", self.urls.join(" ")),
        ]
    }

    pub(super) fn locations(&self) -> Vec<Location> {
        let server = |url: &String| MySqlServer::new(url, AT_ONCE, Duration::from_mins(1)).unwrap();
        self.urls.iter().map(|url| Location::MySql(server(url))).collect()
    }

    pub(super) async fn spawn(&self) -> TestApp {
        let settings = self.settings();
        let settings = settings.each_ref().map(|(key, value)| (*key, value.as_str()));
        TestApp::spawn_on(tempfile::tempdir().unwrap(), self.locations(), &settings).await
    }

    /// The same, where every one of the riders has credits already.
    pub(super) async fn spawn_with_credits(&self) -> TestApp {
        let app = self.spawn().await;
        for user in RIDERS {
            issue(&app, user, 0).await;
        }
        app
    }

    /// One statement on one of the servers, behind everybody's back.
    async fn run(&self, server: usize, sql: &str) {
        let mut connection = self.locations()[server].connect().await.unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(raw(&mut connection))
            .await;
        assert!(done.unwrap().rows_affected() > 0, "{sql}");
        connection.close().await.unwrap();
    }

    /// Why the servers are not one ledger.
    async fn refused(&self) -> HomesError {
        databases::homes(self.locations()).await.unwrap_err()
    }
}

/// A rider of each shard: neighbours are at home together, the first fifteen on the first server.
pub(super) const RIDERS: [u32; 4] = [0, 14, 15, 29];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_on_two_servers_are_one_ledger() {
    if database::is_in_files("shards on two servers", "a file holds all shards") {
        return;
    }
    let pair = Pair::start();
    let app = pair.spawn().await;
    let homes: Vec<usize> = app.locations.each().map(|(_, shards)| shards.len()).collect();
    assert_eq!(homes, [15, 15]);
    let mut spends = Vec::new();
    for user in RIDERS {
        issue(&app, user, 0).await;
        issue(&app, user, 1).await;
        spends.push(redeem(&app, user, &format!("r-{user}"), "60").await);
    }
    for spend in &spends {
        until(&app, spend, "confirmed").await;
    }
    let listed: Value = app
        .get("/v1/transactions?status=confirmed&limit=100")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3 * RIDERS.len(), "{listed}");
    let report: Value = app.get("/v1/reports/totals?by=shard").await.json().await.unwrap();
    assert_eq!(report["totals"]["trips"], 2 * RIDERS.len(), "{report}");
    // Its sums are those of an instant, which is asked for again when more has been booked.
    issue(&app, 29, 2).await;
    let path = format!("/v1/reports/totals?by=shard&at={}", report["at"].as_str().unwrap());
    let again: Value = app.get(&path).await.json().await.unwrap();
    assert_eq!(again, report);
    app.drained().await;
    let (folder, _) = app.stop().await;
    let settings = pair.settings();
    let told = command_with(folder.path(), &["verify", "--recompute"], settings.clone());
    assert_eq!(told.0, Some(0), "{told:?}");
    let told = command_with(folder.path(), &["keys", "certificates", "list"], settings.clone());
    assert_eq!(told.1.lines().count(), 2 + RIDERS.len(), "{told:?}");
    let next = folder.path().join("next");
    let told = command_with(
        folder.path(),
        &["keys", "rotate", "--to", next.to_str().unwrap()],
        settings.clone(),
    );
    assert_eq!(told.0, Some(0), "{told:?}");
    let report = verified(&databases::homes(pair.locations()).await.unwrap(), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

/// Founded by halves, then left by one server, then with an old copy of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_without_a_home_or_with_two_keeps_the_gateway_from_starting() {
    if database::is_in_files("homes of shards", "a file holds all shards") {
        return;
    }
    let pair = Pair::start();
    // The second server's heads of a founding that was cut short: nobody knows that deployment.
    let mut opened = databases::connect(pair.locations()).await.unwrap();
    databases::migrate(&mut opened, 0).await.unwrap();
    for database in opened {
        database.connection.close().await.unwrap();
    }
    let stray = "INSERT INTO shard_head (shard, epoch, seq, seal, at_ms, home) VALUES (3, 0, 0, '', 0, 'another')";
    pair.run(1, stray).await;
    let app = pair.spawn().await;
    issue(&app, 29, 0).await;
    app.drained().await;
    let (folder, _) = app.stop().await;
    let start = || command_with(folder.path(), &["serve"], pair.settings());

    pair.run(1, "UPDATE shard_head SET shard = 40 WHERE shard = 29").await;
    assert!(matches!(pair.refused().await, HomesError::NoHome { shard } if shard.index() == 29));
    let (code, _, told) = start();
    assert!(
        code == Some(2) && told.contains("shard 29 is at home in none of the databases"),
        "{told}"
    );
    pair.run(1, "UPDATE shard_head SET shard = 14 WHERE shard = 40").await;
    assert!(matches!(pair.refused().await, HomesError::TwoHomes { shard, .. } if shard.index() == 14));
    let (code, _, told) = start();
    assert!(
        code == Some(2) && told.contains("shard 14 is at home in mysql://127.0.0.1"),
        "{told}"
    );
    pair.run(1, "UPDATE shard_head SET shard = 29 WHERE shard = 14").await;

    // One of them alone is half a ledger, whichever it is, and founds no other.
    for url in &pair.urls {
        let settings = [
            ("CARBON_GATEWAY__DATABASE__KIND", "mysql"),
            ("CARBON_GATEWAY__DATABASE__URL", url),
        ];
        let (code, _, told) = command_with(folder.path(), &["serve"], settings);
        assert_eq!(code, Some(2), "{told}");
        assert!(
            told.contains("at home in none") || told.contains("main database is not among these"),
            "{told}"
        );
    }
    let report = verified(&databases::homes(pair.locations()).await.unwrap(), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

/// Riders of the server that is away are told to come back; the others notice nothing, whichever server it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_away_is_felt_by_its_riders_only() {
    if database::is_in_files("one server away", "a file has no server") {
        return;
    }
    let pair = Pair::start();
    let app = pair.spawn_with_credits().await;
    app.drained().await;
    for (away, first) in [(1, 10), (0, 30)] {
        pair.servers[away].kill();
        let (gone, served) = if away == 0 {
            ([0, 14], [15, 29])
        } else {
            ([15, 29], [0, 14])
        };
        for n in first..first + 10 {
            for user in gone {
                let answer = app.post("/v1/trips", &ride_of(user, n)).await;
                assert_eq!(answer.status(), 503);
                assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
            }
            for user in served {
                let begun = Instant::now();
                let answer = app.post("/v1/trips", &ride_of(user, n)).await;
                assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
                let balance = app.get(&format!("/v1/users/{user}/balance")).await;
                assert_eq!(balance.status(), 200);
                assert!(begun.elapsed() < UNFELT, "{:?}", begun.elapsed());
            }
        }
        assert_eq!(app.get("/readyz").await.status(), 200, "half of all riders are served");
        pair.servers[away].restart();
        for user in gone {
            let begun = Instant::now();
            while app.post("/v1/trips", &ride_of(user, first)).await.status() == 503 {
                assert!(begun.elapsed() < Duration::from_mins(1));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    for user in RIDERS {
        issue(&app, user, 1).await;
    }
    app.drained().await;
    let (folder, _) = app.stop().await;
    let report = verified(&databases::homes(pair.locations()).await.unwrap(), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

/// What a server holds of the last shard: pages, trips, and how far its head is.
async fn of_the_last_shard(pair: &Pair) -> (i64, i64, i64) {
    const SQL: &str = "SELECT (SELECT COUNT(*) FROM journal WHERE shard = 29), (SELECT COUNT(*) FROM trip_29), MAX(seq) FROM shard_head \
                       WHERE shard IN (29, 40)";
    let mut connection = pair.locations()[1].connect().await.unwrap();
    let counted = sqlx::query_as(SQL).fetch_one(raw(&mut connection)).await.unwrap();
    connection.close().await.unwrap();
    counted
}

/// A server to which a shard was moved back from an old copy, or from which it was taken, is not believed: the head is read under its lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_whose_head_is_moved_under_a_gateway_takes_nothing_any_more() {
    if database::is_in_files("a head that is moved", "a file holds all shards") {
        return;
    }
    let pair = Pair::start();
    let app = pair.spawn_with_credits().await;
    app.drained().await;
    // Of its writer, which has 17, 21 and 25 besides, and of the other writers: they ride at the same time.
    let neighbours = [15, 16, 17, 21, 25, 27, 28];
    let moves = [
        ["SET home = REVERSE(home) WHERE shard = 29"; 2],
        ["SET shard = 40 WHERE shard = 29", "SET shard = 29 WHERE shard = 40"],
    ];
    for ([away, back], first) in moves.into_iter().zip([10, 30]) {
        let before = of_the_last_shard(&pair).await;
        pair.run(1, &format!("UPDATE shard_head {away}")).await;
        for n in first..first + 10 {
            let riders = neighbours
                .map(|user| (user, n))
                .into_iter()
                .chain([(29, n), (29, n + 50), (29, n + 100)]);
            let answers = riders.map(async |(user, n)| (user, app.post("/v1/trips", &ride_of(user, n)).await));
            for (user, answer) in join_all(answers).await {
                assert_eq!(answer.status(), if user == 29 { 503 } else { 201 }, "user {user}");
                assert_eq!(answer.headers().contains_key("retry-after"), user == 29, "{answer:?}");
            }
        }
        assert_eq!(of_the_last_shard(&pair).await, before, "nothing was written there");
        pair.run(1, &format!("UPDATE shard_head {back}")).await;
        assert_eq!(app.post("/v1/trips", &ride_of(29, first)).await.status(), 201);
    }
    app.drained().await;
    let (folder, _) = app.stop().await;
    let report = verified(&databases::homes(pair.locations()).await.unwrap(), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}
