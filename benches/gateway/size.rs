//! What many trips weigh: bytes on disk for each, start-up with all of them in the data folder, memory after a minute of 256 callers.

use super::child::{Child, first_key};
use super::desk::{RIDERS, trip_json};
use super::load::{Requests, callers, post};
use super::machine::bytes;
use super::open::Open;
use super::table::{Row, median, micros_each};
use super::{Effort, scratch};
use carbon_gateway::clock::Clock;
use carbon_gateway::folder::DataFolder;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

const CONNECTIONS: usize = 256;
const STARTS: usize = 5;
/// How long callers call before memory is read.
const CALLING: Duration = Duration::from_mins(1);
/// Trips in the folder when nobody says otherwise.
const TRIPS: u64 = 1_000_000;
/// What a gateway may hold in memory.
const MEMORY_MIB: f64 = 200.0;

/// Measures with as many trips as are asked for.
pub(crate) async fn measure(effort: &Effort) -> anyhow::Result<Vec<Row>> {
    let (_scratch, folder) = scratch()?;
    let trips = effort.trips.unwrap_or(TRIPS);
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
    let open = Open::ledger(folder, Vec::new()).await?;
    let before = bytes(&folder.ledger_file());
    let took = open.book(&open.desk()?, trips).await?;
    open.close().await?;
    let grown = bytes(&folder.ledger_file()).saturating_sub(before);
    Ok((trips as f64 / took.as_secs_f64(), grown as f64 / trips.max(1) as f64))
}
