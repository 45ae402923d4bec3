//! The workers: each has its shards to itself, so no two form envelopes of the same rows. A worker forms and records; the envelopes
//! travel by themselves, as many at once as the chain's state can bear.

use super::Way;
use super::carry::{Carried, reason};
use super::pack::{Member, Pack, pack};
use super::seal::{SealError, Sealed};
use crate::crash::{self, Point};
use crate::identity::signer::Unfit;
use crate::ledger::command::{Command, Rejection};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::{Postpone, Record};
use crate::store::hints::Hinted;
use crate::store::reads::dispatch::ready;
use crate::store::writer::SubmitError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;

/// Transactions that are formed into envelopes at once.
const AT_ONCE: i64 = 256;
/// How long a transaction that cannot be signed waits.
const POSTPONED: Duration = Duration::from_mins(1);
/// How long nothing must have happened before a stopping dispatch ends.
const QUIET: Duration = Duration::from_millis(100);

/// Starts the workers and the task that hands them their shards.
pub(super) fn start(way: &Arc<Way>, hinted: Hinted) {
    let busy = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for _ in 0..way.setting.workers.max(1) {
        let (sender, receiver) = mpsc::channel(usize::from(crate::ledger::ids::SHARDS));
        let (way, busy) = (Arc::clone(way), Arc::clone(&busy));
        way.lifecycle.clone().spawn("dispatch", work(way, receiver, busy));
        workers.push(sender);
    }
    let feed = feed(Arc::clone(way), hinted, workers, busy);
    way.lifecycle.spawn("dispatch", feed);
}

/// Hands out hints until the stop has begun and nothing is on its way any more.
async fn feed(way: Arc<Way>, mut hinted: Hinted, workers: Vec<mpsc::Sender<ShardId>>, busy: Arc<AtomicUsize>) {
    let most = way.in_flight.available_permits();
    let soft = way.lifecycle.soft();
    loop {
        let hint = if soft.is_cancelled() {
            tokio::time::timeout(QUIET, hinted.next()).await.ok()
        } else {
            soft.run_until_cancelled(hinted.next()).await
        };
        match hint {
            Some(None) => return,
            Some(Some(shard)) => {
                busy.fetch_add(1, Ordering::SeqCst);
                let own = usize::from(shard.index()) % workers.len().max(1);
                if let Some(worker) = workers.get(own)
                    && worker.send(shard).await.is_err()
                {
                    return;
                }
            }
            None if !soft.is_cancelled() => {}
            None => {
                if busy.load(Ordering::SeqCst) == 0 && way.in_flight.available_permits() == most {
                    return;
                }
            }
        }
    }
}

async fn work(way: Arc<Way>, mut shards: mpsc::Receiver<ShardId>, busy: Arc<AtomicUsize>) {
    while let Some(shard) = shards.recv().await {
        if let Err(error) = form(&way, shard).await {
            // The rows stay as they are: the sweeper comes back to them.
            tracing::warn!(%shard, error = &error as &dyn std::error::Error, "envelopes could not be formed");
        }
        busy.fetch_sub(1, Ordering::SeqCst);
    }
    // Told by the feeder, which ends first; before that the process is about to stop anyway.
    way.lifecycle.soft().cancelled().await;
}

/// Why forming ended early.
#[derive(Debug, thiserror::Error)]
enum FormError {
    #[error(transparent)]
    Store(#[from] crate::store::db::StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error("a task failed")]
    Failed(#[from] tokio::task::JoinError),
}

/// Forms envelopes of a shard until nothing may leave any more.
async fn form(way: &Arc<Way>, shard: ShardId) -> Result<(), FormError> {
    loop {
        if !way.chain_answers().await {
            return Ok(());
        }
        let rows = ready(&way.readers, shard, way.clock.now_ms(), AT_ONCE).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let members = rows.into_iter().filter_map(Member::read).collect();
        let mut formed = JoinSet::new();
        for pack in pack(members) {
            let way = Arc::clone(way);
            formed.spawn(async move { way.send(shard, pack).await });
        }
        let mut moved = false;
        while let Some(done) = formed.join_next().await {
            moved |= done??;
        }
        if !moved {
            return Ok(()); // whatever holds all of them back, the sweeper will try again
        }
    }
}

impl Way {
    /// Signs and records envelopes and lets them travel; answers whether anything has moved.
    async fn send(self: &Arc<Self>, shard: ShardId, pack: Pack) -> Result<bool, FormError> {
        let state_keys = pack.state_keys().min(self.setting.state_keys);
        let Ok(permit) = Arc::clone(&self.in_flight).acquire_many_owned(state_keys).await else {
            return Ok(false);
        };
        let signed = match &pack {
            Pack::Issues(members) => self.seal_issues(shard, members).await?,
            Pack::Alone(members) => self.seal_alone(shard, members).await?,
        };
        let mut moved = false;
        for (member, error) in signed.unfit {
            moved |= self.put_aside(shard, member, &error).await?;
        }
        if signed.sealed.is_empty() {
            return Ok(moved);
        }
        crash::point(Point::AfterSigning);
        Ok(self.record(shard, signed.sealed, permit).await? || moved)
    }

    /// Does about a transaction that cannot be signed what can be done; answers whether it may leave now.
    async fn put_aside(&self, shard: ShardId, member: &Member, error: &SealError) -> Result<bool, FormError> {
        match error {
            SealError::Unfit(Unfit::Revoked { serial, key_id }) => {
                tracing::warn!(%shard, %serial, "a certificate is revoked: its owner gets another key");
                let replaced = self.signer.replace_key(member.user, *key_id).await;
                replaced.map_err(SealError::from)?;
                Ok(true)
            }
            error if error.passes() => Ok(false),
            error => {
                self.postpone(shard, member, error).await?;
                Ok(false)
            }
        }
    }

    /// Has the writer record envelopes, all in one batch if it can; what it recorded travels, whatever became of the others.
    async fn record(
        self: &Arc<Self>,
        shard: ShardId,
        sealed: Vec<Sealed>,
        mut permit: OwnedSemaphorePermit,
    ) -> Result<bool, FormError> {
        let lease_ms = self.lease_ms();
        let mut records = Vec::new();
        for sealed in &sealed {
            let record = Record {
                shard,
                envelope: sealed.row(lease_ms).map_err(SealError::from)?,
                members: sealed.members.clone(),
            };
            records.push(Command::Record(Arc::new(record)));
        }
        let (mut moved, mut failed) = (false, None);
        for (sealed, recorded) in sealed.into_iter().zip(self.book_all(records).await) {
            match recorded {
                Ok(_) => {
                    crash::point(Point::AfterRecording);
                    let own = permit.split(permit.num_permits().min(to_usize(sealed.state_keys)));
                    self.carry(Carried::fresh(shard, sealed, lease_ms), own);
                    moved = true;
                }
                // Another process was faster, or an operator was.
                Err(SubmitError::Rejected(Rejection::Moved(_))) => moved = true,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(moved), |error| Err(error.into()))
    }

    async fn postpone(&self, shard: ShardId, member: &Member, error: &SealError) -> Result<(), SubmitError> {
        let content_id: Hash = member.content_id;
        tracing::error!(%shard, %content_id, error = reason(error), "a transaction cannot be signed");
        let order = Postpone {
            shard,
            content_id,
            next_attempt_ms: self.soon(POSTPONED),
        };
        match self.book(Command::Postpone(Arc::new(order))).await {
            Err(SubmitError::Rejected(_)) => Ok(()),
            done => done.map(|_| ()),
        }
    }
}

fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
