//! The way to the broker: connections, and the queues and the exchange that must be there. Lapin's own recovery is left off: it never
//! answers while the broker is away at the start.

use super::SessionError;
use crate::backoff::Backoff;
use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind, Queue};
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// How long the broker may take for anything that it is asked.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is told that it does not work, while it does not.
const TOLD_AGAIN: Duration = Duration::from_mins(1);
/// Times that a message may be delivered before the broker puts it aside: it counts every end of a gateway that had it, so that only a
/// message that ends gateways comes so far.
const MOST_DELIVERIES: i64 = 1_000;

/// Where the broker is.
#[derive(Clone)]
pub struct Broker {
    url: String,
}

impl Broker {
    /// At an address with user and password.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// A connection, named so that whoever looks at the broker knows what it is for.
    pub(super) async fn connect(&self, purpose: &'static str) -> Result<Connection, SessionError> {
        let properties =
            ConnectionProperties::default().with_connection_name(format!("carbon-gateway {purpose}").into());
        patient(Connection::connect(&self.url, properties)).await
    }

    /// Has sessions one after the other until the stop; one that fails begins again after a while, longer each time.
    pub(super) async fn sessions(&self, purpose: &'static str, stop: &CancellationToken, talk: &impl Talk) {
        let up = metrics::gauge!("carbon_broker_up", "for" => purpose);
        let (mut backoff, mut told): (_, Option<Instant>) = (Backoff::default(), None);
        up.set(0.0);
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let Err(error) = talk.session().await else { continue };
            up.set(0.0);
            // One that went well for a while was no attempt like those before.
            if begun.elapsed() > PATIENCE {
                (backoff, told) = (Backoff::default(), None);
            }
            let wait = backoff.next(rand::random(), None);
            if told.is_none_or(|at| at.elapsed() > TOLD_AGAIN) {
                told = Some(Instant::now());
                tracing::warn!(
                    error = &error as &dyn Error,
                    purpose,
                    "messages stopped; it is tried again and again"
                );
            }
            drop(error);
            stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }
}

/// Somebody who has something to talk over with the broker.
pub(super) trait Talk: Sync {
    /// Connects and talks until the stop, or until it fails.
    fn session(&self) -> impl Future<Output = Result<(), SessionError>> + Send;
}

/// What the broker does, if it does it in time.
pub(super) async fn patient<T>(what: impl Future<Output = lapin::Result<T>>) -> Result<T, SessionError> {
    match timeout(PATIENCE, what).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(SessionError::Silent(PATIENCE.as_secs())),
    }
}

/// A channel on which the broker confirms what it has taken.
pub(super) async fn confirming(connection: &Connection) -> Result<Channel, SessionError> {
    let channel = patient(connection.create_channel()).await?;
    patient(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

/// Makes a queue of trips and the one for what could not be taken, unless an operator has made them, in whatever way.
pub(super) async fn queue_of_trips(connection: &Connection, name: &str, aside: &str) -> Result<(), SessionError> {
    queue(connection, aside, FieldTable::default()).await?;
    let mut arguments = FieldTable::default();
    // The broker's own way aside ends there too.
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-routing-key".into(), text(aside));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(MOST_DELIVERIES));
    queue(connection, name, arguments).await
}

/// Makes the exchange of events and a queue that takes all of them, likewise. One consumer of that queue is served at a time, so that it
/// meets a rider's events in their order.
pub(super) async fn exchange_of_events(connection: &Connection, name: &str) -> Result<(), SessionError> {
    if exchange(connection, name, true).await.is_ok() {
        return Ok(());
    }
    exchange(connection, name, false).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    queue(connection, name, arguments).await?;
    let channel = patient(connection.create_channel()).await?;
    let bind = channel.queue_bind(
        name.into(),
        name.into(),
        "#".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    patient(bind).await?;
    done_with(channel).await
}

/// A topic exchange; a passive question is whether there is one. A refusal ends its channel, so each question has its own.
async fn exchange(connection: &Connection, name: &str, passive: bool) -> Result<(), SessionError> {
    let channel = patient(connection.create_channel()).await?;
    let options = ExchangeDeclareOptions {
        passive,
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    patient(channel.exchange_declare(name.into(), ExchangeKind::Topic, options, FieldTable::default())).await?;
    done_with(channel).await
}

/// A quorum queue, unless there is one of that name.
async fn queue(connection: &Connection, name: &str, mut arguments: FieldTable) -> Result<(), SessionError> {
    if queue_that_is(connection, name).await.is_ok() {
        return Ok(());
    }
    arguments.insert("x-queue-type".into(), text("quorum"));
    declare(connection, name, false, arguments).await.map(drop)
}

/// The queue of a name as it is now; an error if there is none.
pub(super) async fn queue_that_is(connection: &Connection, name: &str) -> Result<Queue, SessionError> {
    declare(connection, name, true, FieldTable::default()).await
}

async fn declare(
    connection: &Connection,
    name: &str,
    passive: bool,
    arguments: FieldTable,
) -> Result<Queue, SessionError> {
    let channel = patient(connection.create_channel()).await?;
    let options = QueueDeclareOptions {
        passive,
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let queue = patient(channel.queue_declare(name.into(), options, arguments)).await?;
    done_with(channel).await?;
    Ok(queue)
}

/// Closes a channel and waits for it: one that is only let go may still be closing when the connection is closed, which then fails.
async fn done_with(channel: Channel) -> Result<(), SessionError> {
    patient(channel.close(200, "".into())).await
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
