//! How SQLite files are opened, the ledger's and the chain's: a log of their own size, pages in memory for whoever writes, and
//! commits that wait for the disk or do not.

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::path::Path;
use std::time::Duration;

/// Pages of the log before it is folded into the file, 32 MiB: names are hashes and shards are many, so with the usual 1,000 every
/// page that commits keep touching is copied and flushed again each few of them.
const LOG_PAGES: &str = "8000";
/// Memory of whoever writes, 32 MiB: what is touched again and again does not fit in the usual 2.
const CACHE_KIB: &str = "-32768";

/// For whoever reads a file. A lock of another process is waited for so long; a `durable` commit waits for the disk.
pub(crate) fn reading(file: &Path, lock_wait: Duration, durable: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(lock_wait)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if durable {
            SqliteSynchronous::Full
        } else {
            SqliteSynchronous::Normal
        })
        .pragma("wal_autocheckpoint", LOG_PAGES)
}

/// For whoever writes it, too: it is made if it is missing.
pub(crate) fn writing(reading: SqliteConnectOptions) -> SqliteConnectOptions {
    reading.create_if_missing(true).pragma("cache_size", CACHE_KIB)
}
