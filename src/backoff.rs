//! How long to wait before something is sent again: longer each time, up to a bound, and by a random share of it, so that
//! many who were turned away together do not come back together.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(5);
/// Doublings after which the bound is reached in any case.
const MOST_DOUBLINGS: u32 = 16;

/// Counts failures in a row and says how long to wait.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    waited: Duration,
}

impl Backoff {
    /// The wait after one more failure; `share` is random in 0 … 1 and what the other side asks for is the least.
    pub fn next(&mut self, share: f64, at_least: Option<Duration>) -> Duration {
        let bound = FIRST
            .saturating_mul(1 << self.failures.min(MOST_DOUBLINGS))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let asked = at_least.unwrap_or_default().min(LONGEST);
        let wait = bound.mul_f64(share.clamp(0.0, 1.0)).max(asked);
        self.waited = self.waited.saturating_add(wait);
        wait
    }

    /// Something was taken.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// How long was waited since something was taken.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..12).map(|_| backoff.next(1.0, None).as_millis()).collect();
        assert_eq!(
            waits,
            [20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_000, 5_000, 5_000, 5_000]
        );
        assert_eq!(backoff.waited().as_millis(), 25_100);
        backoff.reset();
        assert_eq!(backoff.next(0.5, None).as_millis(), 10);
        assert_eq!(backoff.next(0.0, Some(Duration::from_secs(1))).as_millis(), 1_000);
        assert_eq!(backoff.next(0.0, Some(Duration::from_mins(1))).as_millis(), 5_000);
    }
}
