//! Our certificate authority: makes its own certificate, the issuer's and everybody's. The profile is one that `ChainMaker` and Fabric
//! both accept (role in the first `OU`, subject key identifier = key id, no key agreement). Equal inputs give equal bytes: the
//! signature is deterministic, time and serial number are given. No certificate names a person: its `CN` is the key id.

use crate::identity::certificate::{CLIENT, Certificate, CertificateError, ROOT, Role, Serial};
use crate::identity::user_key::{PrivateKey, PublicPoint};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    PublicKeyData, SignatureAlgorithm, SigningKey,
};
use time::OffsetDateTime;

/// Certificates begin ten minutes before they are made, since clocks differ.
const BACKDATED_S: i64 = 600;
const DAY_S: i64 = 86_400;
/// The second `OU`: the library keeps one value for each name of an attribute, so this one is told by its number.
const UNIT: [u64; 4] = [2, 5, 4, 11];

/// When a certificate is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    from_s: i64,
    to_s: i64,
}

/// The authority with its clear key; it exists only while certificates are made.
#[derive(Debug)]
pub struct Authority {
    key: PrivateKey,
    certificate: Certificate,
}

/// Why a certificate cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The library.
    #[error("the certificate cannot be made")]
    Made(#[from] rcgen::Error),
    /// What was made or loaded is not of the profile.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate is of another key.
    #[error("the certificate of the authority is not of its key")]
    OtherKey,
    /// It could not be valid for a moment, as the authority's own ends before.
    #[error("the authority's own certificate ends too early")]
    Ended,
}

impl Validity {
    /// `days` from an instant on, begun ten minutes earlier.
    pub fn days(now_ms: i64, days: u32) -> Self {
        let instant_s = now_ms.div_euclid(1_000);
        Self {
            from_s: instant_s.saturating_sub(BACKDATED_S),
            to_s: instant_s.saturating_add(i64::from(days).saturating_mul(DAY_S)),
        }
    }

    /// What of it lies inside an authority's own: a chain of Fabric refuses a certificate that begins before its authority's.
    fn inside(self, authority: &Certificate) -> Self {
        Self {
            from_s: self.from_s.max(authority.not_before_ms.div_euclid(1_000)),
            to_s: self.to_s.min(authority.not_after_ms.div_euclid(1_000)),
        }
    }
}

impl Authority {
    /// A new authority of an organisation.
    pub fn make(
        key: PrivateKey,
        organisation: &str,
        serial: &Serial,
        validity: Validity,
    ) -> Result<Self, AuthorityError> {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, organisation);
        subject.push(DnType::OrganizationalUnitName, ROOT);
        subject.push(DnType::CommonName, format!("ca.{organisation}"));
        let point = key.point();
        let mut params = params(subject, &point, serial, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let made = params.self_signed(&Signing::new(&key))?;
        Self::load(key, made.der())
    }

    /// The authority of a key and its certificate.
    pub fn load(key: PrivateKey, der: &[u8]) -> Result<Self, AuthorityError> {
        let certificate = Certificate::parse(der)?;
        if certificate.point != key.point() || certificate.role.is_some() {
            return Err(AuthorityError::OtherKey);
        }
        Ok(Self { key, certificate })
    }

    /// Its certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Certifies a point in a role of the authority's organisation, for what of `validity` lies inside the authority's own.
    pub fn certify(
        &self,
        point: &PublicPoint,
        role: Role,
        serial: &Serial,
        validity: Validity,
    ) -> Result<Certificate, AuthorityError> {
        let validity = validity.inside(&self.certificate);
        if validity.from_s >= validity.to_s {
            return Err(AuthorityError::Ended);
        }
        let organisation = self.certificate.organisation.as_str();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, organisation);
        subject.push(DnType::OrganizationalUnitName, CLIENT);
        subject.push(DnType::CustomDnType(UNIT.to_vec()), role.as_str());
        subject.push(DnType::CommonName, point.key_id().to_string());
        let mut params = params(subject, point, serial, validity)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        let issuer = self.issuer()?;
        let made = params.signed_by(&Point(point), &issuer)?;
        Ok(Certificate::parse(made.der())?)
    }

    fn issuer(&self) -> Result<Issuer<'static, Signing<'_>>, AuthorityError> {
        let organisation = self.certificate.organisation.as_str();
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, organisation);
        name.push(DnType::OrganizationalUnitName, ROOT);
        name.push(DnType::CommonName, format!("ca.{organisation}"));
        let validity = Validity { from_s: 0, to_s: 1 };
        let mut params = params(name, &self.certificate.point, &self.certificate.serial, validity)?;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Issuer::new(params, Signing::new(&self.key)))
    }
}

fn params(
    subject: DistinguishedName,
    point: &PublicPoint,
    serial: &Serial,
    validity: Validity,
) -> Result<CertificateParams, AuthorityError> {
    let instant = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AuthorityError::Ended);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.serial_number = Some(serial.as_bytes().to_vec().into());
    params.key_identifier_method = KeyIdMethod::PreSpecified(point.key_id().as_bytes().to_vec());
    params.use_authority_key_identifier_extension = true;
    params.not_before = instant(validity.from_s)?;
    params.not_after = instant(validity.to_s)?;
    Ok(params)
}

/// A public point as the library wants to see it.
struct Point<'a>(&'a PublicPoint);

impl PublicKeyData for Point<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// A private key as the library wants to use it.
struct Signing<'a> {
    key: &'a PrivateKey,
    point: PublicPoint,
}

impl<'a> Signing<'a> {
    fn new(key: &'a PrivateKey) -> Self {
        Self {
            key,
            point: key.point(),
        }
    }
}

impl PublicKeyData for Signing<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.point.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Signing<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.key.sign_message(message).to_der();
        signature.map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

#[cfg(test)]
mod tests;
