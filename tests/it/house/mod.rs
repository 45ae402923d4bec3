//! The rules of the house, read off the source text: which room may know which, how large a file may be, what is never
//! written. A rule that a machine can check stands here and not in a reviewer's memory.

mod reading;
mod sql;

use reading::{code_only, imports, line, whole_words, without_tests};
use std::fs;
use std::path::{Path, PathBuf};

/// A room (folder or file directly under `src/`) and what it may import of ours. A row for a room that has not been built
/// yet is fine; a room without a row is not.
const MAY_IMPORT: [(&str, &[&str]); 27] = [
    ("methodology", &[]),
    ("distance", &["methodology::units"]),
    ("ledger", &["methodology"]),
    ("identity", &["ledger", "methodology", "clock"]),
    (
        "chain",
        &[
            "ledger",
            "methodology::units",
            "identity",
            "clock",
            "crash",
            "lifecycle",
            "sqlite",
        ],
    ),
    (
        "store",
        &[
            "ledger",
            "methodology",
            "identity",
            "clock",
            "crash",
            "sqlite",
            "telemetry::traces",
        ],
    ),
    ("verify", &["store", "ledger", "methodology", "identity", "chain"]),
    ("reports", &["ledger", "methodology", "store"]),
    (
        "api",
        &[
            "ledger",
            "methodology",
            "distance",
            "store",
            "reports",
            "identity",
            "chain",
            "config",
            "clock",
            "lifecycle",
            "redis",
            "telemetry::traces",
        ],
    ),
    (
        "import",
        &[
            "ledger",
            "methodology",
            "distance",
            "store",
            "identity",
            "lifecycle",
            "backoff",
        ],
    ),
    (
        "dispatch",
        &[
            "ledger",
            "store",
            "identity",
            "chain",
            "clock",
            "crash",
            "lifecycle",
            "backoff",
        ],
    ),
    (
        "messages",
        &["ledger::ids", "store", "api", "clock", "backoff", "telemetry::traces"],
    ),
    ("demo", &["methodology::rules", "methodology::units"]),
    ("redis", &["ledger::ids", "config", "lifecycle", "backoff"]),
    (
        "jobs",
        &["ledger", "methodology", "store", "dispatch", "clock", "redis"],
    ),
    ("cli", &["*"]),
    ("app", &["*"]),
    ("main", &["cli"]),
    ("lib", &[]),
    ("config", &[]),
    ("clock", &[]),
    ("crash", &[]),
    ("sqlite", &[]),
    ("backoff", &[]),
    ("telemetry", &[]),
    ("lifecycle", &["clock"]),
    ("folder", &[]),
];

/// Rooms that compute and nothing else, and the words that would give away something else.
const PURE: [&str; 4] = ["methodology", "distance", "ledger", "demo"];
const IMPURE: [&str; 12] = [
    "tokio::",
    "async",
    "await",
    "rand::",
    "env::",
    "fs::",
    "net::",
    "process::",
    "SystemTime",
    "Instant",
    "sqlx::",
    "tracing::",
];

/// Settings, and the one variable of a drill.
const READ_THE_ENVIRONMENT: [&str; 2] = ["config", "crash"];

const LONGEST_FILE: usize = 500;

/// One Rust file, with its text and the text without comments and literals (same lines, same columns).
struct Source {
    path: PathBuf,
    text: String,
    code: String,
}

impl Source {
    fn room(&self) -> String {
        let inside = self.path.strip_prefix("src").unwrap_or(&self.path);
        let first = inside
            .components()
            .next()
            .map(|part| PathBuf::from(part.as_os_str()))
            .unwrap_or_default();
        first.with_extension("").display().to_string()
    }

    fn is_test(&self) -> bool {
        !self.path.starts_with("src") || self.path.ends_with("tests.rs") || self.path.iter().any(|part| part == "tests")
    }

    /// Every place where `word` stands as a whole word, as `path:line`.
    fn places(&self, code: &str, word: &str) -> Vec<String> {
        let place = |at| format!("{}:{}: {word}", self.path.display(), line(code, at));
        whole_words(code, word).map(place).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_under(folder: &str, skip: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            found.push(path.strip_prefix(root()).unwrap().to_path_buf());
        } else if !skip.contains(&name.as_str())
            && let Ok(entries) = fs::read_dir(&path)
        {
            open.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    found
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let paths = folders.iter().flat_map(|folder| files_under(folder, &[]));
    let rust = paths.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let code = code_only(&text);
        Source { path, text, code }
    };
    let found: Vec<Source> = rust.map(read).collect();
    assert!(!found.is_empty(), "no Rust file under {folders:?}");
    found
}

fn none(rule: &str, breaches: impl IntoIterator<Item = String>) {
    let breaches: Vec<String> = breaches.into_iter().collect();
    assert!(breaches.is_empty(), "{rule}\n  {}", breaches.join("\n  "));
}

fn is_allowed(room: &str, import: &str) -> bool {
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
        return false;
    };
    let inside =
        |prefix: &str| import == prefix || import.strip_prefix(prefix).is_some_and(|end| end.starts_with("::"));
    inside(room) || allowed.iter().any(|prefix| *prefix == "*" || inside(prefix))
}

#[test]
fn rooms_import_only_along_the_table() {
    let mut breaches = Vec::new();
    for source in sources(&["src"]) {
        let room = source.room();
        if !MAY_IMPORT.iter().any(|(name, _)| *name == room) {
            breaches.push(format!(
                "{}: room `{room}` has no row in the table",
                source.path.display()
            ));
        }
        for (at, import) in imports(&source.code) {
            if !is_allowed(&room, &import) {
                breaches.push(format!(
                    "{}:{}: `{room}` → `{import}`",
                    source.path.display(),
                    line(&source.code, at)
                ));
            }
        }
        // `super::` must not climb out of the room, where the table would not see it.
        for (name, _) in MAY_IMPORT {
            let own_child = root().join("src").join(&room).join(name);
            let is_child = own_child.exists() || own_child.with_extension("rs").exists();
            if name != room && !is_child {
                breaches.extend(source.places(&source.code, &format!("super::{name}::")));
            }
        }
    }
    none("imports outside the table of rooms", breaches);
}

#[test]
fn outside_libraries_stay_in_their_rooms() {
    let homes: [(&str, &[&str]); 8] = [
        ("sqlx::", &["store", "chain", "sqlite"]),
        ("actix_web::", &["api", "app"]),
        ("deadpool_redis::", &["redis"]),
        ("governor::", &["redis"]),
        ("lapin::", &["messages"]),
        ("opentelemetry::", &["telemetry"]),
        ("opentelemetry_sdk::", &["telemetry"]),
        ("std::env::var", &READ_THE_ENVIRONMENT),
    ];
    let mut breaches = Vec::new();
    for source in sources(&["src"]) {
        let room = source.room();
        for (word, rooms) in homes {
            if !rooms.contains(&room.as_str()) {
                breaches.extend(source.places(&source.code, word));
            }
        }
        for word in ["env::var", "env::var_os", "env::vars", "env::vars_os"] {
            if !READ_THE_ENVIRONMENT.contains(&room.as_str()) {
                breaches.extend(source.places(&source.code, word));
            }
        }
    }
    none("a library or the environment used outside its room", breaches);
}

#[test]
fn pure_rooms_only_compute() {
    let pure = sources(&["src"])
        .into_iter()
        .filter(|source| PURE.contains(&source.room().as_str()) && !source.is_test());
    let breaches = pure.flat_map(|source| {
        let code = without_tests(&source.code);
        let floats: &[&str] = if source.room() == "distance" {
            &[]
        } else {
            &["f64", "f32"]
        };
        let words = IMPURE.iter().chain(floats);
        words.flat_map(|word| source.places(&code, word)).collect::<Vec<_>>()
    });
    none(
        "a pure room knows no I/O, time, randomness or (but for distance) floats",
        breaches,
    );
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut breaches = Vec::new();
    for source in sources(&["src", "tests", "benches"]) {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            breaches.push(format!(
                "{}: {lines} lines, at most {LONGEST_FILE}",
                source.path.display()
            ));
        }
        if !source.text.starts_with("//!") {
            breaches.push(format!("{}: does not open with `//!`", source.path.display()));
        }
    }
    none("files are short and open with their purpose", breaches);
}

#[test]
fn nothing_is_unfinished_ignored_or_silenced() {
    let words = ["todo!", "unimplemented!", "#[ignore", "#[allow(", "#![allow("];
    let breaches = sources(&["src", "tests", "benches"])
        .into_iter()
        .flat_map(|source| words.map(|word| source.places(&source.code, word)).concat());
    none("unfinished code, ignored tests and silenced lints", breaches);
}

#[test]
fn the_program_does_not_panic_on_purpose() {
    let product = sources(&["src"]).into_iter().filter(|source| !source.is_test());
    let breaches = product.flat_map(|source| {
        let code = without_tests(&source.code);
        [".unwrap()", ".expect(", "panic!("]
            .map(|word| source.places(&code, word))
            .concat()
    });
    none("unwrap, expect and panic belong in tests", breaches);
}

/// Trips of real people belong to whoever published them and are never in this tree, neither as a file that bears the name
/// of such a collection nor as any larger table of data.
#[test]
fn the_tree_holds_no_real_trips() {
    let names = [
        "mobike",
        "mibici",
        "szt",
        "xingqi",
        "datos_abiertos",
        "valleybike",
        "afc",
    ];
    let data = [
        "csv", "tsv", "gz", "zip", "zst", "parquet", "xlsx", "jsonl", "ndjson", "dat", "db", "sqlite",
    ];
    let breaches = files_under("", &["target", ".git", "data"])
        .into_iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().to_lowercase();
            let end = path.extension()?.to_string_lossy().to_lowercase();
            let size = fs::metadata(root().join(&path)).ok()?.len();
            let suspect =
                data.contains(&end.as_str()) && (size > 65_536 || names.iter().any(|known| name.contains(known)));
            suspect.then(|| format!("{} ({size} bytes)", path.display()))
        });
    none("files that look like real trips", breaches);
}

#[test]
fn a_row_allows_what_it_names_and_no_more() {
    assert!(is_allowed("distance", "methodology::units"));
    assert!(!is_allowed("distance", "methodology::units_of"));
    assert!(!is_allowed("distance", "methodology"));
    assert!(is_allowed("ledger", "ledger::trip"));
}
