//! Events out. One instance at a time publishes, by lease; for each shard a cursor says how far. It moves over what the broker has
//! confirmed, so that nothing is left out, and whatever was published behind it when a process ends is published again under the same id.

use super::broker::{Broker, Talk, confirming, exchange_of_events, patient};
use super::{SessionError, letter, publish};
use crate::api::events::Events;
use crate::clock::Clock;
use crate::ledger::ids::ShardId;
use crate::store::cursors::{self, Progress};
use crate::store::db::{Homes, Location, Readers};
use crate::store::leases::Leases;
use futures_util::{StreamExt as _, stream};
use lapin::Channel;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The lease of whoever publishes.
const JOB: &str = "events";
/// How often the lease is taken again: well before it ends.
const RENEWED: Duration = Duration::from_secs(8);
/// How long to wait before looking for new entries again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long to wait before asking again whose turn it is, or telling again how much is not published.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// Shards that are published side by side; each has one run of events on its way.
const AT_ONCE: usize = 8;

/// Publishes what is in the journals.
pub struct EventsOut {
    /// Where.
    pub broker: Broker,
    /// Makes the events.
    pub events: Events,
    /// The journals' databases.
    pub readers: Readers,
    /// The same, for the cursors.
    pub locations: Homes<Location>,
    /// Whose turn it is.
    pub leases: Leases,
    /// The time.
    pub clock: Clock,
    /// The exchange, and the name of the queue bound to it.
    pub exchange: String,
    /// When no more are published.
    pub stop: CancellationToken,
}

impl Talk for EventsOut {
    async fn session(&self) -> Result<(), SessionError> {
        let connection = self.broker.connect(JOB).await?;
        exchange_of_events(&connection, &self.exchange).await?;
        let channel = confirming(&connection).await?;
        metrics::gauge!("carbon_broker_up", "for" => JOB).set(1.0);
        let mut renewed: Option<Instant> = None;
        while !self.stop.is_cancelled() {
            if renewed.is_none_or(|at| at.elapsed() > RENEWED) {
                renewed = self.leases.take(JOB, self.clock.now_ms()).await?.then(Instant::now);
            }
            let pause = match renewed {
                None => Some(ELSEWHERE),
                Some(_) => (!self.publish_what_is_new(&channel).await?).then_some(PAUSE),
            };
            // A connection that has ended is noticed also when there is nothing to publish.
            if !channel.status().connected() {
                return Err(SessionError::Ended);
            }
            if let Some(pause) = pause {
                self.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
        patient(connection.close(200, "".into())).await
    }
}

impl EventsOut {
    /// How long an instance that was killed keeps others from publishing.
    pub const LEASE: Duration = Duration::from_secs(30);

    /// Publishes until the stop.
    pub async fn run(self) {
        metrics::counter!("carbon_events_published_total").increment(0);
        tokio::join!(self.broker.sessions(JOB, &self.stop, &self), self.tell_the_lag());
        if let Err(error) = self.leases.give_back(JOB).await {
            tracing::debug!(%error, "the lease of the events ends by itself");
        }
    }

    /// Tells again and again how many entries are not published, also while the broker is away or takes none. Where another instance has
    /// the lease it is for that one to tell; where nobody has it, for all.
    async fn tell_the_lag(&self) {
        let told = metrics::gauge!("carbon_events_lag_entries");
        // Of a database that is away nothing is published: what was not still is not.
        let mut behind: Vec<i64> = self.readers.each().map(|_| 0).collect();
        while !self.stop.is_cancelled() {
            for (entries, (database, _)) in behind.iter_mut().zip(self.readers.each()) {
                if let Ok(progress) = cursors::progress(database).await {
                    *entries = progress.iter().map(Progress::behind).fold(0, i64::saturating_add);
                }
            }
            let is_anothers = self
                .leases
                .is_anothers(self.readers.main(), JOB, self.clock.now_ms())
                .await;
            let lag = if is_anothers.unwrap_or(false) {
                0
            } else {
                behind.iter().copied().fold(0, i64::saturating_add)
            };
            told.set(f64::from(u32::try_from(lag).unwrap_or(u32::MAX)));
            self.stop.run_until_cancelled(tokio::time::sleep(ELSEWHERE)).await;
        }
    }

    /// Publishes a run of events of every shard that has some; answers whether there were any. A database that is away holds up no other.
    async fn publish_what_is_new(&self, channel: &Channel) -> Result<bool, SessionError> {
        let (mut any, mut failed) = (false, None);
        for ((database, _), (location, _)) in self.readers.each().zip(self.locations.each()) {
            let progress = match cursors::progress(database).await {
                Ok(progress) => progress,
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            };
            let behind = progress.into_iter().filter(|one| one.behind() > 0);
            let runs = stream::iter(behind)
                .map(|one| self.publish(channel, one))
                .buffer_unordered(AT_ONCE);
            let runs: Vec<_> = runs.collect().await;
            // What was confirmed counts, whatever became of other shards' runs.
            let moved: Vec<(ShardId, i64)> = runs.iter().filter_map(|run| run.as_ref().ok().copied()).collect();
            if !moved.is_empty() {
                any = true;
                cursors::advance(location, &moved).await?;
            }
            runs.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        match failed {
            Some(error) if !any => Err(error.into()),
            _ => Ok(any),
        }
    }

    /// Publishes the next run of a shard's events and waits until the broker has all of them; answers how far that went.
    async fn publish(&self, channel: &Channel, from: Progress) -> Result<(ShardId, i64), SessionError> {
        let Some(told) = self.events.behind(from.shard, from.published).await? else {
            return Ok((from.shard, from.published));
        };
        let mut sent = Vec::with_capacity(told.events.len());
        for event in &told.events {
            let properties = letter::of_event(&event.id, event.kind);
            let way = (self.exchange.as_str(), event.kind);
            sent.push(publish::send(channel, way, &event.id, (properties, &event.bytes)).await?);
        }
        for one in sent {
            one.taken().await?;
        }
        let count = u64::try_from(told.events.len()).unwrap_or(0);
        metrics::counter!("carbon_events_published_total").increment(count);
        Ok((from.shard, told.seq))
    }
}
