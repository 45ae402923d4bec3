//! What the gateway does by itself, by the clock. A job that is told to stop ends at the next rider or shard; nothing depends on its
//! having run. Of several instances one does it, by a lease, and two that did it at once would only ask twice. Where the chain is elsewhere,
//! so is the sweeping.

pub mod settle_due;
mod turns;

pub use turns::Turns;

use crate::dispatch::{Sweeper, Taking};
use settle_due::Settling;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// The name of its lease.
const SETTLE_DUE: &str = "settle-due";
/// Every five seconds.
const SWEEP: &str = "*/5 * * * * *";

/// Runs the jobs until told to stop. The scheduler only says that it is time: if the last run is still at work, that time is passed
/// over, and what it would have done is done by the next.
pub async fn run(
    (settling, turns, every): (Settling, Turns, Duration),
    sweeper: Option<Sweeper>,
    stop: CancellationToken,
) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let (tick, dues) = ticks();
    scheduler.add(Job::new_repeated(every, tick)?).await?;
    let (tick, sweeps) = ticks();
    scheduler.add(Job::new(SWEEP, tick)?).await?;
    scheduler.start().await?;
    let sweeping = async {
        if let Some(sweeper) = sweeper {
            sweep(&sweeper, sweeps, &stop).await;
        }
    };
    tokio::join!(settle_due(&settling, &turns, dues, &stop), sweeping);
    scheduler.shutdown().await
}

/// What the scheduler does when it is time, and where that is heard.
fn ticks<Id>() -> (impl FnMut(Id, JobScheduler) + Send + Sync, mpsc::Receiver<()>) {
    let (tick, ticks) = mpsc::channel::<()>(1);
    let due = move |_, _| {
        let _still_running = tick.try_send(());
    };
    (due, ticks)
}

fn count(outcome: &'static str, runs: u64) {
    metrics::counter!("carbon_job_runs_total", "job" => "settle-due", "outcome" => outcome).increment(runs);
}

async fn settle_due(settling: &Settling, turns: &Turns, mut ticks: mpsc::Receiver<()>, stop: &CancellationToken) {
    for outcome in ["done", "elsewhere", "failed"] {
        count(outcome, 0);
    }
    settle_due::tell_oldest(Duration::ZERO);
    let mut is_ours = false;
    while let Some(Some(())) = stop.run_until_cancelled(ticks.recv()).await {
        is_ours = settle_in_turn(settling, turns, stop).await;
    }
    if is_ours && let Err(error) = turns.give_back(SETTLE_DUE).await {
        tracing::debug!(%error, "the lease of settle-due ends by itself");
    }
}

/// What a tick begins: settles what is due, if it is this instance's turn, and answers whether it was.
pub async fn settle_in_turn(settling: &Settling, turns: &Turns, stop: &CancellationToken) -> bool {
    match turns.take(SETTLE_DUE, settling.clock.now_ms()).await {
        Ok(true) => {}
        Ok(false) => {
            settle_due::tell_oldest(Duration::ZERO);
            count("elsewhere", 1);
            return false;
        }
        Err(error) => {
            count("failed", 1);
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "whose turn it is to settle what is due is not known");
            return false;
        }
    }
    let span = tracing::debug_span!("settle-due");
    let settled = settling.run(SETTLE_DUE, stop).instrument(span).await;
    count(if settled.is_ok() { "done" } else { "failed" }, 1);
    match settled {
        Ok(0) => {}
        Ok(entries) => tracing::info!(entries, "settled what was due"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "settle-due did not come to its end"
        ),
    }
    true
}

/// The first sweep takes up all that a process before has left.
async fn sweep(sweeper: &Sweeper, mut ticks: mpsc::Receiver<()>, stop: &CancellationToken) {
    let mut taking = Taking::All;
    loop {
        match sweeper.sweep(taking, stop).await {
            Ok(()) => taking = Taking::Abandoned,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a sweep did not come to its end"
            ),
        }
        let Some(Some(())) = stop.run_until_cancelled(ticks.recv()).await else {
            return;
        };
    }
}
