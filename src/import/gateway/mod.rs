//! Who takes the trips: the ledger of a data folder, or a running gateway over HTTP. Both answer alike.

mod folder;
mod http;

pub use folder::Folder;
pub use http::{Common, Http, HttpError};

use super::ride::Ride;
use super::tally::Place;
use crate::methodology::units::Amount;
use std::time::Duration;

/// A ride on its way.
#[derive(Clone, Debug)]
pub struct Order {
    /// What the row says.
    pub ride: Ride,
    /// Where it stands.
    pub place: Place,
    /// The row as it stands, if somebody wants to see what was rejected.
    pub text: Option<Box<[u8]>>,
}

/// What became of a trip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is stored.
    Booked(Booking),
    /// Its id is taken by other content; which fields differ.
    Conflict(String),
    /// It is no trip that the gateway can take: a code of `docs/problems.md`.
    Unfit(String),
    /// It was not taken and may be sent again.
    Busy,
}

/// A stored trip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    /// It had been stored before.
    pub replayed: bool,
    /// The rule that refused it.
    pub refused: Option<String>,
    /// Before caps.
    pub quantified: Amount,
    /// What caps took.
    pub capped: Amount,
}

/// Why there are no answers.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody knows what was taken; all may be sent again, not before `after`.
    #[error("{detail}")]
    Lost {
        /// What happened.
        detail: String,
        /// How long the gateway asks to wait.
        after: Option<Duration>,
    },
    /// Sending again would not help.
    #[error("{0}")]
    Refused(String),
}

/// Who takes the trips.
pub enum Gateway {
    /// The ledger of a data folder.
    Folder(Folder),
    /// A running gateway.
    Http(Http),
}

impl Gateway {
    /// Sends trips of one shard and waits for all answers, which come in the order sent.
    pub async fn send(&self, orders: &[Order]) -> Result<Vec<Answer>, SendError> {
        match self {
            Self::Folder(folder) => folder.send(orders).await,
            Self::Http(http) => http.send(orders).await,
        }
    }
}
