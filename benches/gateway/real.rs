//! The public sets by the real executable: imported with the shipped profiles and programmes, everything confirmed on the embedded
//! chain, verified, imported once more; every figure against those that were computed elsewhere. A wrong figure is an error.

use super::scratch;
use super::table::{Row, note};
use anyhow::{Context as _, ensure};
use carbon_gateway::folder::DataFolder;
use carbon_gateway::store::db::{Homes, Location, SqliteFile};
use carbon_gateway::store::reads::dispatch::{Backlog, backlog};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A set: its name among the expected figures, the folder of its files, and its profiles with how many of the files each reads.
type Set = (&'static str, &'static str, &'static [(&'static str, usize)]);

const SETS: [Set; 5] = [
    ("metro-beijing-afc", "metro-beijing-afc", &[("metro-beijing-afc", 1)]),
    (
        "bike-guadalajara-mibici",
        "bike-guadalajara-mibici",
        &[("bike-guadalajara-mibici", 2)],
    ),
    (
        "bike-shanghai-mobike",
        "bike-shanghai-mobike",
        &[("bike-shanghai-mobike-first", 1), ("bike-shanghai-mobike-second", 1)],
    ),
    ("bike-singapore", "bike-singapore", &[("bike-singapore", 1)]),
    (
        "metro-shenzhen-szt-bus",
        "metro-shenzhen-szt",
        &[("metro-shenzhen-szt-bus", 2)],
    ),
];

/// Figures of a closing table that are counts.
const COUNTS: [&str; 4] = ["read", "created", "replayed", "credited"];

/// Imports every set; none where the data is not there.
pub(crate) async fn measure() -> anyhow::Result<Vec<Row>> {
    let shared = shared_dir();
    let expected = shared.join("data/real/expected/expected.json");
    if !expected.is_file() {
        note(&format!(
            "skipped: {} is not there; SHARED_DIR names the folder with the public sets",
            expected.display()
        ));
        return Ok(Vec::new());
    }
    let expected: Value = serde_json::from_slice(&std::fs::read(&expected)?)?;
    let mut rows = Vec::new();
    for set in &SETS {
        rows.extend(one(&shared, set, &expected["runs"][set.0]).await?);
    }
    Ok(rows)
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the public sets are is no setting of the gateway"
)]
fn shared_dir() -> PathBuf {
    std::env::var_os("SHARED_DIR").map_or_else(|| PathBuf::from("../shared"), PathBuf::from)
}

async fn one(shared: &Path, set: &Set, expected: &Value) -> anyhow::Result<Vec<Row>> {
    let (name, ..) = set;
    let (scratch, folder) = scratch()?;
    let (first, lasted) = imported(shared, set, expected, &folder)?;
    ensure!(first == wanted(expected)?, "{name}: {first:?} is not what is expected");
    let left = on_the_way(&folder).await?;
    ensure!(left == Backlog::default(), "{name}: not all is confirmed: {left:?}");
    let checked = verified(&folder)?;
    let before = first.sums[0];
    let (second, again) = imported(shared, set, expected, &folder)?;
    ensure!(
        second.sums[1] == 0 && second.sums[2] == first.sums[1].saturating_add(first.sums[2]) && second.amount_ug == 0,
        "{name}: the second import has changed something: {second:?}"
    );
    verified(&folder)?;
    drop(scratch);
    note(&format!(
        "{name}: {} rides, {} credited, every figure as expected",
        before, first.sums[3]
    ));
    let rate = |lasted: Duration| before as f64 / lasted.as_secs_f64();
    Ok(vec![
        Row::figure(
            format!("{name}, until all is confirmed"),
            "rides a second",
            rate(lasted),
        ),
        Row::figure(format!("{name}, once more"), "rides a second", rate(again)),
        Row::figure(format!("{name}, verify"), "s", checked.as_secs_f64()),
    ])
}

/// What closing tables say: the sums of [`COUNTS`], and micrograms.
#[derive(PartialEq, Eq, Debug, Default)]
struct Closing {
    sums: [u64; 4],
    amount_ug: i128,
}

fn wanted(expected: &Value) -> anyhow::Result<Closing> {
    let mut closing = Closing::default();
    closing.add(&expected["closing"])?;
    Ok(closing)
}

impl Closing {
    fn add(&mut self, table: &Value) -> anyhow::Result<()> {
        for (sum, name) in self.sums.iter_mut().zip(COUNTS) {
            *sum = sum.saturating_add(table[name].as_u64().with_context(|| format!("no {name}"))?);
        }
        let grams = table["amount"].as_str().context("no amount")?;
        let (whole, fraction) = grams.split_once('.').unwrap_or((grams, ""));
        let micrograms: i128 = format!("{whole}{fraction:0<6}").parse()?;
        self.amount_ug = self.amount_ug.saturating_add(micrograms);
        Ok(())
    }
}

fn imported(shared: &Path, set: &Set, expected: &Value, folder: &DataFolder) -> anyhow::Result<(Closing, Duration)> {
    let (name, data, profiles) = set;
    let texts = |key: &str| {
        let list = expected[key].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut files = texts("files")
        .into_iter()
        .map(|file| shared.join("data/real").join(data).join(file));
    let (mut closing, begun) = (Closing::default(), Instant::now());
    for (profile, count) in *profiles {
        let mut command = gateway(folder, "import");
        command.env("SHARED_DIR", shared).arg("--json");
        command.args(["--profile", &format!("examples/import/{profile}.toml")]);
        command.args(["--programme", &format!("examples/programmes/{name}.toml")]);
        for date in texts("service_dates") {
            command.args(["--date", &date]);
        }
        command.args(files.by_ref().take(*count));
        let output = command.output()?;
        ensure!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        closing.add(&serde_json::from_slice(&output.stdout)?)?;
    }
    Ok((closing, begun.elapsed()))
}

fn verified(folder: &DataFolder) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let output = gateway(folder, "verify").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(begun.elapsed())
}

async fn on_the_way(folder: &DataFolder) -> anyhow::Result<Backlog> {
    let location = Location::Sqlite(SqliteFile {
        file: folder.ledger_file(),
        busy_timeout: Duration::from_secs(5),
        durable: true,
    });
    Ok(backlog(&Homes::one(location).readers(1).await?).await?)
}

fn gateway(folder: &DataFolder, command: &str) -> Command {
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_carbon-gateway"));
    gateway.arg(command).arg("--data").arg(folder.root());
    gateway.env("CARBON_GATEWAY__LOG__LEVEL", "error");
    gateway
}
