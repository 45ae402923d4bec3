//! Messages by an AMQP 0-9-1 broker (RabbitMQ from 3.10): trips in by a queue, events out by an exchange. Nothing rests on the broker:
//! a trip leaves the queue only after its commit, an event counts as told only when the broker has confirmed it, and both go on by
//! themselves, in this process or another, after whatever has gone away is back (docs/messages.md).

mod broker;
mod events;
mod intake;
mod letter;
mod line;
mod look;
mod publish;

pub use broker::Broker;
pub use events::EventsOut;
pub use intake::TripsIn;
pub use look::{QueueSeen, Unseen, queues};

use crate::store::db::StoreError;

/// Why a session with the broker ended that nobody has ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    /// The broker, or the way to it.
    #[error("the broker")]
    Broker(#[from] lapin::Error),
    /// It does not answer.
    #[error("the broker has not answered for {0} s")]
    Silent(u64),
    /// It ended the delivery of messages, as when the queue is deleted.
    #[error("the broker delivers no more messages")]
    Ended,
    /// It did not take a message.
    #[error("the broker did not take {0}")]
    NotTaken(String),
    /// No queue was there for a message.
    #[error("no queue takes {0}: bind one to the exchange")]
    NoQueue(String),
    /// The journal or the cursors.
    #[error("the ledger")]
    Store(#[from] StoreError),
}
