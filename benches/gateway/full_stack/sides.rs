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

/// Rates of all rounds, and CPU microseconds of each part for each trip.
#[derive(Default)]
pub(super) struct Side {
    rates: Vec<f64>,
    cpu_us: [Vec<f64>; PARTS.len()],
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
        let before = self.cpu()?;
        let done = work.await?;
        side.rates.push(done.rate());
        for ((all, after), before) in side.cpu_us.iter_mut().zip(self.cpu()?).zip(before) {
            all.push(micros_each(after.saturating_sub(before), done.answered));
        }
        Ok(done)
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

    /// What a trip costs all parts together.
    pub(super) fn cpu_us(&self) -> f64 {
        self.cpu_us.iter().map(|part| median(part.clone())).sum()
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
