//! The carbon-credit gateway: trips in, traceable carbon credits out.

pub mod distance;
pub mod methodology;
