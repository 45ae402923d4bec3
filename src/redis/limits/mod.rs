//! How often a client may ask and a rider order: so many in a second, and as many at once. With Redis all instances count together; without
//! it, or while it is away, each counts by itself, and several let several times as much through. Nothing else depends on these figures.

mod local;
mod shared;

use super::Redis;
use super::space::Space;
use crate::config::LimitsConfig;
use crate::ledger::ids::{Name, UserId};
use governor::clock::MonotonicClock;
use local::Local;
use shared::Shared;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// The limits of a deployment.
pub struct Limits {
    client: Option<NonZeroU32>,
    rider: Option<NonZeroU32>,
    local: Local<MonotonicClock>,
    shared: Option<Shared>,
}

/// Whose limit it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Requests of a client.
    Client,
    /// Orders of a rider.
    Rider,
}

/// Not now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Whose limit was reached.
    pub scope: Scope,
    /// What passes in a second.
    pub per_s: NonZeroU32,
    /// How long until it would pass, if nothing else comes.
    pub wait: Duration,
}

/// What is counted, and how many of it pass in a second.
#[derive(Clone, Copy)]
struct Counted<'a> {
    who: Who<'a>,
    per_s: NonZeroU32,
}

#[derive(Clone, Copy)]
enum Who<'a> {
    Client(&'a Name),
    Rider(UserId),
}

/// What becomes of the others where one does not pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// None is counted.
    All,
    /// Each is judged by itself.
    Each,
}

impl Scope {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Client, Self::Rider];

    /// Word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Rider => "rider",
        }
    }
}

impl Limits {
    /// What the settings say, counted with the other instances if there is a Redis.
    pub fn new(config: LimitsConfig, redis: Option<(Redis, Arc<Space>)>) -> Self {
        for scope in Scope::ALL {
            metrics::counter!("carbon_limits_refused_total", "scope" => scope.as_str()).increment(0);
        }
        metrics::counter!("carbon_limits_local_total").increment(0);
        let client = NonZeroU32::new(config.client_per_s.get());
        let rider = NonZeroU32::new(config.user_per_s.get());
        Self {
            client,
            rider,
            local: Local::new(&MonotonicClock, client, rider),
            shared: redis.map(|(redis, space)| Shared::new(redis, space)),
        }
    }

    /// Whether anything is limited.
    pub fn is_any(&self) -> bool {
        self.client.is_some() || self.rider.is_some()
    }

    /// Counts a request of a client, which may be an order of a rider. With Redis one that is refused counts for neither; without it, one
    /// that is refused for its rider has counted for its client.
    pub async fn admit(&self, client: &Name, rider: Option<UserId>) -> Result<(), Refused> {
        let of_client = self.client.map(|per_s| Counted {
            who: Who::Client(client),
            per_s,
        });
        let of_rider = rider.and_then(|rider| self.of_rider(rider));
        let both: Vec<Counted<'_>> = of_client.into_iter().chain(of_rider).collect();
        let refused = self.count(Mode::All, &both).await;
        // Whoever waits for the longer of the two has waited for both.
        let longest = refused.into_iter().flatten().max_by_key(|refused| refused.wait);
        longest.map_or(Ok(()), Err)
    }

    /// Counts orders of riders, each by itself; answers those that are refused in their places. Behind one that was, its rider's others
    /// are too: they are counted in their order.
    pub async fn admit_each(&self, riders: &[Option<UserId>]) -> Vec<Option<Refused>> {
        let mut answers = vec![None; riders.len()];
        let counted = riders.iter().zip(&mut answers);
        let counted = counted.filter_map(|(rider, answer)| Some((self.of_rider((*rider)?)?, answer)));
        let (counted, places): (Vec<_>, Vec<_>) = counted.unzip();
        for (refused, place) in self.count(Mode::Each, &counted).await.into_iter().zip(places) {
            *place = refused;
        }
        answers
    }

    /// Forgets who has not come for a while.
    pub fn forget(&self) {
        self.local.forget();
    }

    fn of_rider(&self, rider: UserId) -> Option<Counted<'static>> {
        let who = Who::Rider(rider);
        self.rider.map(|per_s| Counted { who, per_s })
    }

    async fn count(&self, mode: Mode, counted: &[Counted<'_>]) -> Vec<Option<Refused>> {
        if counted.is_empty() {
            return Vec::new();
        }
        let mut shared = None;
        if let Some(redis) = &self.shared {
            shared = redis.waits(mode, counted).await;
            metrics::counter!("carbon_limits_local_total").increment(u64::from(shared.is_none()));
        }
        let waits = shared.unwrap_or_else(|| self.local.waits(mode, counted));
        let judged = counted.iter().zip(waits);
        judged.map(|(counted, wait)| counted.refused(wait)).collect()
    }
}

impl Counted<'_> {
    fn refused(&self, wait: Duration) -> Option<Refused> {
        let scope = match self.who {
            Who::Client(_) => Scope::Client,
            Who::Rider(_) => Scope::Rider,
        };
        if wait.is_zero() {
            return None;
        }
        metrics::counter!("carbon_limits_refused_total", "scope" => scope.as_str()).increment(1);
        let per_s = self.per_s;
        Some(Refused { scope, per_s, wait })
    }
}
