//! Reads with very many trips in the ledger against the same with a thirtieth of them: a balance, a report, a trace. The trips go through
//! the gateway's own writer, since rows that it did not write would prove nothing of what it reads.

use super::Effort;
use super::child::Child;
use super::desk::Riders;
use super::load::{fetch, get};
use super::open::Open;
use super::server::{Place, Server};
use super::table::{Row, median, note};
use anyhow::{Context as _, ensure};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Trips when nobody says otherwise.
const TRIPS: u64 = 30_000_000;
/// Riders come in so many troops, each of which rides all its rides before the next does.
const TROOPS: u64 = 30;
/// Rides of a rider: a week of them, before the claim to the first lapses.
const RIDES: u64 = 20;
const APART_S: i64 = 8 * 3_600;
/// Of so many riders one collects.
const COLLECTING: u64 = 10;
/// Reads of each kind.
const READS: u64 = 300;

/// How long reads of each kind took, in microseconds.
type Times = BTreeMap<&'static str, f64>;

/// A ledger that grows.
struct Growing<'s> {
    server: &'s Server,
    place: Place,
    /// Riders of a troop.
    troop: u64,
    loaded: Duration,
}

/// Measures after the first troop, and after the last.
pub(crate) async fn measure(effort: &Effort) -> anyhow::Result<Vec<Row>> {
    let troop = effort.trips.unwrap_or(TRIPS) / TROOPS / RIDES;
    ensure!(troop >= COLLECTING, "{} trips at least", TROOPS * RIDES * COLLECTING);
    let server = Server::find().await?;
    let place = server.database("bench_volume").await?;
    let mut growing = Growing {
        server: &server,
        place,
        troop,
        loaded: Duration::ZERO,
    };
    growing.load(0, 1).await?;
    let few = growing.read(1).await?;
    growing.load(1, TROOPS).await?;
    let many = growing.read(TROOPS).await?;
    let trips = troop * RIDES * TROOPS;
    let mut rows = Vec::new();
    for (name, took) in &many {
        let before = few.get(name).copied().context("measured once only")?;
        let name = format!("{name}, {trips} trips against {}", trips / TROOPS);
        rows.push(Row::cost(name, "us each", (*took, before), Some(1.0 / 1.5)));
    }
    rows.push(Row::figure(
        "trips while loading, without HTTP",
        "a second",
        trips as f64 / growing.loaded.as_secs_f64(),
    ));
    let bytes = server.bytes(&growing.place).await?;
    rows.push(Row::figure("on disk", "bytes a trip", bytes as f64 / trips as f64));
    Ok(rows)
}

impl Growing<'_> {
    /// Has these troops ride, and the tenth rider of each collect.
    async fn load(&mut self, first: u64, end: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        for troop in first..end {
            let open = Open::ledger(&self.place.folder, self.place.settings()).await?;
            let riders = Riders::new(troop * self.troop, self.troop)?.every(APART_S);
            let desk = open.desk()?.of(riders);
            open.book(&desk, self.troop * RIDES).await?;
            let collecting = (0..self.troop).step_by(usize::try_from(COLLECTING)?);
            desk.give(collecting.map(|n| desk.collect(riders.id(n)?))).await?;
            drop(desk);
            open.close().await?;
            // Else the logs would take as much room as the ledger.
            self.server.forget_logs().await?;
            note(&format!(
                "troop {} of {TROOPS} after {} s",
                troop + 1,
                begun.elapsed().as_secs()
            ));
        }
        self.loaded += begun.elapsed();
        Ok(())
    }

    /// Reads, one at a time, what riders of these troops have: all of them in turn, each kind in turn. The server has put away by then
    /// what was loaded, and others have been read before.
    async fn read(&self, troops: u64) -> anyhow::Result<Times> {
        self.server.put_away().await?;
        // What is on its way to the chain stays where it is, so that nothing else is at work.
        let (child, key) = self.place.gateway(&[("CHAIN__KIND", "elsewhere")])?;
        let riders = Riders::new(0, self.troop * troops)?;
        // From one to the next it is far, and never to one who did not collect.
        let stride = (self.troop * troops / READS / COLLECTING).max(1) * COLLECTING;
        let between = stride / 2 / COLLECTING * COLLECTING;
        let mut times = Times::new();
        for first in [between, 0] {
            let users: Result<Vec<i64>, _> = (0..READS).map(|n| riders.id(first + n * stride)).collect();
            for (name, paths) in asked(&child, &key, &users?).await? {
                times.insert(name, self.timed(&child, &key, paths).await?);
            }
        }
        child.stop()?;
        Ok(times)
    }

    async fn timed(&self, child: &Child, key: &str, paths: Vec<String>) -> anyhow::Result<f64> {
        let mut took = Vec::new();
        for path in paths {
            let begun = Instant::now();
            fetch(child.address, &get(key, &path)).await?;
            took.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(median(took))
    }
}

/// What is read of riders who have collected.
async fn asked(child: &Child, key: &str, users: &[i64]) -> anyhow::Result<Vec<(&'static str, Vec<String>)>> {
    let each = |path: fn(i64) -> String| users.iter().map(|user| path(*user)).collect();
    let mut traces = Vec::new();
    for user in users {
        let listed = fetch(child.address, &get(key, &format!("/v1/users/{user}/credits"))).await?;
        let credit = listed["items"][0]["credit_id"]
            .as_str()
            .context("a rider without a credit")?;
        traces.push(format!("/v1/credits/{credit}/trace"));
    }
    Ok(vec![
        ("balance", each(|user| format!("/v1/users/{user}/balance"))),
        ("report", each(|_| "/v1/reports/totals?programme=demo".to_owned())),
        ("trace", traces),
    ])
}
