//! Tables with a million rows each, and what the database says of a statement against them.

use crate::database;
use carbon_gateway::store::db::Connection;
use carbon_gateway::store::migrate;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::BTreeMap;
use std::path::Path;

/// The shard whose tables are filled; all are alike.
pub(super) const SHARD: &str = "17";
/// Ten trips, claims, credits and transactions a rider, and as many riders as rows.
pub(super) const FILL: [&str; 11] = [
    "INSERT INTO trip_17 (seq, user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence) \
     SELECT n, tenth * 30 + 17, wide, 'demo', 20000 + n % 10, n, n + 1, 'credited', 1, x'01', x'02' FROM numbers",
    "INSERT INTO claim_17 (user_id, seq, programme, opens_ms, closes_ms) SELECT tenth * 30 + 17, n, 'demo', n, n + 1 FROM numbers",
    "INSERT INTO credit_17 (hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, \
     spent_by) SELECT wide, tenth * 30 + 17, 'demo', 1, 2026, 683, 1, n, x'01', n, 0, \
     CASE WHEN n % 2 = 0 THEN x'02' END FROM numbers",
    "INSERT INTO ledger_tx_17 (seq, content_id, user_id, programme, kind, amount_ug, body, status, unmet, next_attempt_ms, attempt, pack, earlier) \
     SELECT n, wide, tenth * 30 + 17, 'demo', 'issue', 1, x'01', \
     CASE n % 100 WHEN 0 THEN 'stored' WHEN 1 THEN 'submitted' ELSE 'confirmed' END, 0, 0, 1, 32, x'' FROM numbers",
    "INSERT INTO envelope_17 (chain_tx_id, kind, status, lease_ms, created_ms, expires_ms, request) \
     SELECT wide, 'issue', CASE n % 100 WHEN 0 THEN 'open' ELSE 'confirmed' END, n % 100, n, n + 1, x'' FROM numbers",
    "INSERT INTO account_17 (user_id, programme, address, wrapped_key, available_ug, waiting_ug, quantified_ug, capped_ug, collected_ug, \
     lapsed_ug, issued_ug, spent_ug, expired_ug, longest_trip_s, last_day_count, last_day_ug, unspent_count, lapses_ms, collects_ms) \
     SELECT n * 30 + 17, 'demo', x'01', x'02', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n, n FROM numbers",
    "INSERT INTO journal (shard, seq_from, seq_to, at_ms, previous_seal, seal, entries) SELECT 17, n, n, n, x'01', x'02', x'03' FROM numbers",
    "INSERT INTO daily_total (shard, booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug) \
     SELECT 17, n, n, 'demo', 'CO2', 'trip', 'metro', 'm@1', 1, 1 FROM numbers",
    "INSERT INTO idempotency (shard, key_digest, request_digest, seq, at_ms, answer) \
     SELECT 17, wide, x'01', n, n, x'02' FROM numbers",
    "INSERT INTO user_key (shard, user_id, number, key_id, point, wrapped_key, created_ms) \
     SELECT 17, n * 30 + 17, 1, wide, x'04', x'01', n FROM numbers",
    "INSERT INTO certificate (shard, user_id, serial, key_id, der, not_before_ms, not_after_ms) \
     SELECT 17, n * 30 + 17, narrow, wide, x'01', n, n + 1 FROM numbers",
];
const NUMBERS: &str = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000000), \
     numbers AS (SELECT n, n / 10 AS tenth, CAST(printf('%032d', n) AS BLOB) AS wide, CAST(printf('%016d', n) AS BLOB) AS narrow FROM number)";

/// The tables, in memory where the machine lends some as a folder.
pub(super) struct Filled {
    connection: Connection,
    /// Columns of each index and primary key, by name.
    columns: BTreeMap<String, String>,
    _folder: tempfile::TempDir,
}

impl Filled {
    pub(super) async fn with_a_million_rows() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        let location = database::file_of(folder.path());
        let mut connection = location.connect().await.unwrap();
        migrate::migrate(&mut connection, 0, usize::MAX).await.unwrap();
        connection.execute("PRAGMA journal_mode = OFF").await.unwrap();
        connection.execute("PRAGMA synchronous = OFF").await.unwrap();
        connection.begin().await.unwrap();
        let c = file(&mut connection);
        for fill in FILL {
            let (into, select) = fill.split_once(" SELECT ").unwrap();
            let sql = format!("{into} {NUMBERS} SELECT {select}");
            let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *c).await.unwrap();
            assert_eq!(done.rows_affected(), 1_000_000);
        }
        connection.execute("COMMIT").await.unwrap();
        let columns = columns(&mut connection).await;
        Self {
            connection,
            columns,
            _folder: folder,
        }
    }

    /// No table has a fourth index.
    pub(super) async fn assert_few_indexes(&mut self) {
        let sql = "SELECT t.name, COUNT(i.name) FROM sqlite_schema t LEFT JOIN pragma_index_list(t.name) i WHERE t.type = 'table' GROUP BY t.name";
        let c = file(&mut self.connection);
        let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut *c).await.unwrap();
        assert!(rows.len() > 30);
        for (table, indexes) in rows {
            assert!(indexes <= 3, "{table} has {indexes} indexes");
        }
    }

    /// How each table of a statement is read, one line each and every line once; an index is named by its columns.
    pub(super) async fn plan(&mut self, statement: &str) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {statement}");
        let c = file(&mut self.connection);
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *c).await.unwrap();
        let mut lines: Vec<String> = Vec::new();
        for row in rows {
            let line = self.line(&row.get::<String, _>("detail"));
            if !lines.contains(&line) && !line.is_empty() {
                lines.push(line);
            }
        }
        lines
    }

    fn line(&self, detail: &str) -> String {
        let mut line = detail.replace(&format!("_{SHARD}"), "").replace("COVERING ", "");
        if let Some((before, after)) = line.split_once("USING INDEX ") {
            let (index, rest) = after.split_once(' ').unwrap_or((after, ""));
            let columns = &self.columns[index];
            line = format!("{before}BY {columns} {rest}");
            line.truncate(line.trim_end().len());
        }
        let structure = [
            "COMPOUND",
            "LEFT-MOST",
            "UNION ALL",
            "INDEX ",
            "MULTI-INDEX",
            "SCALAR",
            "CO-ROUTINE",
            "SCAN part",
            "SCAN CONSTANT",
        ];
        let is_structure = structure.iter().any(|word| line.starts_with(word)) || line.ends_with("VALUES CLAUSE");
        if is_structure { String::new() } else { line }
    }
}

fn file(connection: &mut Connection) -> &mut SqliteConnection {
    match connection {
        Connection::Sqlite(c) => c,
        Connection::MySql(_) => unreachable!("it was opened as a file"),
    }
}

async fn columns(connection: &mut Connection) -> BTreeMap<String, String> {
    let sql = "SELECT i.name, (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)) FROM sqlite_schema t \
         JOIN pragma_index_list(t.name) i WHERE t.type = 'table'";
    let c = file(connection);
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut *c).await.unwrap();
    let shardless = |(name, columns): (String, String)| (name.replace(&format!("_{SHARD}"), ""), columns);
    rows.into_iter().map(shardless).collect()
}

/// The text as it is said of the filled shard: all shards are alike.
pub(super) fn of_the_shard(statement: &str) -> String {
    of_shard(statement, SHARD)
}

/// The text with another shard in place of its own.
fn of_shard(statement: &str, shard: &str) -> String {
    let mut text = statement.to_owned();
    for table in ["trip", "claim", "credit", "ledger_tx", "account", "envelope"] {
        if text.contains(&format!("{table}_")) {
            for own in 0..30 {
                text = text.replace(&format!("{table}_{own:02}"), &format!("{table}_{shard}"));
            }
        }
    }
    text
}

/// The text with `{shard}` for its shard and every repetition once: the same for every number of rows.
pub(super) fn collapsed(statement: &str) -> String {
    let lines = statement.lines().filter(|line| !line.starts_with("--"));
    let mut text = of_shard(&lines.collect::<Vec<_>>().join("\n"), "{shard}");
    // Lists of question marks first, then lists of such lists.
    for separator in [", ", " OR ", ", "] {
        let mut at = 0;
        while let Some(found) = text[at..].find(separator) {
            let start = at + found;
            let item = item(&text[start + separator.len()..]).to_owned();
            if !item.is_empty() && text[..start].ends_with(&item) {
                text.replace_range(start..start + separator.len() + item.len(), "");
            } else {
                at = start + separator.len();
            }
        }
    }
    while text.contains(" WHEN ? THEN ? WHEN ? THEN ?") {
        text = text.replace(" WHEN ? THEN ? WHEN ? THEN ?", " WHEN ? THEN ?");
    }
    let mut parts: Vec<&str> = text.split(" UNION ALL ").collect();
    parts.dedup();
    parts.join(" UNION ALL ")
}

/// The question mark or the parenthesis with which a text begins, if it does.
fn item(text: &str) -> &str {
    if text.starts_with('?') {
        return "?";
    }
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if at == 0 { "" } else { &text[..=at] };
        }
    }
    ""
}

#[test]
fn repetitions_are_told_once() {
    assert_eq!(
        collapsed("SELECT a, b FROM trip_07 WHERE (a = ? AND b = ?) OR (a = ? AND b = ?) OR (a = ? AND b = ?)"),
        "SELECT a, b FROM trip_{shard} WHERE (a = ? AND b = ?)"
    );
    assert_eq!(collapsed("VALUES (?, ?), (?, ?)"), "VALUES (?)");
    assert_eq!(
        collapsed("SET a = CASE b WHEN ? THEN ? WHEN ? THEN ? WHEN ? THEN ? END"),
        "SET a = CASE b WHEN ? THEN ? END"
    );
    assert_eq!(collapsed("SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1"), "SELECT 1");
}
