//! How far the journals have been published. A cursor only moves forward, and only over what a broker has confirmed: whoever publishes
//! beside another, or again after a kill, publishes twice and leaves nothing out.

use super::db::{Connection, Location, Pool, StoreError, with, with_pool};
use crate::ledger::ids::ShardId;

/// How far a shard's journal goes, and how far it has been published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The shard.
    pub shard: ShardId,
    /// Seq of its last entry.
    pub head: i64,
    /// Seq of the last entry that was published; 0 for none.
    pub published: i64,
}

impl Progress {
    /// Entries that were not published yet.
    pub const fn behind(&self) -> i64 {
        self.head.saturating_sub(self.published)
    }
}

/// The progress of every shard that is at home in a database.
pub async fn progress(database: &Pool) -> Result<Vec<Progress>, StoreError> {
    const SQL: &str = "SELECT h.shard, h.seq, COALESCE(c.seq, 0) FROM shard_head h LEFT JOIN event_cursor c ON c.shard = h.shard \
         ORDER BY h.shard";
    let rows: Vec<(i64, i64, i64)> = with_pool!(database, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?;
    let progress = |(shard, head, published): (i64, i64, i64)| {
        let number = u8::try_from(shard).ok().and_then(ShardId::new);
        let shard = number.ok_or_else(|| StoreError::row("shard_head", "shard", "no shard has this number"))?;
        Ok(Progress { shard, head, published })
    };
    rows.into_iter().map(progress).collect()
}

/// Moves the cursors of shards that are at home in a database, in one commit; none moves back.
pub async fn advance(database: &Location, published: &[(ShardId, i64)]) -> Result<(), StoreError> {
    let mut connection = database.connect().await?;
    connection.begin().await?;
    for (shard, seq) in published {
        move_one(&mut connection, *shard, *seq).await?;
    }
    connection.execute("COMMIT").await?;
    connection.close().await
}

async fn move_one(c: &mut Connection, shard: ShardId, seq: i64) -> Result<(), StoreError> {
    const FORWARD: &str = "UPDATE event_cursor SET seq = ? WHERE shard = ? AND seq < ?";
    const THERE: &str = "SELECT seq FROM event_cursor WHERE shard = ?";
    const FIRST: &str = "INSERT INTO event_cursor (shard, seq) VALUES (?, ?)";
    let number = i64::from(shard.index());
    let moved = with!(&mut *c, |c| {
        sqlx::query(FORWARD)
            .bind(seq)
            .bind(number)
            .bind(seq)
            .execute(&mut *c)
            .await
            .map(|done| done.rows_affected())
    })?;
    let there: Option<(i64,)> = match moved {
        0 => with!(&mut *c, |c| sqlx::query_as(THERE)
            .bind(number)
            .fetch_optional(&mut *c)
            .await)?,
        _ => return Ok(()),
    };
    if there.is_some() {
        return Ok(());
    }
    with!(c, |c| sqlx::query(FIRST)
        .bind(number)
        .bind(seq)
        .execute(&mut *c)
        .await
        .map(|_| ()))
    .map_err(Into::into)
}
