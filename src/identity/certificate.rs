//! Reading and judging certificates of our authority: by the embedded chain when a transaction comes in, and by `verify` long
//! after. Strict: what our authority would not have made is refused, whoever signed it. Revocation is the caller's list.

use super::user_key::{KeyError, PublicPoint};
use crate::ledger::ids::Hash;
use std::fmt;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{BasicConstraints, KeyUsage};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ECDSA_WITH_SHA256, OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER,
    OID_X509_EXT_SUBJECT_KEY_IDENTIFIER,
};
use x509_parser::prelude::{FromDer as _, ParsedExtension};
use x509_parser::x509::{AttributeTypeAndValue, X509Version};

/// The first organisational unit of whoever sends transactions: the name of a role that both chains know.
pub(super) const CLIENT: &str = "client";
/// The organisational unit of an authority.
pub(super) const ROOT: &str = "root-cert";

/// What a certificate's owner is to us: the second organisational unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The gateway itself: the only one who may issue credits.
    Issuer,
    /// A rider.
    Rider,
    /// The system account of a shard.
    Sink,
}

/// A serial number: 16 bytes, the first from 1 to 127, so that its DER is always as long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial([u8; 16]);

/// A certificate as read; nobody has said yet that it is to be trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The bytes.
    pub der: Vec<u8>,
    /// Its number.
    pub serial: Serial,
    /// `O`.
    pub organisation: String,
    /// What its owner is; `None` for an authority.
    pub role: Option<Role>,
    /// The key.
    pub point: PublicPoint,
    /// Subject key identifier, found equal to the SHA-256 of the point.
    pub key_id: Hash,
    /// First instant, Unix milliseconds.
    pub not_before_ms: i64,
    /// Last instant, Unix milliseconds.
    pub not_after_ms: i64,
    issuer_key_id: Hash,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// Why a certificate is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate as our authority makes them.
    #[error("not a certificate of the profile: {0}")]
    Profile(&'static str),
    /// The point in it.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another authority made it, or nobody.
    #[error("not signed by the authority {0}")]
    Foreign(Hash),
    /// The instant lies outside its validity, or its authority's.
    #[error("valid from {not_before_ms} to {not_after_ms}, not at {at_ms}")]
    Expired {
        /// First instant.
        not_before_ms: i64,
        /// Last instant.
        not_after_ms: i64,
        /// The instant asked for.
        at_ms: i64,
    },
    /// Another role.
    #[error("the role is not {0}")]
    Role(Role),
    /// Another key.
    #[error("the key is {found}, not {expected}")]
    KeyId {
        /// Asked for.
        expected: Hash,
        /// In the certificate.
        found: Hash,
    },
    /// Revoked before the instant.
    #[error("the certificate {serial} was revoked at {revoked_ms}")]
    Revoked {
        /// Its number.
        serial: Serial,
        /// Since when.
        revoked_ms: i64,
    },
}

/// What a certificate must be to be accepted.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The instant, Unix milliseconds.
    pub at_ms: i64,
    /// The role; any if `None`.
    pub role: Option<Role>,
    /// The key; any if `None`.
    pub key_id: Option<&'a Hash>,
    /// When a serial was revoked, if it was.
    pub revoked_ms: &'a (dyn Fn(&Serial) -> Option<i64> + Sync),
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Issuer, Self::Rider, Self::Sink];

    /// As the certificate says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Rider => "rider",
            Self::Sink => "sink",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serial {
    /// From 16 random bytes; the first is brought into its range.
    pub const fn new(mut random: [u8; 16]) -> Self {
        random[0] = (random[0] & 0x3f) | 0x40;
        Self(random)
    }

    /// From a stored column or a certificate; `None` unless 16 bytes of which the first is 1 … 127.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let serial: [u8; 16] = bytes.try_into().ok()?;
        (1..=0x7f).contains(&serial[0]).then_some(Self(serial))
    }

    /// From 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let padded = Hash::parse(&format!("{text}{}", "0".repeat(32))).ok()?;
        padded
            .as_bytes()
            .first_chunk::<16>()
            .and_then(|bytes| Self::from_slice(bytes))
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Certificate {
    /// Reads DER. Everything but signature and time is judged here: it either has the profile or is refused.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let no = CertificateError::Profile;
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| no("not DER"))?;
        let tbs = &x509.tbs_certificate;
        if !rest.is_empty() || tbs.version != X509Version::V3 {
            return Err(no("version or trailing bytes"));
        }
        if x509.signature_algorithm.algorithm != OID_SIG_ECDSA_WITH_SHA256
            || tbs.signature.algorithm != OID_SIG_ECDSA_WITH_SHA256
        {
            return Err(no("signature algorithm"));
        }
        if der != framed(tbs.as_ref(), &x509.signature_value.data) {
            return Err(no("bytes around the signed part"));
        }
        let point = point_of(&x509)?;
        let key_id = point.key_id();
        if subject_key_id(&x509) != Some(key_id) {
            return Err(no("subject key identifier is not the SHA-256 of the point"));
        }
        let mut organisations = tbs.subject.iter_organization().filter_map(text);
        let (Some(organisation), None) = (organisations.next(), organisations.next()) else {
            return Err(no("not one organisation"));
        };
        Ok(Self {
            der: der.to_vec(),
            serial: Serial::from_slice(tbs.raw_serial()).ok_or(no("serial number"))?,
            organisation: organisation.to_owned(),
            role: role_of(&x509, &key_id)?,
            point,
            key_id,
            not_before_ms: tbs.validity.not_before.timestamp().saturating_mul(1_000),
            not_after_ms: tbs.validity.not_after.timestamp().saturating_mul(1_000),
            issuer_key_id: authority_key_id(&x509).ok_or(no("authority key identifier"))?,
            subject: tbs.subject.as_raw().to_vec(),
            issuer: tbs.issuer.as_raw().to_vec(),
            signed: tbs.as_ref().to_vec(),
            signature: x509.signature_value.data.to_vec(),
        })
    }

    /// Judges this as the authority's own: self-signed, and valid at the instant.
    pub fn check_authority(&self, at_ms: i64) -> Result<(), CertificateError> {
        if self.role.is_some() {
            return Err(CertificateError::Profile("not an authority"));
        }
        self.signed_by(self)?;
        self.valid_at(at_ms)
    }

    /// Judges this as one that `authority`, trusted by the caller, has made: issuer, signature, validity, role, key, revocation.
    pub fn check(&self, authority: &Self, expected: &Expected<'_>) -> Result<(), CertificateError> {
        authority.check_authority(expected.at_ms)?;
        let role = self
            .role
            .ok_or(CertificateError::Profile("an authority sends nothing"))?;
        self.signed_by(authority)?;
        if self.organisation != authority.organisation {
            return Err(CertificateError::Profile("the organisation is not the authority's"));
        }
        self.valid_at(expected.at_ms)?;
        if let Some(wanted) = expected.role.filter(|wanted| *wanted != role) {
            return Err(CertificateError::Role(wanted));
        }
        if let Some(wanted) = expected.key_id.filter(|wanted| **wanted != self.key_id) {
            return Err(CertificateError::KeyId {
                expected: *wanted,
                found: self.key_id,
            });
        }
        let serial = self.serial;
        match (expected.revoked_ms)(&serial) {
            Some(revoked_ms) if revoked_ms <= expected.at_ms => Err(CertificateError::Revoked { serial, revoked_ms }),
            _ => Ok(()),
        }
    }

    /// Whether so little of its life is left that the next one is due: less than a third.
    pub const fn is_ending(&self, now_ms: i64) -> bool {
        let life = self.not_after_ms.saturating_sub(self.not_before_ms);
        self.not_after_ms.saturating_sub(now_ms) < life / 3
    }

    fn signed_by(&self, authority: &Self) -> Result<(), CertificateError> {
        if self.issuer == authority.subject
            && self.issuer_key_id == authority.key_id
            && authority.point.verify_der(&self.signed, &self.signature).is_ok()
        {
            Ok(())
        } else {
            Err(CertificateError::Foreign(authority.key_id))
        }
    }

    const fn valid_at(&self, at_ms: i64) -> Result<(), CertificateError> {
        if self.not_before_ms <= at_ms && at_ms <= self.not_after_ms {
            return Ok(());
        }
        Err(CertificateError::Expired {
            not_before_ms: self.not_before_ms,
            not_after_ms: self.not_after_ms,
            at_ms,
        })
    }
}

/// What stands around the signed bytes has one form only; with the signature's own one form, so has the whole certificate, and a chain
/// that hashes it sees one hash.
fn framed(signed: &[u8], signature: &[u8]) -> Vec<u8> {
    /// `SEQUENCE { ecdsa-with-SHA256 }`, then the tag of a bit string.
    const BETWEEN: [u8; 13] = [
        0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03,
    ];
    let bits = u8::try_from(signature.len().saturating_add(1)).unwrap_or(u8::MAX);
    let inner = [signed, &BETWEEN, &[bits, 0], signature].concat();
    let length = u16::try_from(inner.len()).unwrap_or(u16::MAX);
    [[0x30, 0x82].as_slice(), &length.to_be_bytes(), &inner].concat()
}

fn text<'a>(attribute: &'a AttributeTypeAndValue<'_>) -> Option<&'a str> {
    attribute.as_str().ok()
}

fn point_of(x509: &X509Certificate<'_>) -> Result<PublicPoint, CertificateError> {
    let key = x509.public_key();
    let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY || curve != Some(OID_EC_P256) {
        return Err(CertificateError::Profile("not a key of P-256"));
    }
    Ok(PublicPoint::parse(&key.subject_public_key.data)?)
}

fn subject_key_id(x509: &X509Certificate<'_>) -> Option<Hash> {
    let extension = x509.get_extension_unique(&OID_X509_EXT_SUBJECT_KEY_IDENTIFIER).ok()??;
    match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Hash::from_slice(id.0),
        _ => None,
    }
}

fn authority_key_id(x509: &X509Certificate<'_>) -> Option<Hash> {
    let extension = x509
        .get_extension_unique(&OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER)
        .ok()??;
    match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => Hash::from_slice(id.key_identifier.as_ref()?.0),
        _ => None,
    }
}

/// The role by the organisational units, held against what such a certificate may do: an authority signs certificates, nobody
/// else does; nobody agrees keys, for that is the mark of a TLS certificate.
fn role_of(x509: &X509Certificate<'_>, key_id: &Hash) -> Result<Option<Role>, CertificateError> {
    let no = CertificateError::Profile;
    let subject = x509.subject();
    let units: Vec<&str> = subject.iter_organizational_unit().filter_map(text).collect();
    let usage = x509.key_usage().ok().flatten().ok_or(no("no key usage"))?;
    let constraints = x509
        .basic_constraints()
        .ok()
        .flatten()
        .ok_or(no("no basic constraints"))?;
    if !usage.critical || !constraints.critical {
        return Err(no("key usage and basic constraints must be critical"));
    }
    let (usage, constraints): (&KeyUsage, &BasicConstraints) = (usage.value, constraints.value);
    if units == [ROOT] {
        let signs = constraints.ca && usage.key_cert_sign() && !usage.digital_signature();
        return if signs {
            Ok(None)
        } else {
            Err(no("an authority's key usage"))
        };
    }
    let sends = !constraints.ca && usage.digital_signature() && !usage.key_agreement() && !usage.key_cert_sign();
    if !sends {
        return Err(no("a sender's key usage"));
    }
    let role = match units.as_slice() {
        [CLIENT, own] => Role::ALL.into_iter().find(|role| role.as_str() == *own),
        _ => None,
    };
    let mut names = subject.iter_common_name().filter_map(text);
    if names.next() != Some(key_id.to_string().as_str()) || names.next().is_some() {
        return Err(no("the common name is not the key id"));
    }
    role.map(Some).ok_or(no("the organisational units name no role"))
}
