//! What one side of a comparison did in all rounds, and what each trip cost those who had a part in it.

use crate::child::Child;
use crate::load::Done;
use crate::machine::own_cpu;
use crate::server::Server;
use crate::table::{Row, median, micros_each};
use std::time::Duration;

/// Who has a part: the callers, which are this process, the gateways, and the server.
const PARTS: [&str; 3] = ["client", "gateway", "database"];

/// Rates of all rounds, and CPU microseconds of each part for each trip.
#[derive(Default)]
pub(super) struct Side {
    rates: Vec<f64>,
    cpu_us: [Vec<f64>; 3],
}

/// Whose CPU time is taken.
pub(super) struct Watch<'w> {
    pub(super) server: &'w Server,
    pub(super) children: Vec<&'w Child>,
}

impl Watch<'_> {
    /// Measures one slice of a side.
    pub(super) async fn measure(
        &self,
        side: &mut Side,
        work: impl Future<Output = anyhow::Result<Done>>,
    ) -> anyhow::Result<()> {
        let before = self.cpu()?;
        let done = work.await?;
        side.rates.push(done.rate());
        for ((all, after), before) in side.cpu_us.iter_mut().zip(self.cpu()?).zip(before) {
            all.push(micros_each(after.saturating_sub(before), done.answered));
        }
        Ok(())
    }

    fn cpu(&self) -> anyhow::Result<[Duration; 3]> {
        let gateways = self
            .children
            .iter()
            .map(|child| child.cpu())
            .sum::<anyhow::Result<_>>()?;
        Ok([own_cpu()?, gateways, self.server.cpu()?])
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

    /// What it costs each part.
    pub(super) fn cpu_rows(&self, name: &str) -> Vec<Row> {
        let row = |(part, figures): (&str, &Vec<f64>)| {
            Row::figure(
                format!("CPU of a trip, {name}: {part}"),
                "CPU us each",
                median(figures.clone()),
            )
        };
        PARTS.into_iter().zip(&self.cpu_us).map(row).collect()
    }
}
