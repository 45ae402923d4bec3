//! How far transactions have come on their way to the chain, and the envelopes that carry them.

use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::standing::Standing;
use crate::store::db::{Connection, StoreError, with};
use crate::store::load::{STANDING, StandingRow, standing_of};
use crate::store::statement::of_shard;

/// An envelope on its way as stored.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct EnvelopeRow {
    /// The id by which the chain knows it.
    pub chain_tx_id: Vec<u8>,
    /// The contract's method.
    pub kind: String,
    /// How far it has come.
    pub status: String,
    /// When it was signed.
    pub created_ms: i64,
    /// Beyond this instant it is dead.
    pub expires_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Why, if not well.
    pub reason: Option<String>,
    /// The signed bytes.
    pub request: Vec<u8>,
}

/// How far a transaction has come; an error where its columns do not fit together.
pub async fn standing(c: &mut Connection, shard: ShardId, content_id: &Hash) -> Result<Option<Standing>, StoreError> {
    let sql = format!("SELECT {STANDING} FROM ledger_tx_{{shard}} t WHERE t.content_id = ?");
    let row: Option<StandingRow> = with!(c, |c| sqlx::query_as(of_shard(&sql, shard))
        .bind(content_id.as_bytes().to_vec())
        .fetch_optional(&mut *c)
        .await)?;
    row.map(standing_of).transpose()
}

/// Whether the columns of a shard's transactions can be read at all; of one without any nothing else would tell.
pub async fn ways_are_readable(c: &mut Connection, shard: ShardId) -> Result<(), StoreError> {
    let sql = format!("SELECT {STANDING} FROM ledger_tx_{{shard}} t ORDER BY t.seq LIMIT 1");
    let _first: Option<StandingRow> = with!(c, |c| sqlx::query_as(of_shard(&sql, shard))
        .fetch_optional(&mut *c)
        .await)?;
    Ok(())
}

/// Number of transactions that are confirmed, refused or dead.
pub async fn ended_count(c: &mut Connection, shard: ShardId) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT COUNT(*) FROM ledger_tx_{shard} WHERE status IN ('confirmed', 'refused', 'dead')";
    let (count,): (i64,) = with!(c, |c| sqlx::query_as(of_shard(SQL, shard)).fetch_one(&mut *c).await)?;
    Ok(count)
}

/// Number of transactions that are in an envelope on its way.
pub async fn submitted_count(c: &mut Connection, shard: ShardId) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT COUNT(*) FROM ledger_tx_{shard} WHERE status = 'submitted'";
    let (count,): (i64,) = with!(c, |c| sqlx::query_as(of_shard(SQL, shard)).fetch_one(&mut *c).await)?;
    Ok(count)
}

/// Envelopes on their way whose ids lie behind `behind`, ascending, at most `limit`.
pub async fn open_envelopes(
    c: &mut Connection,
    shard: ShardId,
    behind: &[u8],
    limit: i64,
) -> Result<Vec<EnvelopeRow>, StoreError> {
    const SQL: &str = "SELECT chain_tx_id, kind, status, created_ms, expires_ms, ended_ms, reason, request FROM envelope_{shard} \
         WHERE chain_tx_id > ? AND status <> 'confirmed' \
         AND status <> 'refused' AND status <> 'lapsed' ORDER BY chain_tx_id LIMIT ?";
    Ok(with!(c, |c| sqlx::query_as(of_shard(SQL, shard))
        .bind(behind.to_vec())
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}
