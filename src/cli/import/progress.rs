//! A bar with rate and remaining time, for a person who watches; a log is spared it.

use crate::import::run::Import;
use crate::lifecycle::Lifecycle;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(200);
const BAR: &str = "{bar:30} {percent:>3} %  {msg}  {elapsed} of about {duration}";

/// The bar, if somebody watches.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shows the bar on standard error and moves it until [`end`](Self::end).
    pub(super) fn start(import: &Import, lifecycle: &Lifecycle) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(Some(import.job.size()), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        let (meter, shown, soft) = (import.meter.clone(), bar.clone(), lifecycle.soft());
        let _nobody = lifecycle.spawn_job("progress", async move {
            while !shown.is_finished() {
                tokio::select! {
                    () = soft.cancelled() => return,
                    () = tokio::time::sleep(TICK) => {}
                }
                let rows = meter.rows.load(Ordering::Relaxed);
                let rate = rows.saturating_mul(1_000) / u64::try_from(shown.elapsed().as_millis().max(1)).unwrap_or(1);
                shown.set_position(meter.bytes.load(Ordering::Relaxed));
                shown.set_message(format!("{rows} rows, {rate} a second"));
            }
        });
        Self(Some(bar))
    }

    /// Takes the bar away.
    pub(super) fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}
