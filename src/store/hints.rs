//! Hints that a shard has something for the chain: given after a commit, on a bounded channel, never waited for. One that is lost
//! costs time, never a transaction: the rows are the queue of record.

use crate::ledger::ids::{SHARDS, ShardId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Gives hints; cheap to clone.
#[derive(Clone)]
pub struct Hints {
    given: Arc<Vec<AtomicBool>>,
    shards: mpsc::Sender<ShardId>,
}

/// Takes hints, each shard once however often it was named.
pub struct Hinted {
    given: Arc<Vec<AtomicBool>>,
    shards: mpsc::Receiver<ShardId>,
}

/// Both ends of a channel that has room for every shard.
pub fn hints() -> (Hints, Hinted) {
    let given: Arc<Vec<AtomicBool>> = Arc::new((0..SHARDS).map(|_| AtomicBool::new(false)).collect());
    let (sender, receiver) = mpsc::channel(usize::from(SHARDS));
    let hints = Hints {
        given: Arc::clone(&given),
        shards: sender,
    };
    let shards = receiver;
    (hints, Hinted { given, shards })
}

impl Hints {
    /// Something of the shard may leave. Nobody listens where nothing is sent to a chain.
    pub fn give(&self, shard: ShardId) {
        if let Some(given) = self.given.get(usize::from(shard.index()))
            && !given.swap(true, Ordering::SeqCst)
            && self.shards.try_send(shard).is_err()
        {
            given.store(false, Ordering::SeqCst);
        }
    }
}

impl Hinted {
    /// The next shard; whatever is hinted from now on comes again. `None` when nobody gives hints any more.
    pub async fn next(&mut self) -> Option<ShardId> {
        let shard = self.shards.recv().await?;
        if let Some(given) = self.given.get(usize::from(shard.index())) {
            given.store(false, Ordering::SeqCst);
        }
        Some(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shard_waits_once_and_comes_again_after_it_was_taken() {
        let (hints, mut hinted) = hints();
        let [one, two] = [1, 2].map(|index| ShardId::new(index).unwrap());
        for shard in [one, two, one, one] {
            hints.give(shard);
        }
        assert_eq!(hinted.next().await, Some(one));
        hints.give(one);
        assert_eq!(hinted.next().await, Some(two));
        assert_eq!(hinted.next().await, Some(one));
        drop(hints);
        assert_eq!(hinted.next().await, None);
    }

    #[test]
    fn nobody_has_to_listen() {
        let (hints, hinted) = hints();
        drop(hinted);
        ShardId::all().chain(ShardId::all()).for_each(|shard| hints.give(shard));
    }
}
