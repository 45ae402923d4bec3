//! A sound installation by the real executable, beside a gateway at work and after it; what is printed, and that nothing is written.

use super::{Level, Part, Report};
use crate::database;
use crate::process::{Served, command, command_with};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn top(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Part and code of each row of the operators' table.
fn described() -> BTreeSet<(String, String)> {
    let page = top("docs/operations/doctor.md");
    let cells = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"));
    cells
        .map(|(part, rest)| (part.to_owned(), rest.split('`').next().unwrap().to_owned()))
        .collect()
}

/// Every part has a word, every code is described, what is not well comes with advice, and no sentence is a fragment.
pub(super) fn is_well_formed(report: &Report) {
    let described = described();
    for part in Part::ALL {
        assert!(
            report.findings.iter().any(|finding| finding.part == part),
            "nothing is said of {part:?}"
        );
    }
    for finding in &report.findings {
        let name = (finding.part.as_str().to_owned(), finding.code.to_owned());
        assert!(
            described.contains(&name),
            "docs/operations/doctor.md does not describe {name:?}"
        );
        assert_eq!(finding.advice.is_some(), finding.level != Level::Ok, "{finding:?}");
        assert!(!finding.saw.ends_with('.') && finding.saw.len() > 10, "{finding:?}");
    }
}

#[test]
fn every_code_of_the_page_is_one_of_the_program() {
    let mut source = String::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/doctor")).unwrap() {
        source += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    let described = described();
    for (_, code) in &described {
        assert!(source.contains(&format!("\"{code}\"")), "nothing says {code}");
    }
    let codes: BTreeSet<&str> = described.iter().map(|(_, code)| code.as_str()).collect();
    for call in ["say.ok(", "say.warn(", "say.wrong(", "say.bad("] {
        for rest in source.split(call).skip(1) {
            let arguments = rest.split_once('(').map_or(rest, |(before, _)| before);
            let first = arguments
                .split(',')
                .find_map(|word| word.trim().strip_prefix('"')?.strip_suffix('"'));
            if let Some(code) =
                first.filter(|code| code.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'))
            {
                assert!(
                    codes.contains(code),
                    "docs/operations/doctor.md does not describe {code}"
                );
            }
        }
    }
}

/// Every file of a folder but SQLite's notes on who reads, with the digest of what is in it.
fn contents(folder: &Path) -> BTreeMap<String, [u8; 32]> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let (name, bytes) = (path.display().to_string(), std::fs::read(&path).unwrap());
        let is_note = name.ends_with("-shm") || (name.ends_with("-wal") && bytes.is_empty());
        if !is_note {
            found.insert(name, Sha256::digest(&bytes).into());
        }
    }
    found
}

fn json_of(folder: &Path, bind: &str) -> (Option<i32>, Value) {
    let bind = ("CARBON_GATEWAY__HTTP__BIND".to_owned(), bind.to_owned());
    let settings = database::settings(folder).into_iter().chain([bind]);
    let (code, stdout, stderr) = command_with(folder, &["doctor", "--json"], settings);
    assert_eq!(stdout.lines().count(), 1, "{stdout}{stderr}");
    (code, serde_json::from_str(&stdout).unwrap())
}

fn finding<'a>(told: &'a Value, part: &str, code: &str) -> &'a Value {
    let findings = told["findings"].as_array().unwrap();
    let found = findings
        .iter()
        .find(|finding| finding["part"] == part && finding["code"] == code);
    assert!(found.is_some(), "no {part} {code} in {told:#}");
    found.unwrap()
}

#[tokio::test]
async fn a_sound_installation_is_told_so_beside_its_gateway_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), None).await;
    let now_s = jiff::Timestamp::now().as_second();
    for n in 0..5 {
        assert_eq!(served.submit(now_s, n).await, Some(201));
    }
    let bind = served.base.strip_prefix("http://").unwrap().to_owned();
    let (code, told) = json_of(folder.path(), &bind);
    assert_eq!(
        (code, &told["ok"], &told["wrong"]),
        (Some(0), &true.into(), &0.into()),
        "{told:#}"
    );
    assert_eq!(finding(&told, "gateway", "ready")["level"], "ok");
    for (part, code) in [
        ("database", "tables"),
        ("database", "homes"),
        ("keys", "kek"),
        ("keys", "issuer"),
        ("chain", "height"),
        ("clock", "booked"),
        ("spread", "riders_few"),
    ] {
        assert_eq!(finding(&told, part, code)["level"], "ok");
    }
    assert_eq!(served.submit(now_s, 6).await, Some(201), "the gateway notices nothing");
    assert_eq!(served.terminate(), Some(0));

    let before = contents(folder.path());
    let (code, told) = json_of(folder.path(), &bind);
    assert_eq!(code, Some(0), "{told:#}");
    assert_eq!(finding(&told, "gateway", "none")["level"], "ok");
    assert_eq!(contents(folder.path()), before, "it has written");
    let (code, stdout, stderr) = command(folder.path(), &["doctor"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let last = stdout.lines().last().unwrap();
    assert!(last.starts_with("nothing is wrong"), "{stdout}");
    assert!(stdout.contains("\nkeys        "), "{stdout}");
}

#[test]
fn an_empty_place_is_no_error_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let (code, told) = json_of(&nowhere, "127.0.0.1:0");
    assert_eq!(code, Some(0), "{told:#}");
    assert_eq!(finding(&told, "database", "none")["level"], "warning");
    assert_eq!(finding(&told, "folder", "missing")["level"], "warning");
    assert!(!nowhere.exists());
}

#[test]
fn settings_that_cannot_be_read_are_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = command_with(folder.path(), &["doctor"], [("CARBON_GATEWAY__CHAIN__KIND", "none")]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("chain.kind"), "{stderr}");
}

/// One that lets everybody in and then says nothing, and an address that is none.
#[test]
fn a_server_that_is_silent_and_an_address_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    for (place, code) in [(silent.as_str(), "unreachable"), ("db:port", "address")] {
        let url = format!("mysql://carbon:hush-hush@{place}/carbon");
        let settings = [
            ("CARBON_GATEWAY__DATABASE__KIND", "mysql"),
            ("CARBON_GATEWAY__DATABASE__URL", url.as_str()),
            ("CARBON_GATEWAY__HTTP__BIND", "127.0.0.1:0"),
        ];
        let (exit, stdout, stderr) = command_with(folder.path(), &["doctor", "--json"], settings);
        assert_eq!(exit, Some(1), "{stdout}{stderr}");
        assert!(!stdout.contains("hush") && !stderr.contains("hush"), "{stdout}{stderr}");
        let told: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(finding(&told, "database", code)["level"], "wrong");
    }
}

/// A server that is away, and a user's password that no word of the examination holds.
#[test]
fn a_database_that_is_away_is_named_without_its_password_and_the_rest_is_examined() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    let settings = [
        ("CARBON_GATEWAY__DATABASE__KIND", "mysql"),
        (
            "CARBON_GATEWAY__DATABASE__URL",
            "mysql://carbon:hush-hush@127.0.0.1:1/carbon",
        ),
        ("CARBON_GATEWAY__HTTP__BIND", "127.0.0.1:0"),
    ];
    for arguments in [&["doctor"][..], &["doctor", "--json"]] {
        let (code, stdout, stderr) = command_with(folder.path(), arguments, settings);
        assert_eq!(code, Some(1), "{stdout}{stderr}");
        assert!(!stdout.contains("hush") && !stderr.contains("hush"), "{stdout}{stderr}");
        assert!(stdout.contains("mysql://127.0.0.1:1/carbon"), "{stdout}");
    }
    let (_, stdout, _) = command_with(folder.path(), &["doctor", "--json"], settings);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(finding(&told, "database", "unreachable")["level"], "wrong");
    for (part, code) in [
        ("database", "homes_unknown"),
        ("keys", "not_seen"),
        ("spread", "not_seen"),
    ] {
        assert_eq!(finding(&told, part, code)["level"], "warning");
    }
    assert_eq!(finding(&told, "keys", "kek_missing")["level"], "warning");
    assert_eq!(finding(&told, "chain", "not_seen")["level"], "warning");
    assert_eq!(told["wrong"], 1, "{told:#}");
}
