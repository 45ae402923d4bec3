//! Follows the chain block by block and hands each committed transaction to whoever waits for it: one reading a block, however many
//! wait. A block that is missed costs time: who waits asks for the id after a while.

use super::Way;
use crate::chain::Committed;
use crate::ledger::ids::Hash;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long before a block that could not be read is asked for again.
const AGAIN: Duration = Duration::from_millis(200);

/// Who waits for which id.
#[derive(Default)]
pub(super) struct Follower {
    waiting: Mutex<HashMap<Hash, oneshot::Sender<Committed>>>,
}

/// Waits for an id until dropped.
pub(super) struct Waiting<'f> {
    follower: &'f Follower,
    chain_tx_id: Hash,
    committed: oneshot::Receiver<Committed>,
}

impl Follower {
    /// Waits for an id from now on; `None` if somebody does already.
    pub(super) fn wait_for(&self, chain_tx_id: Hash) -> Option<Waiting<'_>> {
        let (sender, committed) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.contains_key(&chain_tx_id) {
            return None;
        }
        waiting.insert(chain_tx_id, sender);
        Some(Waiting {
            follower: self,
            chain_tx_id,
            committed,
        })
    }

    /// Whether somebody cares for an id.
    pub(super) fn cares_for(&self, chain_tx_id: &Hash) -> bool {
        self.waiting().contains_key(chain_tx_id)
    }

    fn is_idle(&self) -> bool {
        self.waiting().is_empty()
    }

    fn tell(&self, committed: Committed) {
        // The id stays taken until whoever waits has settled it.
        if let Some(sender) = self.waiting().get_mut(&committed.tx_id) {
            let (spent, _) = oneshot::channel();
            let _gone = std::mem::replace(sender, spent).send(committed);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Hash, oneshot::Sender<Committed>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// The transaction, if a block brings it within that time.
    pub(super) async fn within(&mut self, patience: Duration) -> Option<Committed> {
        tokio::time::timeout(patience, &mut self.committed).await.ok()?.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.follower.waiting().remove(&self.chain_tx_id);
    }
}

/// Starts the task that follows; it ends when dispatch has.
pub(super) fn start(way: &Arc<Way>) {
    let hard = way.lifecycle.hard();
    let way_gone = Arc::downgrade(way);
    way.lifecycle.spawn("follower", async move {
        hard.run_until_cancelled(follow(way_gone)).await;
    });
}

async fn follow(way: Weak<Way>) {
    let Some(mut heights) = way.upgrade().map(|way| way.chain.heights()) else {
        return;
    };
    let mut seen = *heights.borrow_and_update();
    loop {
        // A chain that stands still is asked now and then whether dispatch is still there.
        let _still = tokio::time::timeout(AGAIN, heights.changed()).await;
        let height = *heights.borrow_and_update();
        let Some(way) = way.upgrade() else { return };
        while seen < height {
            if way.follower.is_idle() {
                seen = height;
                break;
            }
            let next = seen.saturating_add(1);
            match way.chain.block(next).await {
                Ok(block) => {
                    let transactions = block.into_iter().flat_map(|block| block.transactions);
                    transactions.for_each(|committed| way.follower.tell(committed));
                    seen = next;
                }
                Err(error) => {
                    tracing::debug!(%error, height = next, "a block cannot be read");
                    break;
                }
            }
        }
    }
}
