//! The real executable is ended while it imports into a data folder, whose chain fails on purpose: at every named point, and at random
//! moments. It is run again, and what stands then is what an undisturbed run leaves, and `verify` finds nothing.

mod books; // what stands in a data folder, in words that two folders share
mod days; // told to stop with much to send, a disk too full for blocks
#[cfg(debug_assertions)] // what is built without them has no points
mod points; // each named point, five times
mod signals; // fifty times SIGKILL

use crate::database;
use crate::import::made::{self, PROGRAMME, as_texts};
use crate::process::command;
use serde_json::Value;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_carbon-gateway");
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(5);

/// Profile, programme and network of a town whose riders' claims are collected by themselves, and its files of rides.
struct Town {
    folder: tempfile::TempDir,
    rides: Vec<PathBuf>,
}

/// One start of the executable, and how its chain fails.
#[derive(Clone, Copy)]
struct Start<'a> {
    data: &'a Path,
    rides: &'a Path,
    /// Of a hundred sendings.
    fault_percent: u8,
    fault_seed: u64,
}

/// An import that runs; whoever lets it go ends it.
struct Running(Child);

/// How an import ended.
struct Ended {
    /// By this signal; by itself and in good order, if there was none.
    signal: Option<i32>,
    /// The closing table, of one that ended by itself.
    table: Option<Value>,
    stderr: String,
}

impl Town {
    /// A town with so many files of about so many rows and riders; no two files have a rider in common.
    fn found(files: u8, rows: u64, riders: u64) -> Self {
        let mut made_files = (0..files).map(|number| made::made(700 + u64::from(number), rows, riders));
        let first = made_files.next().unwrap();
        let folder = made::folder(&first);
        let automatic = PROGRAMME.replace("back_test = true", "back_test = true\ncollect = \"automatic\"");
        std::fs::write(folder.path().join("programme.toml"), automatic).unwrap();
        let mut written = Vec::new();
        for (letter, made) in ('a'..='z').zip(std::iter::once(first).chain(made_files)) {
            let text = String::from_utf8(made.text)
                .unwrap()
                .replace('卡', &format!("卡{letter}"));
            let file = folder.path().join(format!("rides-{letter}.csv"));
            std::fs::write(&file, text).unwrap();
            written.push(file);
        }
        Self { folder, rides: written }
    }

    /// Starts an import; `drill` names a point and a count.
    fn start(&self, start: Start<'_>, drill: Option<&str>) -> Running {
        let arguments = made::arguments(self.folder.path());
        let mut import = Command::new("bash");
        // What is ended on purpose leaves no image of its memory behind.
        import
            .args([
                "-c",
                "ulimit -c 0; exec \"$0\" \"$@\"",
                PROGRAM,
                "import",
                "--json",
                "--data",
            ])
            .arg(start.data)
            .args(as_texts(&arguments))
            .arg(start.rides)
            .env("CARBON_GATEWAY__DATABASE__SYNCHRONOUS", "normal")
            .envs(database::settings(start.data))
            .env("CARBON_GATEWAY__LOG__LEVEL", "error")
            // Many commits of few rides: more places in which to end.
            .env("CARBON_GATEWAY__WRITER__BATCH_MAX", "16")
            .env("CARBON_GATEWAY__CHAIN__FAULT_PERCENT", start.fault_percent.to_string())
            .env("CARBON_GATEWAY__CHAIN__FAULT_SEED", start.fault_seed.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(drill) = drill {
            import.env("CARBON_GATEWAY_CRASH_AT", drill);
        }
        Running(import.spawn().unwrap())
    }

    /// Imports without a drill, to the end.
    async fn import(&self, start: Start<'_>) -> Value {
        let ended = self.start(start, None).ended().await;
        assert_eq!(ended.signal, None, "{}", ended.stderr);
        ended.table.unwrap()
    }
}

impl Running {
    /// SIGKILL.
    fn kill(&mut self) {
        self.0.kill().unwrap();
    }

    /// Waits for the end, which must be one of the two, and come.
    async fn ended(mut self) -> Ended {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "an import does not come to its end");
            tokio::time::sleep(LOOK).await;
        };
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let signal = status.signal();
        let table = signal.is_none().then(|| {
            assert_eq!(status.code(), Some(0), "{stderr}");
            let mut table: Value = serde_json::from_str(&stdout).unwrap();
            // What the clock has a part in.
            for figure in ["seconds", "rate"] {
                table.as_object_mut().unwrap().remove(figure);
            }
            table
        });
        Ended { signal, table, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The rows of a table that are trips, stored now or before.
fn taken(table: &Value) -> u64 {
    ["created", "replayed"]
        .map(|figure| table[figure].as_u64().unwrap())
        .iter()
        .sum()
}

/// What an interrupted import's last run says must be what an undisturbed one's says, but for what it found stored.
fn assert_same_rows(table: &Value, undisturbed: &Value) {
    for figure in ["read", "skipped", "malformed", "conflicts"] {
        assert_eq!(table[figure], undisturbed[figure], "{figure} of {table}");
    }
    assert_eq!(taken(table), taken(undisturbed), "{table}");
}

fn assert_verified(data: &Path, options: &[&str]) {
    let (code, stdout, stderr) = command(data, &[&["verify", "--json"], options].concat());
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
}

/// Lines that tests leave behind for whoever asks to see them.
fn tell(line: &str) {
    #[expect(clippy::print_stdout, reason = "the phase of each hit is shown with --show-output")]
    {
        println!("{line}");
    }
}
