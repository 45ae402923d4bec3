//! Worked examples: rows that say what a set must give, computed again whenever the set is loaded.
//!
//! A row states the exact total as a fraction, the micrograms, and in `extra` replaced parameters, legs, a day's cap
//! and the figure before the floor at zero.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::methodology::quantify::{LegFigure, what_if};
use crate::methodology::set::Methodology;
use crate::methodology::trip::{Distance, DistanceFrom, Leg};
use crate::methodology::units::{Amount, Ratio};

/// A worked example as it stands in its file.
#[derive(Clone, Debug)]
pub struct Example {
    fields: BTreeMap<String, String>,
}

/// The column `extra`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    #[serde(default, rename = "override")]
    replace: BTreeMap<String, Ratio>,
    #[serde(default)]
    legs: Vec<ExtraLeg>,
    unfloored_g: Option<Ratio>,
    cap_g_per_day: Option<Amount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtraLeg {
    mode: String,
    distance_m: u64,
}

impl Example {
    /// Reads a table with a header; fields may stand in double quotes, a quote in them is written twice.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
        let header = lines.next().map(|(_, line)| split(line)).unwrap_or_default();
        let mut examples = Vec::new();
        for (index, line) in lines {
            let fields = split(line);
            if fields.len() != header.len() {
                return Err(format!(
                    "line {}: not as many fields as the header",
                    index.saturating_add(1)
                ));
            }
            examples.push(Self {
                fields: header.iter().cloned().zip(fields).collect(),
            });
        }
        Ok(examples)
    }

    /// A field; empty if the table has no such column.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Computes the example and compares the micrograms, the exact total and the figure before the floor.
    pub fn check(&self, methodology: &Methodology) -> Result<(), String> {
        let extra: Extra = match self.field("extra") {
            "" => Extra::default(),
            text => serde_json::from_str(text).map_err(|error| format!("extra: {error}"))?,
        };
        let figures = what_if(methodology, &self.legs(&extra)?)
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let unfloored = sum(&figures, |figure| figure.unfloored.clone());
        let floored = sum(&figures, |figure| figure.unfloored.clone().max(Ratio::zero()));
        let micrograms = figures
            .iter()
            .try_fold(Amount::ZERO, |total, figure| total.checked_add(figure.quantified));
        let mut quantified = micrograms.ok_or("the sum is too large")?;
        let mut exact = floored;
        if let Some(cap) = extra.cap_g_per_day {
            quantified = quantified.min(cap);
            exact = exact.min(Ratio::parse(&cap.to_string()).map_err(|error| error.to_string())?);
        }
        let stated = format!("{}/{}", self.field("exact_g_num"), self.field("exact_g_den"));
        let stated = Ratio::parse(&stated).map_err(|error| format!("exact_g: {error}"))?;
        same(
            "micrograms",
            self.field("expected_ug_floor"),
            &quantified.micrograms().to_string(),
        )?;
        same("exact grams", &stated.to_string(), &exact.to_string())?;
        match extra.unfloored_g {
            Some(stated) => same("unfloored grams", &stated.to_string(), &unfloored.to_string()),
            None => Ok(()),
        }
    }

    /// The legs of the example: those of `extra`, or the one the columns describe.
    fn legs(&self, extra: &Extra) -> Result<Vec<Leg>, String> {
        if !extra.legs.is_empty() {
            return Ok(extra
                .legs
                .iter()
                .map(|leg| bare_leg(&leg.mode, Some(leg.distance_m)))
                .collect());
        }
        let mut leg = bare_leg(self.field("mode"), self.number("distance_m")?);
        leg.energy_wh = self.number("energy_wh")?;
        leg.events = self.number("events")?;
        leg.grid_year = self.number("grid_year")?;
        leg.region = Some(self.field("region").to_owned()).filter(|region| !region.is_empty());
        leg.replace.clone_from(&extra.replace);
        Ok(vec![leg])
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        match self.field(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("{name} is no number")),
        }
    }
}

fn bare_leg(mode: &str, metres: Option<u64>) -> Leg {
    Leg {
        mode: mode.to_owned(),
        started_s: 0,
        ended_s: 0,
        distance: metres.map(|metres| Distance {
            metres,
            from: DistanceFrom::Given,
        }),
        energy_wh: None,
        events: None,
        region: None,
        grid_year: None,
        replace: BTreeMap::new(),
    }
}

fn sum(figures: &[LegFigure], part: impl Fn(&LegFigure) -> Ratio) -> Ratio {
    figures
        .iter()
        .fold(Ratio::zero(), |total, figure| total.plus(&part(figure)))
}

fn same(what: &str, stated: &str, computed: &str) -> Result<(), String> {
    if stated == computed {
        Ok(())
    } else {
        Err(format!("{what}: {stated} stated, {computed} computed"))
    }
}

/// Splits a line of a comma-separated table.
fn split(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}
