//! `import`: files of rides become trips of the ledger.
//!
//! `profile`, `ride` and `ways` say what a row means and compute nothing but that; `rows` cuts files into records; `reader` is
//! the thread that joins the two; `lanes` hands the trips to a `gateway`, one request per shard at a time, so that a rider's
//! trips arrive in the order of the files wherever it was interrupted.

pub mod gateway;
pub mod job;
mod lanes;
mod paths;
pub mod profile;
mod reader;
pub mod rejects;
pub mod ride;
pub mod rows;
pub mod run;
mod table;
pub mod tally;
pub mod ways;

pub use lanes::BATCH;
