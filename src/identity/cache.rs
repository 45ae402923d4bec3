//! Clear keys in memory: bounded, and wiped the moment they fall out. Two generations stand in for an exact order of use: what is used
//! moves to the young one; when that is full it becomes the old one, and the old one's keys are dropped. A library cache would drop
//! its entries some time later, in its own housekeeping; here the bound is a bound on clear keys.

use super::user_key::{PrivateKey, PublicPoint};
use crate::ledger::ids::{Hash, UserId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A user's opened key. It lies on the heap once and is shared, so that moving it leaves no copy behind.
#[derive(Debug)]
pub(super) struct OpenKey {
    pub(super) key: PrivateKey,
    pub(super) point: PublicPoint,
    pub(super) key_id: Hash,
    /// Which of the user's keys.
    pub(super) number: u32,
    /// When its row was read: another process may have given the user another key since.
    pub(super) read_ms: i64,
}

/// The cache.
#[derive(Debug)]
pub(super) struct KeyCache {
    young: BTreeMap<UserId, Arc<OpenKey>>,
    old: BTreeMap<UserId, Arc<OpenKey>>,
    half: usize,
}

impl KeyCache {
    /// Room for `most` keys, at least two.
    pub(super) fn new(most: usize) -> Self {
        Self {
            young: BTreeMap::new(),
            old: BTreeMap::new(),
            half: (most / 2).max(1),
        }
    }

    /// The key of a user, if it was read at `since_ms` or later.
    pub(super) fn get(&mut self, user: UserId, since_ms: i64) -> Option<Arc<OpenKey>> {
        let found = if let Some(key) = self.young.get(&user) {
            Arc::clone(key)
        } else {
            let key = self.old.remove(&user)?;
            self.insert(user, Arc::clone(&key));
            key
        };
        if found.read_ms >= since_ms {
            return Some(found);
        }
        self.forget(user);
        None
    }

    /// Keeps a key; what falls out is wiped as soon as nobody signs with it.
    pub(super) fn insert(&mut self, user: UserId, key: Arc<OpenKey>) {
        if self.young.len() >= self.half && !self.young.contains_key(&user) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&user);
        self.young.insert(user, key);
    }

    /// Drops the key of a user.
    pub(super) fn forget(&mut self, user: UserId) {
        self.young.remove(&user);
        self.old.remove(&user);
    }

    /// Keys held.
    pub(super) fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Weak;
    use zeroize::Zeroizing;

    fn open(number: u8) -> Arc<OpenKey> {
        let key = PrivateKey::new(&Zeroizing::new([number; 32])).unwrap();
        let point = key.point();
        Arc::new(OpenKey {
            key,
            point,
            key_id: point.key_id(),
            number: 1,
            read_ms: 100,
        })
    }

    #[test]
    fn the_bound_holds_and_what_falls_out_is_gone() {
        let mut cache = KeyCache::new(8);
        let mut seen: Vec<(UserId, Weak<OpenKey>)> = Vec::new();
        for number in 1..=100_u8 {
            let user = UserId::from_stored(i64::from(number));
            let key = open(number);
            seen.push((user, Arc::downgrade(&key)));
            cache.insert(user, key);
            assert!(cache.get(UserId::from_stored(1), 0).is_some(), "what is used stays");
            assert!(cache.len() <= 8);
            // A key that the cache does not hold has run its destructor, which wipes it: nobody else holds it.
            let alive = seen.iter().filter(|(_, key)| key.strong_count() > 0).count();
            assert_eq!(alive, cache.len());
        }
    }

    #[test]
    fn an_old_reading_is_not_believed() {
        let mut cache = KeyCache::new(8);
        let user = UserId::from_stored(1);
        cache.insert(user, open(1));
        assert!(cache.get(user, 100).is_some());
        assert!(cache.get(user, 101).is_none());
        assert_eq!(cache.len(), 0);
    }
}
