//! A connection of a pool on a server, lent to one who reads. Nobody waits for ever for a server that has gone silent, and a connection whose
//! last question was not answered is not lent again: a pool full of such would answer nobody until a restart.

use sqlx::mysql::{MySql, MySqlConnection, MySqlPool};
use sqlx::pool::PoolConnection;
use sqlx::{Error, Executor as _};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// How long a server may take to answer one who reads: longer than it lets any such statement run, so that only silence is met by it.
pub(crate) const ANSWER: Duration = Duration::from_secs(15);

/// How long an answer that nobody waits for may take. What was cut off while a statement was prepared is never understood again, so this is
/// shorter than others wait for a place; whatever the server still does of it ends by its own limit.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// A connection of a pool until it is dropped.
pub struct Borrowed {
    /// None once it has been given up.
    connection: Option<PoolConnection<MySql>>,
    is_snapshot: bool,
    is_answered: bool,
}

impl Borrowed {
    /// One for single statements.
    pub(crate) async fn of(pool: &MySqlPool) -> Result<Self, Error> {
        Ok(Self {
            connection: Some(pool.acquire().await?),
            is_snapshot: false,
            is_answered: true,
        })
    }

    /// One that sees one state, which these statements open. A caller who goes away in the middle leaves nothing open behind.
    pub(super) async fn snapshot(pool: &MySqlPool, open: [&'static str; 2]) -> Result<Self, Error> {
        let mut borrowed = Self::of(pool).await?;
        borrowed.is_snapshot = true;
        for sql in open {
            let opening = borrowed.lend()?.execute(sqlx::raw_sql(sql));
            let opened = timeout(ANSWER, opening).await;
            borrowed.hear(opened)?;
        }
        Ok(borrowed)
    }

    /// For one question; what came of it belongs to [`hear`](Self::hear).
    pub(crate) fn lend(&mut self) -> Result<&mut MySqlConnection, Error> {
        self.is_answered = false;
        self.connection.as_deref_mut().ok_or(Error::PoolTimedOut)
    }

    /// The answer, or that there was none in time.
    pub(crate) fn hear<T>(&mut self, answer: Result<Result<T, Error>, Elapsed>) -> Result<T, Error> {
        self.is_answered = answer.is_ok();
        answer.unwrap_or_else(|_| {
            drop(self.connection.take().map(PoolConnection::detach));
            Err(Error::PoolTimedOut)
        })
    }
}

impl Drop for Borrowed {
    /// Whoever goes away before the answer leaves its place in the pool to a task that waits for it: to open another connection at once
    /// would let callers who do not wait pile sessions up on a server that is slow already.
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.is_answered && !self.is_snapshot {
            return;
        }
        // Where the process ends there is nobody left to wait, and nobody who would borrow it.
        let Ok(runtime) = Handle::try_current() else {
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            let empty = timeout(LEFT_ALONE, connection.execute(sqlx::raw_sql("ROLLBACK"))).await;
            if !matches!(empty, Ok(Ok(_))) {
                drop(connection.detach());
            }
        });
    }
}
