//! A look at a Redis for whoever asks what is wrong: nothing is written there.

use super::{AddressError, NoAnswer, Redis};
use crate::config::RedisConfig;
use deadpool_redis::redis::cmd;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a Redis says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Its version.
    pub version: String,
    /// Bytes that it may use; none is no bound.
    pub most_bytes: Option<u64>,
    /// What it lets go of when it is full.
    pub lets_go: String,
    /// How long it took to answer.
    pub took: Duration,
}

/// Why it cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It does not answer, or not us.
    #[error(transparent)]
    Away(#[from] NoAnswer),
}

/// Asks the Redis that the settings name, in the time that they give it.
pub async fn look(config: &RedisConfig, url: &str) -> Result<Seen, Unseen> {
    let redis = Redis::new(url, config.timeout_ms.milliseconds()).map_err(AddressError)?;
    let mut connection = Box::pin(redis.sound()).await?;
    let begun = Instant::now();
    let told: String = redis.in_time(cmd("INFO").query_async(&mut connection)).await?;
    Ok(read(&told, begun.elapsed()))
}

fn read(told: &str, took: Duration) -> Seen {
    let lines = told.lines().filter_map(|line| line.trim().split_once(':'));
    let of: BTreeMap<&str, &str> = lines.collect();
    let text = |name: &str| of.get(name).copied().unwrap_or_default().to_owned();
    Seen {
        version: text("redis_version"),
        most_bytes: text("maxmemory").parse().ok().filter(|bytes| *bytes > 0),
        lets_go: text("maxmemory_policy"),
        took,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_redis_says_is_read() {
        let told = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n";
        let seen = read(told, Duration::ZERO);
        assert_eq!((seen.version.as_str(), seen.most_bytes), ("7.0.15", None));
        let seen = read(&told.replace("maxmemory:0", "maxmemory:1024"), Duration::ZERO);
        assert_eq!((seen.most_bytes, seen.lets_go.as_str()), (Some(1024), "noeviction"));
    }
}
