//! Tables of other times, a damaged file, a database that another ledger has, a shard with two homes, one of two databases away.

use super::{Level, Part, Report, Stopped, level, look, wrong};
use crate::database;
use crate::dispatch::issue;
use crate::support::{NOON_MS, TestApp};
use carbon_gateway::clock::Clock;
use carbon_gateway::store::db::{Connection, Location};
use carbon_gateway::store::examine::longest_hold;
use carbon_gateway::store::migrate::migrate;
use sqlx::AssertSqlSafe;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

async fn run(location: &Location, sql: &str) {
    let mut connection = location.connect().await.unwrap();
    let sql = AssertSqlSafe(sql.to_owned());
    match &mut connection {
        Connection::Sqlite(c) => drop(sqlx::raw_sql(sql).execute(c).await.unwrap()),
        Connection::MySql(c) => drop(sqlx::raw_sql(sql).execute(c).await.unwrap()),
    }
    connection.close().await.unwrap();
}

async fn of_now(folder: &Path) -> Report {
    look(folder, &Clock::System, database::settings(folder), &[]).await
}

/// Whatever a part may ask, it changes nothing.
#[tokio::test]
async fn who_looks_cannot_write() {
    let stopped = Stopped::of(TestApp::spawn().await).await;
    let mut looking = database::location(stopped.path()).look().await.unwrap();
    for sql in [
        "DELETE FROM client",
        "UPDATE shard_head SET epoch = 0",
        "DROP TABLE client",
    ] {
        let refused = looking.execute(sql).await.unwrap_err();
        let told = format!("{refused:?}");
        assert!(told.contains("readonly") || told.contains("READ ONLY"), "{told}");
    }
}

#[tokio::test]
async fn tables_that_were_not_made_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let location = database::location(folder.path());
    // Five templates that are no shard's, and then some of the thirty tables of the next.
    for (steps, code, expected) in [
        (5, "tables_behind", Level::Warning),
        (10, "tables_half_way", Level::Wrong),
    ] {
        let mut connection = location.connect().await.unwrap();
        migrate(&mut connection, NOON_MS, steps).await.unwrap();
        connection.close().await.unwrap();
        let report = of_now(folder.path()).await;
        assert_eq!(
            level(&report, Part::Database, code),
            Some(expected),
            "{}",
            report.to_text()
        );
    }
    let mut connection = location.connect().await.unwrap();
    migrate(&mut connection, NOON_MS, usize::MAX).await.unwrap();
    connection.close().await.unwrap();
    let report = of_now(folder.path()).await;
    assert_eq!(
        level(&report, Part::Database, "tables"),
        Some(Level::Ok),
        "{}",
        report.to_text()
    );
    assert_eq!(wrong(&report), []);
}

#[tokio::test]
async fn tables_of_a_newer_release_of_another_state_and_tables_that_are_gone() {
    let app = TestApp::spawn().await;
    let stopped = Stopped::of(app).await;
    let location = database::location(stopped.path());
    run(
        &location,
        "INSERT INTO schema_step (name, applied_ms, digest) VALUES ('0099_later', 0, 'x')",
    )
    .await;
    let report = stopped.examined().await;
    assert_eq!(
        level(&report, Part::Database, "tables_later"),
        Some(Level::Warning),
        "{}",
        report.to_text()
    );
    assert_eq!(wrong(&report), []);
    run(
        &location,
        "UPDATE schema_step SET digest = 'x' WHERE name = '0009_claim/07'",
    )
    .await;
    assert_eq!(wrong(&stopped.examined().await), [(Part::Database, "tables_differ")]);
    run(&location, "DROP TABLE account_07").await;
    let report = stopped.examined().await;
    assert_eq!(
        level(&report, Part::Database, "tables_lost"),
        Some(Level::Wrong),
        "{}",
        report.to_text()
    );
    assert_eq!(
        level(&report, Part::Keys, "kek_mode"),
        Some(Level::Ok),
        "{}",
        report.to_text()
    );
}

#[tokio::test]
async fn a_shard_of_another_deployment() {
    let stopped = Stopped::of(TestApp::spawn().await).await;
    let location = database::location(stopped.path());
    run(&location, "UPDATE shard_head SET home = 'another' WHERE shard = 5").await;
    assert_eq!(wrong(&stopped.examined().await), [(Part::Database, "foreign_shard")]);
    run(&location, "DELETE FROM shard_head WHERE shard = 5").await;
    assert_eq!(wrong(&stopped.examined().await), [(Part::Database, "no_home")]);
    run(&location, "DELETE FROM deployment").await;
    assert_eq!(wrong(&stopped.examined().await), [(Part::Database, "no_main")]);
}

#[tokio::test]
async fn a_file_that_is_damaged_or_gone() {
    if database::is_on_a_server("a damaged file", "there is no file") {
        return;
    }
    let app = TestApp::spawn().await;
    issue(&app, 7, 0).await;
    let stopped = Stopped::of(app).await;
    let file = stopped.path().join("ledger.db");
    run(&database::file_of(stopped.path()), "PRAGMA wal_checkpoint(TRUNCATE)").await;
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    // Every page behind the first few, so that tables are found and rows are not.
    let from = whole.len() / 2;
    damaged[from..].fill(0xa5);
    std::fs::write(&file, damaged).unwrap();
    let report = stopped.examined().await;
    assert!(
        wrong(&report).iter().any(|(part, _)| *part == Part::Database),
        "{}",
        report.to_text()
    );
    assert!(
        report.findings.iter().any(|finding| finding.part == Part::Keys),
        "{}",
        report.to_text()
    );
    std::fs::remove_file(&file).unwrap();
    let report = stopped.examined().await;
    assert_eq!(
        level(&report, Part::Database, "lost"),
        Some(Level::Wrong),
        "{}",
        report.to_text()
    );
    assert!(!file.exists(), "it has made one");
}

/// Two databases of one server that share the shards.
struct Pair {
    second: tempfile::TempDir,
    stopped: Stopped,
    urls: [String; 2],
}

fn url(folder: &Path) -> String {
    let settings = database::settings(folder);
    let url = settings.into_iter().find(|(name, _)| name.ends_with("URL"));
    url.unwrap().1
}

impl Pair {
    async fn new() -> Self {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let urls = [url(first.path()), url(second.path())];
        let locations = vec![database::location(first.path()), database::location(second.path())];
        let both = urls.join(" ");
        let settings = [
            ("CARBON_GATEWAY__DATABASE__KIND", "mysql"),
            ("CARBON_GATEWAY__DATABASE__URL", both.as_str()),
        ];
        let app = TestApp::spawn_on(first, locations, &settings).await;
        issue(&app, 29, 0).await;
        Self {
            stopped: Stopped::of(app).await,
            second,
            urls,
        }
    }

    async fn examined(&self, urls: &[&str]) -> Report {
        let urls = urls.join(" ");
        self.stopped
            .examined_with(&[("CARBON_GATEWAY__DATABASE__URL", &urls)])
            .await
    }
}

#[tokio::test]
async fn shards_without_a_home_or_with_two() {
    if database::is_in_files("homes of shards", "a file holds all shards") {
        return;
    }
    let pair = Pair::new().await;
    let [first, second] = pair.urls.each_ref().map(String::as_str);
    let report = pair.examined(&[first, second]).await;
    assert_eq!(wrong(&report), [], "{}", report.to_text());
    assert!(
        report.to_text().contains("at home, in 2 databases"),
        "{}",
        report.to_text()
    );
    assert_eq!(wrong(&pair.examined(&[first]).await), [(Part::Database, "no_home")]);
    assert_eq!(wrong(&pair.examined(&[second]).await), [(Part::Database, "no_main")]);

    // One of them away: the other's riders, the keys and the chain are looked at all the same.
    let away = "mysql://root@127.0.0.1:1/carbon";
    let report = pair.examined(&[first, away]).await;
    assert_eq!(
        wrong(&report),
        [(Part::Database, "unreachable")],
        "{}",
        report.to_text()
    );
    assert_eq!(level(&report, Part::Database, "homes_unknown"), Some(Level::Warning));
    assert_eq!(level(&report, Part::Keys, "kek"), Some(Level::Ok));
    assert_eq!(level(&report, Part::Chain, "backlog"), Some(Level::Ok));

    let here = database::location(pair.second.path());
    run(&here, "UPDATE shard_head SET shard = 14 WHERE shard = 29").await;
    assert_eq!(
        wrong(&pair.examined(&[first, second]).await),
        [(Part::Database, "two_homes")]
    );
}

#[tokio::test]
async fn a_server_that_does_not_know_us_and_one_that_does() {
    if database::is_in_files("users of a server", "files have none") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let known = url(folder.path());
    let (_, place) = known.split_once('@').unwrap();
    for url in [
        format!("mysql://nobody:hush@{place}"),
        format!("mysql://root@{place}_not_there"),
    ] {
        let database = vec![("CARBON_GATEWAY__DATABASE__KIND".to_owned(), "mysql".to_owned())];
        let settings = [("CARBON_GATEWAY__DATABASE__URL", url.as_str())];
        let report = look(folder.path(), &Clock::System, database, &settings).await;
        assert_eq!(level(&report, Part::Database, "unreachable"), Some(Level::Wrong));
        assert!(!report.to_text().contains("hush"), "{}", report.to_text());
    }
    let report = of_now(folder.path()).await;
    assert_eq!(
        level(&report, Part::Database, "version"),
        Some(Level::Ok),
        "{}",
        report.to_text()
    );
    assert_eq!(
        level(&report, Part::Database, "sessions"),
        Some(Level::Ok),
        "{}",
        report.to_text()
    );
    assert_eq!(
        level(&report, Part::Clock, "server"),
        Some(Level::Ok),
        "{}",
        report.to_text()
    );
    // The script's server spares the disk, and is told so.
    assert_eq!(
        level(&report, Part::Database, "none"),
        Some(Level::Warning),
        "{}",
        report.to_text()
    );
}

#[tokio::test]
async fn a_file_that_somebody_keeps_for_himself() {
    if database::is_on_a_server("a locked file", "there is none") {
        return;
    }
    let stopped = Stopped::of(TestApp::spawn().await).await;
    let mut holding = database::location(stopped.path()).connect().await.unwrap();
    for sql in [
        "PRAGMA locking_mode = EXCLUSIVE",
        "UPDATE shard_head SET epoch = epoch + 1",
    ] {
        holding.execute(sql).await.unwrap();
    }
    let report = stopped
        .examined_with(&[("CARBON_GATEWAY__DATABASE__BUSY_TIMEOUT_MS", "100")])
        .await;
    assert_eq!(
        wrong(&report),
        [(Part::Database, "unreachable")],
        "{}",
        report.to_text()
    );
    assert!(report.to_text().contains("keeps it locked"), "{}", report.to_text());
    holding.close().await.unwrap();
    assert_eq!(wrong(&stopped.examined().await), []);
}

/// By the server's clock, wherever the server stands: that of the script has another zone than its sessions.
#[tokio::test]
async fn who_has_held_rows_for_longest() {
    if database::is_in_files("rows that are held", "a file has one writer") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let location = database::location(folder.path());
    run(&location, "CREATE TABLE held (id BIGINT PRIMARY KEY)").await;
    let mut holding = location.connect().await.unwrap();
    holding.execute("BEGIN").await.unwrap();
    holding.execute("INSERT INTO held VALUES (1)").await.unwrap();
    let begun = Instant::now();
    let session: (i64,) = match &mut holding {
        Connection::MySql(c) => sqlx::query_as("SELECT CAST(CONNECTION_ID() AS SIGNED)")
            .fetch_one(c)
            .await
            .unwrap(),
        Connection::Sqlite(_) => unreachable!("it lies on a server"),
    };
    let mut looking = location.look().await.unwrap();
    let held_s = loop {
        // Other tests' transactions that are older end before this one. The server looks again when nobody has asked for a tenth of a second.
        match longest_hold(&mut looking).await {
            Some(hold) if hold.session == session.0 => break hold.seconds,
            _ => tokio::time::sleep(Duration::from_millis(300)).await,
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nobody holds rows");
    };
    let passed_s = i64::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((0..=passed_s + 2).contains(&held_s), "{held_s} of {passed_s} seconds");
    holding.close().await.unwrap();
}

/// Plays a MySQL without TLS to whoever comes, up to where the password would have to be sent; answers its port.
fn server_without_tls() -> u16 {
    const GREETING: &[u8] = b"\n8.4.0\0\x01\0\0\0abcdefgh\0\xff\xf7\x21\x02\0\xff\xc7\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0caching_sha2_password\0";
    const SEND_THE_PASSWORD: &[u8] = b"\x01\x04";
    const PUBLIC_KEY: &[u8] = b"\x01a key";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let play = |mut stream: TcpStream| {
        for (number, told) in [GREETING, SEND_THE_PASSWORD, PUBLIC_KEY].into_iter().enumerate() {
            let head = [
                u8::try_from(told.len()).unwrap(),
                0,
                0,
                u8::try_from(2 * number).unwrap(),
            ];
            stream.write_all(&[&head, told].concat())?;
            let mut head = [0; 4];
            stream.read_exact(&mut head)?;
            stream.read_exact(&mut vec![0; usize::from(head[0])])?;
        }
        std::io::Result::Ok(())
    };
    std::thread::spawn(move || listener.incoming().flatten().map(play).for_each(drop));
    port
}

/// As MySQL makes accounts, where somebody has switched its TLS off.
#[tokio::test]
async fn an_account_that_needs_tls_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("mysql://carbon:word@127.0.0.1:{}/carbon", server_without_tls());
    let own = [
        ("CARBON_GATEWAY__DATABASE__KIND", "mysql"),
        ("CARBON_GATEWAY__DATABASE__URL", url.as_str()),
    ];
    let report = look(folder.path(), &Clock::System, Vec::new(), &own).await;
    assert!(wrong(&report).contains(&(Part::Database, "unreachable")));
    let told = report.to_text();
    assert!(
        told.contains("over TLS only") && told.contains("caching_sha2_password") && !told.contains("RSA"),
        "{told}"
    );
}

/// An instance beside the one that has the chain.
#[tokio::test]
async fn an_instance_whose_chain_is_elsewhere() {
    if database::is_in_files("a chain elsewhere", "a file is one instance's") {
        return;
    }
    let app = TestApp::spawn().await;
    issue(&app, 7, 0).await;
    let kek = app.data_dir().join("keys/kek");
    app.drained().await;
    let folder = tempfile::tempdir().unwrap();
    let own = [
        ("CARBON_GATEWAY__KEYS__KEK_FILE", kek.to_str().unwrap()),
        ("CARBON_GATEWAY__CHAIN__KIND", "elsewhere"),
    ];
    let report = look(
        folder.path(),
        &app.clock.clock(),
        database::settings(app.data_dir()),
        &own,
    )
    .await;
    assert_eq!(wrong(&report), [], "{}", report.to_text());
    assert_eq!(level(&report, Part::Chain, "elsewhere"), Some(Level::Ok));
    assert_eq!(level(&report, Part::Chain, "backlog"), Some(Level::Ok));
    let report = look(
        folder.path(),
        &app.clock.clock(),
        database::settings(app.data_dir()),
        &own[..1],
    )
    .await;
    assert_eq!(wrong(&report), [(Part::Chain, "missing")]);
    app.stop().await;
}
