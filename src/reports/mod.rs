//! Reports: sums over users, shards and days as of an instant that never changes its answer. They read what the writer keeps in
//! the same commit as the effect (daily totals), and for an instant inside a day the journal itself. Traces: from a credit back to
//! its rides, and forward.

mod instant;
mod totals;
pub mod trace;

pub use instant::{Instant, InstantError};
pub use totals::{Days, Dimension, Question, Report, ReportError, Row, Sums, report};
