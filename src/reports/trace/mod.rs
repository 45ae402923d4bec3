//! Where credits come from and where a ride's grams have gone: walks over what is booked, both ways, a bounded part at a time. Where
//! a walk stopped is told as a cursor, so that nothing is kept between two parts.
//!
//! A lot's grams come from that lot alone, since every transaction keeps the sums of each lot: the walk follows one lot and leaves
//! the others of a transaction aside. All of it lies in one shard, and what makes a credit has a lower seq than what consumes it:
//! walked in the order of seqs, each transaction is met once, however many ways lead to it.

mod back;
mod cursor;
mod forth;
mod waiting;

pub use back::{Back, Source, back};
pub use cursor::CursorError;
pub use forth::{Descendant, Forth, forth};

use crate::store::db::StoreError;

/// How much one part of a walk holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Transactions.
    pub transactions: usize,
    /// Sources; an issue is told whole, and it has at most 256.
    pub sources: usize,
    /// Transactions that a cursor names before those are left out that will be come upon again.
    pub waiting: usize,
}

impl Bounds {
    /// What one answer holds.
    pub const ANSWER: Self = Self {
        transactions: 256,
        sources: 1_000,
        waiting: 64,
    };
}

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The cursor.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
