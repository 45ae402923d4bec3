//! The result of a case: a table with ratios first, and the same as JSON.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// One figure beside the one it is held against.
#[derive(serde::Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    /// The figure.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it is held against, in the same unit.
    pub(crate) baseline: Option<f64>,
    /// How good it is: 1 as good as the baseline, more is better.
    pub(crate) ratio: Option<f64>,
    /// What the ratio is to reach.
    #[serde(skip)]
    pub(crate) aim: Option<f64>,
}

impl Row {
    /// A rate against another: the higher the better.
    pub(crate) fn rate(
        name: impl Into<String>,
        unit: &'static str,
        (value, baseline): (f64, f64),
        aim: Option<f64>,
    ) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            baseline: Some(baseline),
            ratio: Some(value / baseline),
            aim,
        }
    }

    /// A cost against a bill: the lower the better.
    pub(crate) fn cost(
        name: impl Into<String>,
        unit: &'static str,
        (value, bill): (f64, f64),
        aim: Option<f64>,
    ) -> Self {
        Self {
            ratio: Some(bill / value),
            ..Self::rate(name, unit, (value, bill), aim)
        }
    }

    /// A figure by itself.
    pub(crate) fn figure(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            baseline: None,
            ratio: None,
            aim: None,
        }
    }
}

/// Microseconds for each of a number of operations.
pub(crate) fn micros_each(spent: Duration, operations: u64) -> f64 {
    spent.as_secs_f64() * 1e6 / operations.max(1) as f64
}

/// The figure in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints the rows, those with a ratio first, and writes them to `<folder>/<case>.json`.
pub(crate) fn tell(case: &str, rows: &[Row], folder: &Path) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{case}\n{:>7} {:>6}  {:<52} {:>12} {:>12}  unit",
        "ratio", "aim", "what", "measured", "baseline"
    )?;
    let shown = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"));
    let (held, alone): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.ratio.is_some());
    for row in held.into_iter().chain(alone) {
        writeln!(
            out,
            "{:>7} {:>6}  {:<52} {:>12.1} {:>12}  {}",
            shown(row.ratio),
            shown(row.aim),
            row.name,
            row.value,
            shown(row.baseline),
            row.unit
        )?;
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join(format!("{case}.json")), serde_json::to_string_pretty(rows)?)?;
    Ok(())
}

/// Says on standard error what is going on.
pub(crate) fn note(text: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{text}");
}
