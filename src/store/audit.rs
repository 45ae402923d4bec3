//! Readers for `verify`: everything as stored, in pieces, in the order of its keys, without judging it.

use super::db::{Connection, StoreError, with};
use super::load::shard_of;
use super::statement::of_shard;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::page::Page;
use sqlx::AssertSqlSafe;

/// Rows in one piece.
pub const PIECE: i64 = 500;

/// Most problems of one kind that are told.
const MOST_PROBLEMS: i64 = 100;

/// A head as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadRow {
    /// Shard number.
    pub shard: i64,
    /// Seq of the last entry.
    pub seq: i64,
    /// Seal of the last page.
    pub seal: Vec<u8>,
    /// Booked time of the last page.
    pub at_ms: i64,
    /// Deployment in which it is at home.
    pub home: Vec<u8>,
}

/// A trip as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TripRow {
    /// Seq.
    pub seq: i64,
    /// Rider.
    pub user_id: i64,
    /// Identity.
    pub trip_key: Vec<u8>,
    /// Programme.
    pub programme: String,
    /// Activity day.
    pub activity_day: i64,
    /// Start.
    pub started_s: i64,
    /// End.
    pub ended_s: i64,
    /// `credited`, or the rule.
    pub outcome: String,
    /// What it earned.
    pub amount_ug: i64,
    /// Canonical record.
    pub record: Vec<u8>,
    /// Sealed evidence.
    pub evidence: Vec<u8>,
}

/// An account as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRow {
    /// Rider.
    pub user_id: i64,
    /// Programme.
    pub programme: String,
    /// Address.
    pub address: Vec<u8>,
    /// Wrapped data key.
    pub wrapped_key: Vec<u8>,
    /// Waiting, quantified, capped in micrograms; longest credited trip in seconds.
    pub figures: [i64; 4],
}

/// A daily total as stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TotalRow {
    /// Booked and activity day.
    pub days: (i64, i64),
    /// Programme, gas, figure, mode, methodology.
    pub words: [String; 5],
    /// Count.
    pub count: i64,
    /// Amount.
    pub amount_ug: i64,
}

/// All heads, those of no shard too.
pub async fn heads(c: &mut Connection) -> Result<Vec<HeadRow>, StoreError> {
    type Row = (i64, i64, Vec<u8>, i64, Vec<u8>);
    let rows: Vec<Row> = with!(c, |c| sqlx::query_as(
        "SELECT shard, seq, seal, at_ms, home FROM shard_head ORDER BY shard"
    )
    .fetch_all(&mut *c)
    .await)?;
    Ok(rows
        .into_iter()
        .map(|(shard, seq, seal, at_ms, home)| HeadRow {
            shard,
            seq,
            seal,
            at_ms,
            home,
        })
        .collect())
}

/// Shard numbers outside 0 … 29 in tables that all shards share, with the table's name.
pub async fn stray_shards(c: &mut Connection) -> Result<Vec<(&'static str, i64)>, StoreError> {
    const JOURNAL: &str = "SELECT DISTINCT shard FROM journal WHERE shard NOT BETWEEN 0 AND 29";
    const TOTALS: &str = "SELECT DISTINCT shard FROM daily_total WHERE shard NOT BETWEEN 0 AND 29";
    let mut strays = Vec::new();
    for (table, sql) in [("journal", JOURNAL), ("daily_total", TOTALS)] {
        let rows: Vec<(i64,)> = with!(&mut *c, |c| sqlx::query_as(sql).fetch_all(&mut *c).await)?;
        strays.extend(rows.into_iter().map(|(shard,)| (table, shard)));
    }
    Ok(strays)
}

/// Number of deployment rows: there must be one.
pub async fn deployments(c: &mut Connection) -> Result<i64, StoreError> {
    let (count,): (i64,) = with!(c, |c| sqlx::query_as("SELECT COUNT(*) FROM deployment")
        .fetch_one(&mut *c)
        .await)?;
    Ok(count)
}

/// Pages of a shard from the seq `from` on, ascending, at most `limit`.
pub async fn pages(c: &mut Connection, shard: ShardId, from: i64, limit: i64) -> Result<Vec<Page>, StoreError> {
    const SQL: &str = "SELECT shard, seq_from, seq_to, at_ms, previous_seal, seal, entries FROM journal \
         WHERE shard = ? AND seq_from >= ? ORDER BY seq_from LIMIT ?";
    type Row = (i64, i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);
    let rows: Vec<Row> = with!(c, |c| {
        sqlx::query_as(SQL)
            .bind(i64::from(shard.index()))
            .bind(from)
            .bind(limit)
            .fetch_all(&mut *c)
            .await
    })?;
    let hash = |bytes: &[u8], column| {
        Hash::from_slice(bytes).ok_or_else(|| StoreError::row("journal", column, "not 32 bytes"))
    };
    rows.into_iter()
        .map(|(shard, seq_from, seq_to, at_ms, previous_seal, seal, entries)| {
            Ok(Page {
                shard: shard_of(shard, "journal")?,
                seq_from,
                seq_to,
                at_ms,
                previous_seal: hash(&previous_seal, "previous_seal")?,
                seal: hash(&seal, "seal")?,
                entries,
            })
        })
        .collect()
}

/// Trips of a shard from the seq `from` on, ascending, at most `limit`.
pub async fn trips(c: &mut Connection, shard: ShardId, from: i64, limit: i64) -> Result<Vec<TripRow>, StoreError> {
    const SQL: &str = "SELECT seq, user_id, trip_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence \
         FROM trip_{shard} WHERE seq >= ? ORDER BY seq LIMIT ?";
    type Row = (i64, i64, Vec<u8>, String, i64, i64, i64, String, i64, Vec<u8>, Vec<u8>);
    let rows: Vec<Row> = with!(c, |c| sqlx::query_as(of_shard(SQL, shard))
        .bind(from)
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?;
    let trip = |(
        seq,
        user_id,
        trip_key,
        programme,
        activity_day,
        started_s,
        ended_s,
        outcome,
        amount_ug,
        record,
        evidence,
    ): Row| TripRow {
        seq,
        user_id,
        trip_key,
        programme,
        activity_day,
        started_s,
        ended_s,
        outcome,
        amount_ug,
        record,
        evidence,
    };
    Ok(rows.into_iter().map(trip).collect())
}

/// All accounts of a shard, by user and programme.
pub async fn accounts(c: &mut Connection, shard: ShardId) -> Result<Vec<AccountRow>, StoreError> {
    const SQL: &str = "SELECT user_id, programme, address, wrapped_key, waiting_ug, quantified_ug, capped_ug, longest_trip_s \
         FROM account_{shard} ORDER BY user_id, programme";
    type Row = (i64, String, Vec<u8>, Vec<u8>, i64, i64, i64, i64);
    let rows: Vec<Row> = with!(c, |c| sqlx::query_as(of_shard(SQL, shard)).fetch_all(&mut *c).await)?;
    let account = |(user_id, programme, address, wrapped_key, waiting, quantified, capped, longest): Row| AccountRow {
        user_id,
        programme,
        address,
        wrapped_key,
        figures: [waiting, quantified, capped, longest],
    };
    Ok(rows.into_iter().map(account).collect())
}

/// All totals of a shard, by key.
pub async fn totals(c: &mut Connection, shard: ShardId) -> Result<Vec<TotalRow>, StoreError> {
    const SQL: &str = "SELECT booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug FROM daily_total \
         WHERE shard = ? ORDER BY booked_day, activity_day, programme, gas, figure, mode, methodology";
    type Row = (i64, i64, String, String, String, String, String, i64, i64);
    let rows: Vec<Row> = with!(c, |c| sqlx::query_as(SQL)
        .bind(i64::from(shard.index()))
        .fetch_all(&mut *c)
        .await)?;
    let total = |(booked, activity, programme, gas, figure, mode, methodology, count, amount_ug): Row| TotalRow {
        days: (booked, activity),
        words: [programme, gas, figure, mode, methodology],
        count,
        amount_ug,
    };
    Ok(rows.into_iter().map(total).collect())
}

/// Every table of the database, by name.
pub async fn tables(c: &mut Connection) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = match c {
        Connection::Sqlite(c) => {
            sqlx::query_as("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
                .fetch_all(&mut *c)
                .await?
        }
    };
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// What the database itself finds wrong with its file: pages, order of keys, indexes that do not agree with their tables.
pub async fn integrity(c: &mut Connection) -> Result<Vec<String>, StoreError> {
    match c {
        Connection::Sqlite(c) => {
            let sql = AssertSqlSafe(format!("PRAGMA integrity_check({MOST_PROBLEMS})"));
            let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut *c).await?;
            let trees: Vec<(i64, String)> =
                sqlx::query_as("SELECT rootpage, name FROM sqlite_schema WHERE rootpage > 0")
                    .fetch_all(&mut *c)
                    .await?;
            let lines = rows
                .iter()
                .flat_map(|(text,)| text.lines())
                .filter(|line| *line != "ok");
            Ok(lines.map(|line| named(line, &trees)).collect())
        }
    }
}

/// Rows of a table with a value of another storage class than its column's, each by its key: any value can stand
/// anywhere in a file, and a text that spells the bytes of a digest is found by no look-up.
pub async fn misfits(c: &mut Connection, table: &str) -> Result<Vec<String>, StoreError> {
    match c {
        Connection::Sqlite(c) => {
            let columns: Vec<(String, String, bool, i64)> =
                sqlx::query_as(r#"SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid"#)
                    .bind(table)
                    .fetch_all(&mut *c)
                    .await?;
            let misfit = |(name, declared, not_null, _): &(String, String, bool, i64)| {
                let or_null = if *not_null { "" } else { ", 'null'" };
                format!("typeof({}) NOT IN ('{}'{or_null})", quoted(name), class_of(declared))
            };
            let keys = columns
                .iter()
                .filter(|(.., pk)| *pk > 0)
                .map(|(name, ..)| format!("quote({})", quoted(name)));
            let row = keys.collect::<Vec<_>>().join(" || ', ' || ");
            let wrong = columns.iter().map(misfit).collect::<Vec<_>>().join(" OR ");
            let sql = format!(
                "SELECT {row} FROM {} WHERE {wrong} LIMIT {MOST_PROBLEMS}",
                quoted(table)
            );
            let rows: Vec<(Option<String>,)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *c).await?;
            Ok(rows.into_iter().map(|(key,)| key.unwrap_or_default()).collect())
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The storage class of a declared type of our migrations.
fn class_of(declared: &str) -> &'static str {
    match declared.split('(').next() {
        Some("BIGINT") => "integer",
        Some("VARCHAR") => "text",
        _ => "blob",
    }
}

/// A line of the report with the table or index in place of a root page.
fn named(line: &str, trees: &[(i64, String)]) -> String {
    let root = line
        .strip_prefix("Tree ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|root| root.parse::<i64>().ok());
    let tree = root.and_then(|root| trees.iter().find(|(page, _)| *page == root));
    tree.map_or_else(|| line.to_owned(), |(_, name)| format!("{name}: {line}"))
}
