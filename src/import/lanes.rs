//! A lane for each shard: one request of its trips at a time, in the order of the files. What finds no room goes again before
//! anything behind it, so a rider's trips are judged in that order wherever the import was interrupted.

use super::gateway::{Answer, Gateway, Order, SendError};
use super::rejects::Rejects;
use super::tally::Tally;
use crate::backoff::Backoff;
use crate::ledger::ids::ShardId;
use crate::lifecycle::Lifecycle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Trips in one request.
pub const BATCH: usize = 200;
/// How long a lane waits, in all, for a gateway that takes nothing.
const PATIENCE: Duration = Duration::from_mins(2);

/// The lanes, by shard.
pub(super) struct Lanes {
    lanes: Vec<mpsc::Sender<Order>>,
    ends: Vec<oneshot::Receiver<LaneEnd>>,
}

/// Why a lane ended before its trips did.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// Sending again would not help.
    #[error("the gateway takes no more trips: {0}")]
    Refused(String),
    /// The gateway took nothing for long.
    #[error("the gateway took nothing for {patience} s: {0}", patience = PATIENCE.as_secs())]
    Away(String),
    /// The stop was asked for while the gateway took nothing.
    #[error("stopped while the gateway took nothing: {0}")]
    Stopped(String),
    /// The file of rejected rows cannot be written.
    #[error("the rejects cannot be written")]
    Rejects(#[source] std::io::Error),
    /// A fault of this program.
    #[error("a lane broke down")]
    Lost,
}

struct LaneEnd {
    tally: Tally,
    error: Option<LaneError>,
}

struct Lane {
    gateway: Arc<Gateway>,
    rejects: Option<Arc<Rejects>>,
    soft: CancellationToken,
    tally: Tally,
    backoff: Backoff,
}

impl Lanes {
    /// Starts a lane for each shard.
    pub(super) fn start(gateway: &Arc<Gateway>, rejects: Option<&Arc<Rejects>>, lifecycle: &Lifecycle) -> Self {
        let start = |_shard| {
            let (sender, queue) = mpsc::channel(BATCH);
            let lane = Lane {
                gateway: Arc::clone(gateway),
                rejects: rejects.map(Arc::clone),
                soft: lifecycle.soft(),
                tally: Tally::default(),
                backoff: Backoff::default(),
            };
            (sender, lifecycle.spawn_job("lane", lane.run(queue)))
        };
        let (lanes, ends) = ShardId::all().map(start).unzip();
        Self { lanes, ends }
    }

    /// Hands a trip to its lane and waits while that is full; `false` if the lane has ended.
    pub(super) async fn send(&self, order: Order) -> bool {
        let lane = self.lanes.get(usize::from(order.ride.user.shard().index()));
        match lane {
            Some(lane) => lane.send(order).await.is_ok(),
            None => false,
        }
    }

    /// Waits until every lane has sent what it has; what all of them counted, and the first error.
    pub(super) async fn finish(self) -> (Tally, Option<LaneError>) {
        drop(self.lanes);
        let (mut tally, mut error) = (Tally::default(), None);
        for end in self.ends {
            let end = end.await.unwrap_or(LaneEnd {
                tally: Tally::default(),
                error: Some(LaneError::Lost),
            });
            tally.add(end.tally);
            error = error.or(end.error);
        }
        (tally, error)
    }
}

impl Lane {
    async fn run(mut self, queue: mpsc::Receiver<Order>) -> LaneEnd {
        let error = self.serve(queue).await.err();
        LaneEnd {
            tally: self.tally,
            error,
        }
    }

    async fn serve(&mut self, mut queue: mpsc::Receiver<Order>) -> Result<(), LaneError> {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            if waiting.is_empty() && queue.recv_many(&mut waiting, BATCH).await == 0 {
                return Ok(());
            }
            while waiting.len() < BATCH
                && let Ok(order) = queue.try_recv()
            {
                waiting.push(order);
            }
            let before = waiting.len();
            let (detail, after) = match self.gateway.send(&waiting).await {
                Ok(answers) => {
                    waiting = self.take(waiting, answers)?;
                    ("it is busy".to_owned(), None)
                }
                Err(SendError::Lost { detail, after }) => (detail, after),
                Err(SendError::Refused(detail)) => return Err(LaneError::Refused(detail)),
            };
            if waiting.len() < before {
                self.backoff.reset();
            }
            if !waiting.is_empty() {
                self.wait(detail, after).await?;
            }
        }
    }

    /// Counts the answers; what was busy is left, in its order.
    fn take(&mut self, orders: Vec<Order>, answers: Vec<Answer>) -> Result<Vec<Order>, LaneError> {
        let mut busy = Vec::new();
        for (order, answer) in orders.into_iter().zip(answers) {
            match answer {
                Answer::Busy => busy.push(order),
                Answer::Booked(booking) => self.tally.booked(&booking),
                Answer::Conflict(fields) => self.tally.conflict(order.place, &fields),
                Answer::Unfit(code) => {
                    self.tally.malformed(order.place, &code);
                    if let (Some(rejects), Some(text)) = (&self.rejects, &order.text) {
                        rejects.write(order.place, &code, text).map_err(LaneError::Rejects)?;
                    }
                }
            }
        }
        Ok(busy)
    }

    async fn wait(&mut self, detail: String, after: Option<Duration>) -> Result<(), LaneError> {
        if self.backoff.waited() > PATIENCE {
            return Err(LaneError::Away(detail));
        }
        let wait = self.backoff.next(rand::random(), after);
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.soft.cancelled() => Err(LaneError::Stopped(detail)),
        }
    }
}
