//! What waits for a writer: its queue, and before it what was looked at there while other shards were locked.

use super::Queued;
use crate::ledger::ids::ShardId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Commands of a shard leave in the order in which they came.
pub(super) struct Waiting {
    /// Of shards that were not locked when they were met in the queue; no more than a batch.
    aside: VecDeque<Queued>,
    queue: mpsc::Receiver<Queued>,
    batch_max: usize,
    /// How many are put aside, for whoever counts those who wait.
    count: Arc<AtomicUsize>,
}

impl Waiting {
    pub(super) const fn new(queue: mpsc::Receiver<Queued>, batch_max: usize, count: Arc<AtomicUsize>) -> Self {
        Self {
            aside: VecDeque::new(),
            queue,
            batch_max,
            count,
        }
    }

    /// Whether no more commands have room in a batch.
    pub(super) fn is_full(&self, batch: &[Queued]) -> bool {
        batch.len() >= self.batch_max
    }

    /// Waits for commands, and begins a batch with them; none when the queue has ended. Whoever stops waiting has lost none.
    pub(super) async fn first(&mut self) -> Vec<Queued> {
        let mut batch = Vec::new();
        if self.aside.is_empty() {
            self.queue.recv_many(&mut batch, self.batch_max).await;
            batch.iter_mut().for_each(Queued::leave);
        } else {
            self.join(&mut batch, |_| true);
        }
        batch
    }

    /// Adds to a batch what waits at this moment for the shards that may be `in_it`, as far as there is room.
    pub(super) fn join(&mut self, batch: &mut Vec<Queued>, in_it: impl Fn(ShardId) -> bool) {
        for queued in std::mem::take(&mut self.aside) {
            self.sort(queued, batch, &in_it);
        }
        while !self.is_full(batch)
            && self.aside.len() < self.batch_max
            && let Ok(queued) = self.queue.try_recv()
        {
            self.sort(queued, batch, &in_it);
        }
        self.count.store(self.aside.len(), Ordering::Relaxed);
    }

    fn sort(&mut self, mut queued: Queued, batch: &mut Vec<Queued>, in_it: impl Fn(ShardId) -> bool) {
        if !self.is_full(batch) && in_it(queued.command.shard()) {
            queued.leave();
            batch.push(queued);
        } else {
            self.aside.push_back(queued);
        }
    }

    /// Whatever waits at this moment.
    pub(super) fn all(&mut self) -> Vec<Queued> {
        self.count.store(0, Ordering::Relaxed);
        let mut all = Vec::from(std::mem::take(&mut self.aside));
        while let Ok(queued) = self.queue.try_recv() {
            all.push(queued);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::command::{Command, Meta, SettleDue};
    use crate::ledger::ids::{Name, UserId};
    use proptest::prelude::*;
    use tokio::sync::Semaphore;

    /// A command that bears its number.
    fn queued((number, user): (usize, i64)) -> Queued {
        let settle = SettleDue {
            meta: Meta {
                client: Name::parse("test").unwrap(),
                request_id: number.to_string(),
            },
            user: UserId::from_stored(user),
            programmes: Arc::default(),
        };
        Queued::new(Command::SettleDue(Arc::new(settle)), None).0
    }

    fn number(queued: &Queued) -> usize {
        match &queued.command {
            Command::SettleDue(settle) => settle.meta.request_id.parse().unwrap(),
            _ => usize::MAX,
        }
    }

    /// Whoever waits aside keeps the place of one who waits.
    #[tokio::test]
    async fn a_place_is_free_again_as_soon_as_a_batch_has_taken_who_had_it() {
        let places = Arc::new(Semaphore::new(3));
        let (sender, queue) = mpsc::channel(9);
        let mut waiting = Waiting::new(queue, 5, Arc::default());
        let come = |number| {
            let mut queued = queued((number, 0));
            queued.place = Some(Arc::clone(&places).try_acquire_owned().unwrap());
            sender.try_send(queued).unwrap();
        };
        come(0);
        assert_eq!(places.available_permits(), 2);
        let mut batch = waiting.first().await;
        assert_eq!((batch.len(), places.available_permits()), (1, 3));
        come(1);
        waiting.join(&mut batch, |_| false);
        assert_eq!((batch.len(), places.available_permits()), (1, 2));
        waiting.join(&mut batch, |_| true);
        assert_eq!((batch.len(), places.available_permits()), (2, 3));
    }

    proptest! {
        /// However commands come, and whichever shards are locked when: all leave once, those of a shard in their order, no batch has more
        /// than it may, and none waits behind one of its own shard that was put aside.
        #[test]
        fn nothing_is_lost_or_overtaken(
            arrivals in prop::collection::vec(prop::collection::vec(0_i64..4, 0..9), 1..12),
            most in 1_usize..6,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (sender, queue) = mpsc::channel(200);
            let mut waiting = Waiting::new(queue, most, Arc::default());
            let all: Vec<(usize, i64)> = arrivals.iter().flatten().copied().enumerate().collect();
            let mut coming = all.iter().copied();
            let mut left = Vec::new();
            for arrival in &arrivals {
                let (before, after) = arrival.split_at(arrival.len() / 2);
                coming.by_ref().take(before.len()).for_each(|one| sender.try_send(queued(one)).unwrap());
                let mut batch = if left.len() < all.len() - coming.len() {
                    runtime.block_on(waiting.first())
                } else {
                    Vec::new()
                };
                let locked: Vec<ShardId> = batch.iter().map(|queued| queued.command.shard()).collect();
                coming.by_ref().take(after.len()).for_each(|one| sender.try_send(queued(one)).unwrap());
                waiting.join(&mut batch, |shard| locked.contains(&shard));
                prop_assert!(batch.len() <= most);
                prop_assert!(batch.iter().all(|queued| locked.contains(&queued.command.shard())));
                prop_assert!(waiting.aside.len() <= most);
                prop_assert_eq!(waiting.count.load(Ordering::Relaxed), waiting.aside.len());
                left.extend(batch.iter().map(number));
            }
            left.extend(waiting.all().iter().map(number));
            for shard in 0..4 {
                let of_shard = |number: &usize| all.get(*number).is_some_and(|(_, user)| *user == shard);
                let came: Vec<usize> = (0..all.len()).filter(of_shard).collect();
                prop_assert_eq!(left.iter().copied().filter(of_shard).collect::<Vec<_>>(), came);
            }
            drop(sender);
            prop_assert!(runtime.block_on(waiting.first()).is_empty());
        }
    }
}
