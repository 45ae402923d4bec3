//! `demo` by the real executable: it adds up and says so, notices what does not, stops in good order, and leaves nothing behind.

use crate::database;
use carbon_gateway::demo::{Plan, Sums, Wish};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_carbon-gateway");
const ANY_PORT: &str = "127.0.0.1:0";

/// `demo`, with its temporary folder made in `scratch`. Commits survive the process, not a power cut: tests spare the disk.
fn demo(scratch: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", scratch)
        .env("CARBON_GATEWAY__HTTP__BIND", ANY_PORT)
        .env("CARBON_GATEWAY__DATABASE__SYNCHRONOUS", "normal")
        .envs(database::settings(scratch))
        .stdin(Stdio::null());
    command
}

/// Runs to the end; exit code, standard output, standard error.
fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn object(stdout: &str) -> Value {
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(stdout).unwrap()
}

/// What the day must come to: the figures of a plan do not depend on the day.
fn planned(riders: u32, seed: u64) -> Sums {
    let started_ms = 1_795_147_200_000;
    Sums::of(&Plan::of(Wish {
        riders,
        seed,
        started_ms,
    }))
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_morning_adds_up_and_says_so() {
    let scratch = scratch();
    let (code, stdout, stderr) = run(demo(scratch.path(), &["--once", "--riders", "20", "--json"]));
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    let day = object(&stdout);
    let sums = planned(20, 1);
    for (name, expected) in [
        ("ok", json!(true)),
        ("riders", json!(20)),
        ("seed", json!(1)),
        ("trips", json!(sums.trips)),
        ("refused", json!(sums.refused)),
        ("problems", json!(sums.problems)),
        ("replayed", json!(sums.replayed)),
        ("collections", json!(sums.collections)),
        ("redemptions", json!(sums.redemptions)),
        ("quantified", json!(sums.quantified)),
        ("collected", json!(sums.collected)),
        ("waiting", json!(sums.waiting())),
        ("spent", json!(sums.spent)),
        ("confirmed", json!(sums.transactions())),
        ("wrong", json!([])),
    ] {
        assert_eq!(day[name], expected, "{name}");
    }
    for name in ["trips", "quantified", "collected", "waiting", "spent"] {
        assert_eq!(day["totals"][name], day[name], "{name}");
    }
    assert_eq!(day["verify"]["ok"], true);
    let (trace, none) = (&day["trace"], Vec::new());
    assert_eq!(trace["sources"].as_array().unwrap_or(&none).len(), 2, "{trace}");
    let via = trace["via"].as_array().unwrap_or(&none);
    assert!(
        !via.is_empty() && via.iter().all(|one| one["chain"]["height"].is_u64()),
        "{trace}"
    );
    assert!(
        stderr.contains("20 riders") && stderr.contains("serves on http://127.0.0.1:"),
        "{stderr}"
    );
    assert!(is_empty(scratch.path()), "a temporary folder was left behind");
}

#[test]
fn a_person_reads_lines_that_fit_and_the_data_is_kept_where_it_was_wanted() {
    let scratch = scratch();
    let data = scratch.path().join("kept");
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = demo(scratch.path(), &["--once", "--riders", "12", "--seed", "9", "--data"]);
    command.arg(&data).env("CARBON_GATEWAY__HTTP__BIND", &address);
    command.envs(database::settings(&data));
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    assert!(stderr.contains(&format!("{address} is taken")), "{stderr}");
    for expected in [
        "overlap",
        "trip_conflict",
        "idempotency_conflict",
        "insufficient",
        "block ",
        "All is well",
    ] {
        assert!(stdout.contains(expected), "{expected:?} is missing:\n{stdout}");
    }
    let total = planned(12, 9).quantified.to_string();
    assert!(
        stdout
            .lines()
            .any(|line| line.contains("quantified") && line.contains(&total)),
        "{stdout}"
    );
    assert!(stdout.lines().all(|line| line.chars().count() < 100), "{stdout}");
    let (code, stdout, _) = crate::process::command(&data, &["verify", "--recompute"]);
    assert_eq!(code, Some(0), "{stdout}");
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let scratch = scratch();
    let data = scratch.path().join("full");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("note.txt"), "mine").unwrap();
    let mut command = demo(scratch.path(), &["--once", "--data"]);
    command.arg(&data);
    let (code, stdout, stderr) = run(command);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("full: the folder is not empty"), "{stderr}");
    assert_eq!(data.read_dir().unwrap().count(), 1);
}

#[test]
fn what_does_not_add_up_is_told() {
    let scratch = scratch();
    let programmes = scratch.path().join("programmes");
    std::fs::create_dir(&programmes).unwrap();
    // The same programme, but for a cap that the plan does not know of.
    let built_in = include_str!("../../src/methodology/data/programme-demo.toml");
    let capped = built_in.replace("daily_amount = \"100000\"", "daily_amount = \"100\"");
    assert_ne!(built_in, capped);
    std::fs::write(programmes.join("demo.toml"), capped).unwrap();
    let temporary = scratch.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = demo(&temporary, &["--once", "--riders", "5", "--json"]);
    command.env("CARBON_GATEWAY__PROGRAMME__DIR", &programmes);
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, Some(1), "{stdout}\n{stderr}");
    let day = object(&stdout);
    assert_eq!(
        (&day["ok"], &day["verify"]["ok"]),
        (&json!(false), &json!(true)),
        "{day}"
    );
    let wrong = day["wrong"].to_string();
    assert!(wrong.contains("trip ") && wrong.contains("totals, capped"), "{wrong}");
    assert!(
        stderr.contains("the data is left in") && !is_empty(&temporary),
        "{stderr}"
    );
}

struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Running {
    /// Starts, and waits for a word on standard error.
    fn until(mut command: Command, word: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert!(
                stderr.read_line(&mut line).unwrap() > 0,
                "it ended before it said {word:?}"
            );
        }
        Self { child, stderr }
    }

    /// What Ctrl-C sends; exit code, and the rest of standard output and error.
    fn interrupt(mut self) -> (Option<i32>, String, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let (mut stdout, mut rest) = (String::new(), String::new());
        self.stderr.read_to_string(&mut rest).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        (self.child.wait().unwrap().code(), stdout, rest)
    }
}

#[test]
fn it_serves_on_until_it_is_stopped() {
    let scratch = scratch();
    let running = Running::until(demo(scratch.path(), &["--riders", "2", "--json"]), "/metrics");
    let folder = scratch.path().read_dir().unwrap().next().unwrap().unwrap().path();
    assert!(folder.join("first-api-key").is_file());
    let (code, stdout, stderr) = running.interrupt();
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(object(&stdout)["ok"], true);
    assert!(is_empty(scratch.path()), "the temporary folder was left behind");
}

#[test]
fn a_signal_in_the_middle_ends_it_in_good_order() {
    for (once, expected) in [(&[][..], 0), (&["--once"][..], 1)] {
        let scratch = scratch();
        let arguments = [&["--riders", "4000"], once].concat();
        let running = Running::until(demo(scratch.path(), &arguments), "Its data is in");
        let (code, stdout, stderr) = running.interrupt();
        assert_eq!((code, stdout.as_str()), (Some(expected), ""), "{stderr}");
        assert!(stderr.contains("stopped before the morning was over"), "{stderr}");
        assert!(is_empty(scratch.path()), "the temporary folder was left behind");
    }
}
