//! The benchmark of the gateway: `cargo bench --bench gateway -- CASE [--seconds N] [--trips N] [--broker PID]`, which
//! `scripts/bench.sh` calls. Every case runs in interleaved rounds against a baseline measured in the same run, prints ratios first, and leaves `target/bench/<case>.json`.
#![expect(
    clippy::cast_precision_loss,
    reason = "rates and ratios are for reading; none of them is an amount"
)]

mod child; // the real executable on a scratch folder
mod desk; // orders to a ledger, and trips as callers send them
mod dispatching; // how far the way to the chain is from what its signatures cost
mod full_stack; // trips on a database server against a stored procedure and others
mod intake; // trips over HTTP against a transaction for each
mod load; // callers over HTTP, each with one connection
mod machine; // CPU time, memory, bytes on disk
mod open; // a ledger without a gateway
mod primitives; // what a signature costs here and now
mod reading; // reads while writing against a bare SELECT
mod real; // the public sets, every figure as computed elsewhere
mod server; // the database server and ledgers on it
mod size; // start-up, memory, bytes for each trip
mod table; // the result
mod volume; // reads with very many trips

use anyhow::{Context as _, bail};
use carbon_gateway::folder::DataFolder;
use std::path::{Path, PathBuf};

/// What the gateway's own executable uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CASES: [&str; 7] = ["dispatch", "intake", "reading", "size", "real", "full-stack", "volume"];

/// How much is measured.
pub(crate) struct Effort {
    /// Seconds that one slice of one round lasts.
    pub(crate) seconds: u64,
    /// Trips in the ledger of the cases `size` and `volume`, if not as many as each has by itself.
    pub(crate) trips: Option<u64>,
    /// The process that the message broker is.
    pub(crate) broker: Option<u32>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let case = arguments
        .next()
        .with_context(|| format!("which case? There are {}", CASES.join(", ")))?;
    if case == reading::BARE {
        let file = arguments.next().context("a ledger file")?;
        return reading::serve_bare(Path::new(&file)).await;
    }
    let mut effort = Effort {
        seconds: 4,
        trips: None,
        broker: None,
    };
    while let Some(option) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{option} needs a number"))?;
        match option.as_str() {
            "--seconds" => effort.seconds = value.parse()?,
            "--trips" => effort.trips = Some(value.parse()?),
            "--broker" => effort.broker = Some(value.parse()?),
            other => bail!("{other} is no option"),
        }
    }
    let rows = match case.as_str() {
        "dispatch" => dispatching::measure(&effort).await?,
        "intake" => intake::measure(&effort).await?,
        "reading" => reading::measure(&effort).await?,
        "size" => size::measure(&effort).await?,
        "real" => real::measure().await?,
        "full-stack" => full_stack::measure(&effort).await?,
        "volume" => volume::measure(&effort).await?,
        other => bail!("{other} is no case; there are {}", CASES.join(", ")),
    };
    table::tell(&case, &rows, &target().join("bench"))
}

/// Cargo's target folder: the gateway's executable lies in `<target>/<profile>`.
fn target() -> PathBuf {
    let executable = PathBuf::from(env!("CARGO_BIN_EXE_carbon-gateway"));
    executable
        .ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("target"), Path::to_path_buf)
}

/// A scratch folder on the disk of the target folder: a temporary one may lie in memory, where nothing is ever flushed.
pub(crate) fn scratch() -> anyhow::Result<(tempfile::TempDir, DataFolder)> {
    let place = target().join("bench");
    std::fs::create_dir_all(&place)?;
    let folder = tempfile::tempdir_in(place)?;
    let data = DataFolder::new(folder.path().join("data"));
    Ok((folder, data))
}
