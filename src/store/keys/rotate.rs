//! Changing the key-encryption key under the folder's lock: rows are wrapped under the next key in pieces, each its own transaction;
//! then every row is opened under it; then, in one transaction, the deployment names it. Killed anywhere and run again, it goes on:
//! a row that the next key has wrapped is passed over.

use super::tables::authorities;
use crate::identity::kek::{Kek, KekError, KekId};
use crate::identity::rows::AuthorityRow;
use crate::identity::wrapping::Row;
use crate::ledger::evidence::NonceBytes;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::store::db::{Connection, Homes, StoreError, with};
use crate::store::deployment::{self, Founded};
use crate::store::statement::of_shard;

/// Rows in one piece.
const PIECE: i64 = 500;

/// What was done, and proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rotated {
    /// Rows wrapped under the next key by this run.
    pub wrapped: u64,
    /// Rows that were found to open under it, all there are.
    pub proved: u64,
}

/// Why a key-encryption key is not changed. What was wrapped so far stays; the same again goes on.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row opens under neither key.
    #[error("{table}, {row}")]
    Row {
        /// Table.
        table: &'static str,
        /// Its key in words.
        row: String,
        /// Why.
        source: KekError,
    },
    /// Begun with another key.
    #[error("a change to the key-encryption key {0} has begun and must be finished first")]
    Underway(KekId),
    /// There is no deployment.
    #[error("the data folder holds no deployment")]
    Empty,
    /// Stopped between two pieces, as the caller wanted.
    #[error("stopped with rows left")]
    Stopped,
}

/// The two keys, and what a run brings along.
struct Change<'a> {
    from: &'a Kek,
    to: &'a Kek,
    nonce: fn() -> NonceBytes,
    pieces_left: usize,
    rotated: Rotated,
    proving: bool,
}

/// Shard, user, number, key id, made at, wrapped key.
type WrappedKey = (i64, i64, i64, Vec<u8>, i64, Vec<u8>);

/// One wrapped secret with the row that holds it.
struct Secret<'a> {
    table: &'static str,
    row: Row<'a>,
    wrapped: &'a [u8],
}

/// The key that rows are being wrapped under, if a change has begun.
pub async fn change_underway(c: &mut Connection) -> Result<Option<KekId>, StoreError> {
    let row: Option<(Vec<u8>,)> = with!(c, |c| sqlx::query_as("SELECT kek_id FROM kek_change")
        .fetch_optional(&mut *c)
        .await)?;
    row.map(|(id,)| KekId::from_slice(&id).ok_or_else(|| StoreError::row("kek_change", "kek_id", "not 8 bytes")))
        .transpose()
}

/// Changes the key from `from` to `to`; at most `pieces` pieces are written, where tests interrupt it.
pub async fn rotate(
    connections: &mut Homes<Connection>,
    (from, to): (&Kek, &Kek),
    nonce: fn() -> NonceBytes,
    now_ms: i64,
    pieces: usize,
) -> Result<Rotated, RotateError> {
    let main = connections.main_mut();
    let founded = deployment::find(main).await?.ok_or(RotateError::Empty)?;
    match change_underway(main).await? {
        Some(id) if id == to.id() => {}
        Some(id) => return Err(RotateError::Underway(id)),
        None => begin(main, to.id(), now_ms).await?,
    }
    let mut change = Change {
        from,
        to,
        nonce,
        pieces_left: pieces,
        rotated: Rotated::default(),
        proving: false,
    };
    for proving in [false, true] {
        change.proving = proving;
        for shard in ShardId::all() {
            change.accounts(connections.of_mut(shard), shard).await?;
        }
        for connection in connections.each_mut() {
            change.user_keys(connection).await?;
        }
        change.authorities(connections.main_mut()).await?;
    }
    let secrets = change.deployment(&founded)?;
    finish(connections.main_mut(), to.id(), &secrets).await?;
    Ok(change.rotated)
}

async fn begin(c: &mut Connection, to: KekId, now_ms: i64) -> Result<(), StoreError> {
    with!(c, |c| sqlx::query(
        "INSERT INTO kek_change (kek_id, started_ms) VALUES (?, ?)"
    )
    .bind(to.as_bytes().as_slice())
    .bind(now_ms)
    .execute(&mut *c)
    .await
    .map(|_| ()))
    .map_err(Into::into)
}

async fn finish(c: &mut Connection, to: KekId, [source, chain]: &[Vec<u8>; 2]) -> Result<(), StoreError> {
    c.begin().await?;
    with!(&mut *c, |c| sqlx::query(
        "UPDATE deployment SET kek_id = ?, source_secret = ?, chain_secret = ?"
    )
    .bind(to.as_bytes().as_slice())
    .bind(source)
    .bind(chain)
    .execute(&mut *c)
    .await
    .map(|_| ()))?;
    c.execute("DELETE FROM kek_change").await?;
    c.execute("COMMIT").await
}

impl Change<'_> {
    /// One secret: what to store in its place, if anything; when proving, nothing may be left to store.
    fn turn(&mut self, secret: &Secret<'_>) -> Result<Option<Vec<u8>>, RotateError> {
        let broken = |source| RotateError::Row {
            table: secret.table,
            row: format!("{:?}", secret.row),
            source,
        };
        if self.proving {
            if !self.to.opens(secret.wrapped, secret.row) {
                return Err(broken(KekError::Broken));
            }
            self.rotated.proved = self.rotated.proved.saturating_add(1);
            return Ok(None);
        }
        let next = self
            .from
            .rewrap(self.to, secret.wrapped, secret.row, (self.nonce)())
            .map_err(broken)?;
        self.rotated.wrapped = self.rotated.wrapped.saturating_add(u64::from(next.is_some()));
        Ok(next)
    }

    /// The deployment's source secret and chain secret under the next key: written last, with its id, in one transaction.
    fn deployment(&mut self, founded: &Founded) -> Result<[Vec<u8>; 2], RotateError> {
        let deployment = &founded.deployment.id;
        let mut next = |column: &str, row: Row<'_>, wrapped: &Vec<u8>| -> Result<Vec<u8>, RotateError> {
            let broken = |source| RotateError::Row {
                table: "deployment",
                row: column.to_owned(),
                source,
            };
            let secret = self
                .from
                .rewrap(self.to, wrapped, row, (self.nonce)())
                .map_err(broken)?;
            self.rotated.wrapped = self.rotated.wrapped.saturating_add(1);
            self.rotated.proved = self.rotated.proved.saturating_add(1);
            Ok(secret.unwrap_or_else(|| wrapped.clone()))
        };
        Ok([
            next(
                "source_secret",
                Row::SourceSecret { deployment },
                &founded.source_secret,
            )?,
            next("chain_secret", Row::ChainSecret { deployment }, &founded.chain_secret)?,
        ])
    }

    /// Opens the transaction of a piece, unless the run is to stop here.
    async fn open_piece(&mut self, c: &mut Connection) -> Result<(), RotateError> {
        if !self.proving {
            self.pieces_left = self.pieces_left.checked_sub(1).ok_or(RotateError::Stopped)?;
        }
        Ok(c.begin().await?)
    }

    async fn accounts(&mut self, c: &mut Connection, shard: ShardId) -> Result<(), RotateError> {
        const READ: &str = "SELECT user_id, programme, address, wrapped_key FROM account_{shard} \
             WHERE user_id > ? OR (user_id = ? AND programme > ?) ORDER BY user_id, programme LIMIT ?";
        const WRITE: &str = "UPDATE account_{shard} SET wrapped_key = ? WHERE user_id = ? AND programme = ?";
        let (mut user, mut programme) = (i64::MIN, String::new());
        loop {
            let rows: Vec<(i64, String, Vec<u8>, Vec<u8>)> = with!(&mut *c, |c| sqlx::query_as(of_shard(READ, shard))
                .bind(user)
                .bind(user)
                .bind(&programme)
                .bind(PIECE)
                .fetch_all(&mut *c)
                .await)
            .map_err(StoreError::from)?;
            let Some(last) = rows.last() else { return Ok(()) };
            (user, programme) = (last.0, last.1.clone());
            self.open_piece(c).await?;
            // A destroyed data key leaves an empty column: there is nothing to wrap.
            for (user, programme, address, wrapped) in rows.iter().filter(|row| !row.3.is_empty()) {
                let address =
                    &Hash::from_slice(address).ok_or_else(|| StoreError::row("account", "address", "not 32 bytes"))?;
                let row = Row::Account {
                    user: UserId::from_stored(*user),
                    programme,
                    address,
                };
                let table = "account";
                let Some(next) = self.turn(&Secret { table, row, wrapped })? else {
                    continue;
                };
                with!(&mut *c, |c| sqlx::query(of_shard(WRITE, shard))
                    .bind(next)
                    .bind(user)
                    .bind(programme)
                    .execute(&mut *c)
                    .await
                    .map(|_| ()))
                .map_err(StoreError::from)?;
            }
            c.execute("COMMIT").await?;
        }
    }

    async fn user_keys(&mut self, c: &mut Connection) -> Result<(), RotateError> {
        const READ: &str = "SELECT shard, user_id, number, key_id, created_ms, wrapped_key FROM user_key WHERE shard > ? \
             OR (shard = ? AND (user_id > ? OR (user_id = ? AND number > ?))) ORDER BY shard, user_id, number LIMIT ?";
        const WRITE: &str = "UPDATE user_key SET wrapped_key = ? WHERE shard = ? AND user_id = ? AND number = ?";
        let (mut shard, mut user, mut number) = (-1_i64, i64::MIN, 0_i64);
        loop {
            let rows: Vec<WrappedKey> = with!(&mut *c, |c| sqlx::query_as(READ)
                .bind(shard)
                .bind(shard)
                .bind(user)
                .bind(user)
                .bind(number)
                .bind(PIECE)
                .fetch_all(&mut *c)
                .await)
            .map_err(StoreError::from)?;
            let Some(last) = rows.last() else { return Ok(()) };
            (shard, user, number) = (last.0, last.1, last.2);
            self.open_piece(c).await?;
            for (shard, user, number, key_id, created_ms, wrapped) in &rows {
                let key_id =
                    &Hash::from_slice(key_id).ok_or_else(|| StoreError::row("user_key", "key_id", "not 32 bytes"))?;
                let row = Row::UserKey {
                    user: UserId::from_stored(*user),
                    number: u32::try_from(*number).map_err(|_| StoreError::row("user_key", "number", number))?,
                    key_id,
                    created_ms: *created_ms,
                };
                let table = "user_key";
                let Some(next) = self.turn(&Secret { table, row, wrapped })? else {
                    continue;
                };
                with!(&mut *c, |c| sqlx::query(WRITE)
                    .bind(next)
                    .bind(shard)
                    .bind(user)
                    .bind(number)
                    .execute(&mut *c)
                    .await
                    .map(|_| ()))
                .map_err(StoreError::from)?;
            }
            c.execute("COMMIT").await?;
        }
    }

    async fn authorities(&mut self, c: &mut Connection) -> Result<(), RotateError> {
        const WRITE: &str = "UPDATE authority SET wrapped_key = ? WHERE name = ? AND number = ?";
        let rows: Vec<AuthorityRow> = authorities(c).await?;
        self.open_piece(c).await?;
        for known in &rows {
            let (row, wrapped) = (known.identity(), known.wrapped_key.as_slice());
            let table = "authority";
            let Some(next) = self.turn(&Secret { table, row, wrapped })? else {
                continue;
            };
            with!(&mut *c, |c| sqlx::query(WRITE)
                .bind(next)
                .bind(&known.name)
                .bind(i64::from(known.number))
                .execute(&mut *c)
                .await
                .map(|_| ()))
            .map_err(StoreError::from)?;
        }
        Ok(c.execute("COMMIT").await?)
    }
}
