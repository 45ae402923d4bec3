//! A look at a broker for whoever asks what is wrong: nothing is made there, and no message is taken.

use super::SessionError;
use super::broker::{Broker, patient, queue_that_is};
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
        seen.push(queue_that_is(&connection, name).await.ok().map(|queue| QueueSeen {
            messages: queue.message_count(),
            consumers: queue.consumer_count(),
        }));
    }
    patient(connection.close(200, "".into())).await?;
    Ok(seen)
}
