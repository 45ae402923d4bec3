//! Leases of jobs: one instance runs a job at a time. A lease ends by itself; one that lies further ahead than any is given is void, for the
//! clock of whoever took it was wrong.

use super::db::{Connection, Location, Pool, StoreError, with, with_pool};
use std::time::Duration;

/// How long a lease lasts that nobody takes again, where nothing else is said.
const LEASE: Duration = Duration::from_mins(2);

/// Takes leases for one instance.
#[derive(Clone, Debug)]
pub struct Leases {
    location: Location,
    holder: [u8; 16],
    lease: Duration,
}

impl Leases {
    /// In the main database, for the instance that goes by `holder`, 16 bytes by chance.
    pub const fn new(location: Location, holder: [u8; 16]) -> Self {
        Self {
            location,
            holder,
            lease: LEASE,
        }
    }

    /// The same with leases that last as long as this; all who take those of a job say the same.
    #[must_use]
    pub const fn lasting(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long a lease lasts.
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// Whether this instance may run a job now; it keeps the lease until it ends, or by asking again.
    pub async fn take(&self, job: &'static str, now_ms: i64) -> Result<bool, StoreError> {
        let mut connection = self.location.connect().await?;
        let taken = self.take_on(&mut connection, job, now_ms).await;
        connection.close().await?;
        taken
    }

    /// Whether another instance may run a job now; `main` is the main database.
    pub async fn is_anothers(&self, main: &Pool, job: &'static str, now_ms: i64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM job WHERE name = ? AND holder <> ? AND until_ms > ? AND until_ms <= ?";
        let (leases,): (i64,) = with_pool!(main, |pool| {
            sqlx::query_as(SQL)
                .bind(job)
                .bind(self.holder.as_slice())
                .bind(now_ms)
                .bind(self.ends_ms(now_ms))
                .fetch_one(pool)
                .await
        })?;
        Ok(leases > 0)
    }

    /// Gives a lease back, so that another instance need not wait for its end. One that is not this instance's stays.
    pub async fn give_back(&self, job: &'static str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE job SET until_ms = 0 WHERE name = ? AND holder = ?";
        let mut connection = self.location.connect().await?;
        with!(&mut connection, |c| {
            sqlx::query(SQL)
                .bind(job)
                .bind(self.holder.as_slice())
                .execute(&mut *c)
                .await
                .map(|_| ())
        })?;
        connection.close().await
    }

    /// When a lease ends that is taken now.
    fn ends_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX))
    }

    async fn take_on(&self, c: &mut Connection, job: &'static str, now_ms: i64) -> Result<bool, StoreError> {
        const AGAIN: &str =
            "UPDATE job SET holder = ?, until_ms = ? WHERE name = ? AND (holder = ? OR until_ms <= ? OR until_ms > ?)";
        const FIRST: &str = "INSERT INTO job (name, holder, until_ms) VALUES (?, ?, ?)";
        let until_ms = self.ends_ms(now_ms);
        let moved = with!(&mut *c, |c| {
            sqlx::query(AGAIN)
                .bind(self.holder.as_slice())
                .bind(until_ms)
                .bind(job)
                .bind(self.holder.as_slice())
                .bind(now_ms)
                .bind(until_ms)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected())
        })?;
        if moved > 0 {
            return Ok(true);
        }
        let made = with!(c, |c| {
            sqlx::query(FIRST)
                .bind(job)
                .bind(self.holder.as_slice())
                .bind(until_ms)
                .execute(&mut *c)
                .await
                .map(|_| ())
        });
        match made.map_err(StoreError::from) {
            Ok(()) => Ok(true),
            // There is a row: somebody else's.
            Err(StoreError::Data(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
