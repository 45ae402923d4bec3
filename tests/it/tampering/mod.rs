//! Whatever is changed behind the ledger's back, `verify` finds it and names the shard and the row: every column of every
//! table, rows taken away, rows slipped in, single bits of the files. What it cannot find stands in [`changes::BLIND`], with the reason.

mod changes;

use crate::support::{NOON_MS, TestApp};
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::store::clients::{self, ClientKey};
use carbon_gateway::store::db::Location;
use carbon_gateway::store::deployment;
use carbon_gateway::verify::{Options, Report, verify};
use changes::{Column, changes, columns, is_blind, texts};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A finished deployment in memory.
struct Finished {
    ledger: Vec<u8>,
    kek: Vec<u8>,
}

/// A folder that is filled afresh for each change.
struct Scratch {
    root: tempfile::TempDir,
    number: AtomicUsize,
    kek: Vec<u8>,
}

fn at(minute: i64) -> String {
    jiff::Timestamp::from_millisecond(NOON_MS + minute * 60_000)
        .unwrap()
        .to_string()
}

fn trip(id: &str, user: u64, legs: &[(&str, i64, i64, u64)]) -> Value {
    let leg = |(mode, from, to, metres): &(&str, i64, i64, u64)| json!({"mode": mode, "started_at": at(*from), "ended_at": at(*to), "distance_m": metres});
    let legs: Vec<Value> = legs.iter().map(leg).collect();
    json!({"programme": "demo", "trip_id": id, "user_id": user.to_string(), "legs": legs, "evidence": {"kind": "gate"}})
}

/// Two clients, five users in four shards, rides credited, refused by several rules and cut by the day's cap.
async fn finished() -> Finished {
    let app = TestApp::spawn().await;
    let location = location(app.data_dir());
    let second = format!(
        "{}{}",
        &app.key[..app.key.len() - 2],
        if app.key.ends_with("00") { "11" } else { "00" }
    );
    let mut connection = location.connect().await.unwrap();
    let key_digest = Hash::new(Sha256::digest(second.as_bytes()).into());
    let key = ClientKey {
        key_digest,
        name: "second".to_owned(),
        rights: "trips:write".to_owned(),
        programmes: "demo".to_owned(),
        created_ms: NOON_MS,
        expires_ms: Some(NOON_MS * 2),
        revoked_ms: None,
    };
    clients::insert(&mut connection, &key).await.unwrap();
    connection.close().await.unwrap();
    let mut trips = vec![
        (
            &app.key,
            trip(
                "a-1",
                3,
                &[("metro", -300, -270, 8_550), ("shared_bike", -265, -255, 2_000)],
            ),
        ),
        (&second, trip("a-1", 3, &[("bus_electric", -200, -180, 5_000)])),
        (&app.key, trip("a-2", 3, &[("metro", -290, -280, 4_000)])), // overlap
        (&app.key, trip("b-1", 34, &[("metro", -100, -99, 90_000)])), // too_fast
        (&second, trip("b-2", 34, &[("shared_ebike", -90, -80, 2_345)])),
        (&app.key, trip("b-3", 34, &[("metro", -60_000, -59_990, 3_000)])), // too_old
        (&app.key, trip("c-1", 64, &[("shared_bike", -50, -30, 3_210)])),
        (&second, trip("d-1", 29, &[("metro", -50, -30, 12_345)])),
    ];
    let long = |n: i64| {
        trip(
            &format!("e-{n}"),
            10,
            &[("metro", -2_400 + n * 80, -2_325 + n * 80, 149_000)],
        )
    };
    trips.extend((0..16).map(|n| (&app.key, long(n))));
    for (key, body) in trips {
        let answer = app
            .client
            .post(format!("{}/v1/trips", app.base))
            .bearer_auth(key)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{body}");
    }
    let (folder, _) = app.stop().await;
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    Finished {
        ledger: read("ledger.db"),
        kek: read("keys/kek"),
    }
}

fn location(folder: &Path) -> Location {
    Location {
        file: folder.join("ledger.db"),
        busy_timeout: Duration::from_secs(5),
        durable: false,
    }
}

impl Finished {
    fn scratch(&self) -> Scratch {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        }
        .unwrap();
        let scratch = Scratch {
            root,
            number: AtomicUsize::new(0),
            kek: self.kek.clone(),
        };
        scratch.fill(&self.ledger);
        scratch
    }

    async fn judge(&self, folder: &Path, recompute: bool) -> Result<Report, String> {
        let mut snapshot = location(folder).snapshot().await.map_err(|error| error.to_string())?;
        let kek = match deployment::find(&mut snapshot).await {
            Ok(Some((_, id))) => Kek::load(&folder.join("keys/kek"), id).map_err(|error| error.to_string()),
            _ => Err("no deployment row says which key".to_owned()),
        };
        let kek = kek.as_ref().map_err(Clone::clone);
        verify(&mut snapshot, kek, Options { recompute }, &mut |_| ())
            .await
            .map_err(|error| error.to_string())
    }

    /// Whether anything at all is found.
    async fn caught(&self, scratch: &Scratch) -> bool {
        self.judge(&scratch.path(), false)
            .await
            .is_ok_and(|report| report.ok)
            .eq(&false)
    }
}

impl Scratch {
    fn path(&self) -> PathBuf {
        self.root.path().join(self.number.load(Ordering::Relaxed).to_string())
    }

    /// A folder of its own each time: a dropped connection may still be closing the file before.
    fn fill(&self, ledger: &[u8]) {
        let _first = fs::remove_dir_all(self.path());
        self.number.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(self.path().join("keys")).unwrap();
        fs::write(self.path().join("keys/kek"), &self.kek).unwrap();
        fs::write(self.path().join("ledger.db"), ledger).unwrap();
    }

    async fn open(&self, read_only: bool) -> Result<SqliteConnection, sqlx::Error> {
        let file: PathBuf = self.path().join("ledger.db");
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file).read_only(read_only)).await
    }
}

#[tokio::test]
async fn no_column_and_no_row_can_be_changed_unseen() {
    let finished = finished().await;
    let scratch = finished.scratch();
    let sound = finished.judge(&scratch.path(), true).await.unwrap();
    assert!(sound.ok, "{sound:#?}");
    let mut connection = scratch.open(false).await.unwrap();
    let changes = changes(&mut connection).await;
    connection.close().await.unwrap();
    let mut mistakes = Vec::new();
    let mut done = 0_usize;
    for change in &changes {
        scratch.fill(&finished.ledger);
        let mut connection = scratch.open(false).await.unwrap();
        let result = sqlx::query(AssertSqlSafe(change.sql.clone()))
            .execute(&mut connection)
            .await;
        connection.close().await.unwrap();
        // Keys and NOT NULL forbid some changes, and a column of one value has none to swap.
        let may_fail = change.sql.starts_with("INSERT") || change.sql.contains("LIMIT 1");
        let result = match result {
            Err(_) if may_fail => continue,
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => continue,
            other => other.unwrap(),
        };
        assert_eq!(result.rows_affected(), 1, "{}", change.sql);
        done += 1;
        match finished.judge(&scratch.path(), false).await {
            Ok(report) if report.ok && !change.blind => mistakes.push(format!("unseen: {}", change.what)),
            Ok(report) if report.ok => {}
            Ok(_) | Err(_) if change.blind => mistakes.push(format!("seen, though listed as blind: {}", change.what)),
            Ok(report) => {
                let details: Vec<&str> = report.checks.iter().map(|check| check.detail.as_str()).collect();
                let details = details.join(
                    "
",
                );
                if !change.named.iter().any(|name| details.contains(name)) {
                    mistakes.push(format!("{}: none of {:?} in\n{details}", change.what, change.named));
                }
            }
            Err(error) => mistakes.push(format!("{}: no report: {error}", change.what)),
        }
    }
    assert!(
        mistakes.is_empty(),
        "{} mistakes:\n{}",
        mistakes.len(),
        mistakes.join("\n")
    );
    assert!(done > 400, "only {done} changes were tried");
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
    let finished = Arc::new(finished().await);
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

/// Flips a bit at each offset; answers those that changed a row unseen, and how many changed a row at all.
async fn flip_each(finished: &Finished, offsets: &[usize]) -> (Vec<usize>, usize) {
    let scratch = finished.scratch();
    let tables = dump_statements(&scratch).await;
    let sound = dump(&scratch, &tables).await.unwrap();
    let (mut unseen, mut hit) = (Vec::new(), 0);
    let mut ledger = finished.ledger.clone();
    for &offset in offsets {
        ledger[offset] ^= 1 << (offset % 8);
        scratch.fill(&ledger);
        ledger[offset] = finished.ledger[offset];
        if dump(&scratch, &tables).await.is_ok_and(|rows| rows == sound) {
            continue;
        }
        hit += 1;
        if !finished.caught(&scratch).await {
            unseen.push(offset);
        }
    }
    (unseen, hit)
}
