//! What a chain rests on: its name, whose certificates it believes, and how its contract was installed.

use super::block::Writes;
use crate::chain::payload::Payload;
use crate::identity::certificate::Certificate;
use crate::ledger::page::Deployment;
use carbon_contract::Hash;
use carbon_contract::codec::{CodecError, Decoder, Encoder, digest};
use carbon_contract::contract::{Caller, init};
use carbon_contract::record::{Identity, Installation};
use carbon_contract::refusal::Error;
use carbon_contract::state::MemoryState;

/// How long a payload of a deployment's own chain may live. Part of the genesis, so never another for a chain that exists.
const WINDOW_MS: i64 = 600_000;

/// Name of the contract on a deployment's own chain.
const CONTRACT: &str = "carbon";

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
    /// Of a deployment's own chain: nothing but facts that the ledger keeps for ever, so that it is the same at every start and
    /// whoever has the ledger can say which chain is its own. `authority` is the first certificate of its authority, `issuer` the
    /// key id of its issuer, which renewals leave as it is.
    pub fn of_deployment(deployment: &Deployment, authority: &Certificate, issuer: Hash) -> Self {
        let organisation = &authority.organisation;
        let issuer = Identity {
            organisation: organisation.clone(),
            key_id: issuer,
        };
        Self {
            chain_id: deployment
                .id
                .iter()
                .fold("carbon-".to_owned(), |name, byte| name + &format!("{byte:02x}")),
            created_ms: deployment.created_ms,
            window_ms: WINDOW_MS,
            authorities: vec![Authority {
                organisation: organisation.clone(),
                certificate: authority.der.clone(),
            }],
            contract: CONTRACT.to_owned(),
            installer: issuer.clone(),
            installation: Installation {
                issuer,
                riders: organisation.clone(),
            },
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::authority::{Authority as OurAuthority, Validity};
    use crate::identity::certificate::Serial;
    use crate::identity::user_key::PrivateKey;
    use zeroize::Zeroizing;

    /// As formats.md 10 has it: whatever is different here is the chain of somebody else.
    #[test]
    fn a_deployments_own_chain_rests_on_its_first_facts() {
        let key = PrivateKey::new(&Zeroizing::new([1; 32])).unwrap();
        let authority = OurAuthority::make(key, "metro", &Serial::new([2; 16]), Validity::days(0, 30)).unwrap();
        let deployment = Deployment {
            id: [0xab; 16],
            zone: "Asia/Shanghai".to_owned(),
            created_ms: 7,
        };
        let issuer = Identity {
            organisation: "metro".to_owned(),
            key_id: Hash::new([3; 32]),
        };
        let expected = Genesis {
            chain_id: format!("carbon-{}", "ab".repeat(16)),
            created_ms: 7,
            window_ms: 600_000,
            authorities: vec![Authority {
                organisation: "metro".to_owned(),
                certificate: authority.certificate().der.clone(),
            }],
            contract: "carbon".to_owned(),
            installer: issuer.clone(),
            installation: Installation {
                issuer,
                riders: "metro".to_owned(),
            },
        };
        let made = Genesis::of_deployment(&deployment, authority.certificate(), Hash::new([3; 32]));
        assert_eq!(made, expected);
    }
}
