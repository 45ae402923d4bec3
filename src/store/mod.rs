//! All SQL. The writer loads what a batch needs, lets the pure ledger apply it, flushes, commits and only then answers; the
//! rest are reads and migrations. It knows no HTTP.

pub mod activations;
pub mod audit;
mod batch;
pub mod clients;
pub mod cursors;
pub mod databases;
pub mod db;
pub mod deployment;
pub mod examine;
mod flush;
pub mod hints;
pub mod keys;
pub mod leases;
mod load;
pub mod migrate;
pub mod reads;
mod script;
mod statement;
pub mod writer;
