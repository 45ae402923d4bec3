//! A ledger that this process opens without a gateway in front of it, to book many trips fast.

use super::desk::Desk;
use super::table::note;
use anyhow::ensure;
use carbon_gateway::app::{Core, Parts};
use carbon_gateway::clock::Clock;
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::lifecycle::{Lifecycle, Stopped};
use std::time::{Duration, Instant};

/// How many trips are booked between two words about it.
const STRIDE: u64 = 100_000;

/// An open ledger; it must be closed before a gateway serves from its folder.
pub(crate) struct Open {
    core: Core,
    lifecycle: Lifecycle,
}

impl Open {
    /// Opens the ledger of a folder with settings of its own, which are named as in the environment.
    pub(crate) async fn ledger(folder: &DataFolder, settings: Vec<(String, String)>) -> anyhow::Result<Self> {
        let lifecycle = Lifecycle::new(Duration::from_secs(30));
        let parts = Parts {
            config: Loaded::read(None, settings)?.config,
            folder: folder.clone(),
            clock: Clock::System,
        };
        let core = Core::open(parts, &lifecycle).await?;
        Ok(Self { core, lifecycle })
    }

    /// Who gives it orders.
    pub(crate) fn desk(&self) -> anyhow::Result<Desk> {
        Desk::new(&self.core)
    }

    /// Books a desk's first trips, and tells how long it took.
    pub(crate) async fn book(&self, desk: &Desk, trips: u64) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        for first in (0..trips).step_by(usize::try_from(STRIDE)?) {
            desk.book(first..trips.min(first + STRIDE)).await?;
            if first > 0 {
                note(&format!("{first} trips after {} s", begun.elapsed().as_secs()));
            }
        }
        Ok(begun.elapsed())
    }

    /// Closes it in good order; desks must be gone.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        // A writer that ended before the stop would count as one that failed.
        self.lifecycle.stop();
        drop(self.core);
        ensure!(self.lifecycle.wait().await == Stopped::Clean, "the stop was not clean");
        Ok(())
    }
}
