//! An authority for tests: what the real one makes, and on request what it never would.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    PublicKeyData, SignatureAlgorithm,
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// A key as the library wants it.
pub(crate) struct Key(pub(crate) SigningKey, Vec<u8>);

/// An authority with its certificate.
pub(crate) struct TestAuthority {
    key: SigningKey,
    organisation: String,
    pub(crate) der: Vec<u8>,
}

/// What a certificate shall say.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) organisation: String,
    pub(crate) unit: Option<&'static str>,
    pub(crate) key_id: Vec<u8>,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    pub(crate) usages: Vec<KeyUsagePurpose>,
    pub(crate) is_ca: bool,
}

pub(crate) fn point(key: &SigningKey) -> Vec<u8> {
    key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
}

impl Key {
    pub(crate) fn new(key: &SigningKey) -> Self {
        Self(key.clone(), point(key))
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.1
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: Signature = self.0.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

fn params(organisation: &str, unit: Option<&str>, (from_ms, to_ms): (i64, i64)) -> CertificateParams {
    let instant = |ms: i64| OffsetDateTime::from_unix_timestamp(ms / 1_000).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, organisation);
    if let Some(unit) = unit {
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    }
    params.serial_number = Some(vec![1; 16].into());
    params.not_before = instant(from_ms);
    params.not_after = instant(to_ms);
    params
}

impl TestAuthority {
    pub(crate) fn new(key: SigningKey, organisation: &str, years_ms: (i64, i64)) -> Self {
        let mut params = params(organisation, Some("root-cert"), years_ms);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(Sha256::digest(point(&key)).to_vec());
        let made = params.self_signed(&Key::new(&key)).unwrap();
        Self {
            key,
            organisation: organisation.to_owned(),
            der: made.der().to_vec(),
        }
    }

    /// What an honest authority writes for a key.
    pub(crate) fn wish(&self, key: &SigningKey, (from_ms, to_ms): (i64, i64)) -> Wish {
        Wish {
            organisation: self.organisation.clone(),
            unit: Some("client"),
            key_id: Sha256::digest(point(key)).to_vec(),
            from_ms,
            to_ms,
            usages: vec![KeyUsagePurpose::DigitalSignature],
            is_ca: false,
        }
    }

    pub(crate) fn certify(&self, key: &SigningKey, wish: Wish) -> Vec<u8> {
        let mut params = params(&wish.organisation, wish.unit, (wish.from_ms, wish.to_ms));
        params.is_ca = if wish.is_ca {
            IsCa::Ca(BasicConstraints::Unconstrained)
        } else {
            IsCa::ExplicitNoCa
        };
        params.key_usages = wish.usages;
        params.key_identifier_method = KeyIdMethod::PreSpecified(wish.key_id);
        let mut own = self::params(&self.organisation, Some("root-cert"), (0, 1_000));
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = Issuer::new(own, Key::new(&self.key));
        params.signed_by(&Key::new(key), &issuer).unwrap().der().to_vec()
    }
}
