//! Clear keys in memory: bounded, and wiped the moment they fall out. Two generations stand in for an exact order of use: what is used
//! moves to the young one; when that is full it becomes the old one, and the old one's keys are dropped. A library cache would drop
//! its entries some time later, in its own housekeeping; here the bound is a bound on clear keys.

use super::certificate::Certificate;
use super::rows::{CertificateRow, KeyRow};
use super::signer::Unfit;
use super::user_key::{PrivateKey, PublicPoint};
use crate::ledger::ids::{Hash, UserId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A user's opened key. It lies on the heap once and is shared, so that moving it leaves no copy behind.
#[derive(Debug)]
pub(super) struct OpenKey {
    pub(super) key: PrivateKey,
    pub(super) point: PublicPoint,
    pub(super) key_id: Hash,
    /// Which of the user's keys.
    pub(super) number: u32,
    /// When its row was last read: another process may have given the user another key since.
    read_ms: AtomicI64,
    /// The certificate that was read last: reading it takes longer than comparing its bytes.
    certificate: Mutex<Option<Arc<Certificate>>>,
}

impl OpenKey {
    /// A key whose row was read at an instant.
    pub(super) fn new((key, point): (PrivateKey, PublicPoint), key_id: Hash, number: u32, read_ms: i64) -> Self {
        Self {
            point,
            key,
            key_id,
            number,
            read_ms: AtomicI64::new(read_ms),
            certificate: Mutex::default(),
        }
    }

    /// When its row was last read.
    pub(super) fn read_ms(&self) -> i64 {
        self.read_ms.load(Ordering::Relaxed)
    }

    /// Whether a row that was just read is this key's, or one from before it.
    pub(super) fn is_of(&self, row: &KeyRow, now_ms: i64) -> bool {
        let same = (self.number, self.key_id) == (row.number, row.key_id);
        if same {
            self.read_ms.fetch_max(now_ms, Ordering::Relaxed);
        }
        same || self.number > row.number
    }

    /// What the row of its certificate holds.
    pub(super) fn certificate(&self, row: &CertificateRow) -> Result<Arc<Certificate>, Unfit> {
        let mut last = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last =
            |last: &&Arc<Certificate>| row.revoked_ms.is_none() && last.der == row.der && last.key_id == row.key_id;
        if let Some(last) = last.as_ref().filter(is_last) {
            return Ok(Arc::clone(last));
        }
        let read = Arc::new(row.judged()?);
        *last = Some(Arc::clone(&read));
        Ok(read)
    }
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

    /// The key of a user, however long ago its row was read.
    pub(super) fn get(&mut self, user: UserId) -> Option<Arc<OpenKey>> {
        if let Some(key) = self.young.get(&user) {
            return Some(Arc::clone(key));
        }
        let key = self.old.remove(&user)?;
        self.insert(user, Arc::clone(&key));
        Some(key)
    }

    /// Keeps a key that was just opened, unless there is a later one: of two readings the slower must not bring a replaced key
    /// back. Answers with the one that is kept.
    pub(super) fn keep(&mut self, user: UserId, key: Arc<OpenKey>) -> Arc<OpenKey> {
        match self.get(user) {
            Some(known) if known.number > key.number => known,
            _ => {
                self.insert(user, Arc::clone(&key));
                key
            }
        }
    }

    /// What falls out is wiped as soon as nobody signs with it.
    fn insert(&mut self, user: UserId, key: Arc<OpenKey>) {
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

    fn open(byte: u8, number: u32) -> Arc<OpenKey> {
        let key = PrivateKey::new(&Zeroizing::new([byte; 32])).unwrap();
        let point = key.point();
        Arc::new(OpenKey::new((key, point), point.key_id(), number, 100))
    }

    #[test]
    fn the_bound_holds_and_what_falls_out_is_gone() {
        let mut cache = KeyCache::new(8);
        let mut seen: Vec<(UserId, Weak<OpenKey>)> = Vec::new();
        for byte in 1..=100_u8 {
            let user = UserId::from_stored(i64::from(byte));
            let key = open(byte, 1);
            seen.push((user, Arc::downgrade(&key)));
            drop(cache.keep(user, key));
            assert!(cache.get(UserId::from_stored(1)).is_some(), "what is used stays");
            assert!(cache.len() <= 8);
            // A key that the cache does not hold has run its destructor, which wipes it: nobody else holds it.
            let alive = seen.iter().filter(|(_, key)| key.strong_count() > 0).count();
            assert_eq!(alive, cache.len());
        }
    }

    #[test]
    fn a_replaced_key_does_not_come_back() {
        let mut cache = KeyCache::new(8);
        let user = UserId::from_stored(1);
        let (first, second) = (open(1, 1), open(2, 2));
        cache.keep(user, Arc::clone(&first));
        assert_eq!(cache.keep(user, Arc::clone(&second)).number, 2);
        assert_eq!(cache.keep(user, first).number, 2);
        assert_eq!(cache.get(user).unwrap().key_id, second.key_id);
    }

    #[test]
    fn a_row_that_is_read_again_is_believed_again() {
        let open = open(1, 2);
        let row = |number, key_id| KeyRow {
            user: UserId::from_stored(1),
            number,
            key_id,
            point: Vec::new(),
            wrapped_key: Vec::new(),
            created_ms: 0,
        };
        let other = Hash::new([9; 32]);
        assert!(!open.is_of(&row(3, other), 200));
        assert!(!open.is_of(&row(2, other), 200));
        assert!(open.is_of(&row(1, other), 200), "a slower reading");
        assert_eq!(open.read_ms(), 100);
        assert!(open.is_of(&row(2, open.key_id), 200));
        assert_eq!(open.read_ms(), 200);
    }
}
