//! The carbon-credit gateway: trips in, traceable carbon credits out.
//!
//! ```text
//! api, cli → ledger (commands) → store (writer: load, apply, flush, commit) → reply
//! store → dispatch (sign, record, submit, settle) → chain
//! store → verify, reports → cli, api
//! ```
//!
//! `methodology`, `distance` and `ledger` are pure: no HTTP, SQL, clock, randomness or environment.

pub mod distance;
pub mod methodology;

pub mod ledger;

pub mod chain;
pub mod identity;
pub mod store;

pub mod dispatch;

pub mod jobs;
pub mod reports;
pub mod verify;

pub mod api;
pub mod demo;
pub mod import;
pub mod messages;

pub mod app;
pub mod cli;

pub mod backoff;
pub mod clock;
pub mod config;
pub mod crash;
pub mod folder;
pub mod lifecycle;
pub mod redis;
mod sqlite;
pub mod telemetry;
