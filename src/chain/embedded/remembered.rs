//! A memory of bounded size: two generations, of which the older is forgotten when the younger is full. What is used stays.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key, at most twice `generation` of them.
pub(super) struct Remembered<K, V> {
    generation: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq + Copy, V: Clone> Remembered<K, V> {
    /// Empty.
    pub(super) fn new(generation: usize) -> Self {
        Self {
            generation,
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// What stands under a key; it is young again.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        if !self.young.contains_key(key) {
            let value = self.old.remove(key)?;
            self.insert(*key, value);
        }
        self.young.get(key)
    }

    /// Puts a value under a key.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let mut remembered = Remembered::new(4);
        for n in 0..40_u32 {
            remembered.insert(n, n);
            assert_eq!(remembered.get(&0), Some(&0));
            assert!(remembered.young.len() + remembered.old.len() <= 8);
        }
        assert_eq!(remembered.get(&39), Some(&39));
        assert_eq!(remembered.get(&20), None);
    }
}
