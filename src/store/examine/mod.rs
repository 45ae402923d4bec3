//! What a doctor asks a database: short statements with a bound on what they read, on a connection that can write nothing. They judge
//! nothing, and none needs tables that are whole.

mod server;
mod waiting;

pub use server::{Hold, Server, longest_hold, other_tables, server};
pub use waiting::{Waiting, newest_confirmed_height, waiting};

use super::db::{Connection, StoreError, with};
use super::statement::of_shards;
use crate::ledger::ids::ShardId;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlDatabaseError;
use std::io::ErrorKind;

/// Why nobody is let into a database, as far as that leads to different things to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// Nothing listens there.
    Refused,
    /// There is no way there, or it has broken.
    Away,
    /// Nothing has answered in time.
    Silent,
    /// Somebody else keeps it locked.
    Held,
    /// Not this user, or not with this password.
    Access,
    /// The account's password is sent through TLS only, and there is none.
    Clear,
    /// The server has no database of that name.
    NoDatabase,
    /// The server has as many sessions as it takes.
    Full,
    /// A file is not to be read, or not a database.
    File,
    /// Whatever else.
    Other,
}

/// Tells obstacles apart.
pub fn obstacle(error: &StoreError) -> Obstacle {
    let error = match error {
        StoreError::Busy(_) => return Obstacle::Held,
        StoreError::Unavailable(error) | StoreError::Data(error) => error,
        _ => return Obstacle::Other,
    };
    match error {
        sqlx::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => Obstacle::Refused,
        sqlx::Error::Io(_) => Obstacle::Away,
        sqlx::Error::PoolTimedOut => Obstacle::Silent,
        // Without TLS the driver would have to encrypt the password by RSA, for which it is not built.
        sqlx::Error::Configuration(told) if told.to_string().contains("RSA") => Obstacle::Clear,
        sqlx::Error::Database(told) => match told.try_downcast_ref::<MySqlDatabaseError>() {
            Some(told) => match told.number() {
                1044 | 1045 | 1698 | 1142 => Obstacle::Access,
                1049 => Obstacle::NoDatabase,
                1040 | 1203 | 1226 => Obstacle::Full,
                _ => Obstacle::Other,
            },
            None => Obstacle::File,
        },
        _ => Obstacle::Other,
    }
}

/// Asks for the least there is to ask.
pub async fn ping(c: &mut Connection) -> Result<(), StoreError> {
    let (_one,): (i64,) = with!(c, |c| sqlx::query_as("SELECT 1").fetch_one(&mut *c).await)?;
    Ok(())
}

/// What the database calls its version.
pub async fn version(c: &mut Connection) -> Result<String, StoreError> {
    let (version,): (String,) = match c {
        Connection::Sqlite(c) => sqlx::query_as("SELECT sqlite_version()").fetch_one(&mut *c).await?,
        Connection::MySql(c) => sqlx::query_as("SELECT VERSION()").fetch_one(&mut *c).await?,
    };
    Ok(version)
}

/// The server's clock, Unix milliseconds; a file has none.
pub async fn clock_ms(c: &mut Connection) -> Result<Option<i64>, StoreError> {
    const SQL: &str =
        "SELECT CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000 AS SIGNED)";
    match c {
        Connection::Sqlite(_) => Ok(None),
        Connection::MySql(c) => {
            let (now_ms,): (i64,) = sqlx::query_as(SQL).fetch_one(&mut *c).await?;
            Ok(Some(now_ms))
        }
    }
}

/// How a file keeps its log; a server says nothing.
pub async fn journal_mode(c: &mut Connection) -> Result<Option<String>, StoreError> {
    match c {
        Connection::Sqlite(c) => {
            let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(&mut *c).await?;
            Ok(Some(mode))
        }
        Connection::MySql(_) => Ok(None),
    }
}

/// What a file's database finds wrong with its pages, without holding indexes against tables; at most `most` lines. It reads the whole file.
pub async fn quick_check(c: &mut Connection, most: u8) -> Result<Vec<String>, StoreError> {
    match c {
        Connection::Sqlite(c) => {
            let sql = AssertSqlSafe(format!("PRAGMA quick_check({most})"));
            let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut *c).await?;
            Ok(rows
                .into_iter()
                .map(|(line,)| line)
                .filter(|line| line != "ok")
                .collect())
        }
        Connection::MySql(_) => Ok(Vec::new()),
    }
}

/// Of each of these shards the riders with the lowest and with the highest ids, at most `each` of either; sinks are no riders.
pub async fn riders(c: &mut Connection, shards: &[ShardId], each: i64) -> Result<Vec<i64>, StoreError> {
    const LOWEST: &str =
        "SELECT * FROM (SELECT user_id FROM account_{shard} WHERE user_id >= 0 ORDER BY user_id LIMIT ?) AS part";
    const HIGHEST: &str =
        "SELECT * FROM (SELECT user_id FROM account_{shard} WHERE user_id >= 0 ORDER BY user_id DESC LIMIT ?) AS part";
    let mut riders = Vec::new();
    if shards.is_empty() {
        return Ok(riders);
    }
    for sql in [LOWEST, HIGHEST] {
        let rows: Vec<(i64,)> = with!(&mut *c, |c| {
            let query = sqlx::query_as(of_shards(sql, shards));
            let query = shards.iter().fold(query, |query, _| query.bind(each));
            query.fetch_all(&mut *c).await
        })?;
        riders.extend(rows.into_iter().map(|(user,)| user));
    }
    riders.sort_unstable();
    riders.dedup();
    Ok(riders)
}
