//! What the library for databases leaves to whoever uses it: texts that nobody has looked at, sums that a server answers in another type,
//! transactions that a borrowed connection is left in.

use super::reading::{code_only, line, whole_words, without_tests};
use super::{Source, files_under, none, root, sources};
use std::fs;
use std::path::{Path, PathBuf};

/// Files that put texts together; the others are given theirs by `statement`, or have constants. A value that a caller sent stands in none.
const PUT_TEXTS_TOGETHER: [&str; 10] = [
    "src/chain/embedded/file.rs",
    "src/store/audit/file.rs",
    "src/store/clients.rs",
    "src/store/db/mod.rs",
    "src/store/db/mysql.rs",
    "src/store/examine/mod.rs",
    "src/store/keys/tables.rs",
    "src/store/migrate.rs",
    "src/store/script/mod.rs",
    "src/store/statement.rs",
];

/// Files that open transactions, each on a connection that is its own and goes with it. One that is borrowed from a pool and whose borrower
/// is dropped while the transaction opens would be lent to the next inside of it; only `store/db` knows how to open one there.
const OPEN_TRANSACTIONS: [&str; 9] = [
    "src/chain/embedded/file.rs",
    "src/store/cursors.rs",
    "src/store/db/location.rs",
    "src/store/db/mod.rs",
    "src/store/deployment.rs",
    "src/store/keys/mod.rs",
    "src/store/keys/rotate.rs",
    "src/store/keys/tables.rs",
    "src/store/writer/task.rs",
];

/// Kinds of columns that both databases give back alike: numbers, words, bytes.
const KINDS: [&str; 5] = ["BIGINT", "VARCHAR", "VARBINARY", "BLOB", "MEDIUMBLOB"];

fn is_one_of(source: &Source, files: &[&str]) -> bool {
    files.iter().any(|file| source.path == Path::new(file))
}

fn texts(source: &Source) -> Vec<String> {
    source.places(&without_tests(&source.code), "AssertSqlSafe")
}

fn transactions(source: &Source) -> Vec<String> {
    let code = without_tests(&source.code);
    let words = [
        "pool.begin(",
        ".begin_with(",
        ".try_begin(",
        "Acquire",
        "sqlx::Transaction",
    ];
    // In a room without connections something else may begin.
    let begun = ["store", "chain"]
        .contains(&source.room().as_str())
        .then_some(".begin(");
    let words = words.into_iter().chain(begun);
    words.flat_map(|word| source.places(&code, word)).collect()
}

fn sums(source: &Source) -> Vec<String> {
    let literals = literals(source).to_uppercase();
    let is_cast = |at: &usize| {
        let before = &literals[..*at];
        before.trim_end_matches([' ', '\n', '\\']).ends_with("CAST(")
    };
    let sums = whole_words(&literals, "SUM(").filter(|at| !is_cast(at));
    sums.map(|at| format!("{}:{}: SUM", source.path.display(), line(&literals, at)))
        .collect()
}

/// What stands in literals, everything else blotted out.
fn literals(source: &Source) -> String {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let lines = source.text.lines().zip(source.code.lines()).map(|(text, code)| {
        let both = text.chars().zip(code.chars());
        let literal = both.map(|(text, code)| if text == code { ' ' } else { text });
        if is_comment(text) {
            String::new()
        } else {
            literal.collect()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Columns of a migration that are of another kind.
fn other_kinds(sql: &str) -> Vec<String> {
    let lines = sql.lines().filter(|line| !line.starts_with("--"));
    let columns = lines.filter_map(|line| {
        let added = line.split_once(" ADD COLUMN ").map(|(_, column)| column);
        let (name, kind) = added.or_else(|| line.strip_prefix("    "))?.split_once(' ')?;
        let is_column = name.starts_with(|first: char| first.is_ascii_lowercase());
        let kind = kind.split([' ', '(', ',']).next()?;
        (is_column && !KINDS.contains(&kind)).then(|| format!("{name} {kind}"))
    });
    columns.collect()
}

/// What the product's files do that are not among `allowed`, and those among them that do not.
fn beyond(allowed: &[&str], does: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    let product = sources(&["src"]).into_iter().filter(|source| !source.is_test());
    let (named, others): (Vec<Source>, Vec<Source>) = product.partition(|source| is_one_of(source, allowed));
    assert_eq!(named.len(), allowed.len(), "files are named that are not there");
    let idle = named.iter().filter(|source| does(source).is_empty());
    let idle = idle.map(|source| format!("{}: has no need to be named", source.path.display()));
    others.iter().flat_map(&does).chain(idle).collect()
}

#[test]
fn texts_for_databases_are_put_together_in_few_places() {
    none("`AssertSqlSafe` elsewhere", beyond(&PUT_TEXTS_TOGETHER, texts));
}

#[test]
fn transactions_are_opened_in_few_places() {
    none(
        "a transaction opened elsewhere",
        beyond(&OPEN_TRANSACTIONS, transactions),
    );
}

#[test]
fn sums_are_whole_numbers_on_every_database() {
    none(
        "a server answers SUM as DECIMAL: CAST(SUM(…) AS SIGNED)",
        beyond(&[], sums),
    );
}

#[test]
fn columns_are_of_kinds_that_both_databases_have() {
    let templates = files_under("migrations", &[]).into_iter();
    let templates: Vec<PathBuf> = templates
        .filter(|path| path.extension().is_some_and(|end| end == "sql"))
        .collect();
    assert!(!templates.is_empty());
    let breaches = templates.iter().flat_map(|path| {
        let sql = fs::read_to_string(root().join(path)).unwrap();
        let kinds = other_kinds(&sql).into_iter();
        kinds
            .map(|kind| format!("{}: {kind}", path.display()))
            .collect::<Vec<_>>()
    });
    none("a column of a kind that only one database has", breaches);
}

fn planted(path: &str, text: &str) -> Source {
    Source {
        path: PathBuf::from(path),
        text: text.to_owned(),
        code: code_only(text),
    }
}

#[test]
fn what_is_forbidden_is_found() {
    let found = |rule: fn(&Source) -> Vec<String>, text| rule(&planted("src/store/new.rs", text)).len();
    assert_eq!(found(texts, "let sql = sqlx::AssertSqlSafe(format!(\"{given}\"));"), 1);
    assert_eq!(
        found(
            texts,
            "// AssertSqlSafe\n#[cfg(test)]\nmod tests { use sqlx::AssertSqlSafe; }"
        ),
        0
    );
    for begun in [
        "let t = pool.begin().await?;",
        "c.begin().await?",
        "readers\n    .begin_with(\"BEGIN\")",
        "if let Some(t) = pool.try_begin().await? {}",
        "use sqlx::{Acquire as _, query};",
        "fn f(t: &mut sqlx::Transaction<'_, MySql>) {}",
    ] {
        assert!(found(transactions, begun) > 0, "{begun}");
    }
    let elsewhere = |text| transactions(&planted("src/cli/new.rs", text)).len();
    assert_eq!((elsewhere("show.begin();"), elsewhere("pool.begin();")), (0, 1));
    for (sql, count) in [
        ("\"SELECT SUM(amount_ug) FROM t\"", 1),
        (
            "\"SELECT CAST(SUM(amount_ug) AS SIGNED), COALESCE(sum(é), 0) FROM t\"",
            1,
        ),
        ("\"SELECT CAST( \\\n    SUM(amount_ug) AS SIGNED) FROM t\"", 0),
        ("terms::SUM(x);", 0),
        ("/// \"SUM(x)\"", 0),
        ("r#\"SELECT checkSUM(a)\"#", 0),
    ] {
        assert_eq!(found(sums, sql), count, "{sql}");
    }
    let table = "-- It has    id UUID\nCREATE TABLE IF NOT EXISTS t (\n    id UUID NOT NULL,\n    at_ms BIGINT NOT NULL,\n    \
                 ok BOOLEAN,\n    name VARCHAR(64) NULL,\n    UNIQUE (name)\n)";
    assert_eq!(other_kinds(table), ["id UUID", "ok BOOLEAN"]);
    assert_eq!(
        other_kinds("ALTER TABLE t ADD COLUMN sum DECIMAL(20) NULL"),
        ["sum DECIMAL"]
    );
}
