//! The workers: each has its shards to itself, so no two form envelopes of the same rows. A worker forms and records; the envelopes
//! travel by themselves, as many at once as the chain's state can bear.

use super::Way;
use super::carry::{Carried, reason};
use super::pack::{Member, pack};
use super::seal::{SealError, Sealed};
use crate::crash::{self, Point};
use crate::ledger::command::{Command, Rejection};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::{Postpone, Record};
use crate::ledger::transaction::Kind;
use crate::store::hints::Hinted;
use crate::store::reads::dispatch::ready;
use crate::store::writer::SubmitError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Transactions that are formed into envelopes at once.
const AT_ONCE: i64 = 256;
/// How long a worker stands back when the writer's queue is full: callers come first.
const STAND_BACK: Duration = Duration::from_millis(20);
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
    /// Signs and records an envelope and lets it travel; answers whether anything has moved.
    async fn send(self: &Arc<Self>, shard: ShardId, pack: Vec<Member>) -> Result<bool, FormError> {
        let keys: u32 = pack.iter().map(|member| member.state_keys).sum();
        let keys = keys.min(self.setting.state_keys);
        let Ok(permit) = Arc::clone(&self.in_flight).acquire_many_owned(keys).await else {
            return Ok(false);
        };
        let Some(sealed) = self.sealed(shard, &pack).await? else {
            return Ok(false);
        };
        crash::point(Point::AfterSigning);
        let lease_ms = self.lease_ms();
        let record = Arc::new(Record {
            shard,
            envelope: sealed.row(lease_ms).map_err(SealError::from)?,
            members: sealed.members.clone(),
        });
        match self.order(Command::Record(record)).await {
            Ok(()) => {
                crash::point(Point::AfterRecording);
                self.carry(Carried::fresh(shard, sealed, lease_ms), permit);
                Ok(true)
            }
            // Another process was faster, or an operator was.
            Err(SubmitError::Rejected(Rejection::Moved(_))) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// The envelope of a pack. Whoever cannot be signed for is postponed and holds nobody else back.
    async fn sealed(self: &Arc<Self>, shard: ShardId, pack: &[Member]) -> Result<Option<Sealed>, FormError> {
        let [member] = pack else {
            return self.sealed_issues(shard, pack).await;
        };
        if member.kind == Kind::Issue {
            return self.sealed_issues(shard, pack).await;
        }
        let sealed = async {
            if self.is_bound(shard, member).await? {
                self.seal_alone(member).await.map(Some)
            } else {
                Ok(None)
            }
        };
        match sealed.await {
            Err(error) if !error.passes() => {
                self.postpone(shard, member, &error).await?;
                Ok(None)
            }
            sealed => Ok(sealed?),
        }
    }

    async fn sealed_issues(self: &Arc<Self>, shard: ShardId, pack: &[Member]) -> Result<Option<Sealed>, FormError> {
        let mut signing = JoinSet::new();
        for (index, member) in pack.iter().cloned().enumerate() {
            let way = Arc::clone(self);
            signing.spawn(async move { (index, way.sign_order(&member).await) });
        }
        let mut signed = Vec::new();
        while let Some(done) = signing.join_next().await {
            let (index, order) = done?;
            let Some(member) = pack.get(index) else { continue };
            match order {
                Ok(order) => signed.push((index, member, order)),
                Err(error) if error.passes() => return Err(error.into()),
                Err(error) => self.postpone(shard, member, &error).await?,
            }
        }
        if signed.is_empty() {
            return Ok(None);
        }
        signed.sort_by_key(|(index, ..)| *index);
        let signed = signed.into_iter().map(|(_, member, order)| (member, order)).collect();
        Ok(Some(self.seal_issues(signed).await?))
    }

    async fn postpone(&self, shard: ShardId, member: &Member, error: &SealError) -> Result<(), SubmitError> {
        let content_id: Hash = member.content_id;
        tracing::error!(%shard, %content_id, error = reason(error), "a transaction cannot be signed");
        let order = Postpone {
            shard,
            content_id,
            next_attempt_ms: self.soon(POSTPONED),
        };
        match self.order(Command::Postpone(Arc::new(order))).await {
            Err(SubmitError::Rejected(_)) => Ok(()),
            done => done,
        }
    }

    /// Has the writer carry out an order, when there is room.
    async fn order(&self, command: Command) -> Result<(), SubmitError> {
        loop {
            match self.ledger.submit(command.clone()).await {
                Err(SubmitError::Overloaded) => tokio::time::sleep(STAND_BACK).await,
                done => return done.map(|_| ()),
            }
        }
    }
}
