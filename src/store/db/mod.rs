//! The database behind the store: one enum with an arm per database and one macro that expands a body for each arm, so that
//! every statement is written once. SQLite is the arm of the embedded default, MySQL and MariaDB are the other.

mod borrowed;
mod failures;
mod homes;
mod location;
mod mysql;

pub use borrowed::Borrowed;
pub use failures::StoreError;
pub use homes::Homes;
pub use location::{Location, SqliteFile};
pub use mysql::{CONNECT, MySqlServer, READER_STATEMENTS, WRITER_STATEMENTS};

use sqlx::mysql::{MySqlConnection, MySqlPool};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{AssertSqlSafe, Connection as _};

/// One connection, owned by whoever writes.
#[derive(Debug)]
pub enum Connection {
    /// A SQLite file.
    Sqlite(SqliteConnection),
    /// A MySQL or MariaDB server.
    MySql(MySqlConnection),
}

/// Connections for reads to each database.
pub type Readers = Homes<Pool>;

/// Connections for reads, each in its own snapshot.
#[derive(Clone, Debug)]
pub enum Pool {
    /// A SQLite file.
    Sqlite(SqlitePool),
    /// A MySQL or MariaDB server.
    MySql(MySqlPool),
}

/// One state of the database, read in several statements.
pub enum Snapshot {
    /// A SQLite file.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// A MySQL or MariaDB server.
    MySql(Borrowed),
}

/// Expands `body` once per database; `$c` is the connection or pool of that arm.
macro_rules! with {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::db::Connection::Sqlite($c) => $body,
            $crate::store::db::Connection::MySql($c) => $body,
        }
    };
}
/// One question on a borrowed connection, which is answered in time or not at all.
macro_rules! ask {
    ($borrowed:ident, |$c:ident| $body:expr) => {
        match $borrowed.lend() {
            Ok($c) => {
                let answer = tokio::time::timeout($crate::store::db::ANSWER, async { $body }).await;
                $borrowed.hear(answer)
            }
            Err(error) => Err(error),
        }
    };
}
macro_rules! with_pool {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::db::Pool::Sqlite($c) => $body,
            $crate::store::db::Pool::MySql(pool) => match $crate::store::db::Borrowed::of(pool).await {
                Ok(mut borrowed) => $crate::store::db::ask!(borrowed, |$c| $body),
                Err(error) => Err(error),
            },
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
            $crate::store::db::Snapshot::MySql(borrowed) => $crate::store::db::ask!(borrowed, |$c| $body),
        }
    };
}
pub(crate) use borrowed::ANSWER;
pub(crate) use {ask, with, with_pool, with_snapshot};

/// Connections of a pool at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolUse {
    /// Working for somebody.
    pub busy: u32,
    /// Waiting for somebody.
    pub idle: u32,
    /// How many there may be.
    pub limit: u32,
}

impl Pool {
    /// How many of its connections are in use.
    pub fn usage(&self) -> PoolUse {
        let (open, idle, limit) = match self {
            Self::Sqlite(pool) => (pool.size(), pool.num_idle(), pool.options().get_max_connections()),
            Self::MySql(pool) => (pool.size(), pool.num_idle(), pool.options().get_max_connections()),
        };
        let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
        PoolUse {
            busy: open.saturating_sub(idle),
            idle,
            limit,
        }
    }

    /// A connection that sees one state until it is dropped.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        match self {
            Self::Sqlite(pool) => Ok(Snapshot::Sqlite(pool.begin().await?)),
            Self::MySql(pool) => Ok(Snapshot::MySql(Borrowed::snapshot(pool, mysql::SNAPSHOT).await?)),
        }
    }
}

impl Connection {
    /// Runs a statement without binds, as plain text: some that open and end transactions cannot be prepared everywhere.
    pub async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        with!(self, |c| sqlx::raw_sql(sql).execute(&mut *c).await.map(|_| ())).map_err(Into::into)
    }

    /// Whether it has prepared as many statements as it should.
    fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::MySql(c) => mysql::is_full(c),
        }
    }

    /// What follows the rows of an INSERT so that of a row whose key is there these columns change, and nothing else of it is touched:
    /// REPLACE would take it out of every index and put it back.
    pub(super) fn or_change(&self, key: &str, columns: &str) -> String {
        self.or(key, columns, |_, new| new)
    }

    /// The same for columns that grow by what the row brings. What leaves 64 bits is an error of the statement: a server's own, and that of
    /// the table's CHECK in a file, where such a sum is no longer a whole number.
    pub(super) fn or_add(&self, key: &str, columns: &str) -> String {
        self.or(key, columns, |column, new| format!("{column} + {new}"))
    }

    /// `value` makes a column's value of its name and of what names the value that the row brings.
    fn or(&self, key: &str, columns: &str, value: fn(&str, String) -> String) -> String {
        let each = |new: fn(&str) -> String| {
            let columns = columns.split(", ");
            let changes = columns.map(|column| format!("{column} = {}", value(column, new(column))));
            changes.collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Sqlite(_) => {
                let changes = each(|column| format!("excluded.{column}"));
                format!(" ON CONFLICT ({key}) DO UPDATE SET {changes}")
            }
            Self::MySql(_) => {
                let changes = each(|column| format!("VALUES({column})"));
                format!(" ON DUPLICATE KEY UPDATE {changes}")
            }
        }
    }

    /// What follows the table and what follows the conditions of a SELECT that locks the rows it finds by their primary key. By that key and
    /// no other way: a server that looked through a small table as a whole would wait for every lock that others have in it. In a file whoever
    /// writes is alone.
    pub(super) fn locking(&self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite(_) => ("", ""),
            Self::MySql(_) => (" FORCE INDEX (PRIMARY)", " FOR UPDATE"),
        }
    }

    /// Opens a transaction that may write.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.execute("BEGIN IMMEDIATE").await,
            Self::MySql(c) => mysql::begin(c).await,
        }
    }

    /// Keeps other instances from founding or migrating the same database until [`no_longer_alone`](Self::no_longer_alone), or the end of
    /// this connection. A file's folder has a lock of its own.
    pub async fn alone(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::MySql(c) => mysql::alone(c).await,
        }
    }

    /// Other sessions on the same database, as far as this one's user may see them. Of a file the folder's lock tells.
    pub async fn other_sessions(&mut self) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(0),
            Self::MySql(c) => mysql::other_sessions(c).await,
        }
    }

    /// Lets other instances go on.
    pub async fn no_longer_alone(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::MySql(c) => mysql::no_longer_alone(c).await,
        }
    }

    /// Waits for others' use of a table for a second at most, until [`wait_as_before`](Self::wait_as_before): whoever comes behind one that
    /// waits to change a table waits with it.
    pub(super) async fn wait_briefly(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::MySql(_) => self.execute(mysql::BRIEFLY).await,
        }
    }

    /// Waits for as long as it did.
    pub(super) async fn wait_as_before(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::MySql(_) => self.execute(mysql::AS_BEFORE).await,
        }
    }

    /// Runs a statement that makes a table.
    pub(super) async fn make_table(&mut self, AssertSqlSafe(sql): AssertSqlSafe<String>) -> Result<(), StoreError> {
        let options = match self {
            Self::Sqlite(_) => "",
            Self::MySql(_) => mysql::TABLE_OPTIONS,
        };
        self.alter_table(AssertSqlSafe(sql + options)).await
    }

    /// Runs a statement that changes a table.
    pub(super) async fn alter_table(&mut self, sql: AssertSqlSafe<String>) -> Result<(), StoreError> {
        with!(self, |c| sqlx::raw_sql(sql).execute(&mut *c).await.map(|_| ())).map_err(Into::into)
    }

    /// Closes the connection; the last one to a SQLite file folds its log into it.
    pub async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(c) => Ok(c.close().await?),
            Self::MySql(c) => {
                // Only good manners: the server may have ended the session long ago.
                if let Err(error) = c.close().await {
                    tracing::debug!(%error, "a session had ended before it was closed");
                }
                Ok(())
            }
        }
    }
}
