//! The chain's own file: all SQL of the room. One connection writes; readers have snapshots of their own.

use super::block::{StateKey, Writes};
use crate::crash::{self, Point};
use crate::sqlite;
use carbon_contract::Hash;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use std::path::PathBuf;
use std::time::Duration;

/// Steps of the schema; `user_version` says how many are done.
const SCHEMA: [&str; 1] = [include_str!("schema.sql")];

/// Rows that a statement may speak of: few texts, so that each is prepared once.
const SIZES: [usize; 10] = [256, 128, 64, 32, 16, 8, 4, 3, 2, 1];

/// How long a lock of another process is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Where the file is and how durable a block is.
#[derive(Clone, Debug)]
pub struct ChainFile {
    /// The SQLite file.
    pub file: PathBuf,
    /// Whether a block waits for the disk.
    pub durable: bool,
}

/// Why the chain's file does not serve.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is away, full, busy or broken.
    #[error("the chain's file is unavailable")]
    Unavailable(#[from] sqlx::Error),
    /// It was made by a later program.
    #[error("the chain's file has schema {0}, later than this program's")]
    Later(i64),
    /// A row does not hold what its table promises.
    #[error("{table}, column {column}: {reason}")]
    Row {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It is another chain's.
    #[error("the chain's file was founded as another chain, {found}")]
    OtherGenesis {
        /// Digest of the genesis in the file.
        found: Hash,
    },
    /// The genesis is no good.
    #[error("the genesis cannot found a chain: {0}")]
    Genesis(String),
    /// The making of a block broke off.
    #[error("the making of a block broke off")]
    BrokenOff,
}

/// What the file shows at one instant.
#[derive(Debug)]
pub struct Snapshot(pub(super) SqliteConnection);

impl Snapshot {
    /// Height and place in the block of a transaction, if it stands there.
    pub async fn place_of(&mut self, tx_id: &Hash) -> Result<Option<(i64, i64)>, FileError> {
        let row = transaction(&mut self.0, tx_id).await?;
        Ok(row.map(|row| (row.height, row.position)))
    }
}

/// The last block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tip {
    /// Its height, 0 for the genesis.
    pub height: u64,
    /// Its time.
    pub at_ms: i64,
    /// Its hash.
    pub hash: Hash,
}

/// A transaction as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxRow {
    /// Its id.
    pub tx_id: Vec<u8>,
    /// Height of its block.
    pub height: i64,
    /// Place in it.
    pub position: i64,
    /// What was sent.
    pub request: Vec<u8>,
    /// What became of it.
    pub result: Vec<u8>,
}

/// A block as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockRow {
    /// Its height.
    pub height: i64,
    /// Header.
    pub header: Vec<u8>,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// Columns of a transaction, in the order of the schema.
type TxColumns = (Vec<u8>, i64, i64, Vec<u8>, Vec<u8>);

impl ChainFile {
    fn options(&self) -> SqliteConnectOptions {
        sqlite::reading(&self.file, LOCK_WAIT, self.durable).disable_statement_logging()
    }

    /// The one connection that writes; makes the file and its tables if they are missing.
    pub async fn connect(&self) -> Result<SqliteConnection, FileError> {
        let mut c = SqliteConnection::connect_with(&sqlite::writing(self.options())).await?;
        let done = schema_version(&mut c).await?;
        let missing = usize::try_from(done).ok().and_then(|done| SCHEMA.get(done..));
        for (step, number) in missing.ok_or(FileError::Later(done))?.iter().zip(done + 1..) {
            // A script is no single statement, so it runs as raw text; killed inside, it leaves nothing.
            let script = format!("BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;");
            sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut c).await?;
        }
        Ok(c)
    }

    /// Connections that read beside the writer.
    pub async fn readers(&self, size: u32) -> Result<SqlitePool, FileError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(Duration::from_secs(5));
        Ok(pool.connect_with(self.options().read_only(true)).await?)
    }

    /// One connection that sees what stands now, for a long read beside a running gateway.
    pub async fn snapshot(&self) -> Result<Snapshot, FileError> {
        let mut c = SqliteConnection::connect_with(&self.options().read_only(true)).await?;
        sqlx::query("BEGIN").execute(&mut c).await?;
        // What is seen is what stands at the first read, and that is here.
        let done = schema_version(&mut c).await?;
        if usize::try_from(done) != Ok(SCHEMA.len()) {
            return Err(FileError::row("sqlite_schema", "user_version", format!("is {done}")));
        }
        Ok(Snapshot(c))
    }

    /// The same of a chain that was founded; `None` where that has not come to pass: no file, an empty one, or not a row in it.
    pub async fn snapshot_if_founded(&self) -> Result<Option<Snapshot>, FileError> {
        let empty = std::fs::metadata(&self.file).map_or_else(
            |error| error.kind() == std::io::ErrorKind::NotFound,
            |file| file.len() == 0,
        );
        if empty {
            return Ok(None);
        }
        let mut snapshot = self.snapshot().await?;
        let sql = "SELECT EXISTS (SELECT 1 FROM genesis) OR EXISTS (SELECT 1 FROM block) OR EXISTS (SELECT 1 FROM chain_tx) \
                   OR EXISTS (SELECT 1 FROM state)";
        let (founded,): (bool,) = sqlx::query_as(sql).fetch_one(&mut snapshot.0).await?;
        Ok(founded.then_some(snapshot))
    }
}

impl FileError {
    pub(super) fn row(table: &'static str, column: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Row {
            table,
            column,
            reason: reason.to_string(),
        }
    }
}

async fn schema_version(c: &mut SqliteConnection) -> Result<i64, FileError> {
    let (version,): (i64,) = sqlx::query_as("PRAGMA user_version").fetch_one(c).await?;
    Ok(version)
}

/// Folds SQLite's log into its file, as far as readers let it, and closes. What is not folded is not lost.
pub(super) async fn close(mut c: SqliteConnection) {
    let folded = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut c).await;
    if let Err(error) = folded.and(c.close().await) {
        tracing::warn!(error = %error, "the chain's log was not folded into its file");
    }
}

/// Cuts items into pieces of the allowed sizes, largest first.
fn pieces<T>(mut items: &[T]) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    for size in SIZES {
        while let Some((piece, rest)) = items.split_at_checked(size) {
            pieces.push(piece);
            items = rest;
        }
    }
    pieces
}

fn listed(head: &str, item: &str, count: usize, tail: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{head}{}{tail}", vec![item; count].join(", ")))
}

/// The founding document.
pub(super) async fn genesis(c: &mut SqliteConnection) -> Result<Option<Vec<u8>>, FileError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT document FROM genesis").fetch_optional(c).await?;
    Ok(row.map(|(document,)| document))
}

/// Founds the chain, all at once.
pub(super) async fn found(c: &mut SqliteConnection, document: &[u8], state: &Writes) -> Result<(), FileError> {
    let mut transaction = c.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("INSERT INTO genesis (one, document) VALUES (1, ?)")
        .bind(document)
        .execute(&mut *transaction)
        .await?;
    write_state(&mut transaction, state).await?;
    Ok(transaction.commit().await?)
}

/// The last block.
pub(super) async fn last_block(c: &mut SqliteConnection) -> Result<Option<BlockRow>, FileError> {
    let sql = "SELECT height, header, hash FROM block ORDER BY height DESC LIMIT 1";
    let row: Option<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(sql).fetch_optional(c).await?;
    Ok(row.map(BlockRow::from))
}

/// The first block above a height: `verify` walks the chain by it.
pub(super) async fn block_above(c: &mut SqliteConnection, height: i64) -> Result<Option<BlockRow>, FileError> {
    let sql = "SELECT height, header, hash FROM block WHERE height > ? ORDER BY height LIMIT 1";
    let row: Option<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(sql).bind(height).fetch_optional(c).await?;
    Ok(row.map(BlockRow::from))
}

/// A block.
pub(super) async fn block(c: &mut SqliteConnection, height: i64) -> Result<Option<BlockRow>, FileError> {
    let sql = "SELECT height, header, hash FROM block WHERE height = ?";
    let row: Option<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(sql).bind(height).fetch_optional(c).await?;
    Ok(row.map(BlockRow::from))
}

/// A block's transactions, in order.
pub(super) async fn transactions(c: &mut SqliteConnection, height: i64) -> Result<Vec<TxRow>, FileError> {
    let sql = "SELECT tx_id, height, position, request, result FROM chain_tx WHERE height = ? ORDER BY position";
    let rows: Vec<TxColumns> = sqlx::query_as(sql).bind(height).fetch_all(c).await?;
    Ok(rows.into_iter().map(TxRow::from).collect())
}

/// A transaction.
pub(super) async fn transaction(c: &mut SqliteConnection, tx_id: &Hash) -> Result<Option<TxRow>, FileError> {
    let sql = "SELECT tx_id, height, position, request, result FROM chain_tx WHERE tx_id = ?";
    let row: Option<TxColumns> = sqlx::query_as(sql)
        .bind(tx_id.as_bytes().as_slice())
        .fetch_optional(c)
        .await?;
    Ok(row.map(TxRow::from))
}

/// Which of these ids stand in blocks.
pub(super) async fn committed(c: &mut SqliteConnection, ids: &[Hash]) -> Result<Vec<Vec<u8>>, FileError> {
    let mut found = Vec::new();
    for piece in pieces(ids) {
        let sql = listed("SELECT tx_id FROM chain_tx WHERE tx_id IN (", "?", piece.len(), ")");
        let mut query = sqlx::query_as(sql);
        for id in piece {
            query = query.bind(id.as_bytes().as_slice());
        }
        let rows: Vec<(Vec<u8>,)> = query.fetch_all(&mut *c).await?;
        found.extend(rows.into_iter().map(|(id,)| id));
    }
    Ok(found)
}

/// What stands under these keys of the state.
pub(super) async fn values(c: &mut SqliteConnection, keys: &[StateKey]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, FileError> {
    let mut found = Vec::new();
    for piece in pieces(keys) {
        let head = "SELECT state_key, value FROM state WHERE state_key IN (";
        let mut query = sqlx::query_as(listed(head, "?", piece.len(), ")"));
        for key in piece {
            query = query.bind(key.as_slice());
        }
        let rows: Vec<(Vec<u8>, Vec<u8>)> = query.fetch_all(&mut *c).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Rows of the state from a key on, in the order of their keys.
pub(super) async fn state_from(
    c: &mut SqliteConnection,
    (from, below): (&[u8], Option<&[u8]>),
    limit: i64,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>, FileError> {
    let sql = "SELECT state_key, value FROM state WHERE state_key > ? AND (? IS NULL OR state_key < ?) ORDER BY state_key LIMIT ?";
    let query = sqlx::query_as(sql).bind(from).bind(below).bind(below).bind(limit);
    Ok(query.fetch_all(c).await?)
}

/// A block with all that it changes; a failure leaves nothing of it.
pub(super) async fn write_block(
    c: &mut SqliteConnection,
    (block, transactions): (&BlockRow, &[TxRow]),
    writes: &Writes,
) -> Result<(), FileError> {
    let mut open = c.begin_with("BEGIN IMMEDIATE").await?;
    for piece in pieces(transactions) {
        let head = "INSERT INTO chain_tx (tx_id, height, position, request, result) VALUES ";
        let mut query = sqlx::query(listed(head, "(?, ?, ?, ?, ?)", piece.len(), ""));
        for row in piece {
            query = query
                .bind(&row.tx_id)
                .bind(row.height)
                .bind(row.position)
                .bind(&row.request)
                .bind(&row.result);
        }
        query.execute(&mut *open).await?;
    }
    crash::point(Point::InBlock);
    write_state(&mut open, writes).await?;
    sqlx::query("INSERT INTO block (height, header, hash) VALUES (?, ?, ?)")
        .bind(block.height)
        .bind(&block.header)
        .bind(&block.hash)
        .execute(&mut *open)
        .await?;
    Ok(open.commit().await?)
}

async fn write_state(c: &mut SqliteConnection, writes: &Writes) -> Result<(), FileError> {
    let rows: Vec<(&StateKey, &Vec<u8>)> = writes.iter().collect();
    for piece in pieces(&rows) {
        let head = "INSERT OR REPLACE INTO state (state_key, value) VALUES ";
        let mut query = sqlx::query(listed(head, "(?, ?)", piece.len(), ""));
        for (key, value) in piece {
            query = query.bind(key.as_slice()).bind(value.as_slice());
        }
        query.execute(&mut *c).await?;
    }
    Ok(())
}

/// Transactions that stand in no block, by id.
pub(super) async fn strays(c: &mut SqliteConnection) -> Result<Vec<(Vec<u8>, i64, i64)>, FileError> {
    let sql = "SELECT tx_id, height, position FROM chain_tx WHERE NOT EXISTS (SELECT 1 FROM block WHERE block.height = chain_tx.height) \
               LIMIT 100";
    Ok(sqlx::query_as(sql).fetch_all(c).await?)
}

/// What the database itself finds wrong with its pages and indexes.
pub(super) async fn integrity(c: &mut SqliteConnection) -> Result<Vec<String>, FileError> {
    let rows: Vec<(String,)> = sqlx::query_as("PRAGMA integrity_check(100)").fetch_all(c).await?;
    Ok(rows.into_iter().map(|(row,)| row).filter(|row| row != "ok").collect())
}

impl From<(i64, Vec<u8>, Vec<u8>)> for BlockRow {
    fn from((height, header, hash): (i64, Vec<u8>, Vec<u8>)) -> Self {
        Self { height, header, hash }
    }
}

impl From<TxColumns> for TxRow {
    fn from((tx_id, height, position, request, result): TxColumns) -> Self {
        Self {
            tx_id,
            height,
            position,
            request,
            result,
        }
    }
}
