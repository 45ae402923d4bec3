//! Bytes of a block: header, result, leaf (formats.md 10).

use super::merkle;
use crate::chain::outcome::{TxEvent, TxResult};
use carbon_contract::Hash;
use carbon_contract::codec::{CodecError, Decoder, Encoder, digest};
use std::collections::BTreeMap;

/// A key of the state: a letter and 32 bytes.
pub type StateKey = [u8; 33];

/// What a transaction or a block writes, by key.
pub type Writes = BTreeMap<StateKey, Vec<u8>>;

/// What a block's hash covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Which chain.
    pub chain_id: String,
    /// 1 for the first block.
    pub height: u64,
    /// When it was made; never before the block below.
    pub at_ms: i64,
    /// Hash of the block below; of the first, digest of the genesis.
    pub previous: Hash,
    /// Transactions in it, at least one.
    pub count: u32,
    /// Merkle root over its leaves.
    pub root: Hash,
}

impl Header {
    /// The document.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.text(&self.chain_id);
        e.u64(self.height);
        e.i64(self.at_ms);
        e.hash(&self.previous);
        e.u32(self.count);
        e.hash(&self.root);
        e.finish()
    }

    /// Reads a document.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let header = Self {
            chain_id: d.text()?,
            height: d.u64()?,
            at_ms: d.i64()?,
            previous: d.hash()?,
            count: d.u32()?,
            root: d.hash()?,
        };
        d.finish()?;
        Ok(header)
    }
}

/// Hash of a block: of its header's bytes.
pub fn block_hash(header: &[u8]) -> Hash {
    digest("carbon/chain-block/1", |e| e.raw(header))
}

impl TxResult {
    /// The document.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.u16(self.code);
        e.u16(self.contract_code);
        e.bytes(&self.answer);
        e.text(&self.message);
        e.opt(self.event.as_ref(), |e, event| {
            e.text(&event.topic);
            e.bytes(&event.data);
        });
        e.hash(&self.writes);
        e.finish()
    }

    /// Reads a document.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let result = Self {
            code: d.u16()?,
            contract_code: d.u16()?,
            answer: d.bytes()?.to_vec(),
            message: d.text()?,
            event: d.opt(|d| {
                Ok(TxEvent {
                    topic: d.text()?,
                    data: d.bytes()?.to_vec(),
                })
            })?,
            writes: d.hash()?,
        };
        d.finish()?;
        Ok(result)
    }
}

/// Digest of what a transaction writes.
pub fn writes_digest(writes: &Writes) -> Hash {
    digest("carbon/chain-writes/1", |e| {
        e.u32(u32::try_from(writes.len()).unwrap_or(u32::MAX));
        for (key, value) in writes {
            e.raw(key);
            e.bytes(value);
        }
    })
}

/// Leaf of a transaction: what was sent and what became of it.
pub fn leaf(request: &[u8], result: &[u8]) -> Hash {
    digest("carbon/chain-leaf/1", |e| {
        e.bytes(request);
        e.bytes(result);
    })
}

/// A proof that a transaction stands in a block: with the header, all that a stranger needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The block's header, its bytes.
    pub header: Vec<u8>,
    /// Place of the transaction.
    pub index: u32,
    /// Neighbours from the leaf up to the root.
    pub path: Vec<Hash>,
}

impl Proof {
    /// Whether it proves that this request with this result stands in the block of that hash.
    pub fn holds(&self, block: &Hash, request: &[u8], result: &[u8]) -> bool {
        let Ok(header) = Header::decode(&self.header) else {
            return false;
        };
        let place = usize::try_from(self.index).ok().zip(usize::try_from(header.count).ok());
        let root = place.and_then(|place| merkle::root_of_path(&leaf(request, result), place, &self.path));
        block_hash(&self.header) == *block && root == Some(header.root)
    }
}
