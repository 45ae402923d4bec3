//! An open data folder whose command will close: before that open claims are collected where their programme collects by itself, and
//! what is booked goes to the chain. Dispatch works beside the command from its start.

use crate::app::dispatching::{self, Standing};
use crate::app::{AppError, Core};
use crate::chain::ChainClient;
use crate::clock::Clock;
use crate::dispatch::{Sweeper, Taking};
use crate::jobs::settle_due::{SettleError, Settling};
use crate::lifecycle::Lifecycle;
use crate::methodology::Programme;
use crate::store::db::{Connection, Homes, Readers, StoreError};
use crate::store::reads::dispatch::backlog;
use crate::store::writer::Ledger;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Riders whose claims one commit collects: nobody else waits.
const SETTLED_AT_ONCE: i64 = 256;
/// Connections for reads: dispatch reads beside the import.
const READERS: u32 = 4;
/// How often is looked whether everything has arrived.
const LOOK: Duration = Duration::from_millis(200);
/// Looks between two sweeps, and two words of how far it is.
const LOOKS_A_SWEEP: u32 = 25;

/// An open data folder whose command will close.
pub(super) struct Closing {
    ledger: Ledger,
    readers: Readers,
    clock: Clock,
    programmes: Arc<BTreeMap<String, Arc<Programme>>>,
    connections: Homes<Connection>,
    sweeper: Sweeper,
}

/// Why not everything was collected and sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum CloseError {
    /// Collecting.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// Looking.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Told to stop.
    #[error("{0} transactions are still on their way to the chain")]
    Stopped(i64),
}

impl Closing {
    /// Starts dispatch on an open data folder.
    pub(super) async fn start(core: Core, lifecycle: &Lifecycle) -> Result<Self, AppError> {
        if matches!(core.outgoing.chain, ChainClient::Elsewhere(_)) {
            return Err(AppError::ChainElsewhere);
        }
        let readers = core.locations.readers(READERS).await?;
        let on = Standing {
            ledger: &core.ledger,
            locations: &core.locations,
            readers: &readers,
            kek: &core.kek,
            clock: &core.clock,
            config: &core.config,
        };
        let sweeper = dispatching::start(core.outgoing, &on, lifecycle)?;
        Ok(Self {
            ledger: core.ledger,
            readers,
            clock: core.clock,
            programmes: Arc::new(core.in_force.programmes),
            connections: core.connections,
            sweeper,
        })
    }

    /// Collects and waits until everything has arrived.
    pub(super) async fn work(&self, stop: &CancellationToken) -> Result<(), CloseError> {
        let settling = Settling {
            ledger: self.ledger.clone(),
            readers: self.readers.clone(),
            clock: self.clock.clone(),
            programmes: Arc::clone(&self.programmes),
            at_once: SETTLED_AT_ONCE,
        };
        settling.run("import", stop).await?;
        self.drain(stop).await
    }

    /// The way to the writer.
    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Connections for reads.
    pub(super) const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Waits until everything has arrived that can.
    pub(super) async fn drain(&self, stop: &CancellationToken) -> Result<(), CloseError> {
        let mut taking = Taking::All;
        for look in 0_u32.. {
            let backlog = backlog(&self.readers).await?;
            let left = backlog.stored.saturating_add(backlog.submitted);
            if backlog.is_drained() {
                let listed = backlog.refused.saturating_add(backlog.dead);
                if listed > 0 {
                    tracing::warn!(
                        listed,
                        waiting = backlog.waiting,
                        "transactions are refused or dead; an operator should look"
                    );
                }
                break;
            }
            if stop.is_cancelled() {
                return Err(CloseError::Stopped(left.saturating_add(backlog.waiting)));
            }
            if look.is_multiple_of(LOOKS_A_SWEEP) {
                self.sweeper.sweep(taking, stop).await?;
                taking = Taking::Abandoned;
                if look > 0 {
                    tracing::info!(left, "on the way to the chain");
                }
            }
            let _told = tokio::time::timeout(LOOK, stop.cancelled()).await;
        }
        Ok(())
    }

    /// Lets the data folder go.
    pub(super) async fn close(self) {
        if let Err(error) = self.connections.close().await {
            tracing::warn!(%error, "a connection did not close cleanly");
        }
    }
}
