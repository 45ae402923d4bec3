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

/// Every minute.
const SETTLE_DUE: &str = "0 * * * * *";
/// Every five seconds.
const SWEEP: &str = "*/5 * * * * *";

/// Runs the jobs until told to stop. The scheduler only says that it is time: if the last run is still at work, that time is passed
/// over, and what it would have done is done by the next.
pub async fn run(
    (settling, turns): (Settling, Turns),
    sweeper: Option<Sweeper>,
    stop: CancellationToken,
) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let minutes = ticks(&scheduler, SETTLE_DUE).await?;
    let sweeps = ticks(&scheduler, SWEEP).await?;
    scheduler.start().await?;
    let sweeping = async {
        if let Some(sweeper) = sweeper {
            sweep(&sweeper, sweeps, &stop).await;
        }
    };
    tokio::join!(settle_due(&settling, &turns, minutes, &stop), sweeping);
    scheduler.shutdown().await
}

/// Ticks by a cron expression with seconds.
async fn ticks(scheduler: &JobScheduler, cron: &str) -> Result<mpsc::Receiver<()>, JobSchedulerError> {
    let (tick, ticks) = mpsc::channel::<()>(1);
    let job = Job::new(cron, move |_, _| {
        let _still_running = tick.try_send(());
    })?;
    scheduler.add(job).await?;
    Ok(ticks)
}

fn count(outcome: &'static str, runs: u64) {
    metrics::counter!("carbon_job_runs_total", "job" => "settle-due", "outcome" => outcome).increment(runs);
}

async fn settle_due(settling: &Settling, turns: &Turns, mut ticks: mpsc::Receiver<()>, stop: &CancellationToken) {
    for outcome in ["done", "elsewhere", "failed"] {
        count(outcome, 0);
    }
    settle_due::tell_oldest(Duration::ZERO);
    while let Some(Some(())) = stop.run_until_cancelled(ticks.recv()).await {
        settle_in_turn(settling, turns, stop).await;
    }
}

/// What a tick begins: settles what is due, if it is this instance's turn.
pub async fn settle_in_turn(settling: &Settling, turns: &Turns, stop: &CancellationToken) {
    match turns.take("settle-due", settling.clock.now_ms()).await {
        Ok(true) => {}
        Ok(false) => {
            settle_due::tell_oldest(Duration::ZERO);
            return count("elsewhere", 1);
        }
        Err(error) => {
            count("failed", 1);
            let error = &error as &dyn std::error::Error;
            return tracing::warn!(error, "whose turn it is to settle what is due is not known");
        }
    }
    let span = tracing::debug_span!("settle-due");
    let settled = settling.run("settle-due", stop).instrument(span).await;
    count(if settled.is_ok() { "done" } else { "failed" }, 1);
    match settled {
        Ok(0) => {}
        Ok(entries) => tracing::info!(entries, "settled what was due"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "settle-due did not come to its end"
        ),
    }
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
