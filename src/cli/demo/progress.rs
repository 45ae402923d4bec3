//! How far the morning is: a bar for a person who watches; a log is spared it.

use crate::lifecycle::Lifecycle;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);
const BAR: &str = "{bar:20} {percent:>3} %  {msg}";

/// Counts while the morning is played.
#[derive(Default)]
pub(super) struct Meter {
    requests: AtomicU64,
    trips: AtomicU64,
    collections: AtomicU64,
    redemptions: AtomicU64,
    confirmed: AtomicU64,
}

impl Meter {
    /// A request was answered.
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A trip was booked.
    pub(super) fn trip(&self) {
        self.trips.fetch_add(1, Ordering::Relaxed);
    }

    /// An order was carried out.
    pub(super) fn order(&self, is_redemption: bool) {
        let count = if is_redemption {
            &self.redemptions
        } else {
            &self.collections
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// A transaction stands in a block.
    pub(super) fn confirmed(&self) {
        self.confirmed.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests answered.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn show(&self, bar: &ProgressBar) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (requests, confirmed) = (read(&self.requests), read(&self.confirmed));
        let elapsed_ms = u64::try_from(bar.elapsed().as_millis().max(1)).unwrap_or(1);
        bar.set_position(requests + confirmed);
        bar.set_message(format!(
            "{} trips, {} collected, {} redeemed, {confirmed} on the chain, {}/s",
            read(&self.trips),
            read(&self.collections),
            read(&self.redemptions),
            requests.saturating_mul(1_000) / elapsed_ms,
        ));
    }
}

/// The bar, if somebody watches.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shows the bar on standard error and moves it until it is dropped; `size` counts requests and confirmations.
    pub(super) fn start(meter: &Arc<Meter>, size: u64, lifecycle: &Lifecycle) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        let (meter, shown, soft) = (Arc::clone(meter), bar.clone(), lifecycle.soft());
        let _nobody = lifecycle.spawn_job("progress", async move {
            while !shown.is_finished() {
                meter.show(&shown);
                tokio::select! {
                    () = soft.cancelled() => return,
                    () = tokio::time::sleep(TICK) => {}
                }
            }
        });
        Self(Some(bar))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
