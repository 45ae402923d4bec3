//! An envelope: what one call of the contract carries (formats.md 6). The transactions within are opaque bytes here; the contract
//! reads them.

use crate::Hash;
use crate::codec::{CodecError, Decoder, Encoder, digest};
use crate::signature::{PublicPoint, RiderSignature, SignatureError};
use crate::transaction::content_id;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Transactions that one envelope may carry.
pub const MOST_ORDERS: usize = 32;

/// A rider's order within an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Canonical bytes of the transaction.
    pub transaction: Vec<u8>,
    /// The rider's public key; its digest is the key id that the address is bound to.
    pub point: PublicPoint,
    /// The rider's signature over the content id.
    pub signature: RiderSignature,
}

/// Points an address at a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rebind {
    /// Whose.
    pub address: Hash,
    /// Which key of the address it is: 1 the first. An order that comes late or again can so be told from a new one.
    pub number: u32,
    /// Whom the address shall obey.
    pub key_id: Hash,
}

/// What is sent to the chain in one transaction of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Envelope {
    /// Makes credits; sent by the issuer, ordered by riders.
    Issue(Vec<Order>),
    /// Consumes credits; sent by their owner.
    Spend(Vec<u8>),
    /// Anchors or attests; sent by the issuer.
    Attest(Vec<u8>),
    /// Binds an address; sent by the issuer.
    Rebind(Rebind),
}

impl Order {
    /// Whether the rider has signed it: the contract takes the issuer's word, whoever reads the chain need not.
    pub fn verify(&self) -> Result<(), SignatureError> {
        self.point.verify(&content_id(&self.transaction), &self.signature)
    }
}

impl Rebind {
    /// Writes the fields.
    pub(crate) fn encode(&self, e: &mut Encoder) {
        e.hash(&self.address);
        e.u32(self.number);
        e.hash(&self.key_id);
    }
}

impl Envelope {
    /// Content ids of the transactions that it carries, in order.
    pub fn content_ids(&self) -> Vec<Hash> {
        match self {
            Self::Issue(orders) => orders.iter().map(|order| content_id(&order.transaction)).collect(),
            Self::Spend(transaction) | Self::Attest(transaction) => vec![content_id(transaction)],
            Self::Rebind(_) => Vec::new(),
        }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        match self {
            Self::Issue(orders) => {
                e.u8(1);
                e.list(orders.iter(), |e, order| {
                    e.bytes(&order.transaction);
                    e.raw(order.point.as_bytes());
                    e.raw(order.signature.as_bytes());
                });
            }
            Self::Spend(transaction) => {
                e.u8(2);
                e.bytes(transaction);
            }
            Self::Attest(transaction) => {
                e.u8(3);
                e.bytes(transaction);
            }
            Self::Rebind(rebind) => {
                e.u8(4);
                rebind.encode(&mut e);
            }
        }
        e.finish()
    }

    /// Reads canonical bytes back; whatever this accepts encodes to the same bytes again.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let envelope = match d.u8()? {
            1 => Self::Issue(d.list(|d| {
                Ok(Order {
                    transaction: d.bytes()?.to_vec(),
                    point: PublicPoint::new(d.array()?),
                    signature: RiderSignature::new(d.array()?),
                })
            })?),
            2 => Self::Spend(d.bytes()?.to_vec()),
            3 => Self::Attest(d.bytes()?.to_vec()),
            4 => Self::Rebind(Rebind {
                address: d.hash()?,
                number: d.u32()?,
                key_id: d.hash()?,
            }),
            other => return Err(CodecError::Code(other)),
        };
        d.finish()?;
        Ok(envelope)
    }

    /// The method that takes it.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Issue(_) => "issue",
            Self::Spend(_) => "spend",
            Self::Attest(_) => "attest",
            Self::Rebind(_) => "rebind",
        }
    }
}

/// What an envelope is called.
pub fn envelope_digest(bytes: &[u8]) -> Hash {
    digest("carbon/envelope/1", |e| e.raw(bytes))
}

/// The id under which the chain knows an attempt, counted from 1. Who lacks the deployment's chain secret cannot take it first.
pub fn chain_tx_id(chain_secret: &[u8; 32], envelope_digest: &Hash, attempt: u32) -> Hash {
    let message = digest("carbon/chain-tx/1", |e| {
        e.hash(envelope_digest);
        e.u32(attempt);
    });
    // A key of a whole block cannot be refused; HMAC itself would fill the rest with zeros.
    let mut block = [0_u8; 64];
    block.iter_mut().zip(chain_secret).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message.as_bytes());
    Hash::new(mac.finalize().into_bytes().into())
}
