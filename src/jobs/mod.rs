//! What the gateway does by itself, by the clock. A job that is told to stop ends at the next rider; nothing depends on its
//! having run. The lock of the data folder keeps a second process, and with it a second run, away.

pub mod settle_due;

use settle_due::Settling;
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

/// Every minute.
const SETTLE_DUE: &str = "0 * * * * *";

/// Runs the jobs until told to stop. The scheduler only says that a minute has come: if the last run is still at work, that
/// minute is passed over, and what it would have done is done by the next.
pub async fn run(settling: Settling, stop: CancellationToken) -> Result<(), JobSchedulerError> {
    let (tick, mut ticks) = mpsc::channel::<()>(1);
    let mut scheduler = JobScheduler::new().await?;
    let job = Job::new(SETTLE_DUE, move |_, _| {
        let _still_running = tick.try_send(());
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    while let Some(Some(())) = stop.run_until_cancelled(ticks.recv()).await {
        match settling.run("settle-due", &stop).await {
            Ok(0) => {}
            Ok(entries) => tracing::info!(entries, "settled what was due"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "settle-due did not come to its end"
            ),
        }
    }
    scheduler.shutdown().await
}
