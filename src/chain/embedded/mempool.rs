//! What waits for a block: bounded in number and bytes, by id. The first payload under an id wins; a repeat is told `OK`.

use super::members::Member;
use crate::chain::payload::Payload;
use carbon_contract::Hash;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// A request that was believed.
pub(super) struct Waiting {
    pub(super) payload: Payload,
    pub(super) member: Arc<Member>,
    /// The request's bytes, as they will stand in the block.
    pub(super) request: Vec<u8>,
}

/// What became of an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offered {
    Taken,
    /// The id waits already, under whatever payload came first.
    Repeat,
    Full,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) count: usize,
    pub(super) bytes: usize,
}

pub(super) struct Mempool {
    bounds: Bounds,
    waiting: VecDeque<Arc<Waiting>>,
    /// Those that wait and those whose block is being made.
    ids: HashSet<Hash>,
    bytes: usize,
}

impl Mempool {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            waiting: VecDeque::new(),
            ids: HashSet::new(),
            bytes: 0,
        }
    }

    pub(super) fn contains(&self, tx_id: &Hash) -> bool {
        self.ids.contains(tx_id)
    }

    pub(super) fn is_full(&self) -> bool {
        self.ids.len() >= self.bounds.count || self.bytes >= self.bounds.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn offer(&mut self, waiting: Arc<Waiting>) -> Offered {
        if self.ids.contains(&waiting.payload.tx_id) {
            return Offered::Repeat;
        }
        if self.is_full() {
            return Offered::Full;
        }
        self.bytes = self.bytes.saturating_add(waiting.request.len());
        self.ids.insert(waiting.payload.tx_id);
        self.waiting.push_back(waiting);
        Offered::Taken
    }

    /// The oldest, for a block: at least one, if any. Their ids stay taken until they are settled.
    pub(super) fn take(&mut self, bounds: Bounds) -> Vec<Arc<Waiting>> {
        let mut taken = Vec::new();
        let mut bytes = 0_usize;
        while let Some(next) = self.waiting.front() {
            bytes = bytes.saturating_add(next.request.len());
            if taken.len() >= bounds.count || (!taken.is_empty() && bytes > bounds.bytes) {
                break;
            }
            taken.extend(self.waiting.pop_front());
        }
        taken
    }

    /// They are in a block, or dropped.
    pub(super) fn settle(&mut self, taken: &[Arc<Waiting>]) {
        for waiting in taken {
            if self.ids.remove(&waiting.payload.tx_id) {
                self.bytes = self.bytes.saturating_sub(waiting.request.len());
            }
        }
    }

    /// No block came of it: they wait again, first.
    pub(super) fn give_back(&mut self, taken: Vec<Arc<Waiting>>) {
        taken
            .into_iter()
            .rev()
            .for_each(|waiting| self.waiting.push_front(waiting));
    }
}
