//! Where the contract keeps what it knows. Keys have one shape that fits every chain, values are short documents, and there is no
//! way to delete: a contract that cannot forget cannot be made to forget a source or a spend.

use crate::Hash;
use crate::codec::CodecError;
use std::collections::BTreeMap;

/// What a key speaks of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Room {
    /// What was said at the installation; its name is 32 zero bytes.
    Installation,
    /// A credit, by its hash.
    Credit,
    /// A source, by its key.
    Source,
    /// A transaction, by its content id.
    Transaction,
    /// An address.
    Binding,
}

/// A place in the state: a room and 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// What it speaks of.
    pub room: Room,
    /// Which one.
    pub name: Hash,
}

/// Why the state could not be read or written. Never a judgement on the caller: the same call may succeed later.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum StateError {
    /// The chain refused to read or write.
    #[error("{key} cannot be reached: {cause}")]
    Unavailable {
        /// Where.
        key: Key,
        /// In the chain's words.
        cause: Box<str>,
    },
    /// The bytes under a key are not what the contract writes there.
    #[error("{key} is unreadable")]
    Corrupt {
        /// Where.
        key: Key,
        /// What is wrong with them.
        #[source]
        cause: CodecError,
    },
}

/// A chain's state, as one transaction of the chain sees it.
pub trait State {
    /// What stands under a key. No value is empty.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StateError>;

    /// Writes a value. The contract writes only when it refuses no more, so a chain that drops nothing on failure stays whole.
    fn put(&mut self, key: Key, value: Vec<u8>) -> Result<(), StateError>;
}

/// A state in memory.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct MemoryState(BTreeMap<Key, Vec<u8>>);

/// Writes over a state that has not seen them yet: reads see them, the state does not.
pub struct Overlay<'a> {
    base: &'a dyn State,
    writes: BTreeMap<Key, Vec<u8>>,
}

impl Room {
    /// Its word: what stands first in a key where keys are text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Credit => "credit",
            Self::Source => "source",
            Self::Transaction => "transaction",
            Self::Binding => "binding",
        }
    }

    const fn letter(self) -> u8 {
        match self {
            Self::Installation => b'i',
            Self::Credit => b'c',
            Self::Source => b's',
            Self::Transaction => b't',
            Self::Binding => b'b',
        }
    }
}

impl Key {
    /// The key of a thing.
    pub const fn new(room: Room, name: Hash) -> Self {
        Self { room, name }
    }

    /// 33 bytes, for a store with byte keys. With text keys: [`Room::as_str`] and the name in hexadecimal, as `key` and `field`
    /// where the chain has both, else as [`Key`] displays.
    pub fn to_bytes(&self) -> [u8; 33] {
        let mut bytes = [self.room.letter(); 33];
        let name = bytes.iter_mut().skip(1).zip(self.name.as_bytes());
        name.for_each(|(to, from)| *to = *from);
        bytes
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.room.as_str(), self.name)
    }
}

impl MemoryState {
    /// Everything in it, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        self.0.iter().map(|(key, value)| (key, value.as_slice()))
    }
}

impl State for MemoryState {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.get(key).cloned())
    }

    fn put(&mut self, key: Key, value: Vec<u8>) -> Result<(), StateError> {
        self.0.insert(key, value);
        Ok(())
    }
}

impl<'a> Overlay<'a> {
    /// Nothing written yet.
    pub const fn new(base: &'a dyn State) -> Self {
        Self {
            base,
            writes: BTreeMap::new(),
        }
    }

    /// What was written, by key; the state itself is still as it was.
    pub fn into_writes(self) -> BTreeMap<Key, Vec<u8>> {
        self.writes
    }
}

impl State for Overlay<'_> {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StateError> {
        match self.writes.get(key) {
            Some(value) => Ok(Some(value.clone())),
            None => self.base.get(key),
        }
    }

    fn put(&mut self, key: Key, value: Vec<u8>) -> Result<(), StateError> {
        self.writes.insert(key, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::new(Room::Credit, Hash::new([0xab; 32]));

    #[test]
    fn an_overlay_reads_its_writes_and_leaves_the_state_alone() {
        let mut state = MemoryState::default();
        state.put(KEY, vec![1]).unwrap();
        let mut overlay = Overlay::new(&state);
        assert_eq!(overlay.get(&KEY), Ok(Some(vec![1])));
        overlay.put(KEY, vec![2]).unwrap();
        assert_eq!(overlay.get(&KEY), Ok(Some(vec![2])));
        assert_eq!(state.get(&KEY), Ok(Some(vec![1])));
    }

    #[test]
    fn keys_fit_every_chain() {
        for room in [
            Room::Installation,
            Room::Credit,
            Room::Source,
            Room::Transaction,
            Room::Binding,
        ] {
            let key = Key { room, ..KEY };
            assert_eq!(
                key.to_bytes()[0],
                room.as_str().as_bytes()[0],
                "told apart by the first letter"
            );
            assert_eq!(&key.to_bytes()[1..], KEY.name.as_bytes());
            let fits = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric());
            assert!(fits(room.as_str()) && fits(&key.name.to_string()));
            assert_eq!(key.to_string(), format!("{}.{}", room.as_str(), "ab".repeat(32)));
        }
    }
}
