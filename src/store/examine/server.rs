//! The settings and the load of a database server, as it tells them to any user.

use crate::store::db::{Connection, StoreError};
use std::collections::BTreeMap;

/// Variables that matter to a ledger; a server that does not know one says nothing of it.
const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'sync_binlog', \
     'binlog_annotate_row_events', 'binlog_rows_query_log_events', \
     'innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'max_connections', 'max_prepared_stmt_count', 'max_allowed_packet', \
     'read_only', 'super_read_only', 'innodb_read_only')";
const STATUS: &str =
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Max_used_connections', 'Prepared_stmt_count')";

/// What a server says of itself, by the names that it has for it in lower case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Server(BTreeMap<String, String>);

/// Rows that a session keeps from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The server's number for the session.
    pub session: i64,
    /// For how long.
    pub seconds: i64,
}

impl Server {
    /// From pairs of a name and what is said.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let lower = |(name, value): (String, String)| (name.to_lowercase(), value);
        Self(pairs.into_iter().map(lower).collect())
    }

    /// A word.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.word(name)?.parse().ok()
    }

    /// Whether something is switched on.
    pub fn is_on(&self, name: &str) -> bool {
        self.word(name)
            .is_some_and(|word| word.eq_ignore_ascii_case("on") || word == "1")
    }
}

/// Variables and figures of the server; `None` for a file.
pub async fn server(c: &mut Connection) -> Result<Option<Server>, StoreError> {
    let Connection::MySql(c) = c else { return Ok(None) };
    let mut pairs: Vec<(String, String)> = sqlx::query_as(VARIABLES).fetch_all(&mut *c).await?;
    let status: Vec<(String, String)> = sqlx::query_as(STATUS).fetch_all(&mut *c).await?;
    pairs.extend(status);
    Ok(Some(Server::new(pairs)))
}

/// Tables of the database whose engine has no transactions, or that compare names by another rule than their bytes.
pub async fn other_tables(c: &mut Connection) -> Result<Vec<String>, StoreError> {
    const SQL: &str = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' \
         AND (engine <> 'InnoDB' OR table_collation <> 'utf8mb4_bin') ORDER BY table_name";
    let Connection::MySql(c) = c else { return Ok(Vec::new()) };
    let rows: Vec<(String,)> = sqlx::query_as(SQL).fetch_all(&mut *c).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// The session whose transaction has held rows for longest; `None` as well where this user may not ask.
pub async fn longest_hold(c: &mut Connection) -> Option<Hold> {
    // That table has its times in the zone of the server's machine, whatever the session's is.
    const SQL: &str = "SELECT CAST(trx_mysql_thread_id AS SIGNED), \
         CAST(TIMESTAMPDIFF(SECOND, trx_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) AS SIGNED) \
         FROM information_schema.innodb_trx WHERE trx_rows_locked + trx_rows_modified > 0 ORDER BY trx_started LIMIT 1";
    let Connection::MySql(c) = c else { return None };
    let found: Option<(i64, i64)> = sqlx::query_as(SQL).fetch_optional(&mut *c).await.unwrap_or_default();
    found.map(|(session, seconds)| Hold { session, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_in_whatever_case_a_server_has_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let server = Server::new([
            pair("Threads_connected", "12"),
            pair("log_bin", "ON"),
            pair("read_only", "OFF"),
        ]);
        assert_eq!(server.number("threads_connected"), Some(12));
        assert!(server.is_on("log_bin") && !server.is_on("read_only") && !server.is_on("super_read_only"));
    }
}
