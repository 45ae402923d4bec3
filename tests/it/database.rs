//! Where a test's ledger lies: in a file of its data folder, or, where `CARBON_TEST_MYSQL` names a server (`mysql://user@host:port`), in a
//! database there that belongs to the folder.

use crate::support::skipping;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::store::db::{Connection, Location, MySqlServer, SqliteFile};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a statement waits for somebody else's lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Databases that this process has made.
static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[expect(
    clippy::disallowed_methods,
    reason = "the whole suite is told by this one variable which database it runs on"
)]
fn server() -> Option<String> {
    std::env::var("CARBON_TEST_MYSQL").ok().filter(|url| !url.is_empty())
}

/// The database of a folder on the server, made if it is not there.
fn url(folder: &Path) -> Option<String> {
    let server = server()?;
    let path = std::path::absolute(folder).unwrap();
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    // The server takes names of 64 characters.
    let name = format!("test_{:.40}", Hash::new(digest.into()).to_string());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if made.insert(name.clone()) {
        make(&server, format!("CREATE DATABASE IF NOT EXISTS {name}"));
    }
    // Options come last.
    let (place, options) = server.split_at(server.find('?').unwrap_or(server.len()));
    Some(format!("{place}/{name}{options}"))
}

/// Runs one statement, also where nothing may be awaited.
fn make(server: &str, sql: String) {
    let server = server.to_owned();
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut connection = MySqlConnection::connect(&server).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
        });
    });
    made.join().unwrap();
}

/// Settings that lead a gateway on a folder there, as environment variables.
pub(crate) fn settings(folder: &Path) -> Vec<(String, String)> {
    let Some(url) = url(folder) else {
        return Vec::new();
    };
    let setting = |key: &str, value: &str| (format!("CARBON_GATEWAY__DATABASE__{key}"), value.to_owned());
    vec![setting("KIND", "mysql"), setting("URL", &url)]
}

/// The ledger of a folder. Commits survive the process, not a power cut: tests spare the disk.
pub(crate) fn location(folder: &Path) -> Location {
    match url(folder) {
        Some(url) => Location::MySql(MySqlServer::new(&url, LOCK_WAIT, Duration::from_mins(1)).unwrap()),
        None => file_of(folder),
    }
}

/// The SQLite file of a folder.
pub(crate) fn file_of(folder: &Path) -> Location {
    Location::Sqlite(SqliteFile {
        file: DataFolder::new(folder).ledger_file(),
        busy_timeout: LOCK_WAIT,
        durable: false,
    })
}

/// From now on a ledger refuses trips of rider 1,000,061, who is at home in shard 11, for what they say.
pub(crate) async fn refuse_a_rider(ledger: &mut Connection) {
    let sql = match ledger {
        Connection::MySql(_) => "ALTER TABLE trip_11 ADD CONSTRAINT refused CHECK (user_id <> 1000061)",
        Connection::Sqlite(_) => {
            "CREATE TRIGGER refused BEFORE INSERT ON trip_11 WHEN NEW.user_id = 1000061 BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
    };
    ledger.execute(sql).await.unwrap();
}

/// It takes them again.
pub(crate) async fn refuse_nobody(ledger: &mut Connection) {
    let sql = match ledger {
        Connection::MySql(_) => "ALTER TABLE trip_11 DROP CONSTRAINT refused",
        Connection::Sqlite(_) => "DROP TRIGGER refused",
    };
    ledger.execute(sql).await.unwrap();
}

/// How often something is done that takes its time on a server and is the same thing there: often on the embedded defaults, fewer times on it.
pub(crate) fn times<T>(in_files: T, on_a_server: T) -> T {
    if server().is_some() { on_a_server } else { in_files }
}

/// Whether a test that needs a server must stand back, with a line that says so.
pub(crate) fn is_in_files(test: &str, why: &str) -> bool {
    let skipped = server().is_none();
    if skipped {
        skipping(test, &format!("CARBON_TEST_MYSQL names no server, and {why}"));
    }
    skipped
}

/// The server, or `None` with a line that says which test was skipped.
pub(crate) fn server_of(test: &str) -> Option<String> {
    let skipped = is_in_files(test, "files have no server");
    server().filter(|_| !skipped)
}

/// Whether a test that needs a file must stand back, with a line that says so.
pub(crate) fn is_on_a_server(test: &str, why: &str) -> bool {
    let skipped = server().is_some();
    if skipped {
        skipping(test, &format!("on a database server, {why}"));
    }
    skipped
}
