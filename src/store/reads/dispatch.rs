//! What dispatch finds: transactions that may leave, envelopes that nobody cares for, and how much of both there is.

use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::transaction::Kind;
use crate::store::db::{Connection, Readers, StoreError, with, with_pool};
use crate::store::script::Script;
use crate::store::statement::{of_shard, of_shards};

/// A transaction that may leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ready {
    /// Its name.
    pub content_id: Hash,
    /// Whose order it is.
    pub user: UserId,
    /// What it does.
    pub kind: Kind,
    /// Envelopes that have carried it.
    pub attempt: u32,
    /// Transactions that its next envelope may carry.
    pub pack: u16,
    /// Since when it may leave.
    pub due_ms: i64,
    /// Canonical bytes.
    pub body: Vec<u8>,
}

/// An envelope that is on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// The id by which the chain knows it.
    pub chain_tx_id: Hash,
    /// Until when somebody cares for it.
    pub lease_ms: i64,
    /// Beyond this instant of the chain's time it is dead, if it is not in a block.
    pub expires_ms: i64,
    /// The signed bytes.
    pub request: Vec<u8>,
}

/// Transactions that may leave by now, those that have waited longest first.
pub async fn ready(readers: &Readers, shard: ShardId, now_ms: i64, limit: i64) -> Result<Vec<Ready>, StoreError> {
    const SQL: &str = "SELECT content_id, user_id, kind, attempt, pack, next_attempt_ms, body FROM ledger_tx_{shard} \
         WHERE status = 'stored' AND next_attempt_ms <= ? ORDER BY next_attempt_ms, seq LIMIT ?";
    type Row = (Vec<u8>, i64, String, i64, i64, i64, Vec<u8>);
    let rows: Vec<Row> = with_pool!(readers.of(shard), |pool| {
        sqlx::query_as(of_shard(SQL, shard))
            .bind(now_ms)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    let wrong = |column| StoreError::row("ledger_tx", column, "not as written");
    rows.into_iter()
        .map(|(content_id, user, kind, attempt, pack, due_ms, body)| {
            Ok(Ready {
                content_id: Hash::from_slice(&content_id).ok_or_else(|| wrong("content_id"))?,
                user: UserId::from_stored(user),
                kind: Kind::parse(&kind).ok_or_else(|| wrong("kind"))?,
                attempt: u32::try_from(attempt).map_err(|_| wrong("attempt"))?,
                pack: u16::try_from(pack).map_err(|_| wrong("pack"))?,
                due_ms,
                body,
            })
        })
        .collect()
}

/// Envelopes on their way that nobody cares for: their lease has ended, or is void because it lies beyond `void_ms`.
pub async fn abandoned(
    readers: &Readers,
    shard: ShardId,
    (now_ms, void_ms): (i64, i64),
    limit: i64,
) -> Result<Vec<Open>, StoreError> {
    const SQL: &str = "SELECT chain_tx_id, lease_ms, expires_ms, request FROM envelope_{shard} WHERE status = 'open' AND lease_ms <= ? \
         UNION ALL SELECT chain_tx_id, lease_ms, expires_ms, request FROM envelope_{shard} WHERE status = 'open' AND lease_ms > ? LIMIT ?";
    type Row = (Vec<u8>, i64, i64, Vec<u8>);
    let rows: Vec<Row> = with_pool!(readers.of(shard), |pool| {
        sqlx::query_as(of_shard(SQL, shard))
            .bind(now_ms)
            .bind(void_ms)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    let wrong = || StoreError::row("envelope", "chain_tx_id", "not 32 bytes");
    rows.into_iter()
        .map(|(chain_tx_id, lease_ms, expires_ms, request)| {
            Ok(Open {
                chain_tx_id: Hash::from_slice(&chain_tx_id).ok_or_else(wrong)?,
                lease_ms,
                expires_ms,
                request,
            })
        })
        .collect()
}

/// Takes the lease of an envelope, unless somebody else has taken it since it was read.
pub async fn take_lease(c: &mut Connection, shard: ShardId, open: &Open, lease_ms: i64) -> Result<bool, StoreError> {
    const SQL: &str =
        "UPDATE envelope_{shard} SET lease_ms = ? WHERE chain_tx_id = ? AND status = 'open' AND lease_ms = ?";
    let done = with!(c, |c| {
        sqlx::query(of_shard(SQL, shard))
            .bind(lease_ms)
            .bind(open.chain_tx_id.as_bytes().to_vec())
            .bind(open.lease_ms)
            .execute(&mut *c)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Envelopes of a shard that ended before an instant, by the ids by which the chain knows them; at most `limit`.
pub async fn ended_before(
    readers: &Readers,
    shard: ShardId,
    before_ms: i64,
    limit: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    const SQL: &str = "SELECT chain_tx_id FROM envelope_{shard} WHERE status IN ('confirmed', 'refused', 'lapsed') AND lease_ms < ? LIMIT ?";
    let ids: Vec<(Vec<u8>,)> = with_pool!(readers.of(shard), |pool| {
        sqlx::query_as(of_shard(SQL, shard))
            .bind(before_ms)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Forgets envelopes that have ended.
pub async fn forget(c: &mut Connection, shard: ShardId, ended: &[Vec<u8>]) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = ["DELETE FROM envelope_{shard} WHERE chain_tx_id IN (", "?", ", ", ")"];
    let mut script = Script::default();
    script.put(PARTS, shard, ended.iter().map(|id| vec![id.as_slice().into()]));
    script.carry_out(c).await
}

/// How many transactions are where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backlog {
    /// May leave, now or after a while.
    pub stored: i64,
    /// Wait for those that made their inputs.
    pub waiting: i64,
    /// In an envelope.
    pub submitted: i64,
    /// Refused by the chain: an operator should look.
    pub refused: i64,
    /// Lost too often: an operator should look.
    pub dead: i64,
}

impl Backlog {
    /// Counts so many of a status in; of what is stored, `waits` says whether it waits for others.
    pub(in crate::store) fn add(&mut self, status: &str, waits: bool, count: i64) {
        let figure = match (status, waits) {
            ("stored", false) => &mut self.stored,
            ("stored", true) => &mut self.waiting,
            ("submitted", _) => &mut self.submitted,
            ("refused", _) => &mut self.refused,
            _ => &mut self.dead,
        };
        *figure = figure.saturating_add(count);
    }

    /// Whether nothing is on its way: what still waits then waits for something refused or dead.
    pub fn is_drained(&self) -> bool {
        self.stored == 0 && self.submitted == 0
    }
}

/// The backlog of all shards; costs as much as there is in it.
pub async fn backlog(readers: &Readers) -> Result<Backlog, StoreError> {
    const SQL: &str = "SELECT status, next_attempt_ms = ? AS waits, COUNT(*) FROM ledger_tx_{shard} \
         WHERE status IN ('stored', 'submitted', 'refused', 'dead') GROUP BY status, waits";
    let mut rows: Vec<(String, i64, i64)> = Vec::new();
    for (pool, shards) in readers.each().filter(|(_, shards)| !shards.is_empty()) {
        rows.extend(with_pool!(pool, |pool| {
            let query = sqlx::query_as(of_shards(SQL, &shards));
            let query = shards.iter().fold(query, |query, _| query.bind(i64::MAX));
            query.fetch_all(pool).await
        })?);
    }
    let mut backlog = Backlog::default();
    for (status, waits, count) in rows {
        backlog.add(&status, waits != 0, count);
    }
    Ok(backlog)
}
