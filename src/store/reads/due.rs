//! Riders of whom something is due: what the job walks through.

use crate::ledger::ids::{ShardId, UserId};
use crate::store::db::{Readers, StoreError, with_pool};
use crate::store::statement::of_shard;

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// A claim lapses or a credit expires.
    Lapses,
    /// A claim opens that the gateway collects by itself.
    Collects,
}

/// A place in the walk: the instant and the rider that were last.
pub type Place = (i64, i64);

/// Riders of a shard of whom something is due by an instant, behind a place, the longest due first.
pub async fn users_due(
    readers: &Readers,
    shard: ShardId,
    why: Why,
    (by_ms, after): (i64, Place),
    limit: i64,
) -> Result<Vec<(UserId, Place)>, StoreError> {
    const LAPSES: &str = "SELECT lapses_ms, user_id FROM account_{shard} WHERE lapses_ms >= ? AND lapses_ms <= ? \
         AND (lapses_ms > ? OR user_id > ?) ORDER BY lapses_ms, user_id LIMIT ?";
    const COLLECTS: &str = "SELECT collects_ms, user_id FROM account_{shard} WHERE collects_ms >= ? AND collects_ms <= ? \
         AND (collects_ms > ? OR user_id > ?) ORDER BY collects_ms, user_id LIMIT ?";
    let sql = match why {
        Why::Lapses => LAPSES,
        Why::Collects => COLLECTS,
    };
    let rows: Vec<Place> = with_pool!(readers.of(shard), |pool| {
        sqlx::query_as(of_shard(sql, shard))
            .bind(after.0)
            .bind(by_ms)
            .bind(after.0)
            .bind(after.1)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    Ok(rows
        .into_iter()
        .map(|place| (UserId::from_stored(place.1), place))
        .collect())
}
