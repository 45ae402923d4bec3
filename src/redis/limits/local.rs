//! Counting in this process alone. What is remembered is bounded by who comes within a few seconds, since whoever has no debts is forgotten.

use super::{Counted, Mode, Who};
use crate::ledger::ids::{Name, UserId};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::collections::BTreeSet;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

type Keyed<K, C> = RateLimiter<K, DefaultKeyedStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

pub(super) struct Local<C: Clock> {
    clients: Option<Keyed<Name, C>>,
    riders: Option<Keyed<UserId, C>>,
}

impl<C: Clock + Clone> Local<C> {
    pub(super) fn new(clock: &C, client: Option<NonZeroU32>, rider: Option<NonZeroU32>) -> Self {
        Self {
            clients: client.map(|per_s| keyed(clock, per_s)),
            riders: rider.map(|per_s| keyed(clock, per_s)),
        }
    }

    /// How long each has to wait, nothing for those that pass.
    pub(super) fn waits(&self, mode: Mode, counted: &[Counted<'_>]) -> Vec<Duration> {
        let mut refused = BTreeSet::new();
        let mut waits = Vec::with_capacity(counted.len());
        for counted in counted {
            let wait = match counted.who {
                Who::Client(client) => self.clients.as_ref().and_then(|clients| wait(clients, client)),
                // The clock goes on meanwhile, and the second must not pass where the first did not.
                Who::Rider(rider) if refused.contains(&rider) => Some(step(counted.per_s)),
                Who::Rider(rider) => {
                    let wait = self.riders.as_ref().and_then(|riders| wait(riders, &rider));
                    if wait.is_some() {
                        refused.insert(rider);
                    }
                    wait
                }
            };
            waits.push(wait.unwrap_or_default());
            if wait.is_some() && mode == Mode::All {
                break;
            }
        }
        waits
    }

    pub(super) fn forget(&self) {
        if let Some(clients) = &self.clients {
            clients.retain_recent();
        }
        if let Some(riders) = &self.riders {
            riders.retain_recent();
        }
    }
}

fn keyed<K: Hash + Eq + Clone, C: Clock + Clone>(clock: &C, per_s: NonZeroU32) -> Keyed<K, C> {
    RateLimiter::new(
        Quota::per_second(per_s),
        DefaultKeyedStateStore::default(),
        clock.clone(),
    )
}

/// How long somebody has to wait, at least a nanosecond; none for those who pass.
fn wait<K: Hash + Eq + Clone, C: Clock>(limiter: &Keyed<K, C>, key: &K) -> Option<Duration> {
    let refused = limiter.check_key(key).err()?;
    let wait = refused.wait_time_from(limiter.clock().now());
    Some(wait.max(Duration::from_nanos(1)))
}

fn step(per_s: NonZeroU32) -> Duration {
    Duration::from_secs(1) / per_s.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    fn rider(id: i64, per_s: u32) -> Counted<'static> {
        Counted {
            who: Who::Rider(UserId::new(id).unwrap()),
            per_s: NonZeroU32::new(per_s).unwrap(),
        }
    }

    #[test]
    fn a_second_s_worth_passes_at_once_and_then_one_by_one() {
        let clock = FakeRelativeClock::default();
        let local = Local::new(&clock, None, NonZeroU32::new(4));
        let pass = |id| local.waits(Mode::All, &[rider(id, 4)])[0];
        for _ in 0..4 {
            assert!(pass(1).is_zero());
        }
        assert_eq!(pass(1), Duration::from_millis(250));
        assert!(pass(2).is_zero(), "another rider has a limit of his own");
        clock.advance(Duration::from_millis(249));
        assert_eq!(pass(1), Duration::from_millis(1));
        clock.advance(Duration::from_millis(1));
        assert!(pass(1).is_zero() && !pass(1).is_zero());
    }

    #[test]
    fn behind_one_that_is_refused_its_rider_s_others_are_too() {
        let clock = FakeRelativeClock::default();
        let local = Local::new(&clock, None, NonZeroU32::new(2));
        let batch = [1, 2, 1, 1, 1, 2, 2].map(|id| rider(id, 2));
        let passes: Vec<bool> = local.waits(Mode::Each, &batch).iter().map(Duration::is_zero).collect();
        assert_eq!(passes, [true, true, true, false, false, true, false]);
    }

    #[test]
    fn who_has_no_debts_is_forgotten() {
        let clock = FakeRelativeClock::default();
        let local = Local::new(&clock, None, NonZeroU32::new(2));
        for id in 0..1_000 {
            local.waits(Mode::All, &[rider(id, 2)]);
        }
        local.forget();
        assert_eq!(local.riders.as_ref().unwrap().len(), 1_000);
        clock.advance(Duration::from_secs(2));
        local.forget();
        assert!(local.riders.as_ref().unwrap().is_empty());
    }
}
