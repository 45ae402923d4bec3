//! The one source of the time of day. Rooms that need an instant are given a [`Clock`] or a plain number; nobody else asks
//! the operating system, so that a test decides what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where "now" comes from: a closed choice, cheap to clone, so that every component owns its copy.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The clock of the machine.
    #[default]
    System,
    /// A clock that stands still until its [`ManualClock`] moves it; holds Unix milliseconds.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds. It may step back when the machine's clock is set; who
    /// needs time that never goes back (booked time) takes the greater of this and the last instant it recorded.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => system_ms(),
            Self::Manual(now_ms) => now_ms.load(Ordering::SeqCst),
        }
    }
}

/// The hand that moves a [`Clock::Manual`]; every clock made from it shows the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now_ms: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at `now_ms`, in Unix milliseconds.
    pub fn new(now_ms: i64) -> Self {
        Self {
            now_ms: Arc::new(AtomicI64::new(now_ms)),
        }
    }

    /// A clock to hand to a component; it follows every later [`set`](Self::set) and [`advance`](Self::advance).
    pub fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.now_ms))
    }

    /// Puts the time to `now_ms` (Unix milliseconds), backwards too: machines do that, and the ledger must bear it.
    pub fn set(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::SeqCst);
    }

    /// Moves the time ahead by `step`, in whole milliseconds.
    pub fn advance(&self, step: Duration) {
        self.now_ms.fetch_add(whole_ms(step), Ordering::SeqCst);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the machine for the time of day"
)]
fn system_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => whole_ms(since),
        Err(before) => -whole_ms(before.duration()),
    }
}

/// Beyond the year 292 million the figure stays at the end of its range instead of wrapping round.
fn whole_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_clock_is_later_than_this_program() {
        assert!(Clock::System.now_ms() > 1_700_000_000_000);
    }

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let hand = ManualClock::new(1_000);
        let clock = hand.clock();
        assert_eq!(clock.now_ms(), 1_000);
        hand.advance(Duration::from_millis(250));
        assert_eq!(clock.clone().now_ms(), 1_250);
        hand.set(-5);
        assert_eq!(clock.now_ms(), -5);
    }

    #[test]
    fn a_step_too_large_for_the_clock_is_capped() {
        assert_eq!(whole_ms(Duration::MAX), i64::MAX);
    }
}
