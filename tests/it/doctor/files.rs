//! One thing broken at a time: the key-encryption key, the chain's file, the clock, the ids of riders, what waits for the chain.

use super::{Level, Part, Stopped, level, wrong};
use crate::database;
use crate::dispatch::{issue, ride_of};
use crate::support::TestApp;
use carbon_gateway::store::db::Connection;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// A folder in which something is confirmed.
async fn confirmed() -> Stopped {
    let app = TestApp::spawn().await;
    issue(&app, 7, 0).await;
    Stopped::of(app).await
}

/// One statement behind everybody's back; rows changed.
async fn tamper(folder: &Path, sql: &'static str) -> u64 {
    let mut connection = database::location(folder).connect().await.unwrap();
    let changed = match &mut connection {
        Connection::Sqlite(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
        Connection::MySql(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
    };
    connection.close().await.unwrap();
    changed
}

fn set_mode(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn the_key_encryption_key() {
    let stopped = confirmed().await;
    let report = stopped.examined().await;
    assert_eq!(wrong(&report), [], "{}", report.to_text());
    let file = stopped.path().join("keys/kek");
    for (mode, expected) in [(0o644, Level::Wrong), (0o640, Level::Warning), (0o400, Level::Ok)] {
        set_mode(&file, mode);
        let report = stopped.examined().await;
        assert_eq!(level(&report, Part::Keys, "kek_mode"), Some(expected), "{mode:o}");
        assert_eq!(level(&report, Part::Keys, "kek"), Some(Level::Ok), "{mode:o}");
    }
    set_mode(&file, 0o600);
    let right = std::fs::read_to_string(&file).unwrap();
    for (text, code) in [
        ("0".repeat(64), "kek_different"),
        ("too short".to_owned(), "kek_malformed"),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(wrong(&stopped.examined().await), [(Part::Keys, code)]);
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(wrong(&stopped.examined().await), [(Part::Keys, "kek_missing")]);
    // Elsewhere it serves as well, and better.
    let other = stopped.path().join("elsewhere");
    std::fs::write(&other, right).unwrap();
    set_mode(&other, 0o600);
    let report = stopped
        .examined_with(&[("CARBON_GATEWAY__KEYS__KEK_FILE", other.to_str().unwrap())])
        .await;
    assert_eq!(wrong(&report), [], "{}", report.to_text());
}

#[tokio::test]
async fn a_change_of_the_key_that_was_interrupted_and_rows_that_were_changed() {
    let stopped = confirmed().await;
    assert_eq!(
        tamper(
            stopped.path(),
            "INSERT INTO kek_change (kek_id, started_ms) VALUES ('8 bytes.', 0)"
        )
        .await,
        1
    );
    assert_eq!(wrong(&stopped.examined().await), [(Part::Keys, "kek_change")]);
    assert_eq!(tamper(stopped.path(), "DELETE FROM kek_change").await, 1);
    assert_eq!(
        tamper(
            stopped.path(),
            "UPDATE authority SET created_ms = 0 WHERE name = 'issuer'"
        )
        .await,
        1
    );
    assert_eq!(wrong(&stopped.examined().await), [(Part::Keys, "authority_broken")]);
    assert_eq!(
        tamper(stopped.path(), "DELETE FROM authority WHERE name = 'issuer'").await,
        1
    );
    assert_eq!(wrong(&stopped.examined().await), [(Part::Keys, "authority_missing")]);
}

#[tokio::test]
async fn certificates_end_in_their_time() {
    let stopped = confirmed().await;
    let cases = [
        (1_000, Some(Level::Ok), None, None),
        (1_300, None, Some(Level::Warning), None),
        (1_900, None, None, Some(Level::Wrong)),
    ];
    let mut days = 0;
    for (day, lasts, ending, ended) in cases {
        stopped.clock.advance(DAY * (day - days));
        days = day;
        let report = stopped.examined().await;
        assert_eq!(level(&report, Part::Keys, "issuer"), lasts, "{day}");
        assert_eq!(level(&report, Part::Keys, "issuer_ending"), ending, "{day}");
        assert_eq!(level(&report, Part::Keys, "issuer_ended"), ended, "{day}");
        assert_eq!(level(&report, Part::Keys, "authority"), Some(Level::Ok), "{day}");
    }
    stopped.clock.advance(DAY * 5_500);
    let report = stopped.examined().await;
    assert_eq!(level(&report, Part::Keys, "authority_ended"), Some(Level::Wrong));
}

#[tokio::test]
async fn a_clock_that_is_behind_what_was_booked() {
    let stopped = confirmed().await;
    let now_ms = stopped.clock.clock().now_ms();
    for (behind_ms, expected) in [(500, Level::Ok), (10_000, Level::Warning), (60_000, Level::Wrong)] {
        stopped.clock.set(now_ms - behind_ms);
        let report = stopped.examined().await;
        assert_eq!(
            level(&report, Part::Clock, "booked"),
            Some(expected),
            "{}",
            report.to_text()
        );
    }
    // Before there were keys.
    stopped.clock.set(now_ms - 2 * 86_400_000);
    let expected = [
        (Part::Chain, "ahead"),
        (Part::Keys, "authority_early"),
        (Part::Keys, "issuer_early"),
        (Part::Clock, "booked"),
    ];
    assert_eq!(wrong(&stopped.examined().await), expected);
}

#[tokio::test]
async fn a_chain_that_is_missing_or_anothers() {
    let first = confirmed().await;
    let chain = first.path().join("chain.db");
    let other = confirmed().await;
    std::fs::copy(other.path().join("chain.db"), &chain).unwrap();
    assert_eq!(wrong(&first.examined().await), [(Part::Chain, "other")]);
    without(&chain);
    assert_eq!(wrong(&first.examined().await), [(Part::Chain, "missing")]);
    assert!(!chain.exists(), "it has made one");
    std::fs::write(&chain, "this is no database, whatever its name says it is").unwrap();
    assert_eq!(wrong(&first.examined().await), [(Part::Chain, "unreadable")]);
}

/// A gateway goes on, and then the file of before is put back.
#[tokio::test]
async fn a_chain_that_is_an_older_copy() {
    let app = TestApp::spawn().await;
    issue(&app, 7, 0).await;
    app.drained().await;
    // With the stop the log was folded into the file, and nothing has been booked since.
    let app = app.restart(&[]).await;
    let chain = app.data_dir().join("chain.db");
    let older = std::fs::read(&chain).unwrap();
    issue(&app, 7, 1).await;
    let stopped = Stopped::of(app).await;
    assert_eq!(wrong(&stopped.examined().await), []);
    without(&chain);
    std::fs::write(&chain, older).unwrap();
    assert_eq!(wrong(&stopped.examined().await), [(Part::Chain, "shorter")]);
}

/// The chain's file and what SQLite keeps beside it.
fn without(chain: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _gone = std::fs::remove_file(format!("{}{end}", chain.display()));
    }
}

#[tokio::test]
async fn ids_that_leave_shards_without_riders() {
    let app = TestApp::spawn().await;
    let trips: Vec<_> = (1..=40).map(|n| ride_of(n * 10, 0)).collect();
    let answer = app
        .post("/v1/trips/batch", &serde_json::json!({ "trips": trips }))
        .await;
    assert_eq!(answer.status(), 200);
    let stopped = Stopped::of(app).await;
    let report = stopped.examined().await;
    assert_eq!(
        level(&report, Part::Spread, "ids_in_step"),
        Some(Level::Warning),
        "{}",
        report.to_text()
    );
    assert!(
        report
            .to_text()
            .contains("is a multiple of 10, so only 3 of the 30 shards are used"),
        "{}",
        report.to_text()
    );
    assert_eq!(wrong(&report), []);
}

#[tokio::test]
async fn ids_without_a_pattern_are_well() {
    let app = TestApp::spawn().await;
    let trips: Vec<_> = (1..=40).map(|n| ride_of(n, 0)).collect();
    let answer = app
        .post("/v1/trips/batch", &serde_json::json!({ "trips": trips }))
        .await;
    assert_eq!(answer.status(), 200);
    let report = Stopped::of(app).await.examined().await;
    assert_eq!(
        level(&report, Part::Spread, "riders"),
        Some(Level::Ok),
        "{}",
        report.to_text()
    );
}

#[tokio::test]
async fn what_waits_for_the_chain_too_long_and_what_it_refused() {
    let stopped = confirmed().await;
    let waits = "UPDATE ledger_tx_07 SET status = 'stored', next_attempt_ms = 0, chain_tx_id = NULL, height = NULL, block_index = NULL, block_at_ms = NULL";
    assert_eq!(tamper(stopped.path(), waits).await, 1);
    for (minutes, expected) in [(1, Level::Ok), (10, Level::Warning), (120, Level::Wrong)] {
        stopped.clock.advance(Duration::from_mins(minutes));
        let report = stopped.examined().await;
        assert_eq!(
            level(&report, Part::Chain, "backlog"),
            Some(expected),
            "{}",
            report.to_text()
        );
    }
    assert_eq!(
        tamper(stopped.path(), "UPDATE ledger_tx_07 SET status = 'refused'").await,
        1
    );
    let report = stopped.examined().await;
    assert_eq!(level(&report, Part::Chain, "backlog"), Some(Level::Ok));
    assert_eq!(level(&report, Part::Chain, "refused"), Some(Level::Warning));
}
