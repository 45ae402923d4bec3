//! The rows of the authority and the issuer: made together on an empty data folder, opened when they are needed.

use super::authority::{Authority, AuthorityError, Validity};
use super::certificate::{Certificate, CertificateError, Role, Serial};
use super::kek::Kek;
use super::rows::{AuthorityRow, CA, ISSUER};
use super::user_key::{KeyError, PrivateKey};
use super::wrapping::Row;
use crate::ledger::evidence::NonceBytes;
use crate::ledger::ids::Hash;

/// What chance brings to one row.
#[derive(Debug)]
pub struct Draw {
    /// The key.
    pub key: PrivateKey,
    /// For wrapping it.
    pub nonce: NonceBytes,
    /// For its certificate.
    pub serial: [u8; 16],
}

/// How an authority is made.
#[derive(Clone, Copy, Debug)]
pub struct Founding<'a> {
    /// `O` of every certificate, for ever.
    pub organisation: &'a str,
    /// Now, Unix milliseconds.
    pub now_ms: i64,
    /// Days that the authority's certificate lasts.
    pub authority_days: u32,
    /// Days that the issuer's certificate lasts.
    pub issuer_days: u32,
}

/// Why rows cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate cannot be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A certificate does not hold.
    #[error("the certificate of the {name}")]
    Certificate {
        /// `ca` or `issuer`.
        name: String,
        /// Why.
        source: CertificateError,
    },
}

impl Draw {
    /// From the system's source of randomness.
    pub fn random() -> Self {
        Self {
            key: PrivateKey::draw(|| zeroize::Zeroizing::new(rand::random())),
            nonce: rand::random(),
            serial: rand::random(),
        }
    }
}

/// Makes the authority and the issuer: their first rows.
pub fn make(kek: &Kek, founding: Founding<'_>, ca: Draw, issuer: &Draw) -> Result<[AuthorityRow; 2], FoundError> {
    let now_ms = founding.now_ms;
    let point = ca.key.point();
    let ca_row = wrapped(kek, CA, 1, now_ms, (&ca.key, ca.nonce, &point.key_id()))?;
    let validity = Validity::days(now_ms, founding.authority_days);
    let authority = Authority::make(ca.key, founding.organisation, &Serial::new(ca.serial), validity)?;
    let point = issuer.key.point();
    let issuer_row = wrapped(kek, ISSUER, 1, now_ms, (&issuer.key, issuer.nonce, &point.key_id()))?;
    let validity = Validity::days(now_ms, founding.issuer_days);
    let certificate = authority.certify(&point, Role::Issuer, &Serial::new(issuer.serial), validity)?;
    Ok([
        AuthorityRow {
            certificate: authority.certificate().der.clone(),
            ..ca_row
        },
        AuthorityRow {
            certificate: certificate.der,
            ..issuer_row
        },
    ])
}

/// Opens the private key of a row.
pub fn open_key(kek: &Kek, row: &AuthorityRow) -> Result<PrivateKey, FoundError> {
    Ok(PrivateKey::proved(kek, &row.wrapped_key, row.identity(), &row.key_id)?)
}

/// Opens the authority.
pub fn open_authority(kek: &Kek, row: &AuthorityRow) -> Result<Authority, FoundError> {
    Ok(Authority::load(open_key(kek, row)?, &row.certificate)?)
}

/// A further certificate of the issuer over its key, as its next row.
pub fn renew_issuer(
    kek: &Kek,
    rows: (&AuthorityRow, &AuthorityRow),
    now_ms: i64,
    days: u32,
    chance: (NonceBytes, [u8; 16]),
) -> Result<AuthorityRow, FoundError> {
    let (ca, issuer) = rows;
    let (authority, key) = (open_authority(kek, ca)?, open_key(kek, issuer)?);
    let serial = Serial::new(chance.1);
    let certificate = authority.certify(&key.point(), Role::Issuer, &serial, Validity::days(now_ms, days))?;
    let number = issuer.number.saturating_add(1);
    Ok(AuthorityRow {
        certificate: certificate.der,
        ..wrapped(kek, ISSUER, number, now_ms, (&key, chance.0, &issuer.key_id))?
    })
}

/// Reads the certificate of a row and holds it against the row.
pub fn certificate_of(row: &AuthorityRow) -> Result<Certificate, FoundError> {
    let wrong = |source| FoundError::Certificate {
        name: row.name.clone(),
        source,
    };
    let certificate = Certificate::parse(&row.certificate).map_err(wrong)?;
    if certificate.key_id == row.key_id {
        Ok(certificate)
    } else {
        Err(wrong(CertificateError::KeyId {
            expected: row.key_id,
            found: certificate.key_id,
        }))
    }
}

/// A row without its certificate yet.
fn wrapped(
    kek: &Kek,
    name: &str,
    number: u32,
    created_ms: i64,
    (key, nonce, key_id): (&PrivateKey, NonceBytes, &Hash),
) -> Result<AuthorityRow, FoundError> {
    let row = Row::Authority {
        name,
        number,
        key_id,
        created_ms,
    };
    Ok(AuthorityRow {
        name: name.to_owned(),
        number,
        key_id: *key_id,
        wrapped_key: key.wrap(kek, nonce, row)?,
        certificate: Vec::new(),
        created_ms,
        revoked_ms: None,
    })
}
