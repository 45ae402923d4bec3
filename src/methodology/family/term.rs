//! A term of a baseline or of a project's emissions: a factor, its share, and per whom it is stated.

use serde::{Deserialize, Serialize};

use super::{Activity, Role};
use crate::methodology::trip::InputError;
use crate::methodology::units::Ratio;

/// Per whom a factor is stated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Per passenger-kilometre.
    Passenger,
    /// Per vehicle-kilometre.
    Vehicle,
}

/// One factor of a sum.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The parameter with the factor.
    pub factor: String,
    /// The share of a baseline mode; left out, the whole. The shares of a baseline sum to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// Per whom the factor is stated; left out, per passenger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The parameter with the people per vehicle, for a factor per vehicle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occupancy: Option<String>,
}

impl Term {
    /// Per whom the factor is stated.
    pub fn basis(&self) -> Basis {
        self.basis.unwrap_or(Basis::Passenger)
    }

    /// The share, 1 if left out.
    pub fn share(&self) -> Ratio {
        self.share.clone().unwrap_or_else(Ratio::one)
    }

    pub(super) fn roles(&self) -> Vec<(&str, Role)> {
        let role = match self.basis() {
            Basis::Passenger => Role::PerPassenger,
            Basis::Vehicle => Role::PerVehicle,
        };
        let occupancy = self.occupancy.as_deref().map(|name| (name, Role::Occupancy));
        std::iter::once((self.factor.as_str(), role)).chain(occupancy).collect()
    }

    pub(super) fn describe(&self) -> String {
        let share = self
            .share
            .as_ref()
            .map_or_else(String::new, |share| format!("{share} * "));
        let occupancy = self
            .occupancy
            .as_ref()
            .map_or_else(String::new, |name| format!(" / {name}"));
        format!("{share}{}{occupancy}", self.factor)
    }

    /// `share * factor / occupancy`, grams per kilometre.
    pub(super) fn grams_per_km(&self, activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let factor = activity.value(&self.factor, lacks);
        let weighted = factor?.times(&self.share());
        match &self.occupancy {
            Some(name) => weighted.over(&activity.value(name, lacks)?),
            None => Some(weighted),
        }
    }
}

/// The sum of the terms, grams per kilometre.
pub(super) fn sum(terms: &[Term], activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
    let each: Vec<Option<Ratio>> = terms.iter().map(|term| term.grams_per_km(activity, lacks)).collect();
    each.into_iter()
        .try_fold(Ratio::zero(), |total, grams| Some(total.plus(&grams?)))
}

/// The terms for a person, in brackets where there is more than one.
pub(super) fn describe(terms: &[Term]) -> String {
    let each: Vec<String> = terms.iter().map(Term::describe).collect();
    match each.as_slice() {
        [one] => one.clone(),
        _ => format!("({})", each.join(" + ")),
    }
}

/// A baseline has at least one term, no negative share, and shares that sum to exactly 1.
pub(super) fn baseline_mistakes(terms: &[Term]) -> Vec<String> {
    if terms.is_empty() {
        return vec!["the baseline has no term".to_owned()];
    }
    let mut mistakes = Vec::new();
    let total = terms
        .iter()
        .fold(Ratio::zero(), |total, term| total.plus(&term.share()));
    if total != Ratio::one() {
        mistakes.push(format!("the baseline's shares sum to {total}, not to 1"));
    }
    for term in terms.iter().filter(|term| term.share().is_negative()) {
        mistakes.push(format!("the share of {} is negative", term.factor));
    }
    mistakes
}
