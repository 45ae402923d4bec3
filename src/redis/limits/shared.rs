//! Counting with the other instances: one script in Redis, one question for however many are counted.

use super::{Counted, Mode, Redis, Space, Who};
use deadpool_redis::redis::Script;
use std::sync::Arc;
use std::time::Duration;

/// Microseconds in which as many pass as the limit says.
const SECOND: f64 = 1_000_000.0;

pub(super) struct Shared {
    redis: Redis,
    space: Arc<Space>,
    script: Arc<Script>,
}

impl Shared {
    pub(super) fn new(redis: Redis, space: Arc<Space>) -> Self {
        let script = Arc::new(Script::new(include_str!("admit.lua")));
        Self { redis, space, script }
    }

    /// How long each has to wait, nothing for those that pass; or no answer.
    pub(super) async fn waits(&self, mode: Mode, counted: &[Counted<'_>]) -> Option<Vec<Duration>> {
        if !self.redis.is_up() {
            return None;
        }
        let script = Arc::clone(&self.script);
        let keys: Vec<String> = counted.iter().map(|counted| self.key(counted.who)).collect();
        let steps: Vec<f64> = counted
            .iter()
            .map(|counted| SECOND / f64::from(counted.per_s.get()))
            .collect();
        let word = if mode == Mode::All { "all" } else { "each" };
        let waits: Vec<u64> = self
            .redis
            .ask(async move |mut connection| {
                let mut call = script.prepare_invoke();
                call.key(keys).arg(word).arg(steps);
                call.invoke_async(&mut connection).await
            })
            .await?;
        (waits.len() == counted.len()).then(|| waits.into_iter().map(Duration::from_micros).collect())
    }

    fn key(&self, who: Who<'_>) -> String {
        match who {
            Who::Client(name) => self.space.name("client", name.as_str()),
            Who::Rider(user) => self.space.rider(user),
        }
    }
}
