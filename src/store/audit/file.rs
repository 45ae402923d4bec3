//! The file as the database sees it: tables, what is broken inside, values of a storage class that their column does not have.

use crate::store::db::{Connection, StoreError, with};
use sqlx::AssertSqlSafe;

/// Most problems of one kind that are told.
const MOST_PROBLEMS: i64 = 100;

/// Every table of the database, by name.
pub async fn tables(c: &mut Connection) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = match c {
        Connection::Sqlite(c) => {
            sqlx::query_as("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
                .fetch_all(&mut *c)
                .await?
        }
        Connection::MySql(c) => {
            let sql =
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name";
            sqlx::query_as(sql).fetch_all(&mut *c).await?
        }
    };
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Whether a table has a column.
pub async fn has_column(c: &mut Connection, table: &str, column: &str) -> Result<bool, StoreError> {
    const FILE: &str = "SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = ?";
    const SERVER: &str = "SELECT COUNT(*) FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?";
    let sql = match c {
        Connection::Sqlite(_) => FILE,
        Connection::MySql(_) => SERVER,
    };
    let (count,): (i64,) = with!(c, |c| sqlx::query_as(sql)
        .bind(table)
        .bind(column)
        .fetch_one(&mut *c)
        .await)?;
    Ok(count > 0)
}

/// What the database itself finds wrong with its file: pages, order of keys, indexes that do not agree with their tables. A server proves
/// the checksum of every page that it reads; its `CHECK TABLE`, which says more, would end the snapshot.
pub async fn integrity(c: &mut Connection) -> Result<Vec<String>, StoreError> {
    match c {
        Connection::Sqlite(c) => {
            let sql = AssertSqlSafe(format!("PRAGMA integrity_check({MOST_PROBLEMS})"));
            let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut *c).await?;
            let trees: Vec<(i64, String)> =
                sqlx::query_as("SELECT rootpage, name FROM sqlite_schema WHERE rootpage > 0")
                    .fetch_all(&mut *c)
                    .await?;
            let lines = rows
                .iter()
                .flat_map(|(text,)| text.lines())
                .filter(|line| *line != "ok");
            Ok(lines.map(|line| named(line, &trees)).collect())
        }
        Connection::MySql(_) => Ok(Vec::new()),
    }
}

/// Rows of some tables with a value of another storage class than its column's, each as table and key: any value can stand
/// anywhere in a file, and a text that spells the bytes of a digest is found by no look-up. A server's columns hold nothing else.
pub async fn misfits(c: &mut Connection, tables: &[String]) -> Result<Vec<(String, String)>, StoreError> {
    match c {
        Connection::Sqlite(c) => {
            let names = vec!["?"; tables.len()].join(", ");
            let sql = format!(
                "SELECT m.name, p.name, p.type, p.\"notnull\", p.pk FROM sqlite_schema m, pragma_table_info(m.name) p \
                 WHERE m.name IN ({names}) ORDER BY m.name, p.cid"
            );
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for table in tables {
                query = query.bind(table);
            }
            let columns: Vec<Column> = query.fetch_all(&mut *c).await?;
            let parts: Vec<String> = columns.chunk_by(|one, next| one.0 == next.0).map(misfits_of).collect();
            if parts.is_empty() {
                return Ok(Vec::new());
            }
            let sql = format!("{} LIMIT {MOST_PROBLEMS}", parts.join(" UNION ALL "));
            let rows: Vec<(Option<String>, String)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *c).await?;
            Ok(rows
                .into_iter()
                .map(|(key, table)| (table, key.unwrap_or_default()))
                .collect())
        }
        Connection::MySql(_) => Ok(Vec::new()),
    }
}

/// Table, column, declared type, whether NULL is forbidden, place in the primary key.
type Column = (String, String, String, bool, i64);

/// The statement that finds the misfits of the table whose columns these are.
fn misfits_of(columns: &[Column]) -> String {
    let misfit = |(_, name, declared, not_null, _): &Column| {
        let or_null = if *not_null { "" } else { ", 'null'" };
        format!("typeof({}) NOT IN ('{}'{or_null})", quoted(name), class_of(declared))
    };
    let keys = columns.iter().filter(|(.., pk)| *pk > 0);
    let keys: Vec<String> = keys.map(|(_, name, ..)| format!("quote({})", quoted(name))).collect();
    let row = if keys.is_empty() {
        "quote(NULL)".to_owned()
    } else {
        keys.join(" || ', ' || ")
    };
    let wrong = columns.iter().map(misfit).collect::<Vec<_>>().join(" OR ");
    let table = columns.first().map_or("", |(table, ..)| table);
    format!(
        "SELECT {row}, '{}' FROM {} WHERE {wrong}",
        table.replace('\'', "''"),
        quoted(table)
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The storage class of a declared type of our migrations.
fn class_of(declared: &str) -> &'static str {
    match declared.split('(').next() {
        Some("BIGINT") => "integer",
        Some("VARCHAR") => "text",
        _ => "blob",
    }
}

/// A line of the report with the table or index in place of a root page.
fn named(line: &str, trees: &[(i64, String)]) -> String {
    let root = line
        .strip_prefix("Tree ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|root| root.parse::<i64>().ok());
    let tree = root.and_then(|root| trees.iter().find(|(page, _)| *page == root));
    tree.map_or_else(|| line.to_owned(), |(_, name)| format!("{name}: {line}"))
}
