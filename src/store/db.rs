//! The database behind the store: one enum with an arm per database and one macro that expands a body for each arm, so that
//! every statement is written once. SQLite is the arm of the embedded default.

use crate::sqlite;
use log::LevelFilter;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One connection, owned by whoever writes.
#[derive(Debug)]
pub enum Connection {
    /// A SQLite file.
    Sqlite(SqliteConnection),
}

/// Connections for reads, each in its own snapshot.
#[derive(Clone, Debug)]
pub enum Readers {
    /// A SQLite file.
    Sqlite(SqlitePool),
}

/// One state of the database, read in several statements.
pub enum Snapshot {
    /// A SQLite file.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

/// Where the database is and how durable a commit is.
#[derive(Clone, Debug)]
pub struct Location {
    /// The SQLite file.
    pub file: PathBuf,
    /// How long a statement waits for another process's lock.
    pub busy_timeout: Duration,
    /// Whether a commit waits for the disk (`synchronous = FULL`).
    pub durable: bool,
}

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or broken.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction holds a lock; the same again may succeed.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// The reply to COMMIT was an error, and the journal shows that nothing was committed.
    #[error("the batch was not committed")]
    NotCommitted(#[source] Box<StoreError>),
    /// A statement was refused for its data.
    #[error("the database refused the data")]
    Data(#[source] sqlx::Error),
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
    /// The shard's home is another deployment.
    #[error("shard {shard} is at home in another deployment; this process has an old file or the wrong one")]
    NotHome {
        /// The shard.
        shard: i64,
    },
}

/// Expands `body` once per database; `$c` is the connection or pool of that arm.
macro_rules! with {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::db::Connection::Sqlite($c) => $body,
        }
    };
}
macro_rules! with_readers {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::db::Readers::Sqlite($c) => $body,
        }
    };
}
macro_rules! with_snapshot {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::db::Snapshot::Sqlite(transaction) => {
                let $c = &mut **transaction;
                $body
            }
        }
    };
}
pub(crate) use {with, with_readers, with_snapshot};

impl Readers {
    /// A connection that sees one state until it is dropped.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        match self {
            Self::Sqlite(pool) => Ok(Snapshot::Sqlite(pool.begin().await?)),
        }
    }
}

impl Location {
    fn options(&self) -> SqliteConnectOptions {
        sqlite::reading(&self.file, self.busy_timeout, self.durable)
            .statement_cache_capacity(4096)
            // For whoever asks to see statements; how long they take is told by metrics.
            .log_statements(LevelFilter::Trace)
            .log_slow_statements(LevelFilter::Off, Duration::MAX)
    }

    /// Opens the file for writing, made if missing.
    pub async fn connect(&self) -> Result<Connection, StoreError> {
        let connection = SqliteConnection::connect_with(&sqlite::writing(self.options())).await?;
        Ok(Connection::Sqlite(connection))
    }

    /// Opens an existing file for reading beside a writer.
    pub async fn readers(&self, size: u32) -> Result<Readers, StoreError> {
        let options = self.options().read_only(true).create_if_missing(false);
        let pool = SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(Duration::from_secs(5));
        Ok(Readers::Sqlite(pool.connect_with(options).await?))
    }

    /// Opens one connection for a long read in a single snapshot.
    pub async fn snapshot(&self) -> Result<Connection, StoreError> {
        let options = self.options().read_only(true).create_if_missing(false);
        let mut connection = Connection::Sqlite(SqliteConnection::connect_with(&options).await?);
        connection.execute("BEGIN").await?;
        Ok(connection)
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl Connection {
    /// Runs a statement without binds.
    pub async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        with!(self, |c| sqlx::query(sql).execute(&mut *c).await.map(|_| ())).map_err(Into::into)
    }

    /// Opens a transaction that may write.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.execute("BEGIN IMMEDIATE").await,
        }
    }

    /// Closes the connection; the last one folds SQLite's log into its file.
    pub async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.close().await.map_err(Into::into),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let primary = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .and_then(|code| code.parse::<i64>().ok())
            .map(|code| code & 0xff);
        match (&error, primary) {
            // SQLITE_BUSY, SQLITE_LOCKED
            (_, Some(5 | 6)) => Self::Busy(error),
            // SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH
            (_, Some(18..=20)) => Self::Data(error),
            _ => Self::Unavailable(error),
        }
    }
}

impl StoreError {
    /// A row that does not hold what its table promises.
    pub fn row(table: &'static str, column: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Row {
            table,
            column,
            reason: reason.to_string(),
        }
    }
}
