//! Carries one envelope to its end: sends it, finds out what became of it, has the ledger book that. No accept reply and no event
//! proves anything; a transaction in a block, with both codes good and the payload that was stored, does.

use super::Way;
use super::follow::Waiting;
use super::seal::Sealed;
use crate::backoff::Backoff;
use crate::chain::{Committed, Found, NotConfirmed, Request, RetryClass};
use crate::crash::{self, Point};
use crate::ledger::command::Command;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::{Fate, Settle};
use crate::ledger::standing::Place;
use crate::store::writer::SubmitError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// How long a block is waited for before the id is asked for, at first and at most.
const PATIENCE: Duration = Duration::from_millis(500);
const LONGEST_PATIENCE: Duration = Duration::from_secs(5);
/// How long what has lapsed waits before its next envelope, at most.
const AFTER_LAPSE: Duration = Duration::from_secs(5);

/// An envelope in the store that somebody cares for.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) shard: ShardId,
    pub(super) chain_tx_id: Hash,
    pub(super) request: Request,
    pub(super) expires_ms: i64,
    pub(super) members: Vec<Hash>,
    /// Until when it is ours.
    pub(super) lease_ms: i64,
    /// It may have been sent before.
    pub(super) sent: bool,
}

impl Carried {
    /// Just recorded: nobody has sent it.
    pub(super) fn fresh(shard: ShardId, sealed: Sealed, lease_ms: i64) -> Self {
        Self {
            shard,
            chain_tx_id: sealed.chain_tx_id,
            request: sealed.request,
            expires_ms: sealed.expires_ms,
            members: sealed.members,
            lease_ms,
            sent: false,
        }
    }
}

impl Way {
    /// Carries an envelope by a task of its own, which the end of its caller does not touch.
    pub(super) fn carry(self: &Arc<Self>, carried: Carried, permit: Option<OwnedSemaphorePermit>) {
        let way = Arc::clone(self);
        let span = tracing::debug_span!(parent: None, "envelope", shard = %carried.shard, chain_tx_id = %carried.chain_tx_id, fate = Empty);
        let carrying = async move {
            way.carry_out(carried).await;
            drop(permit);
        };
        drop(self.lifecycle.spawn_job("envelope", carrying.instrument(span)));
    }

    /// Carries an envelope until it has ended, or its lease has: whoever takes it up then looks first.
    pub(super) async fn carry_out(&self, mut carried: Carried) -> Option<Fate> {
        let mut waiting = self.follower.wait_for(carried.chain_tx_id)?;
        let fate = self.fate(&mut carried, &mut waiting).await?;
        let told = match &fate {
            Fate::Confirmed(_) => "confirmed",
            Fate::Refused(_) => "refused",
            Fate::Lapsed { .. } => "lapsed",
        };
        metrics::counter!("carbon_dispatch_envelopes_total", "fate" => told).increment(1);
        Span::current().record("fate", told);
        if !matches!(fate, Fate::Confirmed(_)) {
            tracing::warn!(shard = %carried.shard, chain_tx_id = %carried.chain_tx_id, ?fate, "an envelope was not confirmed");
        }
        self.settle(&carried, &fate).await.then_some(fate)
    }

    /// What became of it; `None` when the lease has ended before that is known.
    async fn fate(&self, carried: &mut Carried, waiting: &mut Waiting<'_>) -> Option<Fate> {
        let mut backoff = Backoff::default();
        let mut patience = PATIENCE;
        while self.clock.now_ms() < carried.lease_ms {
            if carried.sent {
                match self.call(self.chain.find(&carried.chain_tx_id)).await {
                    Ok(Found::Committed(committed)) => return Some(self.judge(carried, &committed)),
                    Ok(Found::Pending) => {
                        if let Some(committed) = waiting.within(patience).await {
                            return Some(self.judge(carried, &committed));
                        }
                        patience = patience.saturating_mul(2).min(LONGEST_PATIENCE);
                        continue;
                    }
                    Ok(Found::Absent { chain_ms }) if chain_ms > carried.expires_ms => {
                        return Some(self.lapsed("the chain does not have it, and its window has passed"));
                    }
                    Ok(Found::Absent { .. }) => {}
                    Err(error) => {
                        tracing::debug!(%error, "an id cannot be looked up");
                        self.stand_back(&mut backoff).await;
                        continue;
                    }
                }
            }
            match self.call(self.chain.submit(carried.request.clone())).await {
                Ok(_) => {
                    crash::point(Point::AfterSend);
                    carried.sent = true;
                    backoff.reset();
                    if let Some(committed) = waiting.within(patience).await {
                        return Some(self.judge(carried, &committed));
                    }
                }
                Err(error) => match error.class() {
                    // What was never sent before cannot be in the pool: these bytes will never be taken.
                    RetryClass::Permanent if !carried.sent => return Some(Fate::Refused(reason(&error))),
                    RetryClass::Permanent | RetryClass::Transient => self.stand_back(&mut backoff).await,
                    RetryClass::OutcomeUnknown => {
                        carried.sent = true;
                        self.stand_back(&mut backoff).await;
                    }
                },
            }
        }
        None
    }

    /// What a committed transaction proves.
    fn judge(&self, carried: &Carried, committed: &Committed) -> Fate {
        match committed.confirms(&carried.request.payload) {
            Ok(()) => Fate::Confirmed(Place {
                height: i64::try_from(committed.height).unwrap_or(i64::MAX),
                index: i64::from(committed.index),
                block_at_ms: committed.block_at_ms,
            }),
            // Nothing of ours happened under this id; the next attempt has another, and the contract knows what it has done.
            Err(error @ NotConfirmed::OtherPayload) => self.lapsed(&error.to_string()),
            Err(error @ NotConfirmed::Failed { .. }) => Fate::Refused(error.to_string()),
        }
    }

    fn lapsed(&self, reason: &str) -> Fate {
        Fate::Lapsed {
            reason: reason.to_owned(),
            next_attempt_ms: self.soon(AFTER_LAPSE),
        }
    }

    async fn stand_back(&self, backoff: &mut Backoff) {
        tokio::time::sleep(backoff.next(rand::random(), None)).await;
    }

    /// Has the ledger book it, as often as that takes; `false` if it could not be told before the lease ended.
    async fn settle(&self, carried: &Carried, fate: &Fate) -> bool {
        let order = Arc::new(Settle {
            shard: carried.shard,
            chain_tx_id: carried.chain_tx_id,
            members: carried.members.clone(),
            fate: fate.clone(),
        });
        let mut backoff = Backoff::default();
        loop {
            match self.book(Command::Settle(Arc::clone(&order))).await {
                Ok(_) => {
                    crash::point(Point::AfterSettle);
                    return true;
                }
                Err(SubmitError::Unavailable | SubmitError::OutcomeUnknown)
                    if self.clock.now_ms() < carried.lease_ms =>
                {
                    self.stand_back(&mut backoff).await;
                }
                Err(error) => {
                    tracing::error!(%error, chain_tx_id = %carried.chain_tx_id, "what became of an envelope is not booked");
                    return false;
                }
            }
        }
    }
}

/// An error with everything behind it.
pub(super) fn reason(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    words.join(": ")
}
