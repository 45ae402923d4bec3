//! Totals as of an instant: rows of past booked days are summed, the day of the instant is added up from the journal where the
//! journal has gone on since.

use super::instant::{Instant, InstantError};
use crate::ledger::entry::Figure;
use crate::ledger::ids::ShardId;
use crate::ledger::totals::{Total, TotalKey, Totals, add_entry};
use crate::methodology::Gas;
use crate::methodology::units::Day;
use crate::store::db::{Readers, Snapshot, StoreError};
use crate::store::reads::totals as store;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// Pages that are read at once.
const PIECE: i64 = 200;

/// Which day of a figure is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Days {
    /// The day of the commit, in the ledger's own zone: periods close by it.
    Booked,
    /// The day of the ride, in its programme's zone.
    Activity,
}

/// What rows are kept apart by. Kind and gas always are: a sum over either would mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dimension {
    /// The day.
    Day,
    /// The programme.
    Programme,
    /// The mode.
    Mode,
    /// What is counted.
    Kind,
    /// The methodology, as `id@version`.
    Methodology,
    /// The shard.
    Shard,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// One programme, or all.
    pub programme: Option<String>,
    /// First and last day, both counted.
    pub days: (Option<Day>, Option<Day>),
    /// Which day.
    pub by_day: Days,
    /// What rows are kept apart by.
    pub by: BTreeSet<Dimension>,
    /// As of when; now, if nothing is said.
    pub at: Option<Instant>,
}

/// One row; a part that was not asked for is `None`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Row {
    /// The day.
    pub day: Option<Day>,
    /// The shard.
    pub shard: Option<ShardId>,
    /// The programme.
    pub programme: Option<String>,
    /// The mode; empty where no trip is behind a figure.
    pub mode: Option<String>,
    /// The methodology; empty likewise.
    pub methodology: Option<String>,
    /// What is counted.
    pub kind: Figure,
    /// What the grams are grams of.
    pub gas: Gas,
}

/// A count and micrograms, summed beyond 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// How many.
    pub count: i128,
    /// Micrograms.
    pub amount_ug: i128,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Report {
    /// As of when: asked again, it answers the same.
    pub at: Instant,
    /// Sums by row, in order.
    pub rows: BTreeMap<Row, Sums>,
    /// Sums by figure, over all rows.
    pub totals: BTreeMap<Figure, Sums>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The instant.
    #[error(transparent)]
    Instant(#[from] InstantError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Works a report out in one snapshot of each database. `zone` is the ledger's own.
pub async fn report(readers: &Readers, zone: &TimeZone, question: &Question) -> Result<Report, ReportError> {
    let mut snapshots = readers.snapshot().await?;
    let heads = Instant::new(store::heads(&mut snapshots).await?)?;
    let at = question.at.clone().unwrap_or_else(|| heads.clone());
    if !at.is_before_or_at(&heads) {
        return Err(InstantError::Future.into());
    }
    let mut report = Report {
        at,
        rows: BTreeMap::new(),
        totals: BTreeMap::new(),
    };
    for shard in ShardId::all() {
        let seq = report.at.of(shard);
        let is_head = seq == heads.of(shard);
        for (key, total) in totals_of(snapshots.of_mut(shard), zone, (shard, seq, is_head), question).await? {
            report.add(question, shard, &key, total);
        }
    }
    Ok(report)
}

/// The totals of a shard up to a seq.
async fn totals_of(
    snapshot: &mut Snapshot,
    zone: &TimeZone,
    (shard, seq, is_head): (ShardId, i64, bool),
    question: &Question,
) -> Result<Totals, StoreError> {
    let programme = question.programme.as_deref();
    if is_head {
        return store::totals_before(snapshot, shard, None, programme).await;
    }
    let Some(at_ms) = store::page_of(snapshot, shard, seq).await?.map(|page| page.at_ms) else {
        return Ok(Totals::new()); // before the first entry
    };
    let day = booked_day(at_ms, zone)?;
    let mut totals = store::totals_before(snapshot, shard, Some(day), programme).await?;
    let mut last = seq;
    loop {
        let pages = store::pages_up_to(snapshot, shard, last, PIECE).await?;
        for page in &pages {
            if booked_day(page.at_ms, zone)? < day {
                return Ok(totals);
            }
            let entries = page
                .decode_entries()
                .map_err(|error| StoreError::row("journal", "entries", error))?;
            for (place, entry) in (page.seq_from..=seq).zip(&entries) {
                if programme.is_none_or(|programme| programme == entry.programme) {
                    let overflow = || format!("a total leaves its range at seq {place}");
                    add_entry(&mut totals, day, entry)
                        .ok_or_else(|| StoreError::row("journal", "entries", overflow()))?;
                }
            }
        }
        match pages.last().map(|page| page.seq_from) {
            Some(first) if first > 1 => last = first.saturating_sub(1),
            _ => return Ok(totals),
        }
    }
}

fn booked_day(at_ms: i64, zone: &TimeZone) -> Result<Day, StoreError> {
    Day::of(at_ms.div_euclid(1_000), zone).ok_or_else(|| StoreError::row("journal", "at_ms", "beyond the calendar"))
}

impl Report {
    fn add(&mut self, question: &Question, shard: ShardId, key: &TotalKey, total: Total) {
        let day = match question.by_day {
            Days::Booked => key.booked_day,
            Days::Activity => key.activity_day,
        };
        let (first, last) = question.days;
        if first.is_some_and(|first| day < first) || last.is_some_and(|last| last < day) {
            return;
        }
        let asked = |dimension| question.by.contains(&dimension);
        let row = Row {
            day: asked(Dimension::Day).then_some(day),
            shard: asked(Dimension::Shard).then_some(shard),
            programme: asked(Dimension::Programme).then(|| key.programme.clone()),
            mode: asked(Dimension::Mode).then(|| key.mode.clone()),
            methodology: asked(Dimension::Methodology).then(|| key.methodology.clone()),
            kind: key.figure,
            gas: key.gas,
        };
        self.rows.entry(row).or_default().add(total);
        self.totals.entry(key.figure).or_default().add(total);
    }

    /// How many a figure counts.
    pub fn count(&self, figure: Figure) -> i128 {
        self.totals.get(&figure).map_or(0, |sums| sums.count)
    }

    /// The micrograms of a figure.
    pub fn amount_ug(&self, figure: Figure) -> i128 {
        self.totals.get(&figure).map_or(0, |sums| sums.amount_ug)
    }

    /// What waits: quantified − capped − collected − lapsed of the rows asked for.
    pub fn waiting_ug(&self) -> i128 {
        let gone = [Figure::Capped, Figure::Collected, Figure::Lapsed].map(|figure| self.amount_ug(figure));
        gone.iter().fold(self.amount_ug(Figure::Quantified), |left, gone| {
            left.saturating_sub(*gone)
        })
    }
}

impl Sums {
    fn add(&mut self, total: Total) {
        self.count = self.count.saturating_add(i128::from(total.count));
        self.amount_ug = self.amount_ug.saturating_add(i128::from(total.amount.micrograms()));
    }
}
