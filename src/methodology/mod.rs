//! PURE. Activity in, micrograms out: units, formula families, parameter sets, factor tables, programmes.
//!
//! This room knows no HTTP, SQL, files, clock, randomness or environment. Everything is exact: fractions of big
//! integers from end to end, rounded once per leg, no floats and no unchecked arithmetic anywhere.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::float_arithmetic)]

pub mod document;
pub mod family;
pub mod golden;
pub mod library;
pub mod programme;
pub mod quantify;
pub mod ratio;
pub mod rules;
pub mod set;
pub mod table;
pub mod trip;
pub mod units;

pub use document::{Gas, Status};
pub use library::{Library, LibraryError};
pub use programme::{Assessment, Caps, ClaimWindow, Collecting, Environment, Programme, ProgrammeError};
pub use quantify::{LegFigure, Replacing, quantify_leg, what_if};
pub use rules::{Refusal, Rule};
pub use set::{Methodology, MethodologyRef};
pub use trip::{Distance, DistanceFrom, InputCode, InputError, Leg, Trip};
pub use units::{Amount, Day, Ratio};
