//! The carbon-credit gateway: trips in, traceable carbon credits out.

pub mod distance;
pub mod methodology;
pub mod identity;
pub mod ledger;
pub mod store;
pub mod clock;
pub mod config;
pub mod folder;
pub mod lifecycle;
pub mod telemetry;
pub mod verify;
