//! Tables on the server with a hundred thousand rows each, and how it would read them for a statement.

use super::super::filled::{FILL, SHARD};
use super::values::with_values;
use crate::database;
use carbon_gateway::store::db::Connection;
use carbon_gateway::store::migrate;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::{BTreeMap, BTreeSet};

const ROWS: u64 = 100_000;
/// The rows that are asked for lie behind the middle.
pub(super) const MIDDLE: i64 = 50_000;

const NUMBERS: [&str; 2] = [
    "CREATE TABLE numbers (n BIGINT PRIMARY KEY, tenth BIGINT, wide VARBINARY(32), narrow VARBINARY(16))",
    "INSERT INTO numbers WITH digit AS (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 \
     UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9), \
     number AS (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n FROM digit a, digit b, digit c, digit e, digit f) \
     SELECT n, n DIV 10, LPAD(n, 32, '0'), LPAD(n, 16, '0') FROM number",
];
/// Tables that are never large.
const SMALL: [&str; 7] = [
    "INSERT INTO shard_head (shard, epoch, seq, seal, at_ms, home) SELECT n - 50000, 0, n, x'01', n, x'01' FROM numbers WHERE n BETWEEN 50000 AND 50029",
    "INSERT INTO event_cursor (shard, seq) SELECT n - 50000, n FROM numbers WHERE n BETWEEN 50000 AND 50029",
    "INSERT INTO job (name, holder, until_ms) SELECT CONCAT('name-', n), x'01', n + 1 FROM numbers WHERE n BETWEEN 50000 AND 50100",
    "INSERT INTO client (key_digest, name, rights, programmes, created_ms) \
     SELECT wide, CONCAT('name-', n), 'all', '', n FROM numbers WHERE n BETWEEN 50000 AND 50100",
    "INSERT INTO authority (name, number, key_id, wrapped_key, certificate, created_ms) \
     SELECT CONCAT('name-', n), 1, wide, x'01', x'01', n FROM numbers WHERE n BETWEEN 50000 AND 50100",
    "INSERT INTO activation (seq, kind, id, version, digest, confirmed_by, bytes) \
     SELECT n, 'programme', 'demo', '1', wide, 'first', x'01' FROM numbers WHERE n BETWEEN 50000 AND 50100",
    "INSERT INTO deployment (id, zone, created_ms, kek_id, source_secret, chain_secret) SELECT x'01', 'UTC', 1, x'01', x'01', x'01'",
];

/// How rows of a table are found.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// Its name in the statement.
    pub(super) table: String,
    /// The columns of the index, or nothing where all rows are read.
    pub(super) by: String,
    /// Of how many of these, from the first on, a value or a bound is known.
    pub(super) known: usize,
}

impl Found {
    /// What a line of a file's plan says of a search, if it speaks of one.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (search, bounds) = line.strip_prefix("SEARCH ")?.split_once(" (")?;
        let (table, by) = search.split_once(" BY ")?;
        let bounds = bounds.split(')').next()?.split(" AND ");
        let columns: BTreeSet<&str> = bounds.filter_map(|bound| bound.split(['=', '<', '>']).next()).collect();
        Some(Self {
            table: table.to_owned(),
            by: by.to_owned(),
            known: columns.len(),
        })
    }

    /// Whether rows are found by the same index, and by as many of its columns at least.
    pub(super) fn is_as(&self, meant: &Self) -> bool {
        (&self.table, &self.by) == (&meant.table, &meant.by) && self.known >= meant.known
    }
}

/// A column of an index, and how many bytes of a key are its.
type Part = (String, i64);

/// The tables, in a database that goes with [`drop`](Tables::drop).
pub(super) struct Tables {
    connection: Connection,
    /// Columns of each index, by table and name.
    indexes: BTreeMap<(String, String), Vec<Part>>,
    _folder: tempfile::TempDir,
}

impl Tables {
    pub(super) async fn filled() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = database::location(folder.path()).connect_patiently().await.unwrap();
        migrate::migrate(&mut connection, 0, usize::MAX).await.unwrap();
        let c = server(&mut connection);
        for sql in NUMBERS.into_iter().chain(SMALL) {
            execute(c, sql).await;
        }
        let mut filled = Vec::new();
        for sql in FILL {
            assert_eq!(execute(c, sql).await, ROWS, "{sql}");
            filled.push(sql.split(' ').nth(2).unwrap());
        }
        // What it knows of their rows is what it counts by itself some time later.
        execute(c, &format!("ANALYZE TABLE {}", filled.join(", "))).await;
        let indexes = indexes(c).await;
        Self {
            connection,
            indexes,
            _folder: folder,
        }
    }

    /// No table has a fourth index.
    pub(super) fn assert_few_indexes(&self) {
        let mut of: BTreeMap<&str, usize> = BTreeMap::new();
        for (table, _) in self.indexes.keys() {
            *of.entry(table).or_default() += 1;
        }
        assert!(of.len() > 180, "{of:?}");
        assert!(of.values().all(|count| *count <= 3), "{of:?}");
    }

    /// How each table of a statement would be read, every way once.
    pub(super) async fn plan(&mut self, statement: &str) -> Vec<Found> {
        let sql = format!("EXPLAIN FORMAT = TRADITIONAL {}", with_values(statement));
        let c = server(&mut self.connection);
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(c).await;
        let rows = rows.unwrap_or_else(|error| unreachable!("{error} in {statement}"));
        let mut plan = Vec::new();
        for row in rows {
            let text = |column| row.get_unchecked::<Option<String>, _>(column).unwrap_or_default();
            let (table, way, extra) = (text("table"), text("type"), text("Extra"));
            // What other lines have found is put together.
            if table.starts_with('<') || (table.is_empty() && !extra.contains("const table")) {
                continue;
            }
            let mut found = Found {
                table: table.replace(&format!("_{SHARD}"), ""),
                by: String::new(),
                known: 0,
            };
            if table.is_empty() {
                // It has looked for a row already, and there is none: nothing is told of the way there.
                found.table = extra;
            } else if way != "ALL" && way != "index" {
                let index = &self.indexes[&(self.table_of(&table, statement), text("key"))];
                let mut left: i64 = text("key_len").parse().unwrap();
                let columns: Vec<&str> = index.iter().map(|(column, _)| column.as_str()).collect();
                found.by = columns.join(", ");
                let known = index.iter().take_while(|(_, length)| {
                    left -= length;
                    left + length > 0
                });
                found.known = known.count();
            }
            if !plan.contains(&found) {
                plan.push(found);
            }
        }
        plan
    }

    pub(super) async fn drop(mut self) {
        let c = server(&mut self.connection);
        let (name,): (String,) = sqlx::query_as("SELECT DATABASE()").fetch_one(&mut *c).await.unwrap();
        execute(c, &format!("DROP DATABASE {name}")).await;
        self.connection.close().await.unwrap();
    }

    /// The table that a statement means by a name.
    fn table_of(&self, name: &str, statement: &str) -> String {
        let words: Vec<&str> = statement.split([' ', '(', ')', ',']).collect();
        let is_table = |word: &str| self.indexes.keys().any(|(table, _)| table == word);
        let named = words.windows(2).find(|two| two[1] == name && is_table(two[0]));
        named.map_or(name, |two| two[0]).to_owned()
    }
}

fn server(connection: &mut Connection) -> &mut MySqlConnection {
    match connection {
        Connection::MySql(c) => c,
        Connection::Sqlite(_) => unreachable!("it was opened on a server"),
    }
}

async fn execute(c: &mut MySqlConnection, sql: &str) -> u64 {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(c).await;
    done.unwrap_or_else(|error| unreachable!("{error} in {sql}"))
        .rows_affected()
}

async fn indexes(c: &mut MySqlConnection) -> BTreeMap<(String, String), Vec<Part>> {
    // A length stands before words and bytes, a mark before what may be nothing.
    let sql = "SELECT s.table_name, s.index_name, s.column_name, \
         CAST(COALESCE(c.character_octet_length + 2, 8) + (c.is_nullable = 'YES') AS SIGNED) \
         FROM information_schema.statistics s JOIN information_schema.columns c \
         ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name \
         WHERE s.table_schema = DATABASE() ORDER BY s.table_name, s.index_name, s.seq_in_index";
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(sql).fetch_all(c).await.unwrap();
    let mut indexes: BTreeMap<(String, String), Vec<Part>> = BTreeMap::new();
    for (table, index, column, length) in rows {
        indexes.entry((table, index)).or_default().push((column, length));
    }
    indexes
}
