//! Reading the chain without believing it: every block from the genesis on is linked, every request proved under a certificate
//! valid then, every call run again, and what comes out is compared with what is stored, down to the last row of the state.
//!
//! In memory at once: one block, and the state.

use super::block::{Header, StateKey, Writes, block_hash, leaf};
use super::execute::{Call, execute};
use super::file::{self, BlockRow, FileError, Snapshot, Tip, TxRow};
use super::genesis::{Genesis, genesis_digest};
use super::members::Members;
use super::merkle;
use super::prove::{Proved, prove};
use crate::chain::outcome::TxResult;
use crate::chain::payload::Payload;
use carbon_contract::Hash;
use carbon_contract::record::{Credit, Record as _};
use carbon_contract::state::{Key, Room, State, StateError};
use carbon_contract::transaction::Lot;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// Rows of the state that are compared at once.
const PAGE: i64 = 1_000;

/// Something wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChainFinding {
    /// Table.
    pub table: &'static str,
    /// The row by its key; `*` where no single one is meant.
    pub row: String,
    /// What is wrong.
    pub what: String,
}

/// What a chain holds, as the replay says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// The last block.
    pub tip: Tip,
    /// Transactions in blocks.
    pub transactions: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Micrograms in unspent credits, by lot.
    pub unspent_ug: BTreeMap<Lot, i128>,
    /// Credits that are unspent.
    pub unspent: u64,
}

/// A transaction that succeeded, told in the order of the chain.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its id.
    pub tx_id: Hash,
    /// Its block and place.
    pub place: (u64, u32),
    /// The payload that stands there.
    pub payload: &'a Payload,
    /// Whether both codes are good.
    pub succeeded: bool,
}

/// What a walk tells: findings, and every transaction as it comes.
pub trait Listener: Send {
    /// Something is wrong.
    fn found(&mut self, finding: ChainFinding);
    /// A transaction of the chain whose bytes can be read.
    fn saw(&mut self, seen: Seen<'_>);
}

/// The state of the replay.
#[derive(Default)]
struct Replay(Writes);

/// Everything between the first block and the last.
struct Walk<'a> {
    genesis: Genesis,
    members: Members,
    state: Replay,
    revoked: BTreeSet<Hash>,
    below: Tip,
    transactions: u64,
    failed: u64,
    listener: &'a mut dyn Listener,
}

/// Replays what `snapshot` shows. Fails only where there is nothing to replay: what is wrong inside becomes a finding.
pub async fn replay(
    Snapshot(snapshot): &mut Snapshot,
    expected: Option<&Genesis>,
    listener: &mut dyn Listener,
) -> Result<Replayed, FileError> {
    let document = file::genesis(snapshot).await?;
    let document = document.ok_or_else(|| FileError::row("genesis", "document", "there is no genesis"))?;
    let genesis = Genesis::decode(&document).map_err(|error| FileError::row("genesis", "document", error))?;
    let members = Members::new(&genesis.authorities).map_err(|error| FileError::row("genesis", "document", error))?;
    let state = genesis
        .state()
        .map_err(|error| FileError::row("genesis", "document", error))?;
    let mut walk = Walk {
        below: Tip {
            height: 0,
            at_ms: genesis.created_ms,
            hash: genesis_digest(&document),
        },
        genesis,
        members,
        state: Replay(state),
        revoked: BTreeSet::new(),
        transactions: 0,
        failed: 0,
        listener,
    };
    if expected.is_some_and(|expected| *expected != walk.genesis) {
        walk.found("genesis", "*", "is not the genesis of this deployment");
    }
    let mut height = 0;
    while let Some(block) = file::block_above(snapshot, height).await? {
        height = block.height;
        let transactions = file::transactions(snapshot, height).await?;
        walk.block(&block, &transactions);
        tokio::task::yield_now().await;
    }
    for (tx_id, height, position) in file::strays(snapshot).await? {
        let row = format!("{}, height {height}, position {position}", named(&tx_id));
        walk.found("chain_tx", row, "stands in no block");
    }
    walk.compare_state(snapshot).await?;
    for problem in file::integrity(snapshot).await? {
        walk.found("database", "*", problem);
    }
    walk.sum()
}

fn named(bytes: &[u8]) -> String {
    Hash::from_slice(bytes).map_or_else(|| format!("{bytes:02x?}"), |hash| hash.to_string())
}

impl State for Replay {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.get(&key.to_bytes()).cloned())
    }

    fn put(&mut self, key: Key, value: Vec<u8>) -> Result<(), StateError> {
        self.0.insert(key.to_bytes(), value);
        Ok(())
    }
}

impl Walk<'_> {
    fn found(&mut self, table: &'static str, row: impl Display, what: impl Display) {
        self.listener.found(ChainFinding {
            table,
            row: row.to_string(),
            what: what.to_string(),
        });
    }

    fn block(&mut self, row: &BlockRow, transactions: &[TxRow]) {
        let place = format!("height {}", row.height);
        let hash = block_hash(&row.header);
        if row.hash != hash.as_bytes() {
            self.found("block", &place, "its hash is not that of its header");
        }
        let leaves: Vec<Hash> = transactions.iter().map(|tx| leaf(&tx.request, &tx.result)).collect();
        let height = self.below.height.saturating_add(1);
        let at_ms = match Header::decode(&row.header) {
            Err(error) => {
                self.found("block", &place, format!("its header cannot be read: {error}"));
                self.below.at_ms
            }
            Ok(header) => {
                let wrong = [
                    (header.chain_id != self.genesis.chain_id, "its chain is another"),
                    (header.height != height, "its height does not follow"),
                    (
                        i64::try_from(header.height) != Ok(row.height),
                        "its height is not its header's",
                    ),
                    (
                        header.previous != self.below.hash,
                        "it is not linked to the block below",
                    ),
                    (header.at_ms < self.below.at_ms, "it is earlier than the block below"),
                    (
                        usize::try_from(header.count) != Ok(leaves.len()),
                        "it has lost or gained transactions",
                    ),
                    (
                        merkle::root(&leaves) != Some(header.root),
                        "its Merkle root is not that of its transactions",
                    ),
                ];
                for (_, what) in wrong.into_iter().filter(|(is, _)| *is) {
                    self.found("block", &place, what);
                }
                header.at_ms
            }
        };
        self.below = Tip { height, at_ms, hash };
        let proved = prove(transactions, (&self.genesis, &self.members), at_ms);
        for ((index, tx), proved) in (0_u32..).zip(transactions).zip(proved) {
            self.transactions = self.transactions.saturating_add(1);
            if i64::from(index) != tx.position {
                let row = format!("{}, height {}", named(&tx.tx_id), tx.height);
                self.found("chain_tx", row, "its position does not follow");
            }
            if let Err(what) = proved.and_then(|proved| self.transaction(tx, proved, index)) {
                let row = format!("{}, height {}", named(&tx.tx_id), tx.height);
                self.found("chain_tx", row, what);
            }
        }
    }

    /// One transaction: run again and compared.
    fn transaction(&mut self, row: &TxRow, proved: Proved, index: u32) -> Result<(), String> {
        let Proved {
            payload,
            member,
            unordered,
        } = proved;
        let (height, at_ms) = (self.below.height, self.below.at_ms);
        let mut wrong = Vec::new();
        if row.tx_id != payload.tx_id.as_bytes() {
            wrong.push("its id is not its payload's".to_owned());
        }
        if payload.chain_id != self.genesis.chain_id {
            wrong.push("it is for another chain".to_owned());
        }
        if self.genesis.lifetime(&payload).is_err() || !self.genesis.takes(&payload, at_ms) {
            wrong.push("its time is not that of its block".to_owned());
        }
        if self.revoked.contains(&member.certificate) {
            wrong.push("its certificate was revoked before".to_owned());
        }
        let call = Call {
            genesis: &self.genesis,
            member: &member,
            payload: &payload,
            height,
        };
        let executed = execute(&self.state, &call).map_err(|error| error.to_string())?;
        match TxResult::decode(&row.result) {
            Ok(result) if result == executed.result => {}
            Ok(_) => wrong.push("its result is not what the contract gives".to_owned()),
            Err(error) => wrong.push(format!("its result cannot be read: {error}")),
        }
        let succeeded = executed.result.code == 0 && executed.result.contract_code == 0;
        if succeeded {
            wrong.extend(unordered);
        }
        self.failed = self.failed.saturating_add(u64::from(!succeeded));
        self.state.0.extend(executed.writes);
        self.revoked.extend(executed.revoked);
        self.listener.saw(Seen {
            tx_id: payload.tx_id,
            place: (height, index),
            payload: &payload,
            succeeded,
        });
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    }

    /// The stored state against the replayed one, both in the order of their keys.
    async fn compare_state(&mut self, snapshot: &mut SqliteConnection) -> Result<(), FileError> {
        let replayed = std::mem::take(&mut self.state.0);
        let mut expected = replayed.iter().peekable();
        let mut from: Vec<u8> = Vec::new();
        loop {
            let rows = file::state_from(snapshot, (&from, None), PAGE).await?;
            let Some((last, _)) = rows.last() else {
                break;
            };
            from.clone_from(last);
            for (key, value) in &rows {
                while let Some((missing, _)) = expected.next_if(|(next, _)| next.as_slice() < key.as_slice()) {
                    self.found("state", shown(missing), "the row is missing");
                }
                match expected.next_if(|(next, _)| next.as_slice() == key.as_slice()) {
                    Some((_, right)) if right == value => {}
                    Some(_) => self.found("state", shown(key), "is not what the blocks make of it"),
                    None => self.found("state", shown(key), "no block has written it"),
                }
            }
        }
        for (missing, _) in expected {
            self.found("state", shown(missing), "the row is missing");
        }
        self.state.0 = replayed;
        Ok(())
    }

    fn sum(self) -> Result<Replayed, FileError> {
        let mut unspent_ug: BTreeMap<Lot, i128> = BTreeMap::new();
        let mut unspent = 0_u64;
        let first = Key::new(Room::Credit, Hash::new([0; 32])).to_bytes();
        let last = Key::new(Room::Credit, Hash::new([255; 32])).to_bytes();
        for (_, value) in self.state.0.range::<StateKey, _>(first..=last) {
            let credit = Credit::decode(value).map_err(|error| FileError::row("state", "value", error))?;
            if credit.consumed_by.is_none() {
                unspent = unspent.saturating_add(1);
                let sum = unspent_ug.entry(credit.lot).or_default();
                *sum = sum.saturating_add(i128::from(credit.amount_ug));
            }
        }
        Ok(Replayed {
            tip: self.below,
            transactions: self.transactions,
            failed: self.failed,
            unspent_ug,
            unspent,
        })
    }
}

/// A key of the state as people read it.
fn shown(key: &[u8]) -> String {
    match key.split_first() {
        Some((letter, name)) => format!("{}.{}", char::from(*letter), named(name)),
        None => "an empty key".to_owned(),
    }
}

impl Display for ChainFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain, {}, {}: {}", self.table, self.row, self.what)
    }
}
