//! How far dispatch is from what its signatures cost. Riders' orders are booked beforehand, while dispatch hears no hint; then it hears
//! them, all shards are hinted at, and CPU time is taken until everything is confirmed and settled: signing, recording, the embedded chain with
//! its checks and blocks, settling, and what the sinks merge of their payments. The first round makes riders' keys and certificates
//! and is told by itself.

use super::desk::{Desk, rider};
use super::machine::own_cpu;
use super::primitives::{Bill, bill};
use super::table::{Row, median, micros_each, note};
use super::{Effort, scratch};
use anyhow::{bail, ensure};
use carbon_gateway::app::dispatching::{self, Outgoing, Standing};
use carbon_gateway::app::{Core, Parts};
use carbon_gateway::clock::Clock;
use carbon_gateway::config::Loaded;
use carbon_gateway::ledger::ids::ShardId;
use carbon_gateway::lifecycle::{Lifecycle, Stopped};
use carbon_gateway::store::db::Readers;
use carbon_gateway::store::hints::{Hinted, Hints, hints};
use carbon_gateway::store::reads::dispatch::backlog;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Riders: full envelopes in each of the thirty shards, 256 orders of a shard at once.
const RIDERS: u64 = 30 * 256;
/// Rounds that count.
const ROUNDS: u64 = 3;
/// Issues of one envelope.
const IN_ENVELOPE: f64 = 32.0;
/// How often somebody looks whether all is done.
const LOOK: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_mins(5);

/// What one round cost, for each order.
struct Drained {
    cpu_us: f64,
    rate: f64,
}

/// Stands between the writer and dispatch: closed, no hint of the one reaches the other.
struct Gate {
    hints: Hints,
    is_open: Arc<AtomicBool>,
}

impl Gate {
    fn before(mut given: Hinted, lifecycle: &Lifecycle) -> (Self, Hinted) {
        let (hints, hinted) = hints();
        let is_open = Arc::<AtomicBool>::default();
        let soft = lifecycle.soft();
        let (through, passes) = (hints.clone(), Arc::clone(&is_open));
        lifecycle.spawn("gate", async move {
            while let Some(Some(shard)) = soft.run_until_cancelled(given.next()).await {
                if passes.load(Ordering::SeqCst) {
                    through.give(shard);
                }
            }
        });
        (Self { hints, is_open }, hinted)
    }

    fn open(&self, open: bool) {
        self.is_open.store(open, Ordering::SeqCst);
    }
}

struct Bench {
    desk: Desk,
    readers: Readers,
    gate: Gate,
    slice: Duration,
    bills: Vec<Bill>,
}

/// Measures spends and issues.
pub(crate) async fn measure(effort: &Effort) -> anyhow::Result<Vec<Row>> {
    let (scratch, folder) = scratch()?;
    let lifecycle = Lifecycle::new(Duration::from_secs(30));
    let parts = Parts {
        config: Loaded::from_process(None)?.config,
        folder,
        clock: Clock::System,
    };
    let core = Core::open(parts, &lifecycle).await?;
    let desk = Desk::new(&core)?;
    let readers = core.locations.readers(4).await?;
    // The writer's hints go nowhere: dispatch hears of what is booked only when it is told to begin.
    let (gate, hinted) = Gate::before(core.outgoing.hinted, &lifecycle);
    let outgoing = Outgoing {
        hints: gate.hints.clone(),
        hinted,
        ..core.outgoing
    };
    let on = Standing {
        ledger: &core.ledger,
        locations: &core.locations,
        readers: &readers,
        kek: &core.kek,
        clock: &core.clock,
        config: &core.config,
    };
    let sweeper = dispatching::start(outgoing, &on, &lifecycle)?;
    let mut bench = Bench {
        desk,
        readers: readers.clone(),
        gate,
        slice: Duration::from_millis(250 * effort.seconds),
        bills: Vec::new(),
    };
    let mut issues = Vec::new();
    let mut spends = Vec::new();
    for round in 0..=ROUNDS {
        issues.push(bench.issues(round).await?);
        spends.push(bench.spends().await?);
    }
    let rows = rows(&issues, &spends, &bench.bills);
    drop((sweeper, bench, core.ledger, readers));
    lifecycle.stop();
    ensure!(lifecycle.wait().await == Stopped::Clean, "the stop was not clean");
    drop(scratch);
    Ok(rows)
}

fn rows(issues: &[Drained], spends: &[Drained], bills: &[Bill]) -> Vec<Row> {
    let sign = median(bills.iter().map(|bill| bill.sign).collect());
    let verify = median(bills.iter().map(|bill| bill.verify).collect());
    let cpu = |rounds: &[Drained]| median(rounds.iter().skip(1).map(|round| round.cpu_us).collect());
    let rate = |rounds: &[Drained]| median(rounds.iter().skip(1).map(|round| round.rate).collect());
    let first = |rounds: &[Drained]| rounds.first().map_or(f64::NAN, |round| round.cpu_us);
    let issue_bill = sign + (sign + verify) / IN_ENVELOPE;
    let us = "CPU us each";
    vec![
        Row::cost(
            "spend, signed, verified, settled",
            us,
            (cpu(spends), sign + verify),
            Some(0.7),
        ),
        Row::cost("issue in full envelopes", us, (cpu(issues), issue_bill), Some(0.7)),
        Row::cost(
            "a rider's first spend, with certificate",
            us,
            (first(spends), sign + verify),
            None,
        ),
        Row::cost("a rider's first issue, with key", us, (first(issues), issue_bill), None),
        Row::figure("spends", "a second", rate(spends)),
        Row::figure("issues", "a second", rate(issues)),
        Row::figure("p256 sign", us, sign),
        Row::figure("p256 verify", us, verify),
    ]
}

impl Bench {
    /// Every rider rides and collects.
    async fn issues(&mut self, round: u64) -> anyhow::Result<Drained> {
        let trips = (0..RIDERS).map(|n| self.desk.trip(round * super::desk::RIDERS + n));
        self.desk.give(trips).await?;
        let collects = (0..RIDERS).map(|n| self.desk.collect(rider(n)?));
        self.desk.give(collects).await?;
        self.drain("issues").await
    }

    /// Every rider redeems.
    async fn spends(&mut self) -> anyhow::Result<Drained> {
        let redeems = (0..RIDERS).map(|n| self.desk.redeem(rider(n)?));
        self.desk.give(redeems).await?;
        self.drain("spends").await
    }

    /// Begins, and waits until all is confirmed and settled.
    async fn drain(&mut self, what: &str) -> anyhow::Result<Drained> {
        let slice = self.slice;
        self.bills
            .push(tokio::task::spawn_blocking(move || bill(slice)).await??);
        // What sinks merge of their payments is signed, proved and settled like any other spend.
        let ahead = backlog(&self.readers).await?;
        let orders = u64::try_from(ahead.stored.saturating_add(ahead.waiting))?;
        let (begun, before) = (Instant::now(), own_cpu()?);
        self.gate.open(true);
        ShardId::all().for_each(|shard| self.gate.hints.give(shard));
        loop {
            tokio::time::sleep(LOOK).await;
            let left = backlog(&self.readers).await?;
            ensure!(left.refused == 0 && left.dead == 0, "the chain refused: {left:?}");
            if left.is_drained() {
                break;
            }
            if begun.elapsed() > LONGEST {
                bail!("not drained: {left:?}");
            }
        }
        self.gate.open(false);
        let (cpu, wall) = (own_cpu()?.saturating_sub(before), begun.elapsed());
        let drained = Drained {
            cpu_us: micros_each(cpu, orders),
            rate: orders as f64 / wall.as_secs_f64(),
        };
        note(&format!(
            "{what}: {orders}, {:.0} CPU us each, {:.0} a second",
            drained.cpu_us, drained.rate
        ));
        Ok(drained)
    }
}
