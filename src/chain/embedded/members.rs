//! Who may send: certificates of the genesis' authorities, valid now, of a role that sends, whose key id is that of their key. The
//! answer for a certificate is remembered; its dates are asked every time.

use super::genesis::Authority;
use super::remembered::Remembered;
use carbon_contract::Hash;
use carbon_contract::record::Identity;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ECDSA_WITH_SHA256, OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER,
    OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE, OID_X509_EXT_SUBJECT_KEY_IDENTIFIER,
};
use x509_parser::prelude::{FromDer as _, ParsedExtension};
use x509_parser::x509::{AttributeTypeAndValue, X509Version};

/// Certificates that are remembered.
const REMEMBERED: usize = 65_536;

/// First organisational units that send transactions.
const SENDERS: [&str; 2] = ["client", "admin"];

/// Extensions that are understood; any other that is critical refuses the certificate.
const KNOWN: [x509_parser::oid_registry::Oid<'static>; 4] = [
    OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_KEY_USAGE,
    OID_X509_EXT_SUBJECT_KEY_IDENTIFIER,
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER,
];

/// A sender, proved but for the date.
#[derive(Clone, Debug)]
pub struct Member {
    /// Organisation and key id.
    pub identity: Identity,
    /// SHA-256 of the certificate's signed part. Not of all of it: a signature can be spelled in two ways, a revocation must not.
    pub certificate: Hash,
    /// Whose signature counts.
    pub(super) key: VerifyingKey,
    validity: Validity,
}

/// First and last second.
#[derive(Clone, Copy, Debug)]
struct Validity {
    from_s: i64,
    to_s: i64,
}

/// Why a certificate proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum MemberError {
    /// The bytes are no certificate, or not one of the profile.
    #[error("not a certificate of the profile: {0}")]
    Profile(&'static str),
    /// No authority of the chain has signed it.
    #[error("no authority of the chain has signed it")]
    Foreign,
    /// Not valid yet.
    #[error("it is not valid yet")]
    NotYet,
    /// Not valid any more.
    #[error("it has expired")]
    Expired,
    /// The authority's own certificate is not valid then.
    #[error("the authority's own certificate is not valid")]
    AuthorityExpired,
    /// Its role does not send.
    #[error("its role sends no transactions")]
    Role,
    /// Its subject key identifier is not the key id of its key.
    #[error("its key identifier is not that of its key")]
    KeyId,
}

/// The authorities, and what is remembered of certificates.
pub struct Members {
    authorities: Vec<Trusted>,
    known: Mutex<Remembered<Hash, Arc<Member>>>,
}

/// An authority whose certificate was read.
struct Trusted {
    organisation: String,
    key: VerifyingKey,
    subject: Vec<u8>,
    validity: Validity,
    certificate: Vec<u8>,
}

impl Members {
    /// Reads the authorities of a genesis.
    pub fn new(authorities: &[Authority]) -> Result<Self, MemberError> {
        let authorities: Result<Vec<Trusted>, MemberError> = authorities.iter().map(Trusted::read).collect();
        Ok(Self {
            authorities: authorities?,
            known: Mutex::new(Remembered::new(REMEMBERED)),
        })
    }

    /// Who a certificate says sends, if it counts at an instant. Revocation is the chain's state and asked there.
    pub fn check(&self, der: &[u8], at_ms: i64) -> Result<Arc<Member>, MemberError> {
        let digest = Hash::new(Sha256::digest(der).into());
        let known = self.lock().get(&digest).map(Arc::clone);
        let member = if let Some(member) = known {
            member
        } else {
            let member = Arc::new(self.prove(der)?);
            self.lock().insert(digest, Arc::clone(&member));
            member
        };
        member.at(at_ms)?;
        Ok(member)
    }

    /// A poisoned lock guards nothing but a memory of what was proved.
    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered<Hash, Arc<Member>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Certificate of the authority that has signed a certificate, DER.
    pub fn authority_of(&self, der: &[u8]) -> Result<&[u8], MemberError> {
        let read = read(der)?;
        self.authority(&read)
            .map(|(_, authority)| authority.certificate.as_slice())
    }

    /// The organisation that a certificate names, and the authority of that organisation that has signed it.
    fn authority<'r>(&self, read: &'r X509Certificate<'_>) -> Result<(&'r str, &Trusted), MemberError> {
        let organisation = one(read.subject().iter_organization())?.ok_or(MemberError::Profile("no organisation"))?;
        let authority = self
            .authorities
            .iter()
            .filter(|authority| authority.organisation == organisation && authority.subject == read.issuer().as_raw())
            .find(|authority| is_signed(read, &authority.key))
            .ok_or(MemberError::Foreign)?;
        Ok((organisation, authority))
    }

    fn prove(&self, der: &[u8]) -> Result<Member, MemberError> {
        let read = read(der)?;
        let (organisation, authority) = self.authority(&read)?;
        if read.is_ca() {
            return Err(MemberError::Role);
        }
        let unit = text(read.subject().iter_organizational_unit().next())?;
        if !unit.is_some_and(|unit| SENDERS.iter().any(|sender| unit.eq_ignore_ascii_case(sender))) {
            return Err(MemberError::Role);
        }
        let usage = read.key_usage().map_err(|_| MemberError::Profile("key usage"))?;
        if !usage.is_some_and(|usage| usage.value.digital_signature()) {
            return Err(MemberError::Profile("its key is not for signatures"));
        }
        let (key, key_id) = key_of(&read)?;
        Ok(Member {
            identity: Identity {
                organisation: organisation.to_owned(),
                key_id,
            },
            certificate: name_of(&read),
            key,
            validity: Validity::of(&read).inside(authority.validity),
        })
    }
}

impl Member {
    /// Whether the certificate is valid at an instant.
    pub(super) fn at(&self, at_ms: i64) -> Result<(), MemberError> {
        let second = at_ms.div_euclid(1_000);
        if second < self.validity.from_s {
            return Err(MemberError::NotYet);
        }
        if second > self.validity.to_s {
            return Err(MemberError::Expired);
        }
        Ok(())
    }
}

impl Validity {
    fn of(read: &X509Certificate<'_>) -> Self {
        Self {
            from_s: read.validity().not_before.timestamp(),
            to_s: read.validity().not_after.timestamp(),
        }
    }

    fn inside(self, authority: Self) -> Self {
        Self {
            from_s: self.from_s.max(authority.from_s),
            to_s: self.to_s.min(authority.to_s),
        }
    }
}

impl Trusted {
    fn read(authority: &Authority) -> Result<Self, MemberError> {
        let read = read(&authority.certificate)?;
        let (key, _) = key_of(&read)?;
        if !read.is_ca() || !is_signed(&read, &key) {
            return Err(MemberError::Profile("not an authority that signs itself"));
        }
        Ok(Self {
            organisation: authority.organisation.clone(),
            key,
            subject: read.issuer().as_raw().to_vec(),
            validity: Validity::of(&read),
            certificate: authority.certificate.clone(),
        })
    }
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, MemberError> {
    let (rest, read) = X509Certificate::from_der(der).map_err(|_| MemberError::Profile("no certificate"))?;
    if !rest.is_empty() {
        return Err(MemberError::Profile("bytes follow it"));
    }
    if read.version() != X509Version::V3 {
        return Err(MemberError::Profile("not version 3"));
    }
    let algorithms = [&read.signature_algorithm, &read.tbs_certificate.signature];
    if algorithms
        .iter()
        .any(|algorithm| algorithm.algorithm != OID_SIG_ECDSA_WITH_SHA256)
    {
        return Err(MemberError::Profile("not signed by ECDSA with SHA-256"));
    }
    if der != framed(read.tbs_certificate.as_ref(), read.signature_value.data.as_ref()) {
        return Err(MemberError::Profile("bytes around the signed part"));
    }
    if read
        .extensions()
        .iter()
        .any(|extension| extension.critical && !KNOWN.contains(&extension.oid))
    {
        return Err(MemberError::Profile("a critical extension is not known"));
    }
    Ok(read)
}

/// What a revocation calls a certificate: SHA-256 of its signed part. `None` if the bytes are no certificate.
pub fn certificate_name(der: &[u8]) -> Option<Hash> {
    read(der).ok().map(|read| name_of(&read))
}

fn name_of(read: &X509Certificate<'_>) -> Hash {
    Hash::new(Sha256::digest(read.tbs_certificate.as_ref()).into())
}

/// The only spelling of a certificate with this signed part and this signature.
fn framed(signed: &[u8], signature: &[u8]) -> Vec<u8> {
    /// ecdsa-with-SHA256, without parameters.
    const ALGORITHM: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let signature = tagged(0x03, &[[0].as_slice(), signature].concat());
    tagged(0x30, &[signed, ALGORITHM.as_slice(), &signature].concat())
}

/// DER's tag and length before a content.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = length
        .iter()
        .position(|byte| *byte != 0)
        .map_or(&[0][..], |first| &length[first..]);
    let mut out = vec![tag];
    match (length, u8::try_from(length.len())) {
        ([short @ 0..=127], _) => out.push(*short),
        (_, Ok(count)) => {
            out.push(0x80 | count);
            out.extend(length);
        }
        (_, Err(_)) => {}
    }
    out.extend(content);
    out
}

/// The key, and its id: found equal to what the certificate says of it.
/// The key that a certificate speaks of; nothing else of it is proved.
pub(in crate::chain) fn certificate_key(der: &[u8]) -> Option<VerifyingKey> {
    let (_, read) = X509Certificate::from_der(der).ok()?;
    key_of(&read).map(|(key, _)| key).ok()
}

fn key_of(read: &X509Certificate<'_>) -> Result<(VerifyingKey, Hash), MemberError> {
    let info = read.public_key();
    let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
    if info.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY || curve != Some(OID_EC_P256) {
        return Err(MemberError::Profile("not a key of P-256"));
    }
    let point: &[u8] = info.subject_public_key.data.as_ref();
    if point.len() != 65 {
        return Err(MemberError::Profile("not an uncompressed point"));
    }
    let key = VerifyingKey::from_sec1_bytes(point).map_err(|_| MemberError::Profile("not a point of P-256"))?;
    let key_id = Hash::new(Sha256::digest(point).into());
    let mut named = read
        .extensions()
        .iter()
        .filter(|extension| extension.oid == OID_X509_EXT_SUBJECT_KEY_IDENTIFIER);
    let (Some(extension), None) = (named.next(), named.next()) else {
        return Err(MemberError::KeyId);
    };
    match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) if identifier.0 == key_id.as_bytes() => Ok((key, key_id)),
        _ => Err(MemberError::KeyId),
    }
}

fn is_signed(read: &X509Certificate<'_>, key: &VerifyingKey) -> bool {
    Signature::from_der(read.signature_value.data.as_ref())
        .is_ok_and(|signature| key.verify(read.tbs_certificate.as_ref(), &signature).is_ok())
}

fn text<'a>(attribute: Option<&'a AttributeTypeAndValue<'a>>) -> Result<Option<&'a str>, MemberError> {
    attribute
        .map(|attribute| {
            attribute
                .as_str()
                .map_err(|_| MemberError::Profile("a name is no text"))
        })
        .transpose()
}

/// The only attribute of its kind.
fn one<'a>(
    mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>,
) -> Result<Option<&'a str>, MemberError> {
    let first = text(attributes.next())?;
    if attributes.next().is_some() {
        return Err(MemberError::Profile("several organisations"));
    }
    Ok(first)
}
