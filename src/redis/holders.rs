//! Who has the lease of a job, as far as is known: whoever hears that another has it need not ask the database. The lease itself is a row
//! there. What Redis says ends with the lease at the latest, so a wrong word holds a job up for as long and lets nobody run it twice.

use super::Redis;
use super::space::Space;
use crate::ledger::ids::Hash;
use deadpool_redis::redis;
use std::sync::Arc;
use std::time::Duration;

/// Says and hears who has leases.
pub struct Holders {
    redis: Redis,
    space: Arc<Space>,
    own: String,
}

impl Holders {
    /// For the instance that goes by `holder`.
    pub fn new(redis: Redis, space: Arc<Space>, holder: &[u8; 16]) -> Self {
        let mut whole = [0; 32];
        whole[..16].copy_from_slice(holder);
        let mut own = Hash::new(whole).to_string();
        own.truncate(32);
        Self { redis, space, own }
    }

    /// Whether another instance has the lease of a job, which lasts `lease` at most. What is said for longer, or for ever, is no word of
    /// ours and counts for nothing.
    pub async fn is_anothers(&self, job: &str, lease: Duration) -> bool {
        let key = self.space.name("holder", job);
        let found: Option<(Option<Vec<u8>>, i64)> = self
            .redis
            .ask(async move |mut connection| {
                let mut both = redis::pipe();
                both.get(&key).pttl(&key).query_async(&mut connection).await
            })
            .await;
        let Some((Some(holder), left_ms)) = found else {
            return false;
        };
        let left = u64::try_from(left_ms).map(Duration::from_millis);
        holder != self.own.as_bytes() && left.is_ok_and(|left| left <= lease)
    }

    /// Nobody is known to have the lease of a job.
    pub async fn forget(&self, job: &str) {
        let mut command = redis::cmd("DEL");
        command.arg(self.space.name("holder", job));
        // Unheard, it holds the others up until the word ends.
        let _told: Option<()> = self
            .redis
            .ask(async move |mut connection| command.query_async(&mut connection).await)
            .await;
    }

    /// This instance has the lease of a job for so long.
    pub async fn tell(&self, job: &str, left: Duration) {
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(0);
        if left_ms == 0 {
            return;
        }
        let mut command = redis::cmd("SET");
        command
            .arg(self.space.name("holder", job))
            .arg(&self.own)
            .arg("PX")
            .arg(left_ms);
        // Unheard, it costs the others their asking.
        let _told: Option<()> = self
            .redis
            .ask(async move |mut connection| command.query_async(&mut connection).await)
            .await;
    }
}
