//! A MySQL or MariaDB server: how a session is opened and what it promises. Nothing newer than MySQL 8.0.19 is used.

use super::StoreError;
use log::LevelFilter;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

/// What a table is made with: names are compared by their bytes, as SQLite does.
pub(super) const TABLE_OPTIONS: &str = " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// What opens a snapshot for reading: the one place where a transaction is not READ COMMITTED.
pub(super) const SNAPSHOT: [&str; 2] = [
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

/// What makes a session one that can write nothing.
pub(super) const LOOKING: &str = "SET SESSION TRANSACTION READ ONLY";

/// What bounds the wait of one who changes tables, and what ends that. Both servers know whole seconds only.
pub(super) const BRIEFLY: &str = "SET @lock_wait = @@SESSION.lock_wait_timeout, SESSION lock_wait_timeout = 1";
pub(super) const AS_BEFORE: &str = "SET SESSION lock_wait_timeout = @lock_wait";

/// How long a statement of one who reads for a caller may run: MariaDB counts seconds, MySQL milliseconds, and each takes the words of the
/// other for a comment. Without it four statements that are slow would keep everybody out for as long as they please.
const STATEMENT: &str = "/*M!100101 , max_statement_time = 10 */ /*!80000 , max_execution_time = 10000 */";

/// The same for one who writes, whose batch has bounds of its own: a limit that the server has for everybody would count the wait for a shard.
const UNLIMITED: &str = "/*M!100101 , max_statement_time = 0 */ /*!80000 , max_execution_time = 0 */";

/// How long a server may take to answer who connects, or who begins.
pub const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection of a pool may have been idle without being asked whether it still lives: no server that went away is back so soon.
const IDLE: Duration = Duration::from_millis(100);
/// Statements that a connection may have prepared before another takes its place. A server allows all connections together 16,382 where
/// nobody has said otherwise, which is room for five instances.
pub const WRITER_STATEMENTS: usize = 512;
/// The same for a connection that reads.
pub const READER_STATEMENTS: usize = 192;
/// What it keeps until then, beyond what one batch or request can add: to close a statement has no reply, and since sqlx leaves Nagle's
/// algorithm on, whatever is sent behind it waits 40 ms for the server's delayed acknowledgement.
const KEPT: usize = 4_096;

/// A database on a server and the sessions that are opened there; cheap to clone.
#[derive(Clone)]
pub struct MySqlServer(Arc<Sessions>);

struct Sessions {
    options: MySqlConnectOptions,
    /// What every session is set to, and what one that writes is set to besides, and one of a pool.
    session: String,
    writing: String,
    reading: String,
}

impl fmt::Debug for MySqlServer {
    /// Without the password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0.options;
        let (host, port) = (options.get_host(), options.get_port());
        write!(out, "mysql://{host}:{port}/{}", options.get_database().unwrap_or(""))
    }
}

impl MySqlServer {
    /// The database that `url` (`mysql://user:password@host:port/name`) names. A statement waits for another's lock no longer than
    /// `lock_wait`, in whole seconds; the server ends a session that writes, its transaction and its locks with it, when nothing has been
    /// heard from it for `idle`.
    ///
    /// # Errors
    /// The address cannot be read.
    pub fn new(url: &str, lock_wait: Duration, idle: Duration) -> Result<Self, StoreError> {
        let options = MySqlConnectOptions::from_str(url)?
            .charset("utf8mb4")
            .collation("utf8mb4_bin")
            .pipes_as_concat(false)
            .no_engine_substitution(true)
            .statement_cache_capacity(KEPT)
            // What a batch writes has its values in it.
            .log_statements(LevelFilter::Off)
            .log_slow_statements(LevelFilter::Off, Duration::MAX);
        let (lock_wait, idle) = (lock_wait.as_secs().max(1), idle.as_secs().max(1));
        // Under REPEATABLE READ writers of disjoint shards wait for each other; a value that does not fit is an error and is never cut.
        let session = format!(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
             SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = {lock_wait}, \
             lock_wait_timeout = {lock_wait}"
        );
        let writing = format!("{session}, wait_timeout = {idle} {UNLIMITED}");
        let reading = format!("{session} {STATEMENT}");
        Ok(Self(Arc::new(Sessions {
            options,
            session,
            writing,
            reading,
        })))
    }

    /// A session for writing.
    pub(super) async fn connect(&self) -> Result<MySqlConnection, StoreError> {
        self.open(&self.0.writing).await
    }

    /// A session for one who may be silent for a long time in between.
    pub(super) async fn connect_patiently(&self) -> Result<MySqlConnection, StoreError> {
        self.open(&self.0.session).await
    }

    async fn open(&self, session: &str) -> Result<MySqlConnection, StoreError> {
        let session = async {
            let mut connection = MySqlConnection::connect_with(&self.0.options).await?;
            connection
                .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(session.to_owned())))
                .await?;
            Ok(connection)
        };
        match tokio::time::timeout(CONNECT, session).await {
            Ok(connected) => connected,
            Err(_) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Sessions for reading.
    pub(super) async fn pool(&self, size: u32) -> Result<MySqlPool, StoreError> {
        let session = self.0.reading.clone();
        let pool = MySqlPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(CONNECT)
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move {
                    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(session))).await?;
                    Ok(())
                })
            })
            .after_release(|connection, _| {
                let room = connection.cached_statements_size() < READER_STATEMENTS;
                Box::pin(async move { Ok(room) })
            });
        let options = self.0.options.clone().log_statements(LevelFilter::Trace);
        Ok(pool.connect_with(options).await?)
    }
}

/// Whether a session that writes has prepared so many statements that another should take its place.
pub(super) fn is_full(connection: &MySqlConnection) -> bool {
    connection.cached_statements_size() >= WRITER_STATEMENTS
}

/// Opens a transaction. The session may have been idle for long: one that is silent now is as good as ended.
pub(super) async fn begin(c: &mut MySqlConnection) -> Result<(), StoreError> {
    match tokio::time::timeout(CONNECT, c.execute(sqlx::raw_sql("START TRANSACTION"))).await {
        Ok(begun) => Ok(begun.map(|_| ())?),
        Err(_) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
    }
}

/// How long another instance may take to found or migrate a database.
const FOUNDING_S: i64 = 60;
/// The name of that lock on the server, within the 64 characters that it may have.
const FOUNDING: &str = "LEFT(CONCAT('carbon-gateway ', DATABASE()), 64)";

/// Takes the lock of the one who founds or migrates; it ends with its session.
pub(super) async fn alone(c: &mut MySqlConnection) -> Result<(), StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT CAST(GET_LOCK({FOUNDING}, ?) AS SIGNED)"));
    let (taken,): (Option<i64>,) = sqlx::query_as(sql).bind(FOUNDING_S).fetch_one(c).await?;
    match taken {
        Some(1) => Ok(()),
        _ => Err(StoreError::Founding),
    }
}

/// Gives it back.
pub(super) async fn no_longer_alone(c: &mut MySqlConnection) -> Result<(), StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("DO RELEASE_LOCK({FOUNDING})"));
    c.execute(sqlx::raw_sql(sql)).await?;
    Ok(())
}

/// Sessions of others on the same database.
pub(super) async fn other_sessions(c: &mut MySqlConnection) -> Result<i64, StoreError> {
    const SQL: &str =
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let (others,): (i64,) = sqlx::query_as(SQL).fetch_one(c).await?;
    Ok(others)
}
