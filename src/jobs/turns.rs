//! Whose turn it is to run a job. The lease in the database says so; where there is a Redis, whoever hears from it that another instance
//! has the lease need not ask.

use crate::redis::holders::Holders;
use crate::store::db::StoreError;
use crate::store::leases::Leases;
use std::time::{Duration, Instant};

/// Taken off what is said of a lease: clocks do not run alike.
const MARGIN: Duration = Duration::from_secs(1);

/// Takes turns with other instances.
pub struct Turns {
    leases: Leases,
    holders: Option<Holders>,
}

impl Turns {
    /// By leases; `holders` spares the asking.
    pub const fn new(leases: Leases, holders: Option<Holders>) -> Self {
        Self { leases, holders }
    }

    /// Whether this instance may run a job now.
    pub async fn take(&self, job: &'static str, now_ms: i64) -> Result<bool, StoreError> {
        if let Some(holders) = &self.holders
            && holders.is_anothers(job, self.leases.lease()).await
        {
            return Ok(false);
        }
        // A lease begins at `now_ms`, however long the database takes.
        let asked = Instant::now();
        let taken = self.leases.take(job, now_ms).await?;
        if let Some(holders) = self.holders.as_ref().filter(|_| taken) {
            let passed = asked.elapsed().saturating_add(MARGIN);
            holders.tell(job, self.leases.lease().saturating_sub(passed)).await;
        }
        Ok(taken)
    }

    /// Leaves a job that this instance had to the others.
    pub async fn give_back(&self, job: &'static str) -> Result<(), StoreError> {
        self.leases.give_back(job).await?;
        if let Some(holders) = &self.holders {
            holders.forget(job).await;
        }
        Ok(())
    }
}
