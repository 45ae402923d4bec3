//! A look at a broker for whoever asks what is wrong: nothing is made there, and no message is taken.

use super::SessionError;
use super::broker::{Broker, patient, queue_that_is};
use lapin::ErrorKind;
use std::time::Duration;
use tokio::time::timeout;

/// How long a broker may take that is well.
const PATIENCE: Duration = Duration::from_secs(5);

/// A queue as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueSeen {
    /// Messages that nobody has in work.
    pub messages: u32,
    /// Who takes messages from it.
    pub consumers: u32,
}

/// The broker cannot be looked at, in words without its address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unseen(pub String);

/// Some queues of a broker; `None` for one that is not there.
pub async fn queues(url: &str, names: &[String]) -> Result<Vec<Option<QueueSeen>>, Unseen> {
    let looked = timeout(PATIENCE, look(&Broker::new(url), names)).await;
    match looked {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => Err(Unseen(match error {
            SessionError::Broker(error) => error.to_string(),
            other => other.to_string(),
        })),
        Err(_) => Err(Unseen(format!("no answer within {} seconds", PATIENCE.as_secs()))),
    }
}

async fn look(broker: &Broker, names: &[String]) -> Result<Vec<Option<QueueSeen>>, SessionError> {
    let connection = broker.connect("doctor").await?;
    let mut seen = Vec::with_capacity(names.len());
    for name in names {
        seen.push(match queue_that_is(&connection, name).await {
            Ok(queue) => Some(QueueSeen {
                messages: queue.message_count(),
                consumers: queue.consumer_count(),
            }),
            Err(error) if is_not_found(&error) => None,
            Err(error) => return Err(error),
        });
    }
    patient(connection.close(200, "".into())).await?;
    Ok(seen)
}

/// Whether a queue is not there; one that the broker does not show to this user, or keeps for another, is.
fn is_not_found(error: &SessionError) -> bool {
    const NOT_FOUND: u16 = 404;
    let SessionError::Broker(error) = error else {
        return false;
    };
    matches!(error.kind(), ErrorKind::ProtocolError(told) if told.get_id() == NOT_FOUND)
}
