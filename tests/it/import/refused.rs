//! Wrong use: exit code 2, nothing on standard output, a message that names what is wrong and what would be right.

use super::made::{self, PROGRAMME, as_texts};
use super::{import, imported, run};
use crate::process::{Served, command};
use serde_json::json;
use std::path::{Path, PathBuf};

struct Case {
    folder: tempfile::TempDir,
    rides: PathBuf,
}

impl Case {
    fn new() -> Self {
        let folder = made::folder(&made::made(1, 20, 5));
        let rides = folder.path().join("rides.csv");
        Self { folder, rides }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs with the arguments of the folder, with `more` in place of those of the same name or beside them.
    fn told(&self, more: &[&str], files: &[PathBuf]) -> String {
        let mut all = made::arguments(self.folder.path());
        for pair in more.chunks(2) {
            match all.iter().position(|argument| argument == pair[0]) {
                Some(at) => pair[1].clone_into(&mut all[at + 1]),
                None => all.extend(pair.iter().map(|text| (*text).to_owned())),
            }
        }
        let ended = run(import(&self.data(), &as_texts(&all), files));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
        ended.stderr
    }
}

fn assert_says(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "{word:?} is missing: {told}");
    }
}

#[test]
fn profiles_and_files_that_do_not_fit_are_told_before_anything_is_booked() {
    let case = Case::new();
    let rides = [case.rides.clone()];
    assert_says(
        &case.told(&["--profile", "gone.toml"], &rides),
        &["the profile gone.toml"],
    );
    let wrong = case.write("wrong.toml", "client = 7\nmode = \"metro\"\nspeed = 1\n");
    assert_says(
        &case.told(&["--profile", &wrong], &rides),
        &[
            "- client: must be the name",
            "- trip_id: is missing",
            "- rider.column",
            "- speed: unknown key; known here are client",
        ],
    );
    let profile = made::PROFILE
        .replace("from = \"from\"", "from = \"origin\"")
        .replace("\"card\"", "\"chip\"");
    let columns = case.write("columns.toml", &profile);
    assert_says(
        &case.told(&["--profile", &columns], &rides),
        &[
            "rides.csv does not fit the profile",
            "there is no column",
            "\"chip\", ",
            "\"origin\"",
            "there are \"nr\", \"kind\"",
        ],
    );
    assert_says(
        &case.told(&[], &[case.folder.path().join("gone.csv")]),
        &["gone.csv", "No such file"],
    );
    assert_says(
        &case.told(&[], &[case.folder.path().to_owned()]),
        &["a file cannot be opened"],
    );
    std::fs::copy(&case.rides, case.folder.path().join("rides.gz")).unwrap();
    assert_says(
        &case.told(&[], &[case.folder.path().join("rides.gz")]),
        &["rides.gz is named .gz but is not gzipped"],
    );
    assert_says(
        &case.told(&["--date", "2024-02-28"], &rides),
        &["--date: the profile takes no service date"],
    );
    let dated = case.write("dated.toml", &made::PROFILE.replace("{@start}", "{@date}"));
    assert_says(
        &case.told(&["--profile", &dated], &rides),
        &["once for each file in order; 0 for 1 files"],
    );
    assert_says(
        &case.told(&["--profile", &dated, "--date", "2024-02-30"], &rides),
        &["must be a day such as"],
    );
    let far = case.write("far.toml", &made::PROFILE.replace("town.toml", "gone.toml"));
    assert_says(
        &case.told(&["--profile", &far], &rides),
        &["names a file that cannot be used", "gone.toml"],
    );
    assert!(!case.data().exists(), "a mistake leaves no data folder behind");
}

#[test]
fn programmes_are_named_by_id_or_in_the_demo_by_file() {
    let case = Case::new();
    let rides = [case.rides.clone()];
    assert_says(
        &case.told(&["--programme", "nowhere"], &rides),
        &["no active programme \"nowhere\"; active are demo"],
    );
    assert_says(
        &case.told(&["--programme", "gone.toml"], &rides),
        &["the programme gone.toml", "No such file"],
    );
    let wrong = case.write("wrong-programme.toml", &PROGRAMME.replace("day_of", "day_off"));
    assert_says(&case.told(&["--programme", &wrong], &rides), &["day_off: unknown key"]);
    let other = case.write(
        "other.toml",
        &PROGRAMME.replace("[modes.metro]", "[modes.bus_electric]"),
    );
    assert_says(
        &case.told(&["--programme", &other], &rides),
        &["has no mode \"metro\"", "bus_electric"],
    );
    let evidence = case.write("evidence.toml", &format!("evidence = \"required\"\n{PROGRAMME}"));
    assert_says(&case.told(&["--programme", &evidence], &rides), &["demands evidence"]);
    let all = made::arguments(case.folder.path());
    let mut command = import(&case.data(), &as_texts(&all), &rides);
    command.env("CARBON_GATEWAY__ENVIRONMENT", "production");
    let ended = run(command);
    assert_eq!(ended.code, Some(2));
    assert_says(&ended.stderr, &["in the demo environment only"]);
    // Put in force once, it is an active programme, and others under its id replace it.
    let first = imported(&case.data(), &as_texts(&all), &rides);
    let by_id = [&all[0], &all[1], "--programme", "town"];
    let again = imported(&case.data(), &by_id, &rides);
    assert_eq!(again["created"], json!(0));
    assert!(first["created"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_asked_before_anything_is_sent() {
    let case = Case::new();
    let rides = [case.rides.clone()];
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), None).await;
    let key = |client: &str, rights: &str| new_key(data.path(), client, rights);
    let own = case.write("own.key", &key("town-app", "trips:write"));
    let to = ["--to", served.base.as_str(), "--key-file"];
    let told = |more: &[&str]| case.told(&[&to[..], more].concat(), &rides);
    assert_says(&told(&[&own]), &["--programme: with --to, name the id"]);
    assert_says(
        &told(&[&own, "--programme", "town"]),
        &["not_found", "no programme of that id"],
    );
    let other = case.write("other.key", &key("other-app", "trips:write"));
    assert_says(
        &told(&[&other, "--programme", "demo"]),
        &["belongs to the client \"other-app\"", "the profile is for \"town-app\""],
    );
    let reader = case.write("reader.key", &key("town-app", "credits:read"));
    assert_says(&told(&[&reader, "--programme", "demo"]), &["forbidden", "trips:write"]);
    let void = case.write("void.key", "cgk_0000");
    assert_says(&told(&[&void, "--programme", "demo"]), &["unauthorized"]);
    let empty = case.write("empty.key", "secret");
    assert_says(
        &told(&[&empty, "--programme", "demo"]),
        &["must hold one API key, which begins with cgk_"],
    );
    assert_says(&told(&["gone.key", "--programme", "demo"]), &["--key-file gone.key"]);
    let bike = made::PROFILE.replace("mode = \"metro\"", "mode = \"rocket\"");
    let bike = case.write("rocket.toml", &bike);
    assert_says(
        &told(&[&own, "--programme", "demo", "--profile", &bike]),
        &["has no mode \"rocket\"; it has bus_electric"],
    );
    let wrong = case.told(&["--to", "ftp://x", "--key-file", &own, "--programme", "demo"], &rides);
    assert_says(&wrong, &["must be the address of a gateway"]);
    let nobody = case.told(
        &["--to", "http://127.0.0.1:1", "--key-file", &own, "--programme", "demo"],
        &rides,
    );
    assert_says(&nobody, &["cannot be reached"]);
    let alone = run(import(
        &case.data(),
        &as_texts(
            &[
                made::arguments(case.folder.path()),
                vec!["--to".into(), served.base.clone()],
            ]
            .concat(),
        ),
        &rides,
    ));
    assert_eq!(alone.code, Some(2));
    // A folder in which a gateway works is its own.
    let locked = run(import(
        data.path(),
        &as_texts(&made::arguments(case.folder.path())),
        &rides,
    ));
    assert_eq!(locked.code, Some(2));
    assert_says(&locked.stderr, &["another gateway works in the data folder"]);
    assert_eq!(served.terminate(), Some(0));
}

/// A key of a client, made beside the running gateway.
pub(super) fn new_key(data: &Path, client: &str, rights: &str) -> String {
    let (code, stdout, stderr) = command(data, &["keys", "create", "--client", client, "--rights", rights]);
    assert_eq!(code, Some(0), "{stderr}");
    let made: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    made["key"].as_str().unwrap().to_owned()
}
