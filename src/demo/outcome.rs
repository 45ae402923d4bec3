//! What becomes of something that is sent, as it is planned and as it is answered.

use crate::methodology::rules::Rule;
use crate::methodology::units::Amount;
use std::fmt;

/// What becomes of a trip or an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A trip is stored and worth this; an order is carried out over this.
    Done(Amount),
    /// A trip is stored and worth nothing, by this rule.
    Refused(Rule),
    /// It is answered as the first time, with this amount, and counted once.
    Again(Amount),
    /// It is turned away, for a problem of this code.
    Problem(&'static str),
}

impl Outcome {
    /// What it is about.
    pub const fn amount(self) -> Amount {
        match self {
            Self::Done(amount) | Self::Again(amount) => amount,
            Self::Refused(_) | Self::Problem(_) => Amount::ZERO,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(amount) => write!(out, "{amount} g"),
            Self::Refused(rule) => write!(out, "refused by {}", rule.as_str()),
            Self::Again(amount) => write!(out, "{amount} g as before"),
            Self::Problem(code) => write!(out, "the problem {code}"),
        }
    }
}
