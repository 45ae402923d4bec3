//! Trips in and events out by a real RabbitMQ.

mod events;
mod intake;
mod outages;
mod queues;

use carbon_gateway::api::keys::{KeyOrder, Rights, new_key};
use carbon_gateway::ledger::ids::Name;
use carbon_gateway::store::clients;
use carbon_gateway::store::db::{Homes, Location};
use futures_util::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Who the tests are to the broker.
const SENDER: &str = "guest";

/// A test's own end of the broker, with names of its own.
pub(crate) struct Wire {
    url: String,
    pub(crate) trips: String,
    events: String,
    connection: Connection,
    channel: Channel,
}

/// A message from a queue.
struct Got {
    body: Vec<u8>,
    properties: BasicProperties,
}

impl Got {
    /// A header, empty if it is not there.
    fn header(&self, name: &str) -> String {
        let headers = self.properties.headers().clone().unwrap_or_default();
        let value = headers.inner().get(name).and_then(|value| value.as_long_string());
        value.map(ToString::to_string).unwrap_or_default()
    }
}

impl Wire {
    pub(crate) async fn new(url: &str) -> Self {
        let name = format!("test.{:016x}", rand::random::<u64>());
        let (connection, channel) = connect(url).await;
        Self {
            url: url.to_owned(),
            trips: format!("{name}.trips"),
            events: format!("{name}.events"),
            connection,
            channel,
        }
    }

    /// Connects again, to a broker that was away.
    async fn again(&mut self) {
        (self.connection, self.channel) = connect(&self.url).await;
    }

    /// The settings of a gateway that takes trips and sends events.
    pub(crate) fn settings(&self) -> [(&str, &str); 3] {
        [
            ("CARBON_GATEWAY__RABBITMQ__URL", &self.url),
            ("CARBON_GATEWAY__RABBITMQ__TRIPS", &self.trips),
            ("CARBON_GATEWAY__RABBITMQ__EVENTS", &self.events),
        ]
    }

    /// Sends a message until the broker has it: a queue that is just choosing its leader takes none.
    pub(crate) async fn send(&self, body: &[u8], properties: BasicProperties) {
        let begun = Instant::now();
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        loop {
            let (to, properties) = (self.trips.as_str().into(), properties.clone());
            let sent = self.channel.basic_publish("".into(), to, options, body, properties);
            let told = sent.await.unwrap().await.unwrap();
            if matches!(told, Confirmation::Ack(None)) {
                return;
            }
            let is_nack = matches!(told, Confirmation::Nack(_));
            assert!(is_nack && begun.elapsed() < PATIENCE, "{told:?}");
        }
    }

    /// Sends a trip as a client does.
    async fn send_trip(&self, trip: &Value, id: &str) {
        self.send(trip.to_string().as_bytes(), of_the_sender().with_message_id(id.into()))
            .await;
    }

    /// The next message of a queue, acknowledged; `None` if it is empty.
    async fn get(&self, queue: &str) -> Option<Got> {
        let got = self.channel.basic_get(queue.into(), BasicGetOptions::default());
        let message = got.await.unwrap()?;
        message.ack(BasicAckOptions::default()).await.unwrap();
        Some(Got {
            body: message.data.clone(),
            properties: message.properties.clone(),
        })
    }

    /// The next message of a queue that is to have one.
    async fn wait_for(&self, queue: &str) -> Got {
        let begun = Instant::now();
        loop {
            if let Some(got) = self.get(queue).await {
                return got;
            }
            assert!(begun.elapsed() < PATIENCE, "nothing comes to {queue}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Takes what comes to a queue from now on, one after the other: a queue that serves one consumer at a time can be read in no other way.
    async fn listen(&self, queue: &str) -> Listener {
        self.wait_until_there(queue).await;
        let options = BasicConsumeOptions::default();
        let consuming = self
            .channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default());
        Listener(consuming.await.unwrap())
    }

    /// Waits until a queue is there: the gateway makes it.
    pub(crate) async fn wait_until_there(&self, queue: &str) {
        let begun = Instant::now();
        while self.depth(queue).await.is_none() {
            assert!(begun.elapsed() < PATIENCE, "there is no {queue}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Messages that nobody has; `None` if there is no such queue.
    async fn depth(&self, queue: &str) -> Option<u32> {
        // A missing queue ends the channel, and lapin may give its number, its error with it, to the next one: so each has its own connection.
        let (_connection, channel) = connect(&self.url).await;
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let found = channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await;
        found.ok().map(|queue| queue.message_count())
    }
}

/// Takes what comes to a queue.
struct Listener(Consumer);

impl Listener {
    async fn next(&mut self) -> Got {
        let message = tokio::time::timeout(PATIENCE, self.0.next()).await;
        let message = message.expect("something comes").unwrap().unwrap();
        message.ack(BasicAckOptions::default()).await.unwrap();
        Got {
            body: message.data.clone(),
            properties: message.properties.clone(),
        }
    }
}

async fn connect(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    (connection, channel)
}

pub(crate) fn of_the_sender() -> BasicProperties {
    BasicProperties::default()
        .with_user_id(SENDER.into())
        .with_delivery_mode(2)
}

/// Gives the tests' user of the broker a key.
pub(crate) async fn admit(locations: &Homes<Location>, rights: &str, programmes: &[&str]) {
    let order = KeyOrder {
        client: Name::parse(SENDER).unwrap(),
        rights: Rights::parse(rights).unwrap(),
        programmes: programmes.iter().map(|one| (*one).to_owned()).collect(),
        expires_ms: None,
    };
    let (_, key) = new_key(&order, rand::random(), 1);
    let mut connections = locations.connect().await.unwrap();
    clients::insert(connections.main_mut(), &key).await.unwrap();
    connections.close().await.unwrap();
}
