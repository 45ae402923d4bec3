//! `D = E / c` unless measured, `BE = sum(s_i * b_i) * D`, `PE = E * g(region, year) / (1 - l)`, `ER = BE - PE`.
//! Electric cars, in the shape of AMS-III.C and VM0038.

use serde::{Deserialize, Serialize};

use super::term::{self, Basis, Term};
use super::{Activity, Role};
use crate::methodology::table::FactorTable;
use crate::methodology::trip::InputError;
use crate::methodology::units::Ratio;

/// A series of a factor table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridSeries {
    /// The table's id, or `id@version` where several versions are loaded.
    pub table: String,
    /// The series in it.
    pub series: String,
}

/// What the distance would have emitted, minus what generating the energy emitted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyDisplacement {
    /// What would have been driven, per vehicle-kilometre, with shares.
    pub baseline: Vec<Term>,
    /// The parameter with the kilowatt-hours per kilometre; of no use where metres were measured.
    pub specific_consumption: String,
    /// Where the grid factor stands.
    pub grid: GridSeries,
    /// The parameter with the share lost between power station and socket.
    pub losses: String,
}

impl EnergyDisplacement {
    pub(super) fn roles(&self) -> Vec<(&str, Role)> {
        let terms = self.baseline.iter().flat_map(Term::roles);
        let own = [
            (self.specific_consumption.as_str(), Role::Consumption),
            (self.losses.as_str(), Role::Loss),
        ];
        terms.chain(own).collect()
    }

    pub(super) fn describe(&self) -> String {
        let baseline = term::describe(&self.baseline);
        let GridSeries { table, series } = &self.grid;
        let (consumption, losses) = (&self.specific_consumption, &self.losses);
        format!("ER = {baseline} * D - E * {table}.{series}(region, year) / (1 - {losses}), D = E / {consumption}")
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = term::baseline_mistakes(&self.baseline);
        // The distance is the car's own, so a factor per passenger would have to be multiplied by its passengers.
        for term in &self.baseline {
            if term.basis() != Basis::Vehicle || term.occupancy.is_some() {
                mistakes.push(format!("{} must be per vehicle, without an occupancy", term.factor));
            }
        }
        mistakes
    }

    pub(super) fn unfloored(&self, activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let energy = activity.kilowatt_hours(lacks);
        let grid = self.grid_factor(activity, lacks);
        let losses = activity.value(&self.losses, lacks);
        let baseline = term::sum(&self.baseline, activity, lacks);
        let energy = energy?;
        let kilometres = if activity.leg.distance.is_some() {
            activity.kilometres(lacks)
        } else {
            energy.over(&activity.value(&self.specific_consumption, lacks)?)
        };
        let delivered = Ratio::one().minus(&losses?);
        let project = energy.times(&grid?).over(&delivered)?;
        Some(baseline?.times(&kilometres?).minus(&project))
    }

    /// The factor of exactly that region and year. Never a neighbour's: a missing factor is an error.
    fn grid_factor(&self, activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let (region, year) = (activity.leg.region.as_deref(), activity.leg.grid_year);
        if region.is_none() {
            lacks.push(InputError::invalid(
                "/region",
                "the formula of this mode needs the grid's region",
            ));
        }
        if year.is_none() {
            lacks.push(InputError::invalid(
                "/grid_year",
                "the formula of this mode needs the grid's year",
            ));
        }
        let (region, year) = (region?, year?);
        let Some(table) = activity.tables.get(&self.grid.table) else {
            lacks.push(InputError::invalid(
                "/mode",
                format!("the factor table {} is not loaded", self.grid.table),
            ));
            return None;
        };
        let factor = table.factor(&self.grid.series, region, year);
        if factor.is_none() {
            lacks.push(Self::missing_factor(table, &self.grid.series, region, year));
        }
        factor.cloned()
    }

    fn missing_factor(table: &FactorTable, series: &str, region: &str, year: i32) -> InputError {
        let field = if table.has_key(series, region) {
            "/grid_year"
        } else {
            "/region"
        };
        InputError::invalid(
            field,
            format!("{} has no {series} factor for {region} in {year}", table.id()),
        )
    }
}
