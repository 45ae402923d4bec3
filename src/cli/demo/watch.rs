//! Follows every transaction that an answer named until it stands in a block.

use super::PlayError;
use super::caller::Caller;
use super::progress::Meter;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How often a transaction is asked after.
const LOOK: Duration = Duration::from_millis(50);
/// How long nothing may be confirmed before the wait is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// What became of the transactions.
#[derive(Default)]
pub(super) struct Watched {
    /// Those that stand in a block.
    pub(super) confirmed: u64,
    /// Those that do not, and what is said of them.
    pub(super) failed: Vec<String>,
}

/// Watches until nobody books any more and all that was booked is seen.
pub(super) async fn watch(
    caller: Caller,
    mut booked: mpsc::Receiver<String>,
    meter: Arc<Meter>,
    soft: CancellationToken,
) -> Result<Watched, PlayError> {
    let mut watched = Watched::default();
    let mut moved = Instant::now();
    while let Some(transaction) = booked.recv().await {
        loop {
            if soft.is_cancelled() {
                return Err(PlayError::Interrupted);
            }
            let document = caller.get(&format!("/v1/transactions/{transaction}")).await;
            let document = match document {
                Err(_) if soft.is_cancelled() => return Err(PlayError::Interrupted),
                document => document?,
            };
            let status = document["status"].as_str().unwrap_or_default();
            if status == "confirmed" {
                watched.confirmed += 1;
                meter.confirmed();
                break;
            }
            let is_lost = matches!(status, "refused" | "blocked" | "dead");
            if is_lost || moved.elapsed() > PATIENCE {
                let reason = document["reason"].as_str().unwrap_or("not confirmed");
                watched.failed.push(format!("{transaction} is {status}: {reason}"));
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        moved = Instant::now();
    }
    Ok(watched)
}
