//! `BE = sum(s_i * b_i / o_i) * d * D`, `PE = sum(p_j) * D`, `ER = BE - PE`. Beijing and the regional standard, UK.

use serde::{Deserialize, Serialize};

use super::term::{self, Basis, Term};
use super::{Activity, Role};
use crate::methodology::trip::InputError;
use crate::methodology::units::Ratio;

/// What the same distance would have emitted, minus what it did emit. Leakage is settled when credits are issued by
/// the period, so a leg has none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineMinusProject {
    /// What would have been travelled in, with shares.
    pub baseline: Vec<Term>,
    /// What was travelled in; well-to-tank emissions are one more term.
    pub project: Vec<Term>,
    /// The parameter with baseline distance over project distance; left out, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detour: Option<String>,
}

impl BaselineMinusProject {
    pub(super) fn roles(&self) -> Vec<(&str, Role)> {
        let terms = self.baseline.iter().chain(&self.project).flat_map(Term::roles);
        terms
            .chain(self.detour.as_deref().map(|name| (name, Role::Detour)))
            .collect()
    }

    pub(super) fn describe(&self) -> String {
        let detour = self
            .detour
            .as_ref()
            .map_or_else(String::new, |name| format!(" * {name}"));
        let (baseline, project) = (term::describe(&self.baseline), term::describe(&self.project));
        format!("ER = {baseline}{detour} * D - {project} * D")
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = term::baseline_mistakes(&self.baseline);
        for term in &self.baseline {
            match (term.basis(), &term.occupancy) {
                (Basis::Vehicle, None) => {
                    mistakes.push(format!("{} is per vehicle and needs an occupancy", term.factor));
                }
                (Basis::Passenger, Some(_)) => {
                    mistakes.push(format!("{} is per passenger and takes no occupancy", term.factor));
                }
                (Basis::Vehicle, Some(_)) | (Basis::Passenger, None) => {}
            }
        }
        if self.project.is_empty() {
            mistakes.push("the project has no term".to_owned());
        }
        // The formula has plain factors here; anything else would be read by a person and ignored by us.
        for term in &self.project {
            if term.share.is_some() || term.occupancy.is_some() || term.basis() == Basis::Vehicle {
                mistakes.push(format!(
                    "the project's {} takes no share, occupancy or vehicle basis",
                    term.factor
                ));
            }
        }
        mistakes
    }

    pub(super) fn unfloored(&self, activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let baseline = term::sum(&self.baseline, activity, lacks);
        let project = term::sum(&self.project, activity, lacks);
        let detour = match &self.detour {
            Some(name) => activity.value(name, lacks),
            None => Some(Ratio::one()),
        };
        let kilometres = activity.kilometres(lacks);
        Some(baseline?.times(&detour?).minus(&project?).times(&kilometres?))
    }
}
