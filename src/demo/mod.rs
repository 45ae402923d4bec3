//! The morning that `carbon-gateway demo` plays: a made-up city, its riders, what they ride, mistake and order. Pure: the same
//! riders, seed and instant of the start give the same plan, so that a morning can be played again; it knows no HTTP, no ledger
//! and no clock. The plan says what every answer must be, reckoned here from metres and published figures by itself.

mod chance;
pub mod city;
mod mistakes;
pub mod outcome;
pub mod plan;
pub mod sums;
pub mod trips;
pub mod wallets;

pub use outcome::Outcome;
pub use plan::{Plan, Wish};
pub use sums::Sums;
