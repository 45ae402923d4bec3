//! What this instance shares with the others by Redis, where the settings name one.

use super::AppError;
use super::dispatching::{self, Outgoing, Standing};
use crate::chain::ChainClient;
use crate::config::{LimitsConfig, RedisConfig};
use crate::dispatch::Sweeper;
use crate::jobs::Turns;
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::Hash;
use crate::lifecycle::Lifecycle;
use crate::redis::Redis;
use crate::redis::booked::Booked;
use crate::redis::holders::Holders;
use crate::redis::limits::Limits;
use crate::redis::space::Space;
use crate::store::db::Location;
use crate::store::hints::{Hinted, Hints};
use crate::store::leases::Leases;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// How often who has not come for a while is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// What riders are hidden by is derived from the source secret under this name.
const RIDERS: &[u8] = b"carbon/redis-riders/1";

/// The way to Redis, or none, and the names of this deployment there.
pub struct Sharing {
    redis: Option<Redis>,
    space: Arc<Space>,
}

impl Sharing {
    /// Goes to the Redis that the settings name, if they name one.
    pub async fn start(
        config: &RedisConfig,
        (deployment, secret): (&[u8; 16], &SourceSecret),
        lifecycle: &Lifecycle,
    ) -> Result<Self, AppError> {
        let riders = secret.source_key(&Hash::new(Sha256::digest(RIDERS).into()));
        Ok(Self {
            redis: Redis::start(config, lifecycle).await?,
            space: Arc::new(Space::new(deployment, &riders)),
        })
    }

    /// Redis.
    pub fn redis(&self) -> Option<Redis> {
        self.redis.clone()
    }

    /// How often callers may ask.
    pub fn limits(&self, config: LimitsConfig, lifecycle: &Lifecycle) -> Arc<Limits> {
        let redis = self.redis().map(|redis| (redis, Arc::clone(&self.space)));
        let limits = Arc::new(Limits::new(config, redis));
        if limits.is_any() {
            let (limits, soft) = (Arc::clone(&limits), lifecycle.soft());
            lifecycle.spawn("limits", async move {
                while soft.run_until_cancelled(tokio::time::sleep(FORGOTTEN)).await.is_some() {
                    limits.forget();
                }
            });
        }
        limits
    }

    /// Turns at jobs that are run `every` so often, by leases in the main database. They last twice as long: an instance that runs a job
    /// late once still has its turn.
    pub fn turns(&self, main: &Location, every: Duration) -> Turns {
        let holder = rand::random();
        let holders = self
            .redis()
            .map(|redis| Holders::new(redis, Arc::clone(&self.space), &holder));
        let leases = Leases::new(main.clone(), holder).lasting(every.saturating_mul(2));
        Turns::new(leases, holders)
    }

    /// Starts dispatch where the chain is; elsewhere, tells the instance that has it what is booked here.
    pub fn dispatch(
        &self,
        outgoing: Outgoing,
        on: &Standing<'_>,
        lifecycle: &Lifecycle,
    ) -> Result<Option<Sweeper>, AppError> {
        if let ChainClient::Elsewhere(_) = &outgoing.chain {
            self.tell(outgoing.hinted, lifecycle);
            return Ok(None);
        }
        self.hear(outgoing.hints.clone(), lifecycle);
        dispatching::start(outgoing, on, lifecycle).map(Some)
    }

    /// Tells the instance with the chain what is booked here; without Redis its sweeps find it.
    fn tell(&self, mut hinted: Hinted, lifecycle: &Lifecycle) {
        let Some(redis) = self.redis() else { return };
        let booked = Booked::new(redis, &self.space);
        // It ends with the last writer.
        lifecycle.spawn("booked", async move {
            while let Some(shard) = hinted.next().await {
                booked.tell(shard).await;
            }
        });
    }

    /// Gives dispatch the hints of those that book elsewhere.
    fn hear(&self, hints: Hints, lifecycle: &Lifecycle) {
        let Some(redis) = self.redis() else { return };
        let (booked, soft) = (Booked::new(redis, &self.space), lifecycle.soft());
        lifecycle.spawn("booked", async move {
            booked.hear(|shard| hints.give(shard), &soft).await;
        });
    }
}
