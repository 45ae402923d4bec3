//! `user_key`, `certificate`, `authority`: statements, each insert-or-read inside the caller's transaction.

use crate::identity::certificate::{Certificate, Serial};
use crate::identity::rows::{AuthorityRow, CertificateRow, ISSUER, KeyRow};
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::store::db::{Connection, Readers, StoreError, with, with_pool};
use crate::store::statement::{global, pieces};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// The columns of a [`KeyTuple`].
const KEY: &str = "SELECT user_id, number, key_id, point, wrapped_key, created_ms FROM user_key";
/// The columns of a [`CertificateTuple`].
const CERTIFICATE: &str =
    "SELECT user_id, serial, key_id, der, not_before_ms, not_after_ms, revoked_ms FROM certificate";
/// The columns of an [`AuthorityTuple`].
const AUTHORITY: &str = "SELECT name, number, key_id, wrapped_key, certificate, created_ms, revoked_ms FROM authority";

type KeyTuple = (i64, i64, Vec<u8>, Vec<u8>, Vec<u8>, i64);
type CertificateTuple = (i64, Vec<u8>, Vec<u8>, Vec<u8>, i64, i64, Option<i64>);
type AuthorityTuple = (String, i64, Vec<u8>, Vec<u8>, Vec<u8>, i64, Option<i64>);

fn shard(user: UserId) -> i64 {
    i64::from(user.shard().index())
}

fn number_of(table: &'static str, number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::row(table, "number", number))
}

fn key_id_of(table: &'static str, key_id: &[u8]) -> Result<Hash, StoreError> {
    Hash::from_slice(key_id).ok_or_else(|| StoreError::row(table, "key_id", "not 32 bytes"))
}

fn key_of((user, number, key_id, point, wrapped_key, created_ms): KeyTuple) -> Result<KeyRow, StoreError> {
    Ok(KeyRow {
        user: UserId::from_stored(user),
        number: number_of("user_key", number)?,
        key_id: key_id_of("user_key", &key_id)?,
        point,
        wrapped_key,
        created_ms,
    })
}

fn certificate_of(row: CertificateTuple) -> Result<CertificateRow, StoreError> {
    let (user, serial, key_id, der, not_before_ms, not_after_ms, revoked_ms) = row;
    Ok(CertificateRow {
        user: UserId::from_stored(user),
        serial: Serial::from_slice(&serial).ok_or_else(|| StoreError::row("certificate", "serial", "no serial"))?,
        key_id: key_id_of("certificate", &key_id)?,
        der,
        not_before_ms,
        not_after_ms,
        revoked_ms,
    })
}

fn authority_of(row: AuthorityTuple) -> Result<AuthorityRow, StoreError> {
    let (name, number, key_id, wrapped_key, certificate, created_ms, revoked_ms) = row;
    Ok(AuthorityRow {
        name,
        number: number_of("authority", number)?,
        key_id: key_id_of("authority", &key_id)?,
        wrapped_key,
        certificate,
        created_ms,
        revoked_ms,
    })
}

/// Of a key's certificates the one that counts: a revoked one, else the one that ends last.
fn that_counts(rows: Vec<CertificateRow>) -> Option<CertificateRow> {
    let rank = |row: &CertificateRow| (row.revoked_ms.is_some(), row.not_after_ms, row.not_before_ms);
    rows.into_iter().max_by_key(rank)
}

/// Users by shard.
fn by_shard<T: Copy>(asked: &[T], user: impl Fn(T) -> UserId) -> BTreeMap<ShardId, Vec<T>> {
    let mut shards: BTreeMap<ShardId, Vec<T>> = BTreeMap::new();
    for one in asked {
        shards.entry(user(*one).shard()).or_default().push(*one);
    }
    shards
}

/// The keys of users that sign.
pub(super) async fn keys(readers: &Readers, users: &[UserId]) -> Result<Vec<KeyRow>, StoreError> {
    let head = format!("{KEY} WHERE shard = ? AND user_id IN (");
    let mut signing: BTreeMap<UserId, KeyRow> = BTreeMap::new();
    for (shard, users) in by_shard(users, |user| user) {
        for piece in pieces(&users) {
            let sql = global([&head, "?", ", ", ")"], piece.len());
            let rows: Vec<KeyTuple> = with_pool!(readers.of(shard), |pool| {
                let query = sqlx::query_as(sql).bind(i64::from(shard.index()));
                piece
                    .iter()
                    .fold(query, |query, user| query.bind(user.value()))
                    .fetch_all(pool)
                    .await
            })?;
            for row in rows {
                let row = key_of(row)?;
                let known = signing.entry(row.user).or_insert_with(|| row.clone());
                if row.number > known.number {
                    *known = row;
                }
            }
        }
    }
    Ok(signing.into_values().collect())
}

/// Stores a key unless the user has one of that number.
pub(super) async fn keep_key(c: &mut Connection, row: &KeyRow) -> Result<KeyRow, StoreError> {
    const INSERT: &str = "INSERT INTO user_key (shard, user_id, number, key_id, point, wrapped_key, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let sql = format!("{KEY} WHERE shard = ? AND user_id = ? AND number = ?");
    let known: Option<KeyTuple> = with!(&mut *c, |c| sqlx::query_as(AssertSqlSafe(sql))
        .bind(shard(row.user))
        .bind(row.user.value())
        .bind(i64::from(row.number))
        .fetch_optional(&mut *c)
        .await)?;
    if let Some(known) = known {
        return key_of(known);
    }
    with!(c, |c| sqlx::query(INSERT)
        .bind(shard(row.user))
        .bind(row.user.value())
        .bind(i64::from(row.number))
        .bind(row.key_id.as_bytes().as_slice())
        .bind(&row.point)
        .bind(&row.wrapped_key)
        .bind(row.created_ms)
        .execute(&mut *c)
        .await
        .map(|_| ()))?;
    Ok(row.clone())
}

/// Of the certificates of users' keys those that count.
pub(super) async fn certificates_of(
    readers: &Readers,
    keys: &[(UserId, Hash)],
) -> Result<Vec<CertificateRow>, StoreError> {
    let head = format!("{CERTIFICATE} WHERE shard = ? AND user_id IN (");
    let mut counting = Vec::new();
    for (shard, keys) in by_shard(keys, |(user, _)| user) {
        for piece in pieces(&keys) {
            let sql = global([&head, "?", ", ", ")"], piece.len());
            let rows: Vec<CertificateTuple> = with_pool!(readers.of(shard), |pool| {
                let query = sqlx::query_as(sql).bind(i64::from(shard.index()));
                piece
                    .iter()
                    .fold(query, |query, (user, _)| query.bind(user.value()))
                    .fetch_all(pool)
                    .await
            })?;
            let mut rows: Vec<CertificateRow> = rows.into_iter().map(certificate_of).collect::<Result<_, _>>()?;
            for (user, key_id) in piece {
                let of_key = rows.extract_if(.., |row| row.user == *user && row.key_id == *key_id);
                counting.extend(that_counts(of_key.collect()));
            }
        }
    }
    Ok(counting)
}

/// Stores a certificate unless its key has a revoked one or one that ends after `unless_after_ms`. Whoever certifies one key waits for the
/// other at the key's row: no two certificates have a number in common that would tell them apart.
pub(super) async fn keep_certificate(
    c: &mut Connection,
    row: &CertificateRow,
    unless_after_ms: i64,
) -> Result<CertificateRow, StoreError> {
    const ALONE: &str = "UPDATE user_key SET number = number WHERE shard = ? AND user_id = ? AND key_id = ?";
    const INSERT: &str = "INSERT INTO certificate (shard, user_id, serial, key_id, der, not_before_ms, not_after_ms, \
         revoked_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    with!(&mut *c, |c| sqlx::query(ALONE)
        .bind(shard(row.user))
        .bind(row.user.value())
        .bind(row.key_id.as_bytes().as_slice())
        .execute(&mut *c)
        .await
        .map(|_| ()))?;
    let sql = format!("{CERTIFICATE} WHERE shard = ? AND user_id = ? AND key_id = ?");
    let known: Vec<CertificateTuple> = with!(&mut *c, |c| sqlx::query_as(AssertSqlSafe(sql))
        .bind(shard(row.user))
        .bind(row.user.value())
        .bind(row.key_id.as_bytes().as_slice())
        .fetch_all(&mut *c)
        .await)?;
    let known = known.into_iter().map(certificate_of).collect::<Result<_, _>>()?;
    if let Some(known) =
        that_counts(known).filter(|known| known.revoked_ms.is_some() || known.not_after_ms > unless_after_ms)
    {
        return Ok(known);
    }
    with!(c, |c| sqlx::query(INSERT)
        .bind(shard(row.user))
        .bind(row.user.value())
        .bind(row.serial.as_bytes().as_slice())
        .bind(row.key_id.as_bytes().as_slice())
        .bind(&row.der)
        .bind(row.not_before_ms)
        .bind(row.not_after_ms)
        .bind(row.revoked_ms)
        .execute(&mut *c)
        .await
        .map(|_| ()))?;
    Ok(row.clone())
}

/// Revokes a certificate, a user's or the issuer's, that is not revoked yet.
pub async fn revoke(c: &mut Connection, serial: &Serial, at_ms: i64) -> Result<bool, StoreError> {
    const USERS: &str = "UPDATE certificate SET revoked_ms = ? WHERE serial = ? AND revoked_ms IS NULL";
    const ISSUERS: &str = "UPDATE authority SET revoked_ms = ? WHERE name = ? AND number = ? AND revoked_ms IS NULL";
    let changed = with!(&mut *c, |c| sqlx::query(USERS)
        .bind(at_ms)
        .bind(serial.as_bytes().as_slice())
        .execute(&mut *c)
        .await
        .map(|done| done.rows_affected()))?;
    if changed > 0 {
        return Ok(true);
    }
    let rows = authorities(c).await?;
    let is_it = |row: &&AuthorityRow| {
        row.name == ISSUER && Certificate::parse(&row.certificate).is_ok_and(|found| found.serial == *serial)
    };
    let Some(row) = rows.iter().find(is_it) else {
        return Ok(false);
    };
    let changed = with!(c, |c| sqlx::query(ISSUERS)
        .bind(at_ms)
        .bind(&row.name)
        .bind(i64::from(row.number))
        .execute(&mut *c)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed > 0)
}

/// Certificates of riders and sinks by shard, user and serial number, from behind the given ones on.
pub async fn certificates(
    c: &mut Connection,
    shard: ShardId,
    after: Option<(UserId, Serial)>,
    limit: i64,
) -> Result<Vec<CertificateRow>, StoreError> {
    let sql = format!(
        "{CERTIFICATE} WHERE shard = ? AND (user_id > ? OR (user_id = ? AND serial > ?)) ORDER BY user_id, serial LIMIT ?"
    );
    let (user, serial) = after.map_or((i64::MIN, Vec::new()), |(user, serial)| {
        (user.value(), serial.as_bytes().to_vec())
    });
    let rows: Vec<CertificateTuple> = with!(c, |c| sqlx::query_as(AssertSqlSafe(sql))
        .bind(i64::from(shard.index()))
        .bind(user)
        .bind(user)
        .bind(serial)
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?;
    rows.into_iter().map(certificate_of).collect()
}

/// Every row of authority and issuer, by name and number.
pub async fn authorities(c: &mut Connection) -> Result<Vec<AuthorityRow>, StoreError> {
    let sql = format!("{AUTHORITY} ORDER BY name, number");
    let rows: Vec<AuthorityTuple> = with!(c, |c| sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *c).await)?;
    rows.into_iter().map(authority_of).collect()
}

/// The row of a name that signs.
pub(super) async fn authority(readers: &Readers, name: &str) -> Result<Option<AuthorityRow>, StoreError> {
    let sql = format!("{AUTHORITY} WHERE name = ? ORDER BY number DESC LIMIT 1");
    let row: Option<AuthorityTuple> = with_pool!(readers.main(), |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(name)
        .fetch_optional(pool)
        .await)?;
    row.map(authority_of).transpose()
}

/// Whether any user has a key or a certificate.
pub async fn any(c: &mut Connection) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM user_key LIMIT 1) k) + (SELECT COUNT(*) FROM (SELECT 1 FROM certificate LIMIT 1) c)";
    let (count,): (i64,) = with!(c, |c| sqlx::query_as(SQL).fetch_one(&mut *c).await)?;
    Ok(count > 0)
}

/// Gives a deployment its authority and issuer, both or none; answers with the rows that stand.
pub async fn found(c: &mut Connection, rows: [AuthorityRow; 2]) -> Result<Vec<AuthorityRow>, StoreError> {
    c.begin().await?;
    if authorities(c).await?.is_empty() {
        for row in &rows {
            keep_authority(c, row).await?;
        }
    }
    c.execute("COMMIT").await?;
    authorities(c).await
}

/// Stores a row of a name unless there is one of that number.
pub(super) async fn keep_authority(c: &mut Connection, row: &AuthorityRow) -> Result<AuthorityRow, StoreError> {
    const INSERT: &str = "INSERT INTO authority (name, number, key_id, wrapped_key, certificate, created_ms, revoked_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?)";
    let same = |known: &AuthorityRow| known.name == row.name && known.number == row.number;
    if let Some(known) = authorities(c).await?.into_iter().find(same) {
        return Ok(known);
    }
    with!(c, |c| sqlx::query(INSERT)
        .bind(&row.name)
        .bind(i64::from(row.number))
        .bind(row.key_id.as_bytes().as_slice())
        .bind(&row.wrapped_key)
        .bind(&row.certificate)
        .bind(row.created_ms)
        .bind(row.revoked_ms)
        .execute(&mut *c)
        .await
        .map(|_| ()))?;
    Ok(row.clone())
}
