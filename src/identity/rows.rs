//! The rows that keys are kept in, and the one way to them. The store implements it; this room knows no SQL.

use super::certificate::Serial;
use super::user_key::{KeyError, PublicPoint};
use super::wrapping::Row;
use crate::ledger::ids::{Hash, UserId};
use std::error::Error;
use std::future::Future;

/// A user's signing key as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRow {
    /// Whose.
    pub user: UserId,
    /// Which of the user's keys, from 1; the highest signs.
    pub number: u32,
    /// Key id of its public point.
    pub key_id: Hash,
    /// Its public point, 65 bytes.
    pub point: Vec<u8>,
    /// The private key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// Made at.
    pub created_ms: i64,
}

/// A certificate as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateRow {
    /// Whose.
    pub user: UserId,
    /// Its number.
    pub serial: Serial,
    /// Of which key.
    pub key_id: Hash,
    /// The bytes.
    pub der: Vec<u8>,
    /// First instant.
    pub not_before_ms: i64,
    /// Last instant.
    pub not_after_ms: i64,
    /// Revoked at.
    pub revoked_ms: Option<i64>,
}

/// A key of the authority or the issuer with its certificate, as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorityRow {
    /// `ca` or `issuer`.
    pub name: String,
    /// Which of that name's rows, from 1; the highest signs.
    pub number: u32,
    /// Key id of its public point.
    pub key_id: Hash,
    /// The private key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The certificate.
    pub certificate: Vec<u8>,
    /// Made at.
    pub created_ms: i64,
    /// Revoked at.
    pub revoked_ms: Option<i64>,
}

impl KeyRow {
    /// What its wrapped key is bound to.
    pub const fn identity(&self) -> Row<'_> {
        Row::UserKey {
            user: self.user,
            number: self.number,
            key_id: &self.key_id,
            created_ms: self.created_ms,
        }
    }

    /// Its public point, if it is the one that is named.
    pub fn named_point(&self) -> Result<PublicPoint, KeyError> {
        PublicPoint::named(&self.point, &self.key_id)
    }
}

impl AuthorityRow {
    /// What its wrapped key is bound to.
    pub fn identity(&self) -> Row<'_> {
        Row::Authority {
            name: &self.name,
            number: self.number,
            key_id: &self.key_id,
            created_ms: self.created_ms,
        }
    }
}

/// The name of the authority's rows.
pub const CA: &str = "ca";
/// The name of the issuer's rows.
pub const ISSUER: &str = "issuer";

/// Where keys and certificates are kept. Every write is insert-or-read: it answers with the row that stands, ours or that of
/// whoever was first, so that two tasks, or two processes, end with one key.
pub trait KeyRows: Send + Sync + 'static {
    /// Why rows cannot be had.
    type Error: Error + Send + Sync + 'static;

    /// The keys of these users that sign; none for a user who has none.
    fn keys(&self, users: &[UserId]) -> impl Future<Output = Result<Vec<KeyRow>, Self::Error>> + Send;

    /// Stores keys, each unless the user has one of that number; answers with those that stand.
    fn keep_keys(&self, rows: Vec<KeyRow>) -> impl Future<Output = Result<Vec<KeyRow>, Self::Error>> + Send;

    /// The certificates of users' keys that count: of each key a revoked one, if there is any, else the one that ends last.
    fn certificates(
        &self,
        keys: &[(UserId, Hash)],
    ) -> impl Future<Output = Result<Vec<CertificateRow>, Self::Error>> + Send;

    /// Stores certificates, each unless its key has a revoked one, or one that ends after the instant beside it; answers with those
    /// that stand.
    fn keep_certificates(
        &self,
        rows: Vec<(CertificateRow, i64)>,
    ) -> impl Future<Output = Result<Vec<CertificateRow>, Self::Error>> + Send;

    /// Revokes a certificate, a user's or the issuer's, that is not revoked yet; answers whether there was one.
    fn revoke(&self, serial: Serial, at_ms: i64) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// The row of a name that signs.
    fn authority(&self, name: &'static str) -> impl Future<Output = Result<Option<AuthorityRow>, Self::Error>> + Send;

    /// Stores a row of a name unless there is one of that number; answers with the one that stands.
    fn keep_authority(&self, row: AuthorityRow) -> impl Future<Output = Result<AuthorityRow, Self::Error>> + Send;
}
