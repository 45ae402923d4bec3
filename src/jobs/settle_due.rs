//! `settle-due`: books what time alone has done to riders who stay away, and collects where a programme collects by itself.
//! The law is the instant, so the job changes nobody's rights; it only keeps books and totals from lagging behind.

use crate::clock::Clock;
use crate::ledger::command::{Command, Meta, Outcome, SettleDue};
use crate::ledger::due::GATEWAY;
use crate::ledger::ids::{IdError, Name, ShardId, UserId};
use crate::methodology::Programme;
use crate::store::db::{Readers, StoreError};
use crate::store::reads::due::{Place, Why, users_due};
use crate::store::writer::{Ledger, SubmitError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the job stands back when the queue is full: callers come first.
const STAND_BACK: Duration = Duration::from_millis(50);

/// What the job works with.
pub struct Settling {
    /// The way to the writer.
    pub ledger: Ledger,
    /// Connections for reads.
    pub readers: Readers,
    /// The time.
    pub clock: Clock,
    /// Programmes in force, by id.
    pub programmes: Arc<BTreeMap<String, Arc<Programme>>>,
    /// Riders that are settled side by side: they share commits, and callers wait behind them.
    pub at_once: i64,
}

/// Why the job did not come to its end; what it has booked stands.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take an order.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The job's own name.
    #[error(transparent)]
    Name(#[from] IdError),
}

/// Tells how long the longest due has been due: nothing, for whoever does not settle.
pub(super) fn tell_oldest(longest: Duration) {
    metrics::gauge!("carbon_settle_due_oldest_seconds").set(longest.as_secs_f64());
}

impl Settling {
    /// Settles every rider of whom something is due now; answers the number of entries booked. Ends early when told to stop.
    pub async fn run(&self, request_id: &str, stop: &CancellationToken) -> Result<usize, SettleError> {
        let meta = Meta {
            client: Name::parse(GATEWAY)?,
            request_id: request_id.to_owned(),
        };
        let (mut booked, mut failed, mut longest_ms) = (0_usize, None, 0);
        for (_, shards) in self.readers.each() {
            match self.settle(&shards, &meta, &mut longest_ms, stop).await {
                Ok(entries) => booked = booked.saturating_add(entries),
                // A database that is away holds up no other's riders.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let longest = Duration::from_millis(u64::try_from(longest_ms).unwrap_or(0));
        tell_oldest(longest);
        failed.map_or(Ok(booked), Err)
    }

    /// Settles the riders of some shards; `longest_ms` becomes how long the longest due has been due, if it is longer.
    async fn settle(
        &self,
        shards: &[ShardId],
        meta: &Meta,
        longest_ms: &mut i64,
        stop: &CancellationToken,
    ) -> Result<usize, SettleError> {
        let mut booked = 0_usize;
        for &shard in shards {
            for why in [Why::Lapses, Why::Collects] {
                // One command takes a bounded number of claims: whoever has more is found again. Nobody is asked for ever: a walk
                // that books nothing is the last.
                loop {
                    let entries = self.walk((shard, why), meta, longest_ms, stop).await?;
                    booked = booked.saturating_add(entries);
                    if entries == 0 {
                        break;
                    }
                }
            }
        }
        Ok(booked)
    }

    /// Settles each rider of a shard once.
    async fn walk(
        &self,
        (shard, why): (ShardId, Why),
        meta: &Meta,
        longest_ms: &mut i64,
        stop: &CancellationToken,
    ) -> Result<usize, SettleError> {
        let now_ms = self.clock.now_ms();
        let mut booked = 0_usize;
        let mut place: Place = (i64::MIN, i64::MIN);
        while !stop.is_cancelled() {
            let found = users_due(&self.readers, shard, why, (now_ms, place), self.at_once).await?;
            let (Some((_, first)), Some((_, last))) = (found.first(), found.last()) else {
                break;
            };
            *longest_ms = now_ms.saturating_sub(first.0).max(*longest_ms);
            place = *last;
            let mut pending = Vec::new();
            for (user, _) in found {
                pending.push(self.enqueue(user, meta, stop).await?);
            }
            for pending in pending {
                if let Outcome::Settled(entries) = pending.answer().await? {
                    booked = booked.saturating_add(entries);
                }
            }
        }
        Ok(booked)
    }

    async fn enqueue(
        &self,
        user: UserId,
        meta: &Meta,
        stop: &CancellationToken,
    ) -> Result<crate::store::writer::Pending, SettleError> {
        let order = Arc::new(SettleDue {
            meta: meta.clone(),
            user,
            programmes: Arc::clone(&self.programmes),
        });
        loop {
            match self.ledger.enqueue(Command::SettleDue(Arc::clone(&order))) {
                Err(SubmitError::Overloaded) if !stop.is_cancelled() => tokio::time::sleep(STAND_BACK).await,
                other => return Ok(other?),
            }
        }
    }
}
