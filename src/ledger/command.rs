//! Commands: the only way into the ledger. A command names one user and brings whatever the pure core cannot make itself.

use super::activation::Activate;
use super::encode::CodecError;
use super::evidence::{DataKey, NonceBytes, Places, Proof, SealError};
use super::idempotency::{Answer, Keyed};
use super::ids::{Hash, Name, ShardId, UserId};
use super::settle::{Postpone, Record, Redrive, Settle};
use super::view::StoredTrip;
use crate::methodology::programme::{Assessment, Programme};
use crate::methodology::trip::Trip;
use crate::methodology::units::Amount;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An order to the ledger.
#[derive(Clone, Debug)]
pub enum Command {
    /// Book a trip.
    SubmitTrip(Arc<SubmitTrip>),
    /// Turn claims into credits.
    Collect(Arc<Collect>),
    /// Spend credits on a reward.
    Redeem(Arc<Redeem>),
    /// Make few credits of many.
    Merge(Arc<Merge>),
    /// Book what time alone has done, and collect what the gateway collects by itself.
    SettleDue(Arc<SettleDue>),
    /// Record an envelope before it is sent to the chain.
    Record(Arc<Record>),
    /// Book what became of an envelope.
    Settle(Arc<Settle>),
    /// Let a transaction wait that cannot be signed now.
    Postpone(Arc<Postpone>),
    /// Try again what is refused or dead.
    Redrive(Arc<Redrive>),
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

/// Which claims to collect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All that are open.
    All,
    /// Those of trips with these keys, in this order.
    Trips(Vec<Hash>),
}

/// The order to turn claims into credits.
#[derive(Clone, Debug)]
pub struct Collect {
    /// Who asks.
    pub meta: Meta,
    /// The rider.
    pub user: UserId,
    /// In force now.
    pub programme: Arc<Programme>,
    /// Which.
    pub wanted: Wanted,
    /// Under which key.
    pub keyed: Keyed,
}

/// The order to spend credits on a reward.
#[derive(Clone, Debug)]
pub struct Redeem {
    /// Who asks.
    pub meta: Meta,
    /// The rider.
    pub user: UserId,
    /// In force now.
    pub programme: Arc<Programme>,
    /// How much, above 0.
    pub amount: Amount,
    /// The caller's reference; may be empty.
    pub reference: String,
    /// Under which key.
    pub keyed: Keyed,
    /// Opens the shard's sink, if this is the first redemption there.
    pub sink: NewAccount,
}

/// The order to make few credits of many.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Who asks.
    pub meta: Meta,
    /// The rider.
    pub user: UserId,
    /// Whose credits.
    pub programme: String,
}

/// The order to book what time alone has done to a rider's accounts.
#[derive(Clone, Debug)]
pub struct SettleDue {
    /// Who asks.
    pub meta: Meta,
    /// The rider.
    pub user: UserId,
    /// Programmes in force, by id.
    pub programmes: Arc<BTreeMap<String, Arc<Programme>>>,
}

/// Randomness of an account to be opened.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Address.
    pub address: Hash,
    /// Data key.
    pub data_key: DataKey,
    /// That key under the key-encryption key, bound to user, programme and address.
    pub wrapped_key: Vec<u8>,
}

/// Randomness that a trip brings along.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// In case it opens the account.
    pub account: NewAccount,
    /// Nonce for sealing this trip's evidence.
    pub nonce: NonceBytes,
}

/// What a command did.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The trip as stored.
    Trip(TripAnswer),
    /// What is answered under a key.
    Answered(KeyedAnswer),
    /// How many entries were booked.
    Settled(usize),
    /// The envelope stands, and may be sent; or the transaction waits.
    Recorded,
    /// Whether the activation changed anything.
    Activated(bool),
}

/// A stored trip.
#[derive(Clone, Debug)]
pub struct TripAnswer {
    /// The trip.
    pub trip: StoredTrip,
    /// It had been stored before.
    pub replayed: bool,
}

/// What is answered under a key; the rest is read from the transaction.
#[derive(Clone, Debug)]
pub struct KeyedAnswer {
    /// What.
    pub answer: Arc<Answer>,
    /// Seq of its entry.
    pub seq: i64,
    /// It had been answered before.
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
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// The rider has less than is asked for.
    #[error("{available} g are available, {missing} g are missing")]
    Insufficient {
        /// What there is.
        available: Amount,
        /// What there is not.
        missing: Amount,
    },
    /// The rider has enough, but in more credits than one transaction takes: merge, then ask again.
    #[error("the credits are too small and too many: merge them first")]
    Fragmented,
    /// The rider has enough, but in more lots than one transaction takes.
    #[error("no 31 lots cover the amount: ask for less at once")]
    TooManyLots,
    /// A transaction or an envelope is not where the order expects it: somebody else has moved it.
    #[error("{0} is not where the order expects it")]
    Moved(Hash),
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
            Self::Collect(command) => command.user.shard(),
            Self::Redeem(command) => command.user.shard(),
            Self::Merge(command) => command.user.shard(),
            Self::SettleDue(command) => command.user.shard(),
            Self::Record(command) => command.shard,
            Self::Settle(command) => command.shard,
            Self::Postpone(command) => command.shard,
            Self::Redrive(command) => command.shard,
            Self::Activate(_) => ShardId::FIRST,
        }
    }

    /// The user whose accounts it looks at.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::SubmitTrip(command) => Some(command.user),
            Self::Collect(command) => Some(command.user),
            Self::Redeem(command) => Some(command.user),
            Self::Merge(command) => Some(command.user),
            Self::SettleDue(command) => Some(command.user),
            Self::Record(_) | Self::Settle(_) | Self::Postpone(_) | Self::Redrive(_) | Self::Activate(_) => None,
        }
    }
}

impl From<CodecError> for Rejection {
    fn from(_: CodecError) -> Self {
        Self::TooLong
    }
}

impl From<SealError> for Rejection {
    fn from(_: SealError) -> Self {
        Self::TooLong
    }
}
