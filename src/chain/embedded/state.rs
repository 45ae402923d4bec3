//! The state as a block sees it while it is made: what the block has written, over what was read ahead, over the file.

use super::block::{StateKey, Writes};
use super::file;
use crate::chain::payload::Payload;
use carbon_contract::envelope::Envelope;
use carbon_contract::state::{Key, Room, State, StateError};
use carbon_contract::transaction::{Transaction, content_id};
use carbon_contract::{Hash, record::Installed};
use sqlx::sqlite::SqliteConnection;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use tokio::runtime::Handle;

/// Lives on a thread that may wait.
pub(super) struct BlockState<'a> {
    written: Writes,
    read: RefCell<HashMap<StateKey, Option<Vec<u8>>>>,
    file: RefCell<&'a mut SqliteConnection>,
    runtime: Handle,
}

impl<'a> BlockState<'a> {
    /// Over a file; `read` is what was read ahead, absent keys too.
    pub(super) fn new(
        read: HashMap<StateKey, Option<Vec<u8>>>,
        file: &'a mut SqliteConnection,
        runtime: Handle,
    ) -> Self {
        Self {
            written: Writes::new(),
            read: RefCell::new(read),
            file: RefCell::new(file),
            runtime,
        }
    }

    /// What a transaction wrote stands from now on.
    pub(super) fn apply(&mut self, writes: Writes) {
        self.written.extend(writes);
    }

    /// All that was written.
    pub(super) fn into_writes(self) -> Writes {
        self.written
    }
}

impl State for BlockState<'_> {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StateError> {
        let bytes = key.to_bytes();
        if let Some(value) = self.written.get(&bytes) {
            return Ok(Some(value.clone()));
        }
        if let Some(value) = self.read.borrow().get(&bytes) {
            return Ok(value.clone());
        }
        let mut file = self.file.borrow_mut();
        let rows = self.runtime.block_on(file::values(&mut file, &[bytes]));
        let rows = rows.map_err(|error| StateError::Unavailable {
            key: *key,
            cause: error.to_string().into(),
        })?;
        let value = rows.into_iter().next().map(|(_, value)| value);
        self.read.borrow_mut().insert(bytes, value.clone());
        Ok(value)
    }

    fn put(&mut self, key: Key, value: Vec<u8>) -> Result<(), StateError> {
        self.written.insert(key.to_bytes(), value);
        Ok(())
    }
}

/// Keys that a block's calls will most likely ask for, to be read in few statements. A key that is missing here costs a statement
/// of its own, no more.
pub(super) fn likely_keys<'a>(payloads: impl Iterator<Item = &'a Payload>) -> Vec<StateKey> {
    let mut keys = BTreeSet::from([Key::new(Room::Installation, Installed::NAME).to_bytes()]);
    for payload in payloads {
        let mut add = |room, name: Hash| {
            keys.insert(Key::new(room, name).to_bytes());
        };
        match Envelope::decode(&payload.argument) {
            Ok(Envelope::Issue(orders)) => orders
                .iter()
                .for_each(|order| of_transaction(&order.transaction, &mut add)),
            Ok(Envelope::Spend(transaction) | Envelope::Attest(transaction)) => of_transaction(&transaction, &mut add),
            Ok(Envelope::Rebind(rebind)) => add(Room::Binding, rebind.address),
            Err(_) => {}
        }
    }
    keys.into_iter().collect()
}

fn of_transaction(bytes: &[u8], add: &mut impl FnMut(Room, Hash)) {
    let Ok(transaction) = Transaction::decode(bytes) else {
        return;
    };
    add(Room::Transaction, content_id(bytes));
    add(Room::Binding, transaction.orderer);
    transaction.inputs.iter().for_each(|hash| add(Room::Credit, *hash));
    transaction
        .sources
        .iter()
        .for_each(|source| add(Room::Source, source.key));
}
