//! `import` by the real executable: what it stores of files, real and made up, and what it says of everything that is wrong.

mod generated; // a made-up file becomes what a naive reader expects, once and again
mod interrupted; // killed, stopped, twice at once, the gateway gone for a while
pub(crate) mod made; // the made-up file and its naive reader
mod networks; // descriptions of networks against their expected figures
mod real; // the public sets, to the microgram
mod refused; // wrong use: told clearly, with its exit code
pub(crate) mod stored; // every stored trip of a ledger, read back

use crate::database;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_carbon-gateway");

/// What a command did.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// The one object on standard output.
    fn summary(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}\n{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// `import --json` on a data folder, ready to be run. Commits survive the process, not a power cut: tests spare the disk.
fn import(data: &Path, arguments: &[&str], files: &[PathBuf]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["import", "--json", "--data"])
        .arg(data)
        .args(arguments)
        .args(files);
    command.env("CARBON_GATEWAY__DATABASE__SYNCHRONOUS", "normal");
    command.envs(database::settings(data));
    command.env("CARBON_GATEWAY__LOG__LEVEL", "warn");
    command.stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Imports and insists that it worked; the closing object.
fn imported(data: &Path, arguments: &[&str], files: &[PathBuf]) -> Value {
    let ended = run(import(data, arguments, files));
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    ended.summary()
}

/// `verify --recompute` on a data folder.
fn assert_verified(data: &Path) {
    let (code, stdout, stderr) = crate::process::command(data, &["verify", "--json", "--recompute"]);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
}

/// A file of the examples.
fn example(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path);
    path.to_str().unwrap().to_owned()
}
