//! What a chain rests on: its name, whose certificates it believes, and how its contract was installed.

use super::block::Writes;
use crate::chain::payload::Payload;
use carbon_contract::Hash;
use carbon_contract::codec::{CodecError, Decoder, Encoder, digest};
use carbon_contract::contract::{Caller, init};
use carbon_contract::record::{Identity, Installation};
use carbon_contract::refusal::Error;
use carbon_contract::state::MemoryState;

/// The founding document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// Name of the chain.
    pub chain_id: String,
    /// When it was founded.
    pub created_ms: i64,
    /// How long a payload may live, and how far its timestamp may lie ahead of a block.
    pub window_ms: i64,
    /// Organisations, each with the certificate of its authority, DER. An authority may stand for several.
    pub authorities: Vec<Authority>,
    /// Name under which the contract is called.
    pub contract: String,
    /// Who installed it.
    pub installer: Identity,
    /// What its `init` was given.
    pub installation: Installation,
}

/// An organisation and the authority that certifies its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authority {
    /// The organisation: O of its members' certificates.
    pub organisation: String,
    /// The authority's certificate, DER.
    pub certificate: Vec<u8>,
}

impl Genesis {
    /// The document.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.text(&self.chain_id);
        e.i64(self.created_ms);
        e.i64(self.window_ms);
        e.list(self.authorities.iter(), |e, authority| {
            e.text(&authority.organisation);
            e.bytes(&authority.certificate);
        });
        e.text(&self.contract);
        e.text(&self.installer.organisation);
        e.hash(&self.installer.key_id);
        let argument = self.installation.encode()?;
        e.bytes(&argument);
        e.finish()
    }

    /// Reads a document.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let genesis = Self {
            chain_id: d.text()?,
            created_ms: d.i64()?,
            window_ms: d.i64()?,
            authorities: d.list(|d| {
                Ok(Authority {
                    organisation: d.text()?,
                    certificate: d.bytes()?.to_vec(),
                })
            })?,
            contract: d.text()?,
            installer: Identity {
                organisation: d.text()?,
                key_id: d.hash()?,
            },
            installation: Installation::decode(d.bytes()?)?,
        };
        d.finish()?;
        Ok(genesis)
    }

    /// How long a payload lives, if it may live so long.
    pub(super) fn lifetime(&self, payload: &Payload) -> Result<(), i128> {
        let lifetime = i128::from(payload.expires_ms) - i128::from(payload.timestamp_ms);
        if lifetime > 0 && lifetime <= i128::from(self.window_ms) {
            Ok(())
        } else {
            Err(lifetime)
        }
    }

    /// Whether a block of an instant may take a payload.
    pub(super) fn takes(&self, payload: &Payload, at_ms: i64) -> bool {
        payload.timestamp_ms <= at_ms.saturating_add(self.window_ms) && at_ms <= payload.expires_ms
    }

    /// The state after the installation.
    pub(super) fn state(&self) -> Result<Writes, Error> {
        let mut state = MemoryState::default();
        let caller = Caller {
            identity: self.installer.clone(),
            through_contract: false,
        };
        let argument = self
            .installation
            .encode()
            .map_err(carbon_contract::refusal::Refusal::NotCanonical)?;
        init(&mut state, &caller, &argument)?;
        Ok(state
            .iter()
            .map(|(key, value)| (key.to_bytes(), value.to_vec()))
            .collect())
    }
}

/// What the first block is linked to.
pub fn genesis_digest(document: &[u8]) -> Hash {
    digest("carbon/chain-genesis/1", |e| e.raw(document))
}
