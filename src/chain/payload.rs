//! What a sender signs and what is sent (formats.md 10). The bytes are made once and kept: the same bytes are sent again.

use super::embedded::certificate_key;
use carbon_contract::Hash;
use carbon_contract::codec::{CodecError, Decoder, Encoder};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};

/// A call of a contract, as its sender signs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payload {
    /// Which chain.
    pub chain_id: String,
    /// Unique on the chain for ever; used up by a failed transaction too.
    pub tx_id: Hash,
    /// When it was made.
    pub timestamp_ms: i64,
    /// The last instant at which a block may take it.
    pub expires_ms: i64,
    /// Which contract.
    pub contract: String,
    /// Which of its methods.
    pub method: String,
    /// What the method is given: an envelope.
    pub argument: Vec<u8>,
    /// Keys of the state that it may write, 0 for any number. A call beyond it fails after the contract has run.
    pub limit: u32,
}

/// A payload, signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Canonical bytes of the [`Payload`].
    pub payload: Vec<u8>,
    /// The sender's certificate, DER.
    pub certificate: Vec<u8>,
    /// ECDSA over P-256 of the payload's SHA-256: r ‖ s, s in the lower half.
    pub signature: [u8; 64],
}

impl Payload {
    /// The bytes that are signed.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.text(&self.chain_id);
        e.hash(&self.tx_id);
        e.i64(self.timestamp_ms);
        e.i64(self.expires_ms);
        e.text(&self.contract);
        e.text(&self.method);
        e.bytes(&self.argument);
        e.u32(self.limit);
        e.finish()
    }

    /// Reads them back.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let payload = Self {
            chain_id: d.text()?,
            tx_id: d.hash()?,
            timestamp_ms: d.i64()?,
            expires_ms: d.i64()?,
            contract: d.text()?,
            method: d.text()?,
            argument: d.bytes()?.to_vec(),
            limit: d.u32()?,
        };
        d.finish()?;
        Ok(payload)
    }
}

impl Request {
    /// The bytes that are sent and stand in a block.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.bytes(&self.payload);
        e.bytes(&self.certificate);
        e.raw(&self.signature);
        e.finish()
    }

    /// Reads them back.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let request = Self {
            payload: d.bytes()?.to_vec(),
            certificate: d.bytes()?.to_vec(),
            signature: d.array()?,
        };
        d.finish()?;
        Ok(request)
    }

    /// Whether the payload is signed by the key of the certificate that goes along.
    pub fn is_signed_by_its_certificate(&self) -> bool {
        certificate_key(&self.certificate).is_some_and(|key| self.is_signed_by(&key))
    }

    /// Whether the payload is signed by this key, in the one spelling that counts.
    pub(super) fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        Signature::from_slice(&self.signature).is_ok_and(|signature| {
            signature.normalize_s() == signature && key.verify(&self.payload, &signature).is_ok()
        })
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("payload", &Payload::decode(&self.payload))
            .finish_non_exhaustive()
    }
}
