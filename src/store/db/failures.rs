//! What can go wrong with a database, in the words of both.

use sqlx::mysql::MySqlDatabaseError;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or broken.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction holds a lock; the same again may succeed.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// Another instance has been founding or migrating the database for a minute.
    #[error("another instance is founding or migrating the database, and does not come to an end")]
    Founding,
    /// A step of the schema was done by a program that had other words for it.
    #[error("the tables were made by another state of the program: step {0} of the schema says something else here")]
    Schema(String),
    /// The reply to COMMIT was an error, and the journal shows that nothing was committed.
    #[error("the batch was not committed")]
    NotCommitted(#[source] Box<StoreError>),
    /// The reply to COMMIT is lost, and the database cannot be asked what became of it.
    #[error("whether the batch was committed is not known")]
    OutcomeUnknown(#[source] Box<StoreError>),
    /// A statement was refused for its data, or finds in a column what is no value of it.
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
    /// The shard's head is gone, or that of another deployment.
    #[error(
        "shard {shard} is not at home here: its head is gone, or that of another deployment; the database is an old one or the wrong one"
    )]
    NotHome {
        /// The shard.
        shard: i64,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(told) = error.as_database_error() else {
            return match error {
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Data(error),
                _ => Self::Unavailable(error),
            };
        };
        let class = match told.try_downcast_ref::<MySqlDatabaseError>() {
            Some(told) => of_mysql(told.number()),
            None => of_sqlite(told.code().and_then(|code| code.parse().ok())),
        };
        match class {
            Class::Busy => Self::Busy(error),
            Class::Data => Self::Data(error),
            Class::Unavailable => Self::Unavailable(error),
        }
    }
}

/// What an error of a statement says of the next attempt.
enum Class {
    Busy,
    Data,
    Unavailable,
}

fn of_sqlite(code: Option<i64>) -> Class {
    match code.map(|code| code & 0xff) {
        // SQLITE_BUSY, SQLITE_LOCKED
        Some(5 | 6) => Class::Busy,
        // SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH
        Some(18..=20) => Class::Data,
        _ => Class::Unavailable,
    }
}

fn of_mysql(number: u16) -> Class {
    match number {
        // Lock wait timeout, deadlock, a record that changed since it was read
        1205 | 1213 | 1020 => Class::Busy,
        // NULL where none may be, duplicate key, out of range as value and as sum, wrong value, too long, CHECK of MySQL and of MariaDB, not the character set
        1048 | 1062 | 1264 | 1690 | 1366 | 1406 | 3819 | 4025 | 3988 => Class::Data,
        _ => Class::Unavailable,
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
