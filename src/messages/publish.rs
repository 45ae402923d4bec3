//! Sends messages and hears what became of them.

use super::SessionError;
use super::broker::patient;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};

/// A message that is on its way.
pub(super) struct Sent {
    what: String,
    confirm: PublisherConfirm,
}

/// Sends a message that must reach a queue.
pub(super) async fn send(
    channel: &Channel,
    (exchange, key): (&str, &str),
    what: &str,
    (properties, body): (BasicProperties, &[u8]),
) -> Result<Sent, SessionError> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sending = channel.basic_publish(exchange.into(), key.into(), options, body, properties);
    Ok(Sent {
        what: what.to_owned(),
        confirm: patient(sending).await?,
    })
}

/// Sends a message that nobody need take.
pub(super) async fn send_loosely(
    channel: &Channel,
    key: &str,
    (properties, body): (BasicProperties, &[u8]),
) -> Result<(), SessionError> {
    let options = BasicPublishOptions::default();
    let sending = channel.basic_publish("".into(), key.into(), options, body, properties);
    patient(sending).await.map(drop)
}

impl Sent {
    /// Waits until the broker has the message, on the disks of most of its nodes where the queue is a quorum queue.
    pub(super) async fn taken(self) -> Result<(), SessionError> {
        match patient(self.confirm).await? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(SessionError::NoQueue(self.what)),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(SessionError::NotTaken(self.what)),
        }
    }
}
