//! Every package that is linked in bears a licence that `deny.toml` allows, none is banned, and all come from the registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    license: Option<String>,
}

fn from_toml<T: for<'de> Deserialize<'de>>(file: &str) -> T {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    toml::from_str(&text).unwrap()
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    String::from_utf8(run.stdout).unwrap()
}

/// The packages this machine builds; those of other systems may not be at hand without a network.
fn packages() -> Vec<Package> {
    let version = output_of(env!("CARGO"), &["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--offline",
        "--filter-platform",
        host,
    ];
    serde_json::from_str::<Metadata>(&output_of(env!("CARGO"), &arguments))
        .unwrap()
        .packages
}

/// Whether an SPDX expression can be met with the allowed licences. `OR` binds weakest, then `AND`; the old `/` is an `OR`.
fn is_allowed(expression: &str, allow: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let answer = either(&mut rest, allow);
    answer && rest.is_empty()
}

fn either(rest: &mut &[&str], allow: &[String]) -> bool {
    let mut answer = both(rest, allow);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        answer |= both(rest, allow);
    }
    answer
}

fn both(rest: &mut &[&str], allow: &[String]) -> bool {
    let mut answer = single(rest, allow);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        answer &= single(rest, allow);
    }
    answer
}

fn single(rest: &mut &[&str], allow: &[String]) -> bool {
    let name = match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let answer = either(rest, allow);
            let [")", after @ ..] = *rest else { return false };
            *rest = after;
            return answer;
        }
        [licence, "WITH", exception, after @ ..] => {
            *rest = after;
            format!("{licence} WITH {exception}")
        }
        [licence, after @ ..] => {
            *rest = after;
            (*licence).to_owned()
        }
        [] => return false,
    };
    allow.contains(&name)
}

#[test]
fn every_licence_is_allowed() {
    let allow = from_toml::<Deny>("deny.toml").licenses.allow;
    let refused: Vec<String> = packages()
        .into_iter()
        .filter(|package| {
            !package
                .license
                .as_deref()
                .is_some_and(|expression| is_allowed(expression, &allow))
        })
        .map(|package| {
            format!(
                "{}: {}",
                package.name,
                package.license.as_deref().unwrap_or("no licence named")
            )
        })
        .collect();
    assert!(
        refused.is_empty(),
        "licences that deny.toml does not allow:\n  {}",
        refused.join("\n  ")
    );
}

#[test]
fn no_banned_crate_is_locked_and_all_come_from_the_registry() {
    let bans = from_toml::<Deny>("deny.toml").bans.deny;
    let locked = from_toml::<Lock>("Cargo.lock").package;
    for ban in &bans {
        assert!(
            locked.iter().all(|package| package.name != ban.name),
            "{} is banned: {}",
            ban.name,
            ban.reason
        );
    }
    let stray = locked.iter().filter(|package| {
        package
            .source
            .as_ref()
            .is_some_and(|from| !from.starts_with("registry+"))
    });
    let stray: Vec<&str> = stray.map(|package| package.name.as_str()).collect();
    assert!(stray.is_empty(), "packages from elsewhere than the registry: {stray:?}");
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allow = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for (expression, answer) in [
        ("MIT", true),
        ("GPL-3.0-or-later", false),
        ("GPL-3.0-only OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND Apache-2.0", false),
        ("(Apache-2.0 OR MIT) AND Zlib", true),
        ("(Apache-2.0 OR BSD-3-Clause) AND Zlib", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-2.0-only OR MIT AND Zlib", true),
        ("MIT MIT", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allow), answer, "{expression}");
    }
}
