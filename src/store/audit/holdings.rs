//! Claims, credits, transactions and kept answers as stored.

use crate::ledger::ids::{Hash, ShardId};
use crate::store::db::{Connection, StoreError, with};
use crate::store::statement::{of_shard, read_rows};

/// A claim as stored.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct ClaimRow {
    /// Rider.
    pub user_id: i64,
    /// Seq of the trip.
    pub seq: i64,
    /// Programme.
    pub programme: String,
    /// From when it may be collected.
    pub opens_ms: i64,
    /// From when it may not any more.
    pub closes_ms: Option<i64>,
}

/// A credit as stored.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct CreditRow {
    /// Its name.
    pub hash: Vec<u8>,
    /// Owner.
    pub user_id: i64,
    /// Programme of its lot.
    pub programme: String,
    /// Gas of its lot.
    pub gas: i64,
    /// Year of its lot.
    pub vintage: i64,
    /// Last month of its lot.
    pub expiry_month: i64,
    /// How much.
    pub amount_ug: i64,
    /// From when it cannot be spent.
    pub expires_ms: Option<i64>,
    /// Content id of what made it.
    pub created_by: Vec<u8>,
    /// Seq of what made it.
    pub created_seq: i64,
    /// Which of the outputs.
    pub output: i64,
    /// Content id of what consumed it.
    pub spent_by: Option<Vec<u8>>,
}

/// A transaction as stored; how far it has come is read by itself.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct TransactionRow {
    /// Seq of its entry.
    pub seq: i64,
    /// Its name.
    pub content_id: Vec<u8>,
    /// Whose order it is.
    pub user_id: i64,
    /// Programme.
    pub programme: String,
    /// What it does.
    pub kind: String,
    /// The sum that moves.
    pub amount_ug: i64,
    /// Canonical bytes.
    pub body: Vec<u8>,
}

/// A kept answer as stored.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct AnswerRow {
    /// Digest of client, user and key.
    pub key_digest: Vec<u8>,
    /// Digest of the request.
    pub request_digest: Vec<u8>,
    /// Seq of its entry.
    pub seq: i64,
    /// When it was answered.
    pub at_ms: i64,
    /// Canonical bytes.
    pub answer: Vec<u8>,
}

const CREDIT: &str = "SELECT hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, \
     spent_by FROM credit_{shard} WHERE ";

/// Claims of a shard behind (user, seq), ascending, at most `limit`.
pub async fn claims(
    c: &mut Connection,
    shard: ShardId,
    behind: (i64, i64),
    limit: i64,
) -> Result<Vec<ClaimRow>, StoreError> {
    const SQL: &str = "SELECT user_id, seq, programme, opens_ms, closes_ms FROM claim_{shard} WHERE user_id >= ? AND (user_id > ? OR seq > ?) \
         ORDER BY user_id, seq LIMIT ?";
    Ok(with!(c, |c| sqlx::query_as(of_shard(SQL, shard))
        .bind(behind.0)
        .bind(behind.0)
        .bind(behind.1)
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}

/// Credits by name.
pub async fn credits(c: &mut Connection, shard: ShardId, names: &[Hash]) -> Result<Vec<CreditRow>, StoreError> {
    let head = format!("{CREDIT}hash IN (");
    Ok(read_rows!(c, shard, [&head, "?", ", ", ")"], names, |query, name| {
        query.bind(name.as_bytes().to_vec())
    }))
}

/// Credits of a shard whose names lie behind `behind`, ascending, at most `limit`.
pub async fn credits_behind(
    c: &mut Connection,
    shard: ShardId,
    behind: &[u8],
    limit: i64,
) -> Result<Vec<CreditRow>, StoreError> {
    let sql = format!("{CREDIT}hash > ? ORDER BY hash LIMIT ?");
    Ok(with!(c, |c| sqlx::query_as(of_shard(&sql, shard))
        .bind(behind.to_vec())
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}

/// Number of credits of a shard.
pub async fn credit_count(c: &mut Connection, shard: ShardId) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT COUNT(*) FROM credit_{shard}";
    let (count,): (i64,) = with!(c, |c| sqlx::query_as(of_shard(SQL, shard)).fetch_one(&mut *c).await)?;
    Ok(count)
}

/// Transactions of a shard from the seq `from` on, ascending, at most `limit`.
pub async fn transactions(
    c: &mut Connection,
    shard: ShardId,
    from: i64,
    limit: i64,
) -> Result<Vec<TransactionRow>, StoreError> {
    const SQL: &str = "SELECT seq, content_id, user_id, programme, kind, amount_ug, body FROM ledger_tx_{shard} WHERE seq >= ? \
         ORDER BY seq LIMIT ?";
    Ok(with!(c, |c| sqlx::query_as(of_shard(SQL, shard))
        .bind(from)
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}

/// What is kept under a key.
pub async fn answer(c: &mut Connection, shard: ShardId, key: &Hash) -> Result<Option<AnswerRow>, StoreError> {
    const SQL: &str =
        "SELECT key_digest, request_digest, seq, at_ms, answer FROM idempotency WHERE shard = ? AND key_digest = ?";
    Ok(with!(c, |c| sqlx::query_as(SQL)
        .bind(i64::from(shard.index()))
        .bind(key.as_bytes().to_vec())
        .fetch_optional(&mut *c)
        .await)?)
}

/// Kept answers of a shard whose keys lie behind `behind`, ascending, at most `limit`.
pub async fn answers(
    c: &mut Connection,
    shard: ShardId,
    behind: &[u8],
    limit: i64,
) -> Result<Vec<AnswerRow>, StoreError> {
    const SQL: &str = "SELECT key_digest, request_digest, seq, at_ms, answer FROM idempotency WHERE shard = ? AND key_digest > ? \
         ORDER BY key_digest LIMIT ?";
    Ok(with!(c, |c| sqlx::query_as(SQL)
        .bind(i64::from(shard.index()))
        .bind(behind.to_vec())
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}

/// Number of kept answers of a shard.
pub async fn answer_count(c: &mut Connection, shard: ShardId) -> Result<i64, StoreError> {
    let (count,): (i64,) = with!(c, |c| sqlx::query_as(
        "SELECT COUNT(*) FROM idempotency WHERE shard = ?"
    )
    .bind(i64::from(shard.index()))
    .fetch_one(&mut *c)
    .await)?;
    Ok(count)
}
