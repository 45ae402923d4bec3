//! Commands: the only way into the ledger. A command names one user and brings whatever the pure core cannot make itself.

use super::activation::Activate;
use super::evidence::{DataKey, NonceBytes, Places, Proof};
use super::ids::{Hash, Name, ShardId, UserId};
use super::trip::TripRecord;
use crate::methodology::programme::{Assessment, Programme};
use crate::methodology::trip::Trip;
use std::sync::Arc;

/// An order to the ledger.
#[derive(Clone, Debug)]
pub enum Command {
    /// Book a trip.
    SubmitTrip(Arc<SubmitTrip>),
    /// Put a programme, parameter set, table or network in force.
    Activate(Arc<Activate>),
}

/// Who asks, for the journal.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The calling system.
    pub client: Name,
    /// The request.
    pub request_id: String,
}

/// A trip, quantified by the programme in force when it was read.
#[derive(Clone, Debug)]
pub struct SubmitTrip {
    /// Who asks.
    pub meta: Meta,
    /// The rider.
    pub user: UserId,
    /// The caller's order number.
    pub trip_id: Name,
    /// Identity of (client, user, trip id).
    pub trip_key: Hash,
    /// Judges it.
    pub programme: Arc<Programme>,
    /// Content, distances resolved.
    pub trip: Trip,
    /// What needs neither ledger nor clock, worked out beforehand.
    pub assessment: Assessment,
    /// How the caller says it was proved.
    pub proof: Option<Proof>,
    /// Where each leg went, as sent.
    pub places: Vec<Places>,
    /// Randomness, used once.
    pub fresh: Fresh,
}

/// Randomness that a command brings along, in case it opens the account.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Address of a new account.
    pub address: Hash,
    /// Data key of a new account.
    pub data_key: DataKey,
    /// That key under the key-encryption key, bound to user, programme and address.
    pub wrapped_key: Vec<u8>,
    /// Nonce for sealing this trip's evidence.
    pub nonce: NonceBytes,
}

/// What a command did.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The trip as stored.
    Trip(TripAnswer),
    /// Whether the activation changed anything.
    Activated(bool),
}

/// A stored trip.
#[derive(Clone, Debug)]
pub struct TripAnswer {
    /// The record.
    pub record: Arc<TripRecord>,
    /// Its seq in the shard.
    pub seq: i64,
    /// It had been stored before.
    pub replayed: bool,
}

/// Why a command changed nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// The identity is taken by other content; JSON pointers of the fields that differ.
    #[error("the trip is stored with other content: {} differ", .fields.join(", "))]
    TripConflict {
        /// JSON pointers.
        fields: Vec<String>,
    },
    /// A sum would leave the range of 64 bits.
    #[error("a sum of micrograms would leave the range of 64 bits")]
    AmountOverflow,
    /// A text is longer than its canonical form can hold.
    #[error("a field is too long to be stored")]
    TooLong,
    /// A parameter set or table of that version is in force with other bytes.
    #[error("{id} {version} is frozen and differs; give the changed set a new version")]
    Frozen {
        /// Its id.
        id: String,
        /// Its version.
        version: String,
    },
    /// The evidence of the stored trip cannot be opened, so contents cannot be compared.
    #[error("the stored evidence cannot be opened")]
    EvidenceUnreadable,
}

impl Command {
    /// The shard it belongs to: its user's; activations stand in shard 0.
    pub fn shard(&self) -> ShardId {
        match self {
            Self::SubmitTrip(command) => command.user.shard(),
            Self::Activate(_) => ShardId::FIRST,
        }
    }
}
