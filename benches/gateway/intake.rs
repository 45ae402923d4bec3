//! Trips over HTTP, durable when answered, against a transaction for each: the same gateway told to commit one command at a time, which
//! is a pool of one, and writers that do so without HTTP, four and sixteen on one file, which flatters them. Then batches of a hundred
//! against the same writer called without HTTP.

use super::child::{Child, first_key};
use super::desk::{Desk, trip_json};
use super::load::{self, Done, Requests, callers, post};
use super::machine::own_cpu;
use super::table::{Row, median, micros_each, note};
use super::{Effort, scratch};
use anyhow::Context as _;
use carbon_gateway::app::{Core, Parts};
use carbon_gateway::clock::Clock;
use carbon_gateway::config::Loaded;
use carbon_gateway::ledger::command::Command;
use carbon_gateway::ledger::ground::Ground;
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::store::db::{Homes, Location};
use carbon_gateway::store::deployment;
use carbon_gateway::store::hints::hints;
use carbon_gateway::store::writer::{Ledger, WriterParts};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Connections, and what grouping commits is to be worth.
const CONNECTIONS: [(usize, f64); 3] = [(1, 1.0), (64, 2.5), (256, 4.0)];
/// Writers of single commands on one file.
const POOLS: [usize; 2] = [4, 16];
const ROUNDS: usize = 3;
/// Trips of a batch.
const BATCH: u64 = 100;
const BATCH_CALLERS: usize = 8;

/// A gateway that takes trips.
struct Taking {
    child: Child,
    key: String,
    now_s: i64,
    requests: Requests,
    counter: Arc<AtomicU64>,
}

/// Rates of all rounds, and CPU microseconds for each.
#[derive(Default)]
struct Told {
    rates: Vec<f64>,
    cpu_us: Vec<f64>,
}

impl Told {
    fn add(&mut self, rate: f64, cpu_us: f64) {
        self.rates.push(rate);
        self.cpu_us.push(cpu_us);
    }

    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    fn cpu_us(&self) -> f64 {
        median(self.cpu_us.clone())
    }
}

/// Measures single trips, then batches.
pub(crate) async fn measure(effort: &Effort) -> anyhow::Result<Vec<Row>> {
    let slice = Duration::from_secs(effort.seconds);
    let ((_one, grouped), (_two, alone)) = (Taking::start(&[])?, Taking::start(&[("WRITER__BATCH_MAX", "1")])?);
    let mut pools = Vec::new();
    for count in POOLS {
        pools.push((count, Pool::open(count).await?));
    }
    let mut rows = Vec::new();
    for (connections, aim) in CONNECTIONS {
        let (mut ours, mut one) = (Told::default(), Told::default());
        let mut many: Vec<Told> = POOLS.iter().map(|_| Told::default()).collect();
        for _ in 0..ROUNDS {
            grouped.round(connections, slice, &mut ours).await?;
            alone.round(connections, slice, &mut one).await?;
            for ((_, pool), told) in pools.iter_mut().zip(&mut many) {
                pool.round(connections, slice, told).await?;
            }
        }
        note(&format!(
            "{connections}: {:?} against {:?} and {:?}",
            ours.rates,
            one.rates,
            many.iter().map(Told::rate).collect::<Vec<_>>()
        ));
        // One caller finds one writer idle however many there are: without HTTP that would compare HTTP with nothing.
        let usable = many.iter().filter(|_| connections > 1).map(Told::rate);
        let best = usable.fold(one.rate(), f64::max);
        rows.push(Row::rate(
            format!("trips, {connections} connections"),
            "a second",
            (ours.rate(), best),
            Some(aim),
        ));
        rows.push(Row::cost(
            format!("CPU of a trip, {connections} connections, against pool 1"),
            "CPU us each",
            (ours.cpu_us(), one.cpu_us()),
            None,
        ));
        rows.push(Row::figure(
            format!("pool 1 over HTTP, {connections} connections"),
            "a second",
            one.rate(),
        ));
        for (count, told) in POOLS.iter().zip(&many) {
            rows.push(Row::figure(
                format!("pool {count} without HTTP, {connections} callers"),
                "a second",
                told.rate(),
            ));
        }
    }
    rows.extend(batches(&grouped, slice).await?);
    Ok(rows)
}

impl Taking {
    fn start(settings: &[(&str, &str)]) -> anyhow::Result<(tempfile::TempDir, Self)> {
        let (scratch, folder) = scratch()?;
        let child = Child::gateway(&folder, settings)?;
        let key = first_key(&folder)?;
        let now_s = Clock::System.now_ms() / 1_000;
        let own = key.clone();
        let requests: Requests = Arc::new(move |n| Ok(post(&own, "/v1/trips", &trip_json(n, now_s)?)));
        Ok((
            scratch,
            Self {
                child,
                key,
                now_s,
                requests,
                counter: Arc::default(),
            },
        ))
    }

    async fn round(&self, connections: usize, lasting: Duration, told: &mut Told) -> anyhow::Result<()> {
        let before = self.child.cpu()?;
        let done = callers(
            self.child.address,
            connections,
            lasting,
            (&self.requests, &self.counter),
        )
        .await?;
        let cpu = self.child.cpu()?.saturating_sub(before);
        told.add(done.rate(), micros_each(cpu, done.answered));
        Ok(())
    }
}

/// Several writers of single commands on one file, called without HTTP.
struct Pool {
    _scratch: tempfile::TempDir,
    lifecycle: Lifecycle,
    desk: Desk,
    writers: Vec<Ledger>,
    counter: Arc<AtomicU64>,
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

impl Pool {
    async fn open(count: usize) -> anyhow::Result<Self> {
        let (scratch, folder) = scratch()?;
        let lifecycle = Lifecycle::new(Duration::from_secs(30));
        let parts = Parts {
            config: Loaded::from_process(None)?.config,
            folder,
            clock: Clock::System,
        };
        let mut core = Core::open(parts, &lifecycle).await?;
        let founded = deployment::find(core.connections.main_mut())
            .await?
            .context("no deployment")?;
        let ground = Arc::new(Ground {
            zone: core.zone.clone(),
            source_secret: core.source_secret.clone(),
        });
        let mut location = core.locations.main().clone();
        if let Location::Sqlite(file) = &mut location {
            // Sixteen writers wait for each other longer than a request would.
            file.busy_timeout = Duration::from_secs(30);
        }
        let mut pool = Vec::new();
        for _ in 0..count {
            let (ledger, writers) = Ledger::new(&WriterParts {
                locations: Homes::one(location.clone()),
                clock: core.clock.clone(),
                kek: Arc::clone(&core.kek),
                deployment: founded.deployment.clone(),
                ground: Arc::clone(&ground),
                hints: hints().0,
                queue: 1_000,
                batch_max: 1,
                count: NonZeroUsize::MIN,
            });
            for writer in writers {
                lifecycle.spawn("writer of a pool", writer.run());
            }
            pool.push(ledger);
        }
        Ok(Self {
            _scratch: scratch,
            lifecycle,
            desk: Desk::new(&core)?,
            writers: pool,
            counter: Arc::default(),
        })
    }

    async fn round(&mut self, connections: usize, lasting: Duration, told: &mut Told) -> anyhow::Result<()> {
        let (begun, before) = (Instant::now(), own_cpu()?);
        let mut callers = JoinSet::new();
        for caller in 0..connections {
            let writer = self
                .writers
                .get(caller % self.writers.len())
                .context("no writer")?
                .clone();
            let (desk, counter) = (self.desk.clone(), Arc::clone(&self.counter));
            callers.spawn(async move {
                let mut answered = 0_u64;
                while begun.elapsed() < lasting {
                    let order = desk.trip(counter.fetch_add(1, Ordering::Relaxed))?;
                    writer.submit(order).await?;
                    answered += 1;
                }
                anyhow::Ok(answered)
            });
        }
        let mut answered = 0;
        while let Some(caller) = callers.join_next().await {
            answered += caller??;
        }
        let wall = begun.elapsed();
        told.add(
            Done { answered, wall }.rate(),
            micros_each(own_cpu()?.saturating_sub(before), answered),
        );
        Ok(())
    }
}

/// Batches over HTTP against the same writer called without: the orders lie ready, the writer is kept full.
async fn batches(taking: &Taking, lasting: Duration) -> anyhow::Result<Vec<Row>> {
    let (_scratch, folder) = scratch()?;
    let lifecycle = Lifecycle::new(Duration::from_secs(30));
    let parts = Parts {
        config: Loaded::from_process(None)?.config,
        folder,
        clock: Clock::System,
    };
    let core = Core::open(parts, &lifecycle).await?;
    let desk = Desk::new(&core)?;
    let (http, bare) = (taking.batched(), Arc::new(AtomicU64::new(0)));
    let (mut ours, mut writer) = (Told::default(), Told::default());
    for _ in 0..ROUNDS {
        let before = taking.child.cpu()?;
        let done = load::batches(taking.child.address, BATCH_CALLERS, lasting, &http).await?;
        let cpu = taking.child.cpu()?.saturating_sub(before);
        ours.add(done.rate(), micros_each(cpu, done.answered));
        let count = BATCH * 4 * 64;
        let first = bare.fetch_add(count, Ordering::Relaxed);
        let orders: Vec<Command> = (first..first + count).map(|n| desk.trip(n)).collect::<Result<_, _>>()?;
        let (begun, before) = (Instant::now(), own_cpu()?);
        desk.give(orders.into_iter().map(Ok)).await?;
        let cpu = own_cpu()?.saturating_sub(before);
        writer.add(count as f64 / begun.elapsed().as_secs_f64(), micros_each(cpu, count));
    }
    lifecycle.stop();
    Ok(vec![
        Row::rate(
            "trips in batches of 100, against the writer alone",
            "a second",
            (ours.rate(), writer.rate()),
            Some(0.6),
        ),
        Row::cost(
            "CPU of a trip in a batch, against the writer alone",
            "CPU us each",
            (ours.cpu_us(), writer.cpu_us()),
            None,
        ),
    ])
}

impl Taking {
    /// Requests of a hundred trips each; their trips go on after the single ones.
    fn batched(&self) -> Requests {
        let (key, now_s, counter) = (self.key.clone(), self.now_s, Arc::clone(&self.counter));
        Arc::new(move |_| {
            let first = counter.fetch_add(BATCH, Ordering::Relaxed);
            let trips: Result<Vec<_>, _> = (first..first + BATCH).map(|n| trip_json(n, now_s)).collect();
            Ok(post(&key, "/v1/trips/batch", &serde_json::json!({"trips": trips?})))
        })
    }
}
