//! `ER = n * D`: a published net factor, baseline already minus project. Shenzhen, Hello, Chongqing, Wuhan bikes.

use serde::{Deserialize, Serialize};

use super::{Activity, Role};
use crate::methodology::trip::InputError;
use crate::methodology::units::Ratio;

/// A net factor per passenger-kilometre times the distance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetFactorDistance {
    /// The parameter with the net factor.
    pub net: String,
}

impl NetFactorDistance {
    pub(super) fn roles(&self) -> Vec<(&str, Role)> {
        vec![(&self.net, Role::PerPassenger)]
    }

    pub(super) fn describe(&self) -> String {
        format!("ER = {} * D", self.net)
    }

    pub(super) fn unfloored(&self, activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let net = activity.value(&self.net, lacks);
        let kilometres = activity.kilometres(lacks);
        Some(net?.times(&kilometres?))
    }
}
