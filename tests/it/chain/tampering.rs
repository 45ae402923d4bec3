//! Whatever is changed in the chain's file behind its back, the replay finds and names: every column, rows taken away, rows
//! slipped in, single bits.

use super::support::{Person, TestChain, issue_of, judge, payload, spend_of};
use carbon_gateway::chain::embedded::{CERTIFICATES, certificate_name, revocation};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A finished chain of several blocks: issues, spends, a failure, a revocation.
async fn finished() -> Vec<u8> {
    let chain = TestChain::start().await;
    let (rider, friend) = (Person::new("rider"), Person::new("friend"));
    let credit = chain.credit(&rider, "trip", 5).await;
    chain.credit(&rider, "other trip", 6).await;
    for (word, to) in [("spend", &friend), ("double spend", &rider)] {
        chain
            .commit(&rider, &payload(word, &spend_of(&rider.transfer(credit, to, 5))))
            .await;
    }
    let mut order = payload("revocation", &issue_of(&rider, &rider.issue("x", 1)));
    CERTIFICATES.clone_into(&mut order.contract);
    "revoke".clone_into(&mut order.method);
    let digests = [&rider.certificate, &friend.certificate].map(|der| certificate_name(der).unwrap());
    order.argument = revocation(&BTreeSet::from(digests)).unwrap();
    let committed = chain.commit(&chain.issuer, &order).await;
    committed.confirms(&order.encode().unwrap()).unwrap();
    let (folder, _) = chain.stop().await;
    fs::read(folder.path().join("chain.db")).unwrap()
}

/// A file of its own each time: a dropped connection may still be closing the one before.
fn filled(bytes: &[u8]) -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .unwrap();
    fs::write(folder.path().join("chain.db"), bytes).unwrap();
    folder
}

async fn open(folder: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(folder.join("chain.db"))).await
}

async fn texts(c: &mut SqliteConnection, sql: String) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(c).await?;
    Ok(rows.into_iter().map(|(text,)| text).collect())
}

/// A column and expressions that give it another value.
type Column = (&'static str, &'static [&'static str]);

/// Every table with its columns.
const TABLES: [(&str, &[Column]); 4] = [
    ("genesis", &[("document", &[FLIP, SHORTER])]),
    (
        "block",
        &[
            ("height", &["height + 1", "height - 1", "height + 100"]),
            ("header", &[FLIP, SHORTER]),
            ("hash", &[FLIP, SHORTER]),
        ],
    ),
    (
        "chain_tx",
        &[
            ("tx_id", &[FLIP, SHORTER]),
            ("height", &["height + 1", "height - 1", "height + 100"]),
            ("position", &["position + 1", "-1"]),
            (
                "request",
                &[
                    FLIP,
                    SHORTER,
                    "(SELECT b.request FROM chain_tx b WHERE b.tx_id <> chain_tx.tx_id LIMIT 1)",
                ],
            ),
            (
                "result",
                &[
                    FLIP,
                    SHORTER,
                    "(SELECT b.result FROM chain_tx b WHERE b.result <> chain_tx.result LIMIT 1)",
                ],
            ),
        ],
    ),
    ("state", &[("state_key", &[FLIP, SHORTER]), ("value", &[FLIP, SHORTER])]),
];
/// The last byte is another one; `$` is the column.
pub(crate) const FLIP: &str = "CAST(substr($, 1, length($) - 1) || (CASE WHEN substr($, length($), 1) = x'00' THEN x'01' ELSE x'00' END) AS BLOB)";
const SHORTER: &str = "CAST(substr($, 1, length($) - 1) AS BLOB)";

/// Runs a change on a copy; `None` if the table's keys forbid it, else what is found, a file that cannot be read included.
async fn changed(sound: &[u8], sql: &str) -> Option<Result<Vec<String>, String>> {
    let folder = filled(sound);
    let mut c = open(folder.path()).await.unwrap();
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut c).await;
    c.close().await.unwrap();
    match done {
        Ok(done) => assert_eq!(done.rows_affected(), 1, "{sql}"),
        Err(sqlx::Error::Database(_)) => return None,
        Err(error) => panic!("{sql}: {error}"),
    }
    let judged = judge(folder.path()).await;
    Some(judged.map_or_else(
        |error| Err(error.to_string()),
        |(findings, _)| Ok(findings.iter().map(ToString::to_string).collect()),
    ))
}

#[tokio::test]
async fn no_column_and_no_row_can_be_changed_unseen() {
    let sound = finished().await;
    let folder = filled(&sound);
    assert_eq!(judge(folder.path()).await.unwrap().0, []);
    let mut c = open(folder.path()).await.unwrap();
    let tables = texts(
        &mut c,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name".to_owned(),
    );
    let mut known: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    known.sort_unstable();
    assert_eq!(tables.await.unwrap(), known, "every table is tried");
    let mut done = 0;
    for (table, columns) in TABLES {
        let name = match table {
            "genesis" => "'one = 1'",
            "block" => "'height = ' || height",
            "chain_tx" => "'tx_id = x''' || hex(tx_id) || ''''",
            _ => "'state_key = x''' || hex(state_key) || ''''",
        };
        for row in texts(&mut c, format!("SELECT {name} FROM {table}")).await.unwrap() {
            let updates = columns.iter().flat_map(|(column, others)| {
                let set = |other: &&str| {
                    format!(
                        "UPDATE {table} SET {column} = {} WHERE {row}",
                        other.replace('$', column)
                    )
                };
                others.iter().map(set).collect::<Vec<_>>()
            });
            let taken = format!("DELETE FROM {table} WHERE {row}");
            for sql in updates.chain([taken]) {
                let Some(found) = changed(&sound, &sql).await else {
                    continue;
                };
                done += 1;
                let names: &[&str] = match table {
                    "genesis" => &["genesis", "block, height 1"],
                    "block" => &["block, height", "stands in no block"],
                    "chain_tx" => &["chain_tx, ", "block, height"],
                    _ => &["state, "],
                };
                match found {
                    Ok(found) => assert!(
                        found.iter().any(|text| names.iter().any(|name| text.contains(name))),
                        "{sql}: {found:?}"
                    ),
                    Err(error) => assert!(
                        error.starts_with("genesis") || error.starts_with("state"),
                        "{sql}: {error}"
                    ),
                }
            }
        }
    }
    let added = [
        "INSERT INTO state VALUES (CAST(x'63' || zeroblob(32) AS BLOB), x'01')",
        "INSERT INTO state VALUES (CAST(x'72' || zeroblob(32) AS BLOB), x'01')",
        "INSERT INTO chain_tx SELECT zeroblob(32), height, position + 7, request, result FROM chain_tx LIMIT 1",
        "INSERT INTO chain_tx SELECT zeroblob(32), height + 70, position, request, result FROM chain_tx LIMIT 1",
        "INSERT INTO block SELECT height + 70, header, hash FROM block LIMIT 1",
    ];
    for sql in added {
        let found = changed(&sound, sql).await.unwrap();
        assert!(found.is_ok_and(|found| !found.is_empty()), "{sql}");
    }
    assert!(done > 100, "only {done} changes were tried");
}

#[tokio::test]
async fn no_bit_of_a_row_can_flip_unseen() {
    let sound = finished().await;
    let dump = async |folder: &Path| -> Result<Vec<String>, sqlx::Error> {
        let mut c = open(folder).await?;
        let mut rows = Vec::new();
        for (table, columns) in TABLES {
            let shown: Vec<String> = columns
                .iter()
                .map(|(column, _)| format!("typeof({column}) || hex(CAST({column} AS BLOB))"))
                .collect();
            rows.extend(
                texts(
                    &mut c,
                    format!(
                        "SELECT {} FROM {table} NOT INDEXED ORDER BY 1",
                        shown.join(" || '/' || ")
                    ),
                )
                .await?,
            );
        }
        c.close().await?;
        Ok(rows)
    };
    let right = dump(filled(&sound).path()).await.unwrap();
    let (mut hit, mut unseen) = (0, Vec::new());
    for at in (0..100).chain((100..sound.len()).filter(|at| at % 89 == 0)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        let folder = filled(&bytes);
        if dump(folder.path()).await.is_ok_and(|rows| rows == right) {
            continue;
        }
        hit += 1;
        let folder = filled(&bytes);
        if judge(folder.path())
            .await
            .is_ok_and(|(findings, _)| findings.is_empty())
        {
            unseen.push(at);
        }
    }
    assert!(
        unseen.is_empty(),
        "flips at {unseen:?} changed a row and were not found"
    );
    assert!(hit > 50, "only {hit} flips changed a row");
}
