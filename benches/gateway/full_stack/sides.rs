//! What one side of a comparison did in all rounds, and what each trip cost those who had a part in it.

use super::queue::Broker;
use crate::child::Child;
use crate::load::Done;
use crate::machine::own_cpu;
use crate::server::Server;
use crate::table::{Row, median, micros_each};
use std::time::Duration;

/// Who has a part: the callers, which are this process, the gateways, the server, and the broker.
const PARTS: [&str; 4] = ["client", "gateway", "database", "broker"];

/// What gateways tell of their batches: a figure's name, what it is of a batch, and its unit with how many of it make one of what is told.
const BATCH: [(&str, &str, (&str, f64)); 3] = [
    ("carbon_writer_batch_commands", "", ("trips", 1.0)),
    ("carbon_writer_commit_seconds", "", ("ms", 1e3)),
    ("carbon_writer_lock_seconds", ", until it has its shards", ("ms", 1e3)),
];

/// Rates of all rounds, CPU microseconds of each part for each trip, and the average batch of the gateways.
#[derive(Default)]
pub(super) struct Side {
    rates: Vec<f64>,
    cpu_us: [Vec<f64>; PARTS.len()],
    batch: [Vec<f64>; BATCH.len()],
}

/// Whose CPU time is taken.
pub(super) struct Watch<'w> {
    pub(super) server: &'w Server,
    pub(super) broker: Option<&'w Broker>,
    pub(super) children: Vec<&'w Child>,
}

impl Watch<'_> {
    /// Measures one slice of a side; answers what it did.
    pub(super) async fn measure(
        &self,
        side: &mut Side,
        work: impl Future<Output = anyhow::Result<Done>>,
    ) -> anyhow::Result<Done> {
        let told = self.batches().await?;
        let before = self.cpu()?;
        let done = work.await?;
        side.rates.push(done.rate());
        for ((all, after), before) in side.cpu_us.iter_mut().zip(self.cpu()?).zip(before) {
            all.push(micros_each(after.saturating_sub(before), done.answered));
        }
        for ((all, after), before) in side.batch.iter_mut().zip(self.batches().await?).zip(told) {
            all.push((after.0 - before.0) / (after.1 - before.1));
        }
        Ok(done)
    }

    /// Of each figure of the gateways' batches the sum so far, and of how many batches.
    async fn batches(&self) -> anyhow::Result<[(f64, f64); BATCH.len()]> {
        let mut all = [(0.0, 0.0); BATCH.len()];
        for child in &self.children {
            for ((sum, count), (name, _, _)) in all.iter_mut().zip(BATCH) {
                *sum += child.figure(&format!("{name}_sum")).await?;
                *count += child.figure(&format!("{name}_count")).await?;
            }
        }
        Ok(all)
    }

    fn cpu(&self) -> anyhow::Result<[Duration; PARTS.len()]> {
        let gateways = self
            .children
            .iter()
            .map(|child| child.cpu())
            .sum::<anyhow::Result<_>>()?;
        let broker = self.broker.map_or(Ok(Duration::ZERO), Broker::cpu)?;
        Ok([own_cpu()?, gateways, self.server.cpu()?, broker])
    }
}

impl Side {
    /// Trips a second.
    pub(super) fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    /// Trips a second in the last round.
    pub(super) fn last(&self) -> f64 {
        self.rates.last().copied().unwrap_or(f64::NAN)
    }

    /// Its rate against another's. Round by round, since the machine's own speed may change between them.
    pub(super) fn rate_against(&self, other: &Self) -> f64 {
        ratio(self.rates.iter().copied(), other.rates.iter().copied())
    }

    /// What a trip costs all parts together.
    pub(super) fn cpu_us(&self) -> f64 {
        median(self.all_cpu_us().collect())
    }

    /// How much less that is than another's, round by round.
    pub(super) fn cpu_against(&self, other: &Self) -> f64 {
        ratio(other.all_cpu_us(), self.all_cpu_us())
    }

    /// What a trip cost all parts together in each round.
    fn all_cpu_us(&self) -> impl Iterator<Item = f64> {
        let rounds = 0..self.rates.len();
        rounds.map(|round| self.cpu_us.iter().filter_map(|part| part.get(round)).sum())
    }

    /// What a batch of the gateways is like, if there were gateways.
    pub(super) fn batch_rows(&self, name: &str) -> Vec<Row> {
        let told = BATCH.into_iter().zip(&self.batch);
        let told = told.filter(|(_, figures)| figures.iter().all(|figure| figure.is_finite()));
        told.map(|((_, what, (unit, times)), figures)| {
            Row::figure(format!("a batch, {name}{what}"), unit, median(figures.clone()) * times)
        })
        .collect()
    }

    /// What it costs each part that took any.
    pub(super) fn cpu_rows(&self, name: &str) -> Vec<Row> {
        let row = |(part, figures): (&str, &Vec<f64>)| {
            Row::figure(
                format!("CPU of a trip, {name}: {part}"),
                "CPU us each",
                median(figures.clone()),
            )
        };
        let parts = PARTS.into_iter().zip(&self.cpu_us);
        parts
            .filter(|(_, figures)| figures.iter().any(|figure| *figure > 0.0))
            .map(row)
            .collect()
    }
}

/// The ratio in the middle of those of each round.
fn ratio(ours: impl Iterator<Item = f64>, theirs: impl Iterator<Item = f64>) -> f64 {
    median(ours.zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
}
