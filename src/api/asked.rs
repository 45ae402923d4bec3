//! When somebody asked last. Whoever is sending a request at the moment in which the server lets go of its port, or of a connection that
//! was kept, is left without an answer; so it does that when nobody asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long nobody has asked when it is quiet: longer than a caller who has just been answered takes to ask again.
const QUIET: Duration = Duration::from_millis(100);
/// The longest that is waited for it: whoever was told that we stop has been told to come back after a second.
const LONGEST: Duration = Duration::from_secs(1);

/// When somebody asked, or was answered, last.
pub(super) struct Asked {
    since: Instant,
    last_ms: AtomicU64,
}

impl Asked {
    /// Nobody yet.
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }

    /// Somebody now.
    pub(super) fn note(&self) {
        let now_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Waits until it is quiet, or for as long as may be.
    pub(super) async fn quiet(&self) {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
            let quiet_for = self.since.elapsed().saturating_sub(last);
            match QUIET.checked_sub(quiet_for) {
                Some(left) if !left.is_zero() => sleep(left).await,
                _ => return,
            }
        }
    }
}
