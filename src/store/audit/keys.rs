//! Signing keys, certificates, the authority's rows and an unfinished change of the key-encryption key as stored.

use crate::ledger::ids::ShardId;
use crate::store::db::{Connection, StoreError, with};

/// A user's signing key as stored.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct UserKeyRow {
    /// Whose.
    pub user_id: i64,
    /// Which of the user's keys.
    pub number: i64,
    /// Name of the key.
    pub key_id: Vec<u8>,
    /// Its public point.
    pub point: Vec<u8>,
    /// The private key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// Made at.
    pub created_ms: i64,
}

/// A certificate as stored, but for its revocation, which nothing can be held against.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct UserCertificateRow {
    /// Whose.
    pub user_id: i64,
    /// Its number.
    pub serial: Vec<u8>,
    /// Of which key.
    pub key_id: Vec<u8>,
    /// The bytes.
    pub der: Vec<u8>,
    /// First instant.
    pub not_before_ms: i64,
    /// Last instant.
    pub not_after_ms: i64,
}

/// A row of authority or issuer as stored.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct NamedKeyRow {
    /// `ca` or `issuer`.
    pub name: String,
    /// Which of that name's rows.
    pub number: i64,
    /// Name of the key.
    pub key_id: Vec<u8>,
    /// The private key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The certificate.
    pub certificate: Vec<u8>,
    /// Made at.
    pub created_ms: i64,
    /// Revoked at.
    pub revoked_ms: Option<i64>,
}

/// Keys of a shard from a user and number on, ascending, at most `limit`.
pub async fn user_keys(
    c: &mut Connection,
    shard: ShardId,
    (user, number): (i64, i64),
    limit: i64,
) -> Result<Vec<UserKeyRow>, StoreError> {
    const SQL: &str = "SELECT user_id, number, key_id, point, wrapped_key, created_ms FROM user_key WHERE shard = ? AND user_id >= ? AND \
         (user_id > ? OR number >= ?) ORDER BY user_id, number LIMIT ?";
    Ok(with!(c, |c| sqlx::query_as(SQL)
        .bind(i64::from(shard.index()))
        .bind(user)
        .bind(user)
        .bind(number)
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}

/// Certificates of a shard from a user and serial number on, ascending, at most `limit`.
pub async fn user_certificates(
    c: &mut Connection,
    shard: ShardId,
    (user, serial): (i64, &[u8]),
    limit: i64,
) -> Result<Vec<UserCertificateRow>, StoreError> {
    const SQL: &str = "SELECT user_id, serial, key_id, der, not_before_ms, not_after_ms FROM certificate WHERE shard = ? AND \
         user_id >= ? AND (user_id > ? OR serial >= ?) ORDER BY user_id, serial LIMIT ?";
    Ok(with!(c, |c| sqlx::query_as(SQL)
        .bind(i64::from(shard.index()))
        .bind(user)
        .bind(user)
        .bind(serial.to_vec())
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}

/// Every row of authority and issuer, by name and number.
pub async fn named_keys(c: &mut Connection) -> Result<Vec<NamedKeyRow>, StoreError> {
    const SQL: &str = "SELECT name, number, key_id, wrapped_key, certificate, created_ms, revoked_ms FROM authority \
         ORDER BY name, number";
    Ok(with!(c, |c| sqlx::query_as(SQL).fetch_all(&mut *c).await)?)
}

/// The keys that rows are being wrapped under: there must be none.
pub async fn kek_changes(c: &mut Connection) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows: Vec<(Vec<u8>,)> = with!(c, |c| sqlx::query_as("SELECT kek_id FROM kek_change ORDER BY kek_id")
        .fetch_all(&mut *c)
        .await)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
