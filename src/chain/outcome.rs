//! What a chain answers, and what an answer is worth: nothing but a committed transaction with both codes good and the very
//! payload that was stored proves that something happened.

use super::embedded::MemberError;
use carbon_contract::Hash;
use carbon_contract::codec::CodecError;

/// Handed to the pool, and no more: another payload may have come first under the same id, and the pool may be lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// The id, as it was sent.
    pub tx_id: Hash,
}

/// Where an id is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// In a block.
    Committed(Box<Committed>),
    /// In the pool, with whatever payload came first.
    Pending,
    /// Neither. Dead for good if `chain_ms` lies beyond the payload's `expires_ms`; else it may still come.
    Absent {
        /// The chain's time when it looked.
        chain_ms: i64,
    },
}

/// A transaction in a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed {
    /// Its id.
    pub tx_id: Hash,
    /// Height of the block.
    pub height: u64,
    /// Its place in the block, from 0.
    pub index: u32,
    /// Time of the block.
    pub block_at_ms: i64,
    /// The payload that was committed.
    pub payload: Vec<u8>,
    /// What became of it.
    pub result: TxResult,
}

/// What became of a transaction in a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxResult {
    /// The chain's code: 0 good, 4 the contract refused, 11 there is no such contract.
    pub code: u16,
    /// The contract's code: 0 good, 1 refused, 4 beyond the payload's limit. It may be bad under a good chain's code.
    pub contract_code: u16,
    /// The contract's answer.
    pub answer: Vec<u8>,
    /// Why it failed; begins with the refusal's code word.
    pub message: String,
    /// What the contract emitted. It stands under failed transactions too.
    pub event: Option<TxEvent>,
    /// Digest of what was written.
    pub writes: Hash,
}

/// What a contract emitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxEvent {
    /// Its topic.
    pub topic: String,
    /// Its data.
    pub data: Vec<u8>,
}

/// Why a committed transaction does not confirm what was sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum NotConfirmed {
    /// The id was taken by another payload: nothing of ours happened.
    #[error("another payload stands under the id")]
    OtherPayload,
    /// It failed; the id is used up.
    #[error("failed with codes {code} and {contract_code}: {message}")]
    Failed {
        /// The chain's code.
        code: u16,
        /// The contract's.
        contract_code: u16,
        /// In words.
        message: String,
    },
}

/// What a caller does about an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryClass {
    /// These bytes will never be taken.
    Permanent,
    /// Not taken; the same bytes later.
    Transient,
    /// Perhaps taken: look by id first, and send the same bytes again while they live.
    OutcomeUnknown,
}

/// A call that brought no answer worth having.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// These bytes will never be taken.
    #[error("the chain refuses the request")]
    Permanent(#[from] Permanent),
    /// Not taken; the same bytes later.
    #[error("the chain takes nothing now")]
    Transient(#[from] Transient),
    /// Perhaps taken.
    #[error("what became of the request is not known")]
    OutcomeUnknown(#[from] Unknown),
}

/// Why bytes will never be taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum Permanent {
    /// The bytes are no payload.
    #[error("the payload is not canonical")]
    NotCanonical(#[source] CodecError),
    /// The payload is for another chain.
    #[error("the payload is for the chain {0:?}")]
    OtherChain(String),
    /// Too many bytes.
    #[error("{0} bytes are more than a block may carry")]
    TooLarge(usize),
    /// The time from timestamp to expiry is none, or longer than the chain's window.
    #[error("it expires {0} ms after its timestamp")]
    Lifetime(i128),
    /// The certificate proves nothing.
    #[error("the certificate is no good")]
    Member(#[source] MemberError),
    /// The certificate was revoked.
    #[error("the certificate {0} is revoked")]
    Revoked(Hash),
    /// The signature is not the certificate's.
    #[error("the signature is not that of the certificate's key")]
    Signature,
    /// There is no such query.
    #[error("there is no such query")]
    UnknownQuery,
    /// A query's answer is not what the contract keeps.
    #[error("the answer cannot be read")]
    Answer(#[source] CodecError),
    /// The fault plan says so.
    #[error("refused by the fault plan")]
    Planned,
}

/// Why nothing is taken now.
#[derive(Debug, thiserror::Error)]
pub enum Transient {
    /// The pool holds as much as it may.
    #[error("the pool is full")]
    PoolFull,
    /// Blocks cannot be written, for example on a full disk.
    #[error("blocks cannot be written")]
    NotWriting,
    /// The chain's file cannot be read.
    #[error("the chain cannot be read")]
    NotReading(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The chain is not there.
    #[error("the chain is away")]
    Away,
    /// The chain is in another process.
    #[error("the chain is in another instance, which takes transactions there")]
    Elsewhere,
}

/// Why an outcome is not known.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum Unknown {
    /// The reply was lost.
    #[error("no reply came")]
    NoReply,
    /// The chain's time lies outside the payload's. The time is asked before the id, so a late repeat of a committed transaction
    /// gets this answer too.
    #[error("the chain's time {chain_ms} lies outside the payload's")]
    OutsideWindow {
        /// The chain's time.
        chain_ms: i64,
    },
    /// The id stands in a block; under which payload must be looked up.
    #[error("the id stands in a block")]
    AlreadyCommitted,
}

impl Committed {
    /// Whether what was sent has happened.
    pub fn confirms(&self, payload: &[u8]) -> Result<(), NotConfirmed> {
        if self.payload != payload {
            return Err(NotConfirmed::OtherPayload);
        }
        let TxResult {
            code, contract_code, ..
        } = self.result;
        if code == 0 && contract_code == 0 {
            return Ok(());
        }
        Err(NotConfirmed::Failed {
            code,
            contract_code,
            message: self.result.message.clone(),
        })
    }
}

impl ChainError {
    /// Whether the chain is not there, so that further calls are in vain: a full pool is, a refusal is not.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Transient(
                Transient::NotWriting | Transient::NotReading(_) | Transient::Away | Transient::Elsewhere,
            )
            | Self::OutcomeUnknown(Unknown::NoReply) => true,
            Self::Permanent(_)
            | Self::Transient(Transient::PoolFull)
            | Self::OutcomeUnknown(Unknown::OutsideWindow { .. } | Unknown::AlreadyCommitted) => false,
        }
    }

    /// What to do about it.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Permanent(_) => RetryClass::Permanent,
            Self::Transient(_) => RetryClass::Transient,
            Self::OutcomeUnknown(_) => RetryClass::OutcomeUnknown,
        }
    }
}
