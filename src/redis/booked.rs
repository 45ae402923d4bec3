//! Hints between instances that a shard has something for the chain: given by those without a chain, heard by the one that has it. One that
//! is lost waits for the next sweep, as without Redis.

use super::space::Space;
use super::{NoAnswer, Redis};
use crate::backoff::Backoff;
use crate::ledger::ids::ShardId;
use deadpool_redis::redis::{self, RedisError};
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

/// How often a subscription on which nothing is heard is tested.
const TESTED: Duration = Duration::from_secs(10);

/// Tells and hears hints.
#[derive(Clone)]
pub struct Booked {
    redis: Redis,
    channel: String,
}

impl Booked {
    /// Those of a deployment.
    pub fn new(redis: Redis, space: &Space) -> Self {
        for fate in ["told", "lost", "heard"] {
            count(fate, 0);
        }
        let channel = space.channel("booked");
        Self { redis, channel }
    }

    /// Tells whoever listens that something of a shard may leave.
    pub async fn tell(&self, shard: ShardId) {
        let mut command = redis::cmd("PUBLISH");
        command.arg(&self.channel).arg(shard.index());
        let listeners: Option<u64> = self
            .redis
            .ask(async move |mut connection| command.query_async(&mut connection).await)
            .await;
        count(if listeners > Some(0) { "told" } else { "lost" }, 1);
    }

    /// Hands on what is heard until the stop, over however many connections it takes.
    pub async fn hear(&self, give: impl Fn(ShardId), stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let Some(heard) = stop.run_until_cancelled(self.listen(&give, &mut backoff)).await else {
                return;
            };
            if let Err(error) = heard {
                // Whoever keeps the other connection tells of the outage.
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "hints of others are not heard"
                );
            }
            let wait = backoff.next(rand::random(), None);
            if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Listens over one connection, to its end.
    async fn listen(&self, give: &impl Fn(ShardId), backoff: &mut Backoff) -> Result<(), NoAnswer> {
        let redis = &self.redis;
        let mut subscription = redis.in_time(redis.0.client.get_async_pubsub()).await?;
        redis.in_time(subscription.subscribe(&self.channel)).await?;
        backoff.reset();
        let (mut sink, mut messages) = subscription.split();
        let mut tests = interval(TESTED);
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Ok(()) };
                    let index = message.get_payload::<u8>().ok();
                    if let Some(shard) = index.and_then(ShardId::new) {
                        count("heard", 1);
                        give(shard);
                    }
                }
                // A connection that was cut off in silence would stay silent.
                _ = tests.tick() => redis.in_time::<(), RedisError>(sink.ping()).await?,
            }
        }
    }
}

fn count(fate: &'static str, hints: u64) {
    metrics::counter!("carbon_booked_hints_total", "fate" => fate).increment(hints);
}
