//! What gateway and chain agree on: the canonical bytes of transactions and envelopes (docs/formats.md), and the contract that
//! judges them. Deterministic by construction: no floats, no hash maps, no clock, no globals, no I/O but the [`state::State`] it is
//! given. The embedded chain runs it as it is, other chains through a shim that says who calls and where the state lies.
#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic, clippy::as_conversions)]

pub mod codec;
pub mod contract;
pub mod envelope;
mod hash;
pub mod record;
pub mod refusal;
pub mod signature;
pub mod state;
pub mod transaction;

pub use hash::{Hash, HashError, push_digits};
