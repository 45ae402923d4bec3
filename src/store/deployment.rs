//! The one row that says what this deployment is, and the heads that it gives each shard at birth.

use super::db::{Connection, Homes, StoreError, with};
use super::statement::of_shard;
use crate::identity::kek::KekId;
use crate::ledger::ids::ShardId;
use crate::ledger::page::Deployment;

/// The deployment as stored.
#[derive(Clone, Debug)]
pub struct Founded {
    /// What it is, for ever.
    pub deployment: Deployment,
    /// The key-encryption key that it expects.
    pub kek_id: KekId,
    /// The source secret, wrapped by that key.
    pub source_secret: Vec<u8>,
    /// The chain secret, wrapped by that key.
    pub chain_secret: Vec<u8>,
}

/// The deployment, if the database has been given one.
pub async fn find(connection: &mut Connection) -> Result<Option<Founded>, StoreError> {
    type Row = (Vec<u8>, String, i64, Vec<u8>, Vec<u8>, Vec<u8>);
    let row: Option<Row> = with!(connection, |c| {
        sqlx::query_as("SELECT id, zone, created_ms, kek_id, source_secret, chain_secret FROM deployment")
            .fetch_optional(&mut *c)
            .await
    })?;
    let Some((id, zone, created_ms, kek_id, source_secret, chain_secret)) = row else {
        return Ok(None);
    };
    let id = id
        .try_into()
        .map_err(|_| StoreError::row("deployment", "id", "not 16 bytes"))?;
    let kek_id = KekId::from_slice(&kek_id).ok_or_else(|| StoreError::row("deployment", "kek_id", "not 8 bytes"))?;
    Ok(Some(Founded {
        deployment: Deployment { id, zone, created_ms },
        kek_id,
        source_secret,
        chain_secret,
    }))
}

/// A shard of which the chain has confirmed something, if there is one.
pub async fn any_confirmed(connections: &mut Homes<Connection>) -> Result<Option<ShardId>, StoreError> {
    for shard in ShardId::all() {
        if is_any_confirmed(connections.of_mut(shard), shard).await? {
            return Ok(Some(shard));
        }
    }
    Ok(None)
}

/// Whether the chain has confirmed something of a shard.
pub async fn is_any_confirmed(connection: &mut Connection, shard: ShardId) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT seq FROM ledger_tx_{shard} WHERE status = 'confirmed' LIMIT 1";
    let row: Option<(i64,)> = with!(connection, |c| sqlx::query_as(of_shard(SQL, shard))
        .fetch_optional(&mut *c)
        .await)?;
    Ok(row.is_some())
}

/// Whether anything was ever booked: a head is behind its first page.
pub(super) async fn any_booked(connection: &mut Connection) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = with!(connection, |c| {
        sqlx::query_as("SELECT shard FROM shard_head WHERE seq > 0 LIMIT 1")
            .fetch_optional(&mut *c)
            .await
    })?;
    Ok(row.is_some())
}

/// Gives a new database the heads of its shards, and the deployment's row where it is to lie, all or nothing. Heads of a founding that was
/// cut short go.
pub(super) async fn found(
    connection: &mut Connection,
    deployment: &Deployment,
    row: Option<&Founded>,
    shards: &[ShardId],
) -> Result<(), StoreError> {
    connection.begin().await?;
    connection.execute("DELETE FROM shard_head WHERE seq = 0").await?;
    if let Some(founded) = row {
        insert(connection, founded).await?;
    }
    for shard in shards {
        with!(&mut *connection, |c| {
            sqlx::query("INSERT INTO shard_head (shard, epoch, seq, seal, at_ms, home) VALUES (?, 0, 0, ?, ?, ?)")
                .bind(i64::from(shard.index()))
                .bind(deployment.genesis_seal(*shard).as_bytes().as_slice())
                .bind(deployment.created_ms)
                .bind(deployment.id.as_slice())
                .execute(&mut *c)
                .await
                .map(|_| ())
        })?;
    }
    connection.execute("COMMIT").await
}

async fn insert(connection: &mut Connection, founded: &Founded) -> Result<(), StoreError> {
    let deployment = &founded.deployment;
    with!(connection, |c| {
        sqlx::query(
            "INSERT INTO deployment (id, zone, created_ms, kek_id, source_secret, chain_secret) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(deployment.id.as_slice())
        .bind(&deployment.zone)
        .bind(deployment.created_ms)
        .bind(founded.kek_id.as_bytes().as_slice())
        .bind(&founded.source_secret)
        .bind(&founded.chain_secret)
        .execute(&mut *c)
        .await
        .map(|_| ())
    })?;
    Ok(())
}
