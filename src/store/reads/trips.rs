//! Trips and claims of one user.

use crate::ledger::ids::{Hash, UserId};
use crate::ledger::view::StoredTrip;
use crate::methodology::units::Day;
use crate::store::db::{Readers, StoreError, with_pool};
use crate::store::load::{StoredRow, stored_of};
use crate::store::statement::of_shard;

/// A trip by its identity, which the source key says as well as the trip key.
pub async fn trip(readers: &Readers, user: UserId, source_key: &Hash) -> Result<Option<StoredTrip>, StoreError> {
    const SQL: &str = "SELECT seq, record, evidence, issued_by FROM trip_{shard} WHERE user_id = ? AND source_key = ?";
    let row: Option<StoredRow> = with_pool!(readers.of(user.shard()), |pool| {
        sqlx::query_as(of_shard(SQL, user.shard()))
            .bind(user.value())
            .bind(source_key.as_bytes().as_slice())
            .fetch_optional(pool)
            .await
    })?;
    row.map(stored_of).transpose()
}

/// Trips of a user before a place in the list, latest activity day first, then latest booked.
pub async fn trips_before(
    readers: &Readers,
    user: UserId,
    before: Option<(Day, i64)>,
    limit: i64,
) -> Result<Vec<StoredTrip>, StoreError> {
    const SQL: &str = "SELECT seq, record, evidence, issued_by FROM trip_{shard} WHERE user_id = ? AND activity_day <= ? \
         AND (activity_day < ? OR seq < ?) ORDER BY activity_day DESC, seq DESC LIMIT ?";
    let (day, seq) = before.map_or((i64::MAX, i64::MAX), |(day, seq)| (i64::from(day.epoch_days()), seq));
    let rows: Vec<StoredRow> = with_pool!(readers.of(user.shard()), |pool| {
        sqlx::query_as(of_shard(SQL, user.shard()))
            .bind(user.value())
            .bind(day)
            .bind(day)
            .bind(seq)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    rows.into_iter().map(stored_of).collect()
}

/// Waiting claims of a user behind a seq, in booked order.
pub async fn claims_after(
    readers: &Readers,
    user: UserId,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredTrip>, StoreError> {
    const SQL: &str = "SELECT t.seq, t.record, t.evidence, t.issued_by FROM claim_{shard} c JOIN trip_{shard} t ON t.seq = c.seq \
         WHERE c.user_id = ? AND c.seq > ? ORDER BY c.seq LIMIT ?";
    let rows: Vec<StoredRow> = with_pool!(readers.of(user.shard()), |pool| {
        sqlx::query_as(of_shard(SQL, user.shard()))
            .bind(user.value())
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await
    })?;
    rows.into_iter().map(stored_of).collect()
}
