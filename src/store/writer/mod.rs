//! The way to the writers. Each database has a few, and each of its shards belongs to one of them: a command goes to the bounded queue of
//! its shard's writer, and whoever waits is answered after the commit. A handler that goes away drops its answer, never a transaction.

mod task;
mod told;
mod waiting;

pub use task::Writer;

use super::batch::Setting;
use super::db::{Homes, Location};
use super::hints::Hints;
use crate::clock::Clock;
use crate::crash::{self, Point};
use crate::identity::kek::Kek;
use crate::ledger::command::{Command, KeyedAnswer, Outcome, Rejection, SubmitTrip, TripAnswer};
use crate::ledger::ground::Ground;
use crate::ledger::ids::ShardId;
use crate::ledger::page::Deployment;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tracing::Span;
use waiting::Waiting;

/// Those who can wait have one in so many of a queue's places. Dispatch has half of them, so callers always have theirs.
const ONE_IN: usize = 4;

/// The way in: cheap to clone, one for all callers.
#[derive(Clone)]
pub struct Ledger(Arc<Lanes>);

struct Lanes {
    /// One for each writer.
    lanes: Vec<Lane>,
    /// Which of them is a shard's.
    by_shard: BTreeMap<ShardId, usize>,
}

/// The way to one writer.
struct Lane {
    /// The number of its database.
    database: usize,
    queue: mpsc::Sender<Queued>,
    /// Places of those who can wait.
    patient: Arc<Semaphore>,
    /// Commands that the writer has taken from the queue and put aside.
    aside: Arc<AtomicUsize>,
    healthy: Arc<AtomicBool>,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full: nothing was taken, try again soon.
    #[error("the queue is full")]
    Overloaded,
    /// The writer has stopped taking commands.
    #[error("the gateway is stopping")]
    Draining,
    /// The ledger refused it.
    #[error(transparent)]
    Rejected(Rejection),
    /// The database did not take it: nothing was stored.
    #[error("the database did not take it")]
    Unavailable,
    /// The database refuses it for what it says, or holds what cannot be read: nothing was stored, nor will be until somebody has looked.
    #[error("the database refuses it for its data")]
    Unstorable,
    /// The database does not say whether it took it.
    #[error("the database does not say whether it took it")]
    OutcomeUnknown,
}

/// An answer that is still to come.
pub struct Pending(oneshot::Receiver<Result<Outcome, SubmitError>>);

/// What writers are made of.
pub struct WriterParts {
    /// The databases.
    pub locations: Homes<Location>,
    /// Booked time.
    pub clock: Clock,
    /// Unwraps data keys.
    pub kek: Arc<Kek>,
    /// What the shards are at home in.
    pub deployment: Deployment,
    /// What the deployment brings to every booking.
    pub ground: Arc<Ground>,
    /// Hears of shards with something for the chain.
    pub hints: Hints,
    /// Commands that may wait, for all writers together.
    pub queue: usize,
    /// Commands that one transaction takes.
    pub batch_max: usize,
    /// Writers that share the shards of a database; none has more than it has shards.
    pub count: NonZeroUsize,
}

struct Queued {
    command: Command,
    /// What it is part of, for those who look where the time went.
    span: Span,
    reply: oneshot::Sender<Result<Outcome, SubmitError>>,
    /// The place of somebody who can wait, until a batch takes it.
    place: Option<OwnedSemaphorePermit>,
}

impl Ledger {
    /// The way in and its writers, each of which must be spawned.
    pub fn new(parts: &WriterParts) -> (Self, Vec<Writer>) {
        told::begin();
        let setting = Arc::new(Setting {
            kek: Arc::clone(&parts.kek),
            home: parts.deployment.id,
            ground: Arc::clone(&parts.ground),
        });
        let databases: Vec<(&Location, Vec<ShardId>)> = parts.locations.each().collect();
        let lanes_of = |shards: &[ShardId]| parts.count.get().min(shards.len());
        let count: usize = databases.iter().map(|(_, shards)| lanes_of(shards)).sum();
        let room = parts.queue.div_ceil(count.max(1));
        let (mut lanes, mut by_shard, mut writers) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (database, (location, shards)) in databases.into_iter().enumerate() {
            let first = lanes.len();
            for place in 0..lanes_of(&shards) {
                let own = shards.iter().skip(place).step_by(lanes_of(&shards)).copied().collect();
                let (queue, queued) = mpsc::channel(room);
                let healthy = Arc::new(AtomicBool::new(true));
                let aside = Arc::new(AtomicUsize::new(0));
                let waiting = Waiting::new(queued, parts.batch_max, Arc::clone(&aside));
                let own = (location.clone(), own);
                writers.push(Writer::new(parts, own, &setting, waiting, Arc::clone(&healthy)));
                lanes.push(Lane {
                    database,
                    queue,
                    patient: Arc::new(Semaphore::new(room.div_ceil(ONE_IN))),
                    aside,
                    healthy,
                });
            }
            by_shard.extend(shards.into_iter().zip((first..lanes.len()).cycle()));
        }
        (Self(Arc::new(Lanes { lanes, by_shard })), writers)
    }

    fn lane(&self, shard: ShardId) -> Result<&Lane, SubmitError> {
        let lane = self.0.by_shard.get(&shard).and_then(|lane| self.0.lanes.get(*lane));
        lane.ok_or(SubmitError::Draining)
    }

    /// Queues a command, or says at once that there is no room.
    pub fn enqueue(&self, command: Command) -> Result<Pending, SubmitError> {
        let lane = self.lane(command.shard())?;
        let (queued, pending) = Queued::new(command, None);
        lane.queue.try_send(queued).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => no_room(),
            mpsc::error::TrySendError::Closed(_) => SubmitError::Draining,
        })?;
        crash::point(Point::AfterQueue);
        Ok(pending)
    }

    /// Queues a command of somebody who can wait until there is room, and who never takes more than a share of it: however much there is to
    /// do, callers find places.
    pub async fn enqueue_patiently(&self, command: Command) -> Result<Pending, SubmitError> {
        let lane = self.lane(command.shard())?;
        let place = Arc::clone(&lane.patient).acquire_owned().await;
        let place = place.map_err(|_| SubmitError::Draining)?;
        let room = lane.queue.reserve().await.map_err(|_| SubmitError::Draining)?;
        let (queued, pending) = Queued::new(command, Some(place));
        room.send(queued);
        crash::point(Point::AfterQueue);
        Ok(pending)
    }

    /// The same of somebody who can wait no longer than `until`.
    pub async fn enqueue_until(&self, command: Command, until: Instant) -> Result<Pending, SubmitError> {
        let waiting = tokio::time::timeout_at(until, self.enqueue_patiently(command));
        waiting.await.unwrap_or_else(|_| Err(no_room()))
    }

    /// Queues a command and waits for its commit.
    pub async fn submit(&self, command: Command) -> Result<Outcome, SubmitError> {
        self.enqueue(command)?.answer().await
    }

    /// Books a trip and waits for its commit.
    pub async fn book(&self, command: Arc<SubmitTrip>) -> Result<TripAnswer, SubmitError> {
        self.enqueue(Command::SubmitTrip(command))?.trip().await
    }

    /// Carries out what is answered under a key, and waits for its commit.
    pub async fn answer(&self, command: Command) -> Result<KeyedAnswer, SubmitError> {
        match self.submit(command).await? {
            Outcome::Answered(answer) => Ok(answer),
            // No keyed command has this outcome; a caller that waits for one has asked for something else.
            Outcome::Trip(_) | Outcome::Settled(_) | Outcome::Recorded | Outcome::Activated(_) => {
                Err(SubmitError::Unavailable)
            }
        }
    }

    /// Whether the last batch of every writer of some database reached the disk: while another database is away, riders who are at home in
    /// this one are served.
    pub fn healthy(&self) -> bool {
        self.databases_up().any(|(_, up)| up)
    }

    /// Of each database at which shards are at home, by its number, whether the last batch of every writer reached its disk.
    pub fn databases_up(&self) -> impl Iterator<Item = (usize, bool)> {
        let databases = self.0.lanes.chunk_by(|one, next| one.database == next.database);
        databases.filter_map(|lanes| {
            let up = lanes.iter().all(|lane| lane.healthy.load(Ordering::Relaxed));
            Some((lanes.first()?.database, up))
        })
    }

    /// Commands that may wait.
    pub fn limit(&self) -> usize {
        self.0.lanes.iter().map(|lane| lane.queue.max_capacity()).sum()
    }

    /// Commands waiting.
    pub fn depth(&self) -> usize {
        let queued = |lane: &Lane| lane.queue.max_capacity().saturating_sub(lane.queue.capacity());
        let waiting = |lane: &Lane| queued(lane).saturating_add(lane.aside.load(Ordering::Relaxed));
        self.0.lanes.iter().map(waiting).sum()
    }
}

/// Somebody is sent away because the queue is full.
fn no_room() -> SubmitError {
    metrics::counter!("carbon_writer_overloaded_total").increment(1);
    SubmitError::Overloaded
}

impl Queued {
    /// A command in the current span, and its answer that is still to come.
    fn new(command: Command, place: Option<OwnedSemaphorePermit>) -> (Self, Pending) {
        let (reply, answer) = oneshot::channel();
        let queued = Self {
            command,
            span: Span::current(),
            reply,
            place,
        };
        (queued, Pending(answer))
    }

    /// Makes room for the next who can wait: while a batch is carried out, another gathers.
    fn leave(&mut self) {
        drop(self.place.take());
    }
}

impl Pending {
    /// Waits for the commit of a trip.
    pub async fn trip(self) -> Result<TripAnswer, SubmitError> {
        match self.answer().await? {
            Outcome::Trip(answer) => Ok(answer),
            // No trip has this outcome; a caller that waits for one has asked for something else.
            Outcome::Answered(_) | Outcome::Settled(_) | Outcome::Recorded | Outcome::Activated(_) => {
                Err(SubmitError::Unavailable)
            }
        }
    }

    /// Waits for the commit.
    pub async fn answer(self) -> Result<Outcome, SubmitError> {
        self.0.await.unwrap_or(Err(SubmitError::Draining))
    }
}
