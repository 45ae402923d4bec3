//! The sweeper: finds whatever the channel lost. Transactions that may leave are hinted at; envelopes that nobody cares for any more
//! are taken over, by a compare-and-swap on their lease, and looked up before anything is sent again.

use super::Way;
use super::carry::Carried;
use crate::chain::{Payload, Request};
use crate::crash::{self, Point};
use crate::ledger::ids::ShardId;
use crate::store::db::{Connection, Location, StoreError};
use crate::store::reads::dispatch::{Open, abandoned, backlog, ended_before, forget, ready, take_lease};
use carbon_contract::envelope::Envelope;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Envelopes of a shard that one sweep takes over, and that it forgets.
const AT_ONCE: i64 = 256;
/// How long an envelope that has ended is kept, to show what was tried: a week.
const KEPT_MS: i64 = 7 * 86_400_000;
/// Keys of the state that an envelope from before is counted with: it is not read for this.
const KEYS_EACH: u32 = 16;

/// Sweeps whenever it is told to.
pub struct Sweeper {
    way: Arc<Way>,
}

/// Whose envelopes a sweep takes over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taking {
    /// Those whose lease has ended or is void.
    Abandoned,
    /// All: nobody else has the data folder, so whoever had a lease is gone.
    All,
}

impl Sweeper {
    pub(super) fn new(way: Arc<Way>) -> Self {
        metrics::counter!("carbon_dispatch_taken_over_total").increment(0);
        metrics::counter!("carbon_dispatch_leases_lost_total").increment(0);
        for outcome in ["done", "failed"] {
            count(outcome, 0);
        }
        Self { way }
    }

    /// Looks through all shards once. A database that is away holds up no other's.
    ///
    /// # Errors
    /// Of the first database that failed.
    pub async fn sweep(&self, taking: Taking, stop: &CancellationToken) -> Result<(), StoreError> {
        let (mut swept, mut oldest_ms) = (Ok(()), 0);
        for (location, shards) in self.way.locations.each() {
            let mut writing = Writing {
                location,
                connection: None,
            };
            let work = (&mut writing, &mut oldest_ms);
            let done = self.sweep_shards(&shards, taking, work, stop).await;
            swept = swept.and(done).and(writing.close().await);
        }
        let swept = swept.and(self.tell_backlog().await);
        count(if swept.is_ok() { "done" } else { "failed" }, 1);
        metrics::gauge!("carbon_dispatch_oldest_seconds").set(seconds(oldest_ms));
        swept
    }

    async fn sweep_shards(
        &self,
        shards: &[ShardId],
        taking: Taking,
        (writing, oldest_ms): (&mut Writing<'_>, &mut i64),
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let way = &self.way;
        for &shard in shards {
            if stop.is_cancelled() {
                break;
            }
            let now_ms = way.clock.now_ms();
            if let Some(first) = ready(&way.readers, shard, now_ms, 1).await?.first() {
                *oldest_ms = now_ms.saturating_sub(first.due_ms).max(*oldest_ms);
                way.wake(shard);
            }
            let ended = ended_before(&way.readers, shard, now_ms.saturating_sub(KEPT_MS), AT_ONCE).await?;
            if !ended.is_empty() {
                forget(writing.connection().await?, shard, &ended).await?;
            }
            let void_ms = match taking {
                Taking::Abandoned => way.lease_ms(),
                Taking::All => i64::MIN,
            };
            for open in abandoned(&way.readers, shard, (now_ms, void_ms), AT_ONCE).await? {
                if way.follower.cares_for(&open.chain_tx_id) {
                    continue;
                }
                let lease_ms = way.lease_ms();
                if take_lease(writing.connection().await?, shard, &open, lease_ms).await? {
                    metrics::counter!("carbon_dispatch_taken_over_total").increment(1);
                    crash::point(Point::AfterLease);
                    way.take_over(shard, &open, lease_ms).await;
                } else {
                    metrics::counter!("carbon_dispatch_leases_lost_total").increment(1);
                }
            }
        }
        Ok(())
    }

    async fn tell_backlog(&self) -> Result<(), StoreError> {
        let backlog = backlog(&self.way.readers).await?;
        for (status, count) in [
            ("stored", backlog.stored),
            ("waiting_for_parents", backlog.waiting),
            ("submitted", backlog.submitted),
            ("refused", backlog.refused),
            ("dead", backlog.dead),
        ] {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            metrics::gauge!("carbon_dispatch_backlog", "status" => status).set(count);
        }
        Ok(())
    }
}

/// A connection to write with, opened for the first who has something to write: most sweeps have nothing.
struct Writing<'a> {
    location: &'a Location,
    connection: Option<Connection>,
}

impl Writing<'_> {
    async fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        Ok(match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.location.connect().await?),
        })
    }

    async fn close(self) -> Result<(), StoreError> {
        match self.connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

impl Way {
    async fn take_over(self: &Arc<Self>, shard: ShardId, open: &Open, lease_ms: i64) {
        let Some((request, members)) = read(open) else {
            tracing::error!(%shard, chain_tx_id = %open.chain_tx_id, "an envelope cannot be read; verify tells more");
            return;
        };
        let keys = KEYS_EACH.min(self.setting.state_keys);
        let Ok(permit) = Arc::clone(&self.in_flight).acquire_many_owned(keys).await else {
            return;
        };
        let carried = Carried {
            shard,
            chain_tx_id: open.chain_tx_id,
            request,
            expires_ms: open.expires_ms,
            members,
            lease_ms,
            sent: true,
        };
        self.carry(carried, Some(permit));
    }
}

fn count(outcome: &'static str, sweeps: u64) {
    metrics::counter!("carbon_dispatch_sweeps_total", "outcome" => outcome).increment(sweeps);
}

/// Milliseconds as a figure in seconds.
fn seconds(ms: i64) -> f64 {
    std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64()
}

fn read(open: &Open) -> Option<(Request, Vec<crate::ledger::ids::Hash>)> {
    let request = Request::decode(&open.request).ok()?;
    let payload = Payload::decode(&request.payload).ok()?;
    let envelope = Envelope::decode(&payload.argument).ok()?;
    let members = envelope.content_ids();
    Some((request, members))
}
