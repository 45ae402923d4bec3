//! Where a transaction stands on its way to the chain. A status carries its data; a move consumes it, and one that does not start
//! where it must gives nothing. Refused and dead take nothing back: the database's word to the rider stands, an operator decides.

use super::ids::{Hash, UserId};
use super::transaction::Kind;

/// Transactions that an envelope may carry.
pub const MOST_IN_ENVELOPE: u16 = 32;
/// Envelopes that may lapse, before an operator has to look.
pub const MOST_LAPSES: u32 = 16;
/// Bytes of a reason that are kept.
const MOST_REASON: usize = 512;
/// Ids of earlier envelopes that are kept.
const MOST_EARLIER: usize = 64;

/// Where on the chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Height of the block, from 1.
    pub height: i64,
    /// Place in the block, from 0.
    pub index: i64,
    /// The block's time, Unix milliseconds.
    pub block_at_ms: i64,
}

/// How far a transaction has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// Waits to leave.
    Stored {
        /// Transactions not confirmed yet that made its inputs: it does not leave before them.
        unmet: u32,
        /// Nor before this instant, Unix milliseconds.
        next_attempt_ms: i64,
    },
    /// In an envelope.
    Submitted,
    /// In a block, by the payload that was stored.
    Confirmed(Place),
    /// The chain has refused it, and why.
    Refused(String),
    /// The chain has lost it too often, and how.
    Dead(String),
}

/// A transaction with its status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Seq of its entry.
    pub seq: i64,
    /// Its name.
    pub content_id: Hash,
    /// Whose order it is.
    pub user: UserId,
    /// Programme.
    pub programme: String,
    /// What it does.
    pub kind: Kind,
    /// How far it has come.
    pub status: Status,
    /// Envelopes that have carried it.
    pub attempt: u32,
    /// Transactions that the next envelope may carry, this one among them.
    pub pack: u16,
    /// The last envelope that carried it, by its id on the chain.
    pub chain_tx_id: Option<Hash>,
    /// Those before, oldest first.
    pub earlier: Vec<Hash>,
}

impl Status {
    /// Of a transaction just booked.
    pub fn fresh(unmet: usize) -> Self {
        Self::Stored {
            unmet: u32::try_from(unmet).unwrap_or(u32::MAX),
            next_attempt_ms: 0,
        }
    }

    /// Word in tables and answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Stored { .. } => "stored",
            Self::Submitted => "submitted",
            Self::Confirmed(_) => "confirmed",
            Self::Refused(_) => "refused",
            Self::Dead(_) => "dead",
        }
    }

    /// From when it may leave; beyond all time while it must not.
    pub const fn leaves_ms(&self) -> i64 {
        match self {
            Self::Stored {
                unmet: 0,
                next_attempt_ms,
            } => *next_attempt_ms,
            Self::Stored { .. } => i64::MAX,
            Self::Submitted | Self::Confirmed(_) | Self::Refused(_) | Self::Dead(_) => 0,
        }
    }

    /// Transactions that it waits for.
    pub const fn unmet(&self) -> u32 {
        match self {
            Self::Stored { unmet, .. } => *unmet,
            Self::Submitted | Self::Confirmed(_) | Self::Refused(_) | Self::Dead(_) => 0,
        }
    }

    /// Where it stands in the chain.
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Confirmed(place) => Some(*place),
            Self::Stored { .. } | Self::Submitted | Self::Refused(_) | Self::Dead(_) => None,
        }
    }

    /// Why it is refused or dead.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(reason) | Self::Dead(reason) => Some(reason),
            Self::Stored { .. } | Self::Submitted | Self::Confirmed(_) => None,
        }
    }
}

impl Standing {
    /// Into an envelope, if nothing holds it back.
    pub(super) fn submit(mut self, chain_tx_id: Hash) -> Option<Self> {
        if self.status.leaves_ms() == i64::MAX || !matches!(self.status, Status::Stored { .. }) {
            return None;
        }
        self.status = Status::Submitted;
        self.attempt = self.attempt.saturating_add(1);
        if let Some(before) = self.chain_tx_id.replace(chain_tx_id)
            && self.earlier.len() < MOST_EARLIER
        {
            self.earlier.push(before);
        }
        Some(self)
    }

    /// Not before a later instant.
    pub(super) fn postpone(mut self, until_ms: i64) -> Option<Self> {
        let Status::Stored {
            unmet: 0,
            next_attempt_ms,
        } = &mut self.status
        else {
            return None;
        };
        *next_attempt_ms = until_ms;
        Some(self)
    }

    /// Out of that envelope, with another status.
    pub(super) fn leave(mut self, chain_tx_id: &Hash, status: Status) -> Option<Self> {
        if self.status != Status::Submitted || self.chain_tx_id != Some(*chain_tx_id) {
            return None;
        }
        self.status = status;
        Some(self)
    }

    /// A transaction that made inputs of it has been confirmed.
    pub(super) fn meet(mut self) -> Option<Self> {
        let Status::Stored { unmet, .. } = &mut self.status else {
            return None;
        };
        *unmet = unmet.checked_sub(1)?;
        Some(self)
    }

    /// Once more, by an operator's order.
    pub(super) fn redrive(mut self) -> Option<Self> {
        if !matches!(self.status, Status::Refused(_) | Status::Dead(_)) {
            return None;
        }
        self.status = Status::fresh(0);
        Some(self)
    }

    /// Whether it has lapsed so often that an operator should look before the next time.
    pub(super) const fn is_spent(&self) -> bool {
        self.attempt > 0 && self.attempt.is_multiple_of(MOST_LAPSES)
    }
}

/// As much of a reason as is kept.
pub(super) fn kept(reason: &str) -> String {
    reason
        .get(..reason.floor_char_boundary(MOST_REASON))
        .unwrap_or_default()
        .to_owned()
}
