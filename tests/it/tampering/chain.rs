//! The chain's file beside the ledger: `verify` says what is changed in it, with height and row, fails no other check for it, and
//! holds its genesis against the ledger's rows. Every column of every table and every row taken or added, by themselves:
//! `chain::tampering`, over the same replay.
//!
//! Not seen: a file that is gone, or empty, as long as nothing of the ledger is said to be on it; certificates revoked on the
//! chain alone, of which the ledger keeps no word.

use super::finished::finished;
use super::scratch::Finished;
use super::sent::sent;
use crate::chain::tampering::FLIP;
use carbon_gateway::verify::Report;
use sqlx::{AssertSqlSafe, Connection as _};
use std::fs;

/// Findings of the one check that fails; none if all hold.
fn told(report: &Report) -> Option<&str> {
    let failed: Vec<_> = report.checks.iter().filter(|check| !check.ok).collect();
    assert!(failed.iter().all(|check| check.id == 8), "{report:#?}");
    failed.first().map(|check| check.detail.as_str())
}

async fn changed(finished: &Finished, sql: &str) -> Report {
    let scratch = finished.scratch();
    let mut connection = scratch.open_chain().await.unwrap();
    let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await;
    assert!(done.unwrap().rows_affected() > 0, "{sql}");
    connection.close().await.unwrap();
    finished.judge(&scratch.path(), false).await.unwrap()
}

#[tokio::test]
async fn a_change_in_the_chain_is_named_by_height_and_row() {
    let finished = finished().await;
    let scratch = finished.scratch();
    let sound = finished.judge(&scratch.path(), false).await.unwrap();
    let chain = sound.checks.iter().find(|check| check.id == 8).unwrap();
    assert!(sound.ok && chain.checked == 6, "{sound:#?}");
    assert_eq!(chain.detail, "3 blocks, 0 credits unspent, 0 failed, 3 transactions");

    let flipped = |column: &str| FLIP.replace('$', column);
    for (sql, named) in [
        (
            format!("UPDATE block SET header = {} WHERE height = 2", flipped("header")),
            "chain.db, block, height 2: ",
        ),
        (
            format!("UPDATE block SET hash = {} WHERE height = 3", flipped("hash")),
            "chain.db, block, height 3: ",
        ),
        (
            format!("UPDATE chain_tx SET request = {} WHERE height = 1", flipped("request")),
            "height 1: ",
        ),
        (
            "DELETE FROM chain_tx WHERE height = 3".to_owned(),
            "chain.db, block, height 3: ",
        ),
        (
            "DELETE FROM block WHERE height = 2".to_owned(),
            "chain.db, block, height 3: ",
        ),
        (
            format!(
                "UPDATE state SET value = {} WHERE substr(state_key, 1, 1) = x'62'",
                flipped("value")
            ),
            "chain.db, state, b.",
        ),
        ("DELETE FROM genesis".to_owned(), "genesis"),
    ] {
        let report = changed(&finished, &sql).await;
        let detail = told(&report).unwrap_or_default();
        assert!(detail.contains(named), "{sql}: {named} not in\n{detail}");
    }
}

#[tokio::test]
async fn the_chain_of_another_deployment_is_not_this_ones() {
    let (one, other) = (finished().await, finished().await);
    let scratch = one.scratch();
    scratch.fill_chain((&one.ledger, &other.chain));
    let report = one.judge(&scratch.path(), false).await.unwrap();
    let detail = told(&report).unwrap_or_default();
    assert_eq!(
        detail.lines().next(),
        Some("chain.db, genesis, *: is not the genesis of this deployment")
    );
    // Not a row is left of a chain: it may not have been started yet.
    for chain in [&[][..], &one.chain] {
        scratch.fill_chain((&one.ledger, chain));
        assert_eq!(told(&one.judge(&scratch.path(), false).await.unwrap()), None);
    }
    fs::remove_file(scratch.path().join("chain.db")).unwrap();
    assert_eq!(told(&one.judge(&scratch.path(), false).await.unwrap()), None);
    // No file of a database is no such chain.
    fs::write(scratch.path().join("chain.db"), "no database").unwrap();
    let report = one.judge(&scratch.path(), false).await.unwrap();
    assert!(
        told(&report)
            .unwrap_or_default()
            .starts_with("chain.db, *: cannot be read: ")
    );
}

#[tokio::test]
async fn a_chain_that_is_gone_or_younger_is_missed_as_soon_as_something_is_confirmed() {
    let sent = sent().await;
    let scratch = sent.scratch();
    let failed = async || {
        let report = sent.judge(&scratch.path(), false).await.unwrap();
        let failed = report.checks.iter().filter(|check| !check.ok).map(|check| check.id);
        failed.collect::<Vec<_>>()
    };
    assert_eq!(failed().await, [0; 0]);
    fs::remove_file(scratch.path().join("chain.db")).unwrap();
    assert_eq!(failed().await, [6], "not a transaction of the ledger stands anywhere");
    scratch.fill(&sent.ledger);
    let mut connection = scratch.open_chain().await.unwrap();
    for table in ["block", "chain_tx"] {
        let last = format!("DELETE FROM {table} WHERE height = (SELECT MAX(height) FROM {table})");
        sqlx::query(AssertSqlSafe(last)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    assert!(failed().await.contains(&8), "its state is more than its blocks make");
}

/// Bytes of the file at steps that meet every page and every kind of place in it; a flip that changes no row may pass.
#[tokio::test]
async fn no_byte_of_a_row_of_the_chain_can_change_unseen() {
    let finished = finished().await;
    let scratch = finished.scratch();
    let rows = async || -> Result<Vec<Vec<u8>>, sqlx::Error> {
        let mut connection = scratch.open_chain().await?;
        let sql = "SELECT CAST('' || one || hex(document) AS BLOB) FROM genesis NOT INDEXED \
             UNION ALL SELECT CAST(height || hex(header) || hex(hash) AS BLOB) FROM block NOT INDEXED \
             UNION ALL SELECT CAST(hex(tx_id) || height || position || hex(request) || hex(result) AS BLOB) FROM chain_tx NOT INDEXED \
             UNION ALL SELECT CAST(hex(state_key) || hex(value) AS BLOB) FROM state";
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(sql).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(rows.into_iter().map(|(row,)| row).collect())
    };
    let sound = rows().await.unwrap();
    let (mut hit, mut unseen) = (0, Vec::new());
    for offset in (0..finished.chain.len()).filter(|offset| *offset < 100 || offset % 211 == 0) {
        let mut chain = finished.chain.clone();
        chain[offset] ^= 1 << (offset % 8);
        scratch.fill_chain((&finished.ledger, &chain));
        if rows().await.is_ok_and(|rows| rows == sound) {
            continue;
        }
        hit += 1;
        scratch.fill_chain((&finished.ledger, &chain));
        if !finished.caught(&scratch).await {
            unseen.push(offset);
        }
    }
    assert!(
        unseen.is_empty(),
        "flips at {unseen:?} changed a row and were not found"
    );
    assert!(hit > 20, "only {hit} flips changed a row");
}
