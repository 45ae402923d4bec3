//! The secret under which a deployment names what it sends to a chain: every instance derives the same id, and nobody else can
//! derive one and take it first (formats.md 6).

use crate::ledger::ids::Hash;
use carbon_contract::envelope::chain_tx_id;
use zeroize::Zeroizing;

/// The secret behind chain tx ids, wiped when dropped.
#[derive(Clone)]
pub struct ChainSecret(Zeroizing<[u8; 32]>);

impl ChainSecret {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id under which an attempt, counted from 1, goes to the chain.
    pub fn tx_id(&self, envelope_digest: &Hash, attempt: u32) -> Hash {
        chain_tx_id(self.as_bytes(), envelope_digest, attempt)
    }
}

impl std::fmt::Debug for ChainSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::kek::Kek;

    #[test]
    fn a_wrapped_secret_opens_as_what_it_is_and_in_its_own_deployment() {
        let (kek, secret, deployment) = (Kek::new(&[1; 32]), ChainSecret::new([2; 32]), [3; 16]);
        let wrapped = kek.wrap_chain(&secret, [4; 12], &deployment).unwrap();
        let opened = kek.unwrap_chain(&wrapped, &deployment).unwrap();
        assert_eq!(opened.as_bytes(), secret.as_bytes());
        assert!(kek.unwrap_chain(&wrapped, &[5; 16]).is_err());
        assert!(
            kek.unwrap_source(&wrapped, &deployment).is_err(),
            "it is no source secret"
        );
        assert_eq!(format!("{secret:?}"), "ChainSecret(…)");
    }
}
