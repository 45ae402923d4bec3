//! The way to a chain: what is signed, what is sent, what an answer is worth. It knows transactions only as the bytes of an
//! envelope, and nothing of the ledger's store, of HTTP or of who signs.
//!
//! An accept reply proves nothing. What proves is [`Committed::confirms`]: in a block, both codes good, the payload the stored one.

pub mod embedded;
pub mod outcome;
pub mod payload;

pub use outcome::{
    Accepted, ChainError, Committed, Found, NotConfirmed, Permanent, RetryClass, Transient, TxEvent, TxResult, Unknown,
};
pub use payload::{Payload, Request};

use carbon_contract::Hash;
use carbon_contract::codec::Decoder;
use carbon_contract::envelope::Envelope;
use carbon_contract::record::Record;
use carbon_contract::state::Room;
use embedded::{EmbeddedChain, Genesis, Proved};
use std::sync::Arc;
use tokio::sync::watch;

/// A chain: a closed choice, cheap to clone.
#[derive(Clone)]
pub enum ChainClient {
    /// The ledger of our own, in this process.
    Embedded(EmbeddedChain),
    /// The same, in another process that shares the database: this one knows what it is, and cannot ask it anything.
    Elsewhere(Arc<Genesis>),
}

/// What is to be sent: the rest of a payload is the chain's own.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The id under which it is sent.
    pub tx_id: Hash,
    /// Canonical bytes of an envelope.
    pub envelope: &'a [u8],
    /// When it is signed.
    pub now_ms: i64,
}

/// What is to be signed, and until when it lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsigned {
    /// The message that the sender's key signs (its SHA-256).
    pub payload: Vec<u8>,
    /// Beyond this instant of the chain's time the payload is dead, if its id is absent.
    pub expires_ms: i64,
}

/// A block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its height, from 1.
    pub height: u64,
    /// Its time.
    pub at_ms: i64,
    /// Its hash.
    pub hash: Hash,
    /// Its transactions, in order.
    pub transactions: Vec<Committed>,
}

impl ChainClient {
    /// What kind of chain it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Embedded(_) | Self::Elsewhere(_) => "embedded",
        }
    }

    fn genesis(&self) -> &Genesis {
        match self {
            Self::Embedded(chain) => chain.genesis(),
            Self::Elsewhere(genesis) => genesis,
        }
    }

    /// Its name, which every payload bears.
    pub fn chain_id(&self) -> &str {
        &self.genesis().chain_id
    }

    /// Name under which the contract is called.
    pub fn contract(&self) -> &str {
        &self.genesis().contract
    }

    /// The message to be signed for an order, deterministic in its fields.
    pub fn unsigned(&self, order: &Order<'_>) -> Result<Unsigned, ChainError> {
        let method = Envelope::decode(order.envelope)
            .map_err(Permanent::NotCanonical)?
            .method();
        match self {
            Self::Embedded(chain) => chain.unsigned(order, method),
            Self::Elsewhere(_) => Err(Transient::Elsewhere.into()),
        }
    }

    /// The chain's time as far as it is known here, Unix milliseconds; it never goes back.
    pub fn time_ms(&self) -> i64 {
        match self {
            Self::Embedded(chain) => chain.time_ms(),
            Self::Elsewhere(genesis) => genesis.created_ms,
        }
    }

    /// Hands a request to the chain. The reply proves nothing.
    pub async fn submit(&self, request: Request) -> Result<Accepted, ChainError> {
        match self {
            Self::Embedded(chain) => chain.submit(request).await,
            Self::Elsewhere(_) => Err(Transient::Elsewhere.into()),
        }
    }

    /// Where an id is.
    pub async fn find(&self, tx_id: &Hash) -> Result<Found, ChainError> {
        match self {
            Self::Embedded(chain) => chain.find(tx_id).await,
            Self::Elsewhere(_) => Err(Transient::Elsewhere.into()),
        }
    }

    /// A transaction with the proof that it stands in a block; `None` for an id that stands in none.
    pub async fn prove(&self, tx_id: &Hash) -> Result<Option<Proved>, ChainError> {
        match self {
            Self::Embedded(chain) => chain.prove(tx_id).await,
            Self::Elsewhere(_) => Err(Transient::Elsewhere.into()),
        }
    }

    /// A block; `None` above the last.
    pub async fn block(&self, height: u64) -> Result<Option<Block>, ChainError> {
        match self {
            Self::Embedded(chain) => chain.block(height).await,
            Self::Elsewhere(_) => Err(Transient::Elsewhere.into()),
        }
    }

    /// Height of the last block, 0 before the first.
    pub async fn height(&self) -> Result<u64, ChainError> {
        match self {
            Self::Embedded(chain) => chain.height().await,
            Self::Elsewhere(_) => Err(Transient::Elsewhere.into()),
        }
    }

    /// Hints that the chain has grown: its height, whenever it changes. A hint may be lost; asking never is.
    pub fn heights(&self) -> watch::Receiver<u64> {
        match self {
            Self::Embedded(chain) => chain.heights(),
            Self::Elsewhere(_) => watch::channel(0).1,
        }
    }

    /// A query of the contract, as formats.md 9 has it.
    pub async fn query(&self, method: &str, argument: &[u8]) -> Result<Vec<u8>, ChainError> {
        match self {
            Self::Embedded(chain) => chain.query(method, argument).await,
            Self::Elsewhere(_) => Err(Transient::Elsewhere.into()),
        }
    }

    /// What the contract keeps under a name: a credit, a source, a transaction, a binding, the installation.
    pub async fn read<R: Record>(&self, name: &Hash) -> Result<Option<R>, ChainError> {
        let argument: &[u8] = match R::ROOM {
            Room::Installation => &[],
            Room::Credit | Room::Source | Room::Transaction | Room::Binding => name.as_bytes(),
        };
        let answer = self.query(R::ROOM.as_str(), argument).await?;
        if let Some((1, document)) = answer.split_first() {
            return Ok(Some(R::decode(document).map_err(Permanent::Answer)?));
        }
        let mut d = Decoder::part(&answer);
        d.opt(|_| Ok(())).map_err(Permanent::Answer)?;
        d.finish().map_err(Permanent::Answer)?;
        Ok(None)
    }

    /// Whether it takes and commits at present.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Embedded(chain) => chain.is_ready(),
            Self::Elsewhere(_) => false,
        }
    }

    /// Whether requests can be carried out as far as the chain is concerned; readiness asks it. One that is elsewhere hinders nothing here.
    pub async fn allows_work(&self) -> bool {
        match self {
            Self::Embedded(chain) => chain.is_ready() && chain.height().await.is_ok(),
            Self::Elsewhere(_) => true,
        }
    }
}
