//! API keys: `client` rows, found by digest. Written by `keys` beside a running server, one short statement each.

use super::db::{Connection, Readers, StoreError, with, with_pool};
use crate::ledger::ids::Hash;

/// One key of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientKey {
    /// SHA-256 of the key's text.
    pub key_digest: Hash,
    /// The calling system.
    pub name: String,
    /// Rights, comma-separated, in the order of their table.
    pub rights: String,
    /// Programmes it is limited to, comma-separated; empty for all.
    pub programmes: String,
    /// Made at, Unix milliseconds.
    pub created_ms: i64,
    /// Not valid from then on.
    pub expires_ms: Option<i64>,
    /// Revoked at.
    pub revoked_ms: Option<i64>,
}

const COLUMNS: &str = "SELECT key_digest, name, rights, programmes, created_ms, expires_ms, revoked_ms FROM client";

type Row = (Vec<u8>, String, String, String, i64, Option<i64>, Option<i64>);

fn key_of(
    (digest, name, rights, programmes, created_ms, expires_ms, revoked_ms): Row,
) -> Result<ClientKey, StoreError> {
    let key_digest =
        Hash::from_slice(&digest).ok_or_else(|| StoreError::row("client", "key_digest", "not 32 bytes"))?;
    Ok(ClientKey {
        key_digest,
        name,
        rights,
        programmes,
        created_ms,
        expires_ms,
        revoked_ms,
    })
}

/// The key of a digest, revoked and expired ones included.
pub async fn find(readers: &Readers, key_digest: &Hash) -> Result<Option<ClientKey>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE key_digest = ?"));
    let row: Option<Row> = with_pool!(readers.main(), |pool| sqlx::query_as(sql)
        .bind(key_digest.as_bytes().as_slice())
        .fetch_optional(pool)
        .await)?;
    row.map(key_of).transpose()
}

/// Every key of a client, revoked and expired ones included. There are few keys, so no index is kept for this.
pub async fn named(readers: &Readers, name: &str) -> Result<Vec<ClientKey>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE name = ?"));
    let rows: Vec<Row> = with_pool!(readers.main(), |pool| sqlx::query_as(sql)
        .bind(name)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(key_of).collect()
}

/// Every key, oldest first.
pub async fn list(connection: &mut Connection) -> Result<Vec<ClientKey>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY created_ms, key_digest"));
    let rows: Vec<Row> = with!(connection, |c| sqlx::query_as(sql).fetch_all(&mut *c).await)?;
    rows.into_iter().map(key_of).collect()
}

/// Stores a new key.
pub async fn insert(connection: &mut Connection, key: &ClientKey) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO client (key_digest, name, rights, programmes, created_ms, expires_ms, revoked_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?)";
    with!(connection, |c| {
        sqlx::query(SQL)
            .bind(key.key_digest.as_bytes().as_slice())
            .bind(&key.name)
            .bind(&key.rights)
            .bind(&key.programmes)
            .bind(key.created_ms)
            .bind(key.expires_ms)
            .bind(key.revoked_ms)
            .execute(&mut *c)
            .await
            .map(|_| ())
    })
    .map_err(Into::into)
}

/// Revokes a key that is not revoked yet; answers whether there was one.
pub async fn revoke(connection: &mut Connection, key_digest: &Hash, now_ms: i64) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE client SET revoked_ms = ? WHERE key_digest = ? AND revoked_ms IS NULL";
    let changed = with!(connection, |c| {
        sqlx::query(SQL)
            .bind(now_ms)
            .bind(key_digest.as_bytes().as_slice())
            .execute(&mut *c)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(changed > 0)
}
