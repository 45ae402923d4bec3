//! What an import did: a table for people, one object for machines.

use crate::import::tally::{First, Place, Tally};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const MICROGRAMS: u128 = 1_000_000;

/// The closing figures.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    read: u64,
    skipped: u64,
    malformed: Malformed,
    created: u64,
    replayed: u64,
    conflicts: u64,
    conflicts_first: Vec<Conflict>,
    credited: u64,
    refused: BTreeMap<String, u64>,
    capped_trips: u64,
    quantified: String,
    capped: String,
    amount: String,
    seconds: f64,
    rate: f64,
}

#[derive(Debug, Serialize)]
struct Malformed {
    count: u64,
    by_reason: BTreeMap<String, u64>,
    first: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    file: String,
    line: u64,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Conflict {
    file: String,
    line: u64,
    fields: String,
}

impl Summary {
    /// The figures of a tally; `files` are the names of the files in their order.
    pub(super) fn new(tally: Tally, files: &[String], took: Duration) -> Self {
        let file = |place: Place| files.get(place.file).cloned().unwrap_or_default();
        let lines = |first: &First| -> Vec<Row> {
            let rows = first.rows().map(|(place, text)| Row {
                file: file(place),
                line: place.line,
                reason: text.to_owned(),
            });
            rows.collect()
        };
        let conflicts = lines(&tally.conflicts_first).into_iter().map(|line| Conflict {
            file: line.file,
            line: line.line,
            fields: line.reason,
        });
        let seconds = took.as_secs_f64();
        Self {
            read: tally.read,
            skipped: tally.skipped,
            malformed: Malformed {
                count: tally.malformed_count(),
                first: lines(&tally.malformed_first),
                by_reason: tally.malformed.clone(),
            },
            created: tally.created,
            replayed: tally.replayed,
            conflicts: tally.conflicts,
            conflicts_first: conflicts.collect(),
            credited: tally.credited,
            capped_trips: tally.capped_trips,
            quantified: grams(tally.quantified_ug),
            capped: grams(tally.capped_ug),
            amount: grams(tally.amount_ug()),
            refused: tally.refused,
            seconds: thousandths(seconds),
            rate: thousandths(per_second(tally.read, seconds)),
        }
    }

    /// Whether a row was malformed.
    pub(super) fn has_malformed(&self) -> bool {
        self.malformed.count > 0
    }

    /// The table for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut row = |name: &str, figure: &dyn std::fmt::Display| lines.push(format!("{name:<28} {figure:>24}"));
        row("rows read", &self.read);
        row("  skipped", &self.skipped);
        row("  malformed", &self.malformed.count);
        for (reason, count) in &self.malformed.by_reason {
            row(&format!("    {reason}"), count);
        }
        row("trips created", &self.created);
        row("  credited", &self.credited);
        row("  refused", &self.refused.values().sum::<u64>());
        for (rule, count) in &self.refused {
            row(&format!("    {rule}"), count);
        }
        row("  cut by a cap", &self.capped_trips);
        row("trips replayed", &self.replayed);
        row("trips in conflict", &self.conflicts);
        row("quantified, g", &self.quantified);
        row("  cut by caps, g", &self.capped);
        row("  amount, g", &self.amount);
        row("seconds", &format!("{:.1}", self.seconds));
        row("rows a second", &format!("{:.0}", self.rate));
        for line in &self.malformed.first {
            lines.push(format!("malformed  {}:{}  {}", line.file, line.line, line.reason));
        }
        more(self.malformed.count, self.malformed.first.len(), &mut lines);
        for conflict in &self.conflicts_first {
            let Conflict { file, line, fields } = conflict;
            lines.push(format!(
                "conflict   {file}:{line}  differs from what is stored: {fields}"
            ));
        }
        more(self.conflicts, self.conflicts_first.len(), &mut lines);
        lines
    }
}

/// Says how many there are beyond those shown.
fn more(count: u64, shown: usize, lines: &mut Vec<String>) {
    let more = count.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    if more > 0 {
        lines.push(format!("           and {more} more"));
    }
}

/// Decimal grams in their shortest form.
fn grams(micrograms: i128) -> String {
    let sign = if micrograms < 0 { "-" } else { "" };
    let (whole, rest) = (
        micrograms.unsigned_abs() / MICROGRAMS,
        micrograms.unsigned_abs() % MICROGRAMS,
    );
    let text = format!("{sign}{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people; it counts nothing")]
fn per_second(rows: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rows as f64 / seconds } else { 0.0 }
}

fn thousandths(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_their_shortest_form() {
        let cases = [
            (0, "0"),
            (1, "0.000001"),
            (267_867_218_863_359, "267867218.863359"),
            (2_730_650_000_000, "2730650"),
        ];
        for (micrograms, text) in cases {
            assert_eq!(grams(micrograms), text);
        }
        assert_eq!(grams(i128::from(i64::MAX) * 10), "92233720368547.75807");
    }

    #[test]
    fn people_are_shown_the_first_and_told_of_the_rest() {
        let mut tally = Tally::default();
        for line in 1..=12 {
            tally.malformed(Place { file: 0, line }, "field_count");
        }
        tally.read = 12;
        let summary = Summary::new(tally, &["a.csv".into()], Duration::from_secs(2));
        let lines = summary.lines().join("\n");
        assert!(
            lines.contains("malformed  a.csv:10  field_count") && lines.contains("and 2 more"),
            "{lines}"
        );
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!((&json["rate"], &json["malformed"]["count"]), (&6.0.into(), &12.into()));
    }
}
