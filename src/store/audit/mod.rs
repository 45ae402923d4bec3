//! Readers for `verify`: everything as stored, in pieces, in the order of its keys, without judging it.

mod file;
mod holdings;
mod keys;
mod state;
mod ways;

pub use file::{has_column, integrity, misfits, tables};
pub use holdings::{
    AnswerRow, ClaimRow, CreditRow, TransactionRow, answer, answer_count, answers, claims, credit_count, credits,
    credits_behind, transactions,
};
pub use keys::{NamedKeyRow, UserCertificateRow, UserKeyRow, kek_changes, named_keys, user_certificates, user_keys};
pub use state::{AccountRow, TripRow, accounts, trips};
pub use ways::{EnvelopeRow, ended_count, open_envelopes, standing, submitted_count, ways_are_readable};

use super::db::{Connection, StoreError, with};
use super::load::shard_of;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::page::Page;

/// Rows in one piece.
pub const PIECE: i64 = 500;

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
    const ANSWERS: &str = "SELECT DISTINCT shard FROM idempotency WHERE shard NOT BETWEEN 0 AND 29";
    const KEYS: &str = "SELECT DISTINCT shard FROM user_key WHERE shard NOT BETWEEN 0 AND 29";
    const CERTIFICATES: &str = "SELECT DISTINCT shard FROM certificate WHERE shard NOT BETWEEN 0 AND 29";
    let mut strays = Vec::new();
    for (table, sql) in [
        ("journal", JOURNAL),
        ("daily_total", TOTALS),
        ("idempotency", ANSWERS),
        ("user_key", KEYS),
        ("certificate", CERTIFICATES),
    ] {
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
    let rows: Vec<PageRow> = with!(c, |c| {
        sqlx::query_as(SQL)
            .bind(i64::from(shard.index()))
            .bind(from)
            .bind(limit)
            .fetch_all(&mut *c)
            .await
    })?;
    rows.into_iter().map(page).collect()
}

/// The page that may hold the entry of a seq.
pub async fn page_of(c: &mut Connection, shard: ShardId, seq: i64) -> Result<Option<Page>, StoreError> {
    const SQL: &str = "SELECT shard, seq_from, seq_to, at_ms, previous_seal, seal, entries FROM journal \
         WHERE shard = ? AND seq_from <= ? ORDER BY seq_from DESC LIMIT 1";
    let row: Option<PageRow> = with!(c, |c| {
        sqlx::query_as(SQL)
            .bind(i64::from(shard.index()))
            .bind(seq)
            .fetch_optional(&mut *c)
            .await
    })?;
    row.map(page).transpose()
}

type PageRow = (i64, i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);

fn page((shard, seq_from, seq_to, at_ms, previous_seal, seal, entries): PageRow) -> Result<Page, StoreError> {
    let hash = |bytes: &[u8], column| {
        Hash::from_slice(bytes).ok_or_else(|| StoreError::row("journal", column, "not 32 bytes"))
    };
    Ok(Page {
        shard: shard_of(shard, "journal")?,
        seq_from,
        seq_to,
        at_ms,
        previous_seal: hash(&previous_seal, "previous_seal")?,
        seal: hash(&seal, "seal")?,
        entries,
    })
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
