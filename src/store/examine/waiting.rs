//! What has not arrived at the chain, and since when.

use crate::ledger::ids::ShardId;
use crate::store::db::{Connection, StoreError, with};
use crate::store::reads::dispatch::Backlog;
use crate::store::statement::of_shard;

/// The last transactions of a shard among which one that is confirmed is looked for.
const LOOKED_AT: i64 = 200;

/// The backlog of some shards, and when the oldest of what is on its way was booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// How many transactions are where.
    pub backlog: Backlog,
    /// Booked time of the oldest that may leave or has left; Unix milliseconds.
    pub oldest_ms: Option<i64>,
}

impl Waiting {
    /// What waits here and there.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (one, more) = (self.backlog, other.backlog);
        Self {
            backlog: Backlog {
                stored: one.stored.saturating_add(more.stored),
                waiting: one.waiting.saturating_add(more.waiting),
                submitted: one.submitted.saturating_add(more.submitted),
                refused: one.refused.saturating_add(more.refused),
                dead: one.dead.saturating_add(more.dead),
            },
            oldest_ms: [self.oldest_ms, other.oldest_ms].into_iter().flatten().min(),
        }
    }
}

/// What waits in these shards, all at home in this database; costs as much as waits.
pub async fn waiting(c: &mut Connection, shards: &[ShardId]) -> Result<Waiting, StoreError> {
    const SQL: &str = "SELECT status, next_attempt_ms = ? AS waits, COUNT(*), MIN(seq) FROM ledger_tx_{shard} \
         WHERE status IN ('stored', 'submitted', 'refused', 'dead') GROUP BY status, waits";
    let mut waiting = Waiting::default();
    for shard in shards {
        let rows: Vec<(String, i64, i64, i64)> = with!(&mut *c, |c| sqlx::query_as(of_shard(SQL, *shard))
            .bind(i64::MAX)
            .fetch_all(&mut *c)
            .await)?;
        for (status, waits, count, first) in rows {
            waiting.backlog.add(&status, waits != 0, count);
            // What waits for a parent leaves when that has arrived, and what is refused leaves by an order.
            let leaves = matches!((status.as_str(), waits), ("stored", 0) | ("submitted", _));
            if leaves {
                let booked_ms = booked_ms(c, *shard, first).await?;
                waiting.oldest_ms = [waiting.oldest_ms, booked_ms].into_iter().flatten().min();
            }
        }
    }
    Ok(waiting)
}

/// When an entry was booked.
async fn booked_ms(c: &mut Connection, shard: ShardId, seq: i64) -> Result<Option<i64>, StoreError> {
    const SQL: &str = "SELECT at_ms FROM journal WHERE shard = ? AND seq_from <= ? ORDER BY seq_from DESC LIMIT 1";
    let row: Option<(i64,)> = with!(c, |c| sqlx::query_as(SQL)
        .bind(i64::from(shard.index()))
        .bind(seq)
        .fetch_optional(&mut *c)
        .await)?;
    Ok(row.map(|(at_ms,)| at_ms))
}

/// The highest block in which one of a shard's last transactions stands.
pub async fn newest_confirmed_height(c: &mut Connection, shard: ShardId) -> Result<Option<i64>, StoreError> {
    const SQL: &str =
        "SELECT MAX(height) FROM (SELECT height FROM ledger_tx_{shard} ORDER BY seq DESC LIMIT ?) AS part";
    let (height,): (Option<i64>,) = with!(c, |c| sqlx::query_as(of_shard(SQL, shard))
        .bind(LOOKED_AT)
        .fetch_one(&mut *c)
        .await)?;
    Ok(height)
}
