//! The nouns of the ledger and their laws, pure: identities, canonical encoding, trips, accounts, journal, and `apply`.
//! It knows no HTTP, SQL, clock, randomness or environment: what it needs from outside comes with the command.
#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic, clippy::as_conversions)]

pub mod account;
pub mod activation;
pub mod apply;
mod book;
pub mod collect;
pub mod command;
pub mod credit;
pub mod due;
pub mod entry;
pub mod evidence;
pub mod ground;
pub mod idempotency;
pub mod ids;
pub mod merge;
pub mod page;
pub mod redeem;
pub mod replay;
pub mod ridden;
pub mod select;
pub mod settle;
pub mod standing;
pub mod submit;
pub mod totals;
pub mod trip;
pub mod view;

pub use carbon_contract::{codec as encode, transaction};
