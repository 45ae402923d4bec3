//! What is changed on a server behind the ledger's back is found by `verify`, which names the row: a column of each kind of table. That
//! every column of every table is held against something, `tampering` shows on files.

use super::{raw, session};
use crate::database;
use crate::dispatch::{issue, redeem, ride_of, until, verified};
use crate::support::TestApp;
use sqlx::{AssertSqlSafe, MySqlConnection};

/// A column, which of its rows there may be to change, what it is changed to, and how a finding names the row.
type Change = (&'static str, &'static str, &'static str, &'static str);

/// Changes of shard 17. `FLIPPED` is the column with another last byte.
const CHANGES: [Change; 19] = [
    ("trip_17.record", "TRUE", "FLIPPED", "'trip, seq ', seq"),
    ("trip_17.evidence", "TRUE", "FLIPPED", "'trip, seq ', seq"),
    ("trip_17.amount_ug", "TRUE", "amount_ug + 1", "'trip, seq ', seq"),
    ("trip_17.user_id", "TRUE", "user_id + 30", "'trip, seq ', seq"),
    ("trip_17.source_key", "TRUE", "FLIPPED", "'trip, seq ', seq"),
    (
        "trip_17.issued_by",
        "issued_by IS NOT NULL",
        "NULL",
        "'trip, seq ', seq",
    ),
    (
        "claim_17.opens_ms",
        "TRUE",
        "opens_ms + 1",
        "'claim, user ', user_id, ', seq ', seq",
    ),
    (
        "credit_17.amount_ug",
        "TRUE",
        "amount_ug + 1",
        "'credit, ', LOWER(HEX(hash))",
    ),
    (
        "credit_17.spent_by",
        "spent_by IS NOT NULL",
        "FLIPPED",
        "'credit, ', LOWER(HEX(hash))",
    ),
    (
        "account_17.available_ug",
        "user_id = 17",
        "available_ug + 1",
        "'account, user 17 in demo'",
    ),
    (
        "account_17.address",
        "user_id = 17",
        "FLIPPED",
        "'account, user 17 in demo'",
    ),
    (
        "journal.entries",
        "shard = 17",
        "FLIPPED",
        "'journal, seq_from ', seq_from",
    ),
    (
        "journal.seal",
        "shard = 17",
        "FLIPPED",
        "'journal, seq_from ', seq_from",
    ),
    ("shard_head.seal", "shard = 17", "FLIPPED", "'shard_head, shard 17'"),
    (
        "daily_total.amount_ug",
        "shard = 17",
        "amount_ug + 1",
        "'daily_total, (', CONCAT_WS(', ', booked_day, activity_day, programme, gas, figure, mode, methodology), ')'",
    ),
    ("ledger_tx_17.body", "TRUE", "FLIPPED", "'ledger_tx, seq ', seq"),
    (
        "ledger_tx_17.status",
        "status = 'confirmed'",
        "'stored'",
        "'ledger_tx, seq ', seq",
    ),
    (
        "idempotency.answer",
        "shard = 17",
        "FLIPPED",
        "'idempotency, ', LOWER(HEX(key_digest))",
    ),
    (
        "user_key.wrapped_key",
        "user_id = 17",
        "FLIPPED",
        "'user_key, user 17, number ', number",
    ),
];

/// A gateway's folder and ledger when it has stopped: two rides collected and spent, a third that waits.
async fn finished() -> TestApp {
    let app = TestApp::spawn().await;
    issue(&app, 17, 0).await;
    issue(&app, 17, 1).await;
    let spend = redeem(&app, 17, "tea", "60").await;
    until(&app, &spend, "confirmed").await;
    assert_eq!(app.post("/v1/trips", &ride_of(17, 2)).await.status(), 201);
    app.drained().await;
    app
}

async fn execute(c: &mut MySqlConnection, sql: String) -> u64 {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(c).await;
    done.unwrap().rows_affected()
}

/// Makes a change; answers what a finding must say of it.
async fn made(c: &mut MySqlConnection, (of, rows, other, name): Change) -> String {
    let (table, column) = of.split_once('.').unwrap();
    let other = other.replace(
        "FLIPPED",
        &format!("INSERT({column}, LENGTH({column}), 1, CHAR(ASCII(RIGHT({column}, 1)) ^ 1))"),
    );
    execute(c, format!("CREATE TEMPORARY TABLE kept AS SELECT * FROM {table}")).await;
    let changed = format!("UPDATE {table} SET {column} = {other} WHERE {rows} LIMIT 1");
    assert_eq!(execute(c, changed).await, 1, "{of}");
    let was = format!("(SELECT * FROM kept EXCEPT SELECT * FROM {table}) AS was");
    let told = format!("SELECT CAST(CONCAT('shard 17, ', {name}, ':') AS CHAR) FROM {was}");
    let (told,): (String,) = sqlx::query_as(AssertSqlSafe(told)).fetch_one(c).await.unwrap();
    told
}

/// Takes it back.
async fn restored(c: &mut MySqlConnection, (of, ..): Change) {
    let (table, _) = of.split_once('.').unwrap();
    execute(c, format!("DELETE FROM {table}")).await;
    execute(c, format!("INSERT INTO {table} SELECT * FROM kept")).await;
    execute(c, "DROP TEMPORARY TABLE kept".to_owned()).await;
}

#[tokio::test]
async fn a_changed_row_is_named() {
    if database::is_in_files("a changed row on a server", "`tampering` changes files") {
        return;
    }
    let app = finished().await;
    let locations = app.locations.clone();
    let (folder, _) = app.stop().await;
    let sound = verified(&locations, folder.path()).await;
    assert!(sound.ok, "{sound:#?}");
    let mut connection = session(&database::location(folder.path())).await;
    let c = raw(&mut connection);
    let mut unseen = Vec::new();
    for change in CHANGES {
        let told = made(c, change).await;
        let report = verified(&locations, folder.path()).await;
        let details: Vec<&str> = report.checks.iter().map(|check| check.detail.as_str()).collect();
        if report.ok || !details.join("\n").contains(&told) {
            unseen.push(format!("{}: no `{told}` in\n{}", change.0, details.join("\n")));
        }
        restored(c, change).await;
    }
    assert!(unseen.is_empty(), "{}", unseen.join("\n"));
    let sound = verified(&locations, folder.path()).await;
    assert!(sound.ok, "{sound:#?}");
}
