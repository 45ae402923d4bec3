//! Where the ledger's database is, and how connections to it are opened.

use super::mysql::{self, MySqlServer};
use super::{Connection, Pool, StoreError};
use crate::sqlite;
use log::LevelFilter;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where the database is and how durable a commit is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A SQLite file.
    Sqlite(SqliteFile),
    /// A MySQL or MariaDB server, which knows itself how durable its commits are.
    MySql(MySqlServer),
}

/// A SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    /// The file.
    pub file: PathBuf,
    /// How long a statement waits for another process's lock.
    pub busy_timeout: Duration,
    /// Whether a commit waits for the disk (`synchronous = FULL`).
    pub durable: bool,
}

impl fmt::Display for Location {
    /// The file, or the server's address without user and password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(out, "{}", file.file.display()),
            Self::MySql(server) => write!(out, "{server:?}"),
        }
    }
}

impl Location {
    /// Opens the database for writing; a file is made if missing.
    pub async fn connect(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Sqlite(file) => {
                Connection::Sqlite(SqliteConnection::connect_with(&sqlite::writing(file.options())).await?)
            }
            Self::MySql(server) => Connection::MySql(server.connect().await?),
        })
    }

    /// The same for one who works on several databases in turn: a server does not end the session when it has heard nothing for a while.
    pub async fn connect_patiently(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(_) => self.connect().await,
            Self::MySql(server) => Ok(Connection::MySql(server.connect_patiently().await?)),
        }
    }

    /// A connection with an open transaction that may write: the one that was kept if it still lives and is not full. A server ends sessions
    /// of which it has heard nothing for a while, and those that a restart cuts off.
    pub async fn begin(&self, kept: Option<Connection>) -> Result<Connection, StoreError> {
        let kept = match kept {
            Some(full) if full.is_full() => Some(self.replaced(full).await),
            kept => kept,
        };
        if let Some(mut kept) = kept {
            match kept.begin().await {
                Ok(()) => return Ok(kept),
                Err(StoreError::Unavailable(_)) if matches!(self, Self::MySql(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut connection = self.connect().await?;
        connection.begin().await?;
        Ok(connection)
    }

    /// Another connection in place of a full one, or the same where the server takes no more of them: it works, if less well.
    async fn replaced(&self, full: Connection) -> Connection {
        match self.connect().await {
            Ok(another) => {
                // Nothing is open in it, so whether it ends in good order is the server's concern.
                let _ended = full.close().await;
                another
            }
            Err(_) => full,
        }
    }

    /// Connections that read what exists, beside whoever writes.
    pub async fn pool(&self, size: u32) -> Result<Pool, StoreError> {
        Ok(match self {
            Self::Sqlite(file) => {
                let pool = SqlitePoolOptions::new()
                    .max_connections(size)
                    .acquire_timeout(Duration::from_secs(5));
                Pool::Sqlite(pool.connect_with(file.read_only()).await?)
            }
            Self::MySql(server) => Pool::MySql(server.pool(size).await?),
        })
    }

    /// A connection that can write nothing, for one who looks at what is there, whatever state it is in. A file is not made.
    pub async fn look(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(file) => Ok(Connection::Sqlite(
                SqliteConnection::connect_with(&file.as_it_is()).await?,
            )),
            Self::MySql(server) => {
                let mut connection = Connection::MySql(server.connect_patiently().await?);
                connection.execute(mysql::LOOKING).await?;
                Ok(connection)
            }
        }
    }

    /// Opens one connection for a long read in a single snapshot.
    pub async fn snapshot(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Sqlite(file) => {
                let mut connection = Connection::Sqlite(SqliteConnection::connect_with(&file.read_only()).await?);
                connection.execute("BEGIN").await?;
                connection
            }
            Self::MySql(server) => {
                let mut connection = Connection::MySql(server.connect_patiently().await?);
                for sql in mysql::SNAPSHOT {
                    connection.execute(sql).await?;
                }
                connection
            }
        })
    }
}

impl SqliteFile {
    fn options(&self) -> SqliteConnectOptions {
        sqlite::reading(&self.file, self.busy_timeout, self.durable)
            .statement_cache_capacity(4096)
            // For whoever asks to see statements; how long they take is told by metrics.
            .log_statements(LevelFilter::Trace)
            .log_slow_statements(LevelFilter::Off, Duration::MAX)
    }

    fn read_only(&self) -> SqliteConnectOptions {
        self.options().read_only(true).create_if_missing(false)
    }

    /// Without the log mode that a gateway insists on: a file that has another is to be seen, too.
    fn as_it_is(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.file)
            .busy_timeout(self.busy_timeout)
            .read_only(true)
            .log_statements(LevelFilter::Trace)
            .log_slow_statements(LevelFilter::Off, Duration::MAX)
    }
}
