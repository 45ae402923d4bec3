//! `ER = BE - PE - LE` on given totals in tonnes. It exists so that the floor and the leakage term can be tried alone.

use serde::{Deserialize, Serialize};

use super::Activity;
use crate::methodology::trip::InputError;
use crate::methodology::units::Ratio;

/// Baseline minus project minus leakage, all three given. Never from a trip: whoever sent it would name their own prize.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {}

impl Totals {
    /// Baseline, project and leakage, each in tonnes.
    pub(super) const GIVENS: [&'static str; 3] = ["BE_t", "PE_t", "LE_t"];

    pub(super) fn describe() -> String {
        "ER = BE_t - PE_t - LE_t".to_owned()
    }

    pub(super) fn unfloored(activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let [baseline, project, leakage] = Self::GIVENS.map(|name| activity.value(name, lacks));
        let tonnes = baseline?.minus(&project?).minus(&leakage?);
        Some(tonnes.times(&Ratio::whole(1_000_000)))
    }
}
