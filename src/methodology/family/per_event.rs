//! `ER = v * N`: a value per ride or step. The Wuhan point tables, the Guangzhou metro paper.

use serde::{Deserialize, Serialize};

use super::{Activity, Role};
use crate::methodology::trip::InputError;
use crate::methodology::units::Ratio;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A ride.
    Trip,
    /// A step on foot.
    Step,
    /// A minute.
    Minute,
}

/// A value per event times the number of events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerEvent {
    /// The parameter with the value of one event.
    pub value: String,
    /// What an event is.
    pub event: Event,
}

impl PerEvent {
    pub(super) fn roles(&self) -> Vec<(&str, Role)> {
        let role = match self.event {
            Event::Step => Role::PerStep,
            Event::Trip | Event::Minute => Role::PerTrip,
        };
        vec![(&self.value, role)]
    }

    pub(super) fn describe(&self) -> String {
        format!("ER = {} * N", self.value)
    }

    /// The schema knows events by the minute but no unit per minute, so no set can state such a value yet.
    pub(super) fn mistakes(&self) -> Vec<String> {
        match self.event {
            Event::Minute => vec!["there is no unit for a value per minute".to_owned()],
            Event::Trip | Event::Step => Vec::new(),
        }
    }

    pub(super) fn unfloored(&self, activity: &Activity<'_>, lacks: &mut Vec<InputError>) -> Option<Ratio> {
        let value = activity.value(&self.value, lacks);
        let Some(events) = activity.leg.events else {
            lacks.push(InputError::invalid(
                "/events",
                "the formula of this mode needs the number of events",
            ));
            return None;
        };
        Some(value?.times(&Ratio::whole(events)))
    }
}
