//! Whatever is changed behind the ledger's back, `verify` finds it and names the shard and the row: every column of every
//! table, rows taken away, rows slipped in, single bits of the files, and figures that are sealed in good order but wrong. What it
//! cannot find stands in [`changes::BLIND`], with the reason.

mod chain;
mod changes;
mod desk;
mod finished;
mod forged;
mod forgery;
mod scratch;
mod sent;
mod signed;

use changes::{Change, Column, changes, columns, is_blind, texts};
use finished::finished;
use scratch::{Finished, Scratch};
use sent::sent;
use sqlx::{AssertSqlSafe, Connection as _};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

#[tokio::test]
async fn a_finished_deployment_is_sound() {
    let finished = finished().await;
    let scratch = finished.scratch();
    let sound = finished.judge(&scratch.path(), true).await.unwrap();
    assert!(sound.ok, "{sound:#?}");
}

#[tokio::test]
async fn without_the_key_everything_else_is_checked() {
    let finished = finished().await;
    let scratch = finished.scratch();
    fs::remove_file(scratch.path().join("keys/kek")).unwrap();
    let report = finished.judge(&scratch.path(), true).await.unwrap();
    let failed: Vec<u8> = report
        .checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| check.id)
        .collect();
    assert_eq!(failed, [9], "{report:#?}");
    let keys = report.checks.iter().find(|check| check.id == 9).unwrap();
    for told in ["issues are not held against their trips", "9 signing keys not opened"] {
        assert!(keys.detail.contains(told), "{keys:#?}");
    }
}

#[tokio::test]
async fn an_unfinished_change_of_the_key_is_told() {
    let finished = finished().await;
    let scratch = finished.scratch();
    let mut connection = scratch.open(false).await.unwrap();
    let sql = "INSERT INTO kek_change (kek_id, started_ms) VALUES (x'0102030405060708', 1)";
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let report = finished.judge(&scratch.path(), false).await.unwrap();
    let keys = report.checks.iter().find(|check| check.id == 9).unwrap();
    assert!(keys.detail.starts_with("kek_change, 0102030405060708: "), "{keys:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_column_and_no_row_can_be_changed_unseen() {
    let finished = Arc::new(sent().await);
    let scratch = finished.scratch();
    let sound = finished.judge(&scratch.path(), true).await.unwrap();
    assert!(sound.ok, "{sound:#?}");
    let mut connection = scratch.open(false).await.unwrap();
    let changes = changes(&mut connection).await;
    connection.close().await.unwrap();
    let mut parts = tokio::task::JoinSet::new();
    for part in changes.chunks(changes.len().div_ceil(4)).map(<[Change]>::to_vec) {
        let finished = Arc::clone(&finished);
        parts.spawn(async move { change_each(&finished, &part).await });
    }
    let (mut mistakes, mut done) = (Vec::new(), 0);
    while let Some(part) = parts.join_next().await {
        let (made, count) = part.unwrap();
        mistakes.extend(made);
        done += count;
    }
    assert!(
        mistakes.is_empty(),
        "{} mistakes:\n{}",
        mistakes.len(),
        mistakes.join("\n")
    );
    assert!(done > 1_500, "only {done} changes were tried");
}

/// Makes each change on a fresh copy; answers what was not found as it ought to be, and how many changes there were.
async fn change_each(finished: &Finished, changes: &[Change]) -> (Vec<String>, usize) {
    let scratch = finished.scratch();
    let (mut mistakes, mut done) = (Vec::new(), 0);
    for change in changes {
        scratch.fill(&finished.ledger);
        let mut connection = scratch.open(false).await.unwrap();
        let result = sqlx::query(AssertSqlSafe(change.sql.clone()))
            .execute(&mut connection)
            .await;
        connection.close().await.unwrap();
        // Keys and NOT NULL forbid some changes, and a column of one value has none to swap.
        let may_fail = change.sql.starts_with("INSERT") || change.sql.contains("LIMIT 1");
        match result {
            Err(_) if may_fail => continue,
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => continue,
            other => match other.unwrap().rows_affected() {
                0 => continue, // the same value again
                rows => assert_eq!(rows, 1, "{}", change.sql),
            },
        }
        done += 1;
        mistakes.extend(mistake(finished, &scratch, change).await);
    }
    (mistakes, done)
}

/// What is wrong with what `verify` says of a change.
async fn mistake(finished: &Finished, scratch: &Scratch, change: &Change) -> Option<String> {
    match finished.judge(&scratch.path(), false).await {
        Ok(report) if report.ok && !change.blind => Some(format!("unseen: {}", change.what)),
        Ok(report) if report.ok => None,
        Ok(_) | Err(_) if change.blind => Some(format!("seen, though listed as blind: {}", change.what)),
        Ok(report) => {
            let details: Vec<&str> = report.checks.iter().map(|check| check.detail.as_str()).collect();
            let details = details.join("\n");
            let named = change.named.iter().any(|name| details.contains(name));
            (!named).then(|| format!("{}: none of {:?} in\n{details}", change.what, change.named))
        }
        Err(error) => Some(format!("{}: no report: {error}", change.what)),
    }
}

/// Every row of every table with its storage classes, but for what is blind.
async fn dump(scratch: &Scratch, tables: &[(String, String)]) -> Result<Vec<Vec<String>>, sqlx::Error> {
    let mut connection = scratch.open(true).await?;
    let mut rows = Vec::new();
    for (_, sql) in tables {
        rows.push(texts(&mut connection, sql).await?);
    }
    connection.close().await?;
    Ok(rows)
}

/// Tables with the statement that reads all of each.
async fn dump_statements(scratch: &Scratch) -> Vec<(String, String)> {
    let mut c = scratch.open(true).await.unwrap();
    let mut statements = Vec::new();
    for table in texts(
        &mut c,
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    )
    .await
    .unwrap()
    {
        let columns = columns(&mut c, &table).await;
        let seen = columns.iter().filter(|column| !is_blind(&table, &column.name));
        let parts: Vec<String> = seen
            .map(|Column { name, .. }| format!("typeof({name}) || hex(CAST({name} AS BLOB))"))
            .collect();
        if !parts.is_empty() {
            statements.push((
                table.clone(),
                format!("SELECT {} FROM {table} ORDER BY 1", parts.join(" || '/' || ")),
            ));
        }
    }
    statements
}

/// Offsets worth a flip: the file's header whole, pages that hold rows every 97 bytes and their headers, one byte of the others.
fn offsets(ledger: &[u8]) -> Vec<usize> {
    const PAGE: usize = 4096;
    let mut offsets: BTreeSet<usize> = (0..100).collect();
    for (number, page) in ledger.chunks(PAGE).enumerate() {
        let start = number * PAGE;
        if page.iter().filter(|byte| **byte != 0).count() < 64 {
            offsets.insert(start + number % 12);
            continue;
        }
        offsets.extend(start..start + 12);
        offsets.extend((start..start + page.len()).filter(|offset| offset % 97 == 0));
    }
    offsets.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_bit_of_a_row_or_key_can_flip_unseen() {
    let finished = Arc::new(sent().await);
    let offsets = offsets(&finished.ledger);
    let mut parts = tokio::task::JoinSet::new();
    for part in offsets.chunks(offsets.len().div_ceil(4)).map(<[usize]>::to_vec) {
        let finished = Arc::clone(&finished);
        parts.spawn(async move { flip_each(&finished, &part).await });
    }
    let (mut unseen, mut rows_hit) = (Vec::new(), 0);
    while let Some(part) = parts.join_next().await {
        let (missed, hit) = part.unwrap();
        unseen.extend(missed);
        rows_hit += hit;
    }
    assert!(
        unseen.is_empty(),
        "flips at {unseen:?} changed a row and were not found"
    );
    assert!(rows_hit > 100, "only {rows_hit} flips changed a row");

    let scratch = finished.scratch();
    for offset in 0..finished.kek.len() {
        let mut kek = finished.kek.clone();
        kek[offset] ^= 1 << (offset % 8);
        fs::write(scratch.path().join("keys/kek"), &kek).unwrap();
        let digits = |bytes: &[u8]| str::from_utf8(bytes).map(|text| text.trim_end().to_owned());
        let same_key = digits(&kek) == digits(&finished.kek); // the line's end holds no key
        assert!(
            same_key || finished.caught(&scratch).await,
            "byte {offset} of the key file"
        );
    }
}

/// The tables whose rows are not what they were, or why they cannot be read.
fn changed(tables: &[(String, String)], sound: &[Vec<String>], now: Result<Vec<Vec<String>>, sqlx::Error>) -> String {
    let now = match now {
        Ok(now) => now,
        Err(error) => return error.to_string(),
    };
    let rows = std::iter::zip(sound, &now);
    let differing = std::iter::zip(tables, rows).filter(|(_, (before, after))| before != after);
    let names: Vec<&str> = differing.map(|((table, _), _)| table.as_str()).collect();
    names.join(", ")
}

/// Flips a bit at each offset; answers those that changed a row unseen, and how many changed a row at all.
async fn flip_each(finished: &Finished, offsets: &[usize]) -> (Vec<String>, usize) {
    let scratch = finished.scratch();
    let tables = dump_statements(&scratch).await;
    let sound = dump(&scratch, &tables).await.unwrap();
    let (mut unseen, mut hit) = (Vec::new(), 0);
    let mut ledger = finished.ledger.clone();
    for &offset in offsets {
        ledger[offset] ^= 1 << (offset % 8);
        scratch.fill(&ledger);
        ledger[offset] = finished.ledger[offset];
        let now = dump(&scratch, &tables).await;
        if now.as_ref().is_ok_and(|rows| *rows == sound) {
            continue;
        }
        hit += 1;
        if !finished.caught(&scratch).await {
            unseen.push(format!("{offset} in {}", changed(&tables, &sound, now)));
        }
    }
    (unseen, hit)
}
