//! What many trips weigh: bytes on disk for each, start-up with all of them in the data folder, memory after a minute of 256 callers.

use super::child::{Child, first_key};
use super::desk::{Desk, RIDERS, trip_json};
use super::load::{Requests, callers, post};
use super::machine::bytes;
use super::table::{Row, median, micros_each, note};
use super::{Effort, scratch};
use anyhow::ensure;
use carbon_gateway::app::{Core, Parts};
use carbon_gateway::clock::Clock;
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::lifecycle::{Lifecycle, Stopped};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 256;
const STARTS: usize = 5;
/// How long callers call before memory is read.
const CALLING: Duration = Duration::from_mins(1);
/// Orders made at once, so that they never lie in memory all together.
const AT_ONCE: u64 = 10_000;
/// What a gateway may hold in memory.
const MEMORY_MIB: f64 = 200.0;

/// Measures with as many trips as are asked for.
pub(crate) async fn measure(effort: &Effort) -> anyhow::Result<Vec<Row>> {
    let (_scratch, folder) = scratch()?;
    let trips = effort.trips;
    // Made, started and stopped once empty, so that the first start's own work is in neither figure.
    let empty = Child::gateway(&folder, &[])?.started_in;
    let key = first_key(&folder)?;
    let (rate, each) = fill(&folder, trips).await?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let child = Child::gateway(&folder, &[])?;
        starts.push(child.started_in.as_secs_f64() * 1e3);
        child.stop()?;
    }
    let child = Child::gateway(&folder, &[])?;
    let now_s = Clock::System.now_ms() / 1_000;
    let requests: Requests = Arc::new(move |n| Ok(post(&key, "/v1/trips", &trip_json(n, now_s)?)));
    let slots = trips.div_ceil(RIDERS) * RIDERS;
    let (idle, before) = (child.resident()?, child.cpu()?);
    let done = callers(
        child.address,
        CONNECTIONS,
        CALLING,
        (&requests, &Arc::new(AtomicU64::new(slots))),
    )
    .await?;
    let (busy, cpu) = (child.resident()?, child.cpu()?.saturating_sub(before));
    child.stop()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(vec![
        Row::cost(
            "resident after a minute of 256 connections",
            "MiB",
            (mib(busy), MEMORY_MIB),
            Some(1.0),
        ),
        Row::figure("resident after the start", "MiB", mib(idle)),
        Row::figure(format!("start with {trips} trips in the folder"), "ms", median(starts)),
        Row::figure("first start, on an empty folder", "ms", empty.as_secs_f64() * 1e3),
        Row::figure("on disk", "bytes a trip", each),
        Row::figure("trips while filling, without HTTP", "a second", rate),
        Row::figure("trips in that minute", "a second", done.rate()),
        Row::figure(
            "CPU of a trip in that minute",
            "CPU us each",
            micros_each(cpu, done.answered),
        ),
    ])
}

/// Books trips without HTTP; answers how many a second, and bytes for each.
async fn fill(folder: &DataFolder, trips: u64) -> anyhow::Result<(f64, f64)> {
    let lifecycle = Lifecycle::new(Duration::from_secs(30));
    let parts = Parts {
        config: Loaded::read(None, [])?.config,
        folder: folder.clone(),
        clock: Clock::System,
    };
    let core = Core::open(parts, &lifecycle).await?;
    let desk = Desk::new(&core)?;
    let (before, begun) = (bytes(&folder.ledger_file()), Instant::now());
    for first in (0..trips).step_by(usize::try_from(AT_ONCE)?) {
        let some = first..trips.min(first + AT_ONCE);
        let orders: Result<Vec<_>, _> = some.map(|n| desk.trip(n)).collect();
        desk.give(orders?).await?;
        if first % (AT_ONCE * 10) == 0 {
            note(&format!("{first} trips after {} s", begun.elapsed().as_secs()));
        }
    }
    let rate = trips as f64 / begun.elapsed().as_secs_f64();
    drop((desk, core));
    lifecycle.stop();
    ensure!(lifecycle.wait().await == Stopped::Clean, "the stop was not clean");
    let grown = bytes(&folder.ledger_file()).saturating_sub(before);
    Ok((rate, grown as f64 / trips.max(1) as f64))
}
