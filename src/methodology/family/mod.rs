//! The formula families: one file each, and what they share. A formula belongs to a mode, not to a methodology.
//!
//! There is no expression language, by choice: a set names one of these formulas and the parameters it takes.

mod baseline_minus_project;
mod energy_displacement;
mod net_factor_distance;
mod per_event;
mod term;
mod totals;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use baseline_minus_project::BaselineMinusProject;
pub use energy_displacement::{EnergyDisplacement, GridSeries};
pub use net_factor_distance::NetFactorDistance;
pub use per_event::{Event, PerEvent};
pub use term::{Basis, Term};
pub use totals::Totals;

use crate::methodology::document::Unit;
use crate::methodology::table::FactorTable;
use crate::methodology::trip::{InputError, Leg};
use crate::methodology::units::Ratio;

/// The formula of one mode.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "formula", rename_all = "snake_case")]
pub enum Formula {
    /// `ER = n * D`.
    NetFactorDistance(NetFactorDistance),
    /// `ER = BE - PE`, both by distance.
    BaselineMinusProject(BaselineMinusProject),
    /// `ER = v * N`.
    PerEvent(PerEvent),
    /// `ER = BE - PE`, the project's part by energy.
    EnergyDisplacement(EnergyDisplacement),
    /// `ER = BE - PE - LE` on given totals.
    Totals(Totals),
}

impl Formula {
    /// The parameters the formula takes and what it takes each of them for.
    pub fn roles(&self) -> Vec<(&str, Role)> {
        match self {
            Self::NetFactorDistance(formula) => formula.roles(),
            Self::BaselineMinusProject(formula) => formula.roles(),
            Self::PerEvent(formula) => formula.roles(),
            Self::EnergyDisplacement(formula) => formula.roles(),
            Self::Totals(_) => Vec::new(),
        }
    }

    /// Inputs that are no parameters of the set and come with a what-if only.
    pub fn givens(&self) -> &'static [&'static str] {
        match self {
            Self::Totals(_) => &Totals::GIVENS,
            _ => &[],
        }
    }

    /// The factor table the formula reads, as the set names it.
    pub fn table(&self) -> Option<&GridSeries> {
        match self {
            Self::EnergyDisplacement(formula) => Some(&formula.grid),
            _ => None,
        }
    }

    /// The formula for a person, written from the very values that are computed with.
    pub fn describe(&self) -> String {
        match self {
            Self::NetFactorDistance(formula) => formula.describe(),
            Self::BaselineMinusProject(formula) => formula.describe(),
            Self::PerEvent(formula) => formula.describe(),
            Self::EnergyDisplacement(formula) => formula.describe(),
            Self::Totals(_) => Totals::describe(),
        }
    }

    /// What is wrong with the formula in itself, one sentence each.
    pub(super) fn mistakes(&self) -> Vec<String> {
        match self {
            Self::BaselineMinusProject(formula) => formula.mistakes(),
            Self::EnergyDisplacement(formula) => formula.mistakes(),
            Self::PerEvent(formula) => formula.mistakes(),
            Self::NetFactorDistance(_) | Self::Totals(_) => Vec::new(),
        }
    }

    /// The exact grams of a leg before the floor at zero, or everything the leg lacks for it.
    pub(super) fn unfloored(&self, activity: &Activity<'_>) -> Result<Ratio, Vec<InputError>> {
        let mut lacks = Vec::new();
        let figure = match self {
            Self::NetFactorDistance(formula) => formula.unfloored(activity, &mut lacks),
            Self::BaselineMinusProject(formula) => formula.unfloored(activity, &mut lacks),
            Self::PerEvent(formula) => formula.unfloored(activity, &mut lacks),
            Self::EnergyDisplacement(formula) => formula.unfloored(activity, &mut lacks),
            Self::Totals(_) => Totals::unfloored(activity, &mut lacks),
        };
        match figure {
            Some(figure) if lacks.is_empty() => Ok(figure),
            _ => Err(lacks),
        }
    }

    /// The field of a leg whose size decides the size of the result, for the report of an overflow.
    pub(super) fn measure(&self) -> &'static str {
        match self {
            Self::NetFactorDistance(_) | Self::BaselineMinusProject(_) => "/distance_m",
            Self::PerEvent(_) => "/events",
            Self::EnergyDisplacement(_) => "/energy_wh",
            Self::Totals(_) => "/replace",
        }
    }
}

/// What a formula takes a parameter for; it settles which units and which values are possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Grams per passenger-kilometre.
    PerPassenger,
    /// Grams per vehicle-kilometre.
    PerVehicle,
    /// Grams per ride.
    PerTrip,
    /// Grams per step.
    PerStep,
    /// People per vehicle; it divides.
    Occupancy,
    /// Baseline distance over project distance.
    Detour,
    /// Kilowatt-hours per vehicle-kilometre; it divides.
    Consumption,
    /// A share that is lost; one minus it divides.
    Loss,
}

impl Role {
    /// Whether a parameter of that unit may play the role. Confusing vehicle and passenger kilometres is the commonest
    /// error in published calculations, so it is caught here and never converted silently.
    pub fn takes_unit(self, unit: Unit) -> bool {
        match self {
            Self::PerPassenger => matches!(unit, Unit::Co2PerPassengerKm | Unit::Co2ePerPassengerKm),
            Self::PerVehicle => matches!(unit, Unit::Co2PerVehicleKm | Unit::Co2ePerVehicleKm),
            Self::PerTrip => unit == Unit::Co2PerTrip,
            Self::PerStep => unit == Unit::Co2PerStep,
            Self::Occupancy => unit == Unit::PersonPerVehicle,
            Self::Detour | Self::Loss => unit == Unit::One,
            Self::Consumption => unit == Unit::KwhPerVehicleKm,
        }
    }

    /// Why the value cannot play the role, if it cannot.
    pub fn refuses_value(self, value: &Ratio) -> Option<&'static str> {
        match self {
            Self::PerPassenger | Self::PerVehicle | Self::PerTrip | Self::PerStep => None,
            Self::Occupancy | Self::Detour | Self::Consumption => {
                (!value.is_positive()).then_some("must be above zero")
            }
            Self::Loss => (value.is_negative() || *value >= Ratio::one()).then_some("must be at least 0 and below 1"),
        }
    }
}

/// A leg together with the values its formula works with.
pub(super) struct Activity<'a> {
    /// The leg.
    pub(super) leg: &'a Leg,
    /// Values by parameter name, replacements already in place.
    pub(super) values: &'a BTreeMap<String, Ratio>,
    /// Factor tables by the name the set uses.
    pub(super) tables: &'a BTreeMap<String, Arc<FactorTable>>,
}

impl Activity<'_> {
    /// A parameter's value. Templates have parameters without one.
    fn value(&self, name: &str, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let value = self.values.get(name);
        if value.is_none() {
            lacks.push(InputError::invalid(
                format!("/replace/{name}"),
                format!("no value for {name}"),
            ));
        }
        value.cloned()
    }

    /// The distance in kilometres.
    fn kilometres(&self, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let Some(distance) = &self.leg.distance else {
            lacks.push(InputError::invalid(
                "/distance_m",
                "the formula of this mode needs a distance",
            ));
            return None;
        };
        thousandth(distance.metres)
    }

    /// The energy in kilowatt-hours.
    fn kilowatt_hours(&self, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let Some(energy_wh) = self.leg.energy_wh else {
            lacks.push(InputError::invalid(
                "/energy_wh",
                "the formula of this mode needs the energy",
            ));
            return None;
        };
        thousandth(energy_wh)
    }
}

fn thousandth(count: u64) -> Option<Ratio> {
    Ratio::whole(count).over(&Ratio::whole(1000))
}
