//! Trips by the broker's queue: the same that callers send over HTTP, each a message that is to survive the broker's end. Senders wait for
//! the broker's word as callers wait for their answers, and work has ended when the gateway has booked all trips and acknowledged all messages.

use super::CONNECTIONS;
use crate::child::Child;
use crate::desk::Riders;
use crate::load::Done;
use crate::machine::cpu_of;
use crate::server::Place;
use anyhow::{Context as _, ensure};
use carbon_gateway::api::keys::{KeyOrder, Rights, new_key};
use carbon_gateway::app;
use carbon_gateway::clock::Clock;
use carbon_gateway::config::Loaded;
use carbon_gateway::ledger::ids::Name;
use carbon_gateway::store::clients;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Where the gateway takes trips from.
const QUEUE: &str = "bench.trips";
/// Survives the end of the broker.
const PERSISTENT: u8 = 2;
/// How often the gateway is asked how many it has booked, and how long it may book none.
const ASKED: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_mins(1);
/// What the gateway says of itself: messages that became trips, and whether it is connected.
const BOOKED: &str = "carbon_intake_messages_total{outcome=\"created\"}";
const UP: &str = "carbon_broker_up{for=\"trips\"}";

/// The broker that the script started.
pub(crate) struct Broker {
    url: String,
    /// Who sends: the broker's user, and so the client whose trips they are.
    user: String,
    process: u32,
}

/// Senders who are connected to it, as many as callers.
pub(super) struct Senders {
    channels: Vec<Channel>,
    properties: BasicProperties,
    riders: Riders,
    connection: Connection,
}

impl Broker {
    /// The broker that the settings name, which runs on this machine as that process.
    pub(super) fn find(process: Option<u32>) -> anyhow::Result<Self> {
        let process = process.context("--broker says which process the broker is: scripts/bench.sh does")?;
        let url = Loaded::from_process(None)?.config.rabbitmq.url;
        let url = url.context("rabbitmq.url names no broker: scripts/bench.sh starts one")?;
        let uri: AMQPUri = url.as_str().parse().map_err(anyhow::Error::msg)?;
        Ok(Self {
            url: url.as_str().to_owned(),
            user: uri.authority.userinfo.username,
            process,
        })
    }

    /// The settings of a gateway that takes trips from it, and tells it nothing.
    pub(super) fn settings(&self) -> [(&str, &str); 3] {
        [
            ("RABBITMQ__URL", &self.url),
            ("RABBITMQ__TRIPS", QUEUE),
            ("RABBITMQ__EVENTS", ""),
        ]
    }

    /// CPU time so far.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.process)
    }

    /// Gives its user a key in a ledger, without which no trip of his is taken.
    pub(super) async fn admit(&self, place: &Place) -> anyhow::Result<()> {
        let order = KeyOrder {
            client: Name::parse(&self.user)?,
            rights: Rights::parse("trips:write")?,
            programmes: Vec::new(),
            expires_ms: None,
        };
        let (_, key) = new_key(&order, rand::random(), Clock::System.now_ms());
        let config = Loaded::read(None, place.settings())?.config;
        let location = app::locations(&config, &place.folder)?;
        let mut connection = location.first().context("no database")?.connect().await?;
        clients::insert(&mut connection, &key).await?;
        connection.close().await?;
        Ok(())
    }
}

impl Senders {
    /// Connects when the gateway has made its queue.
    pub(super) async fn connect(broker: &Broker, child: &Child, riders: Riders) -> anyhow::Result<Self> {
        let begun = Instant::now();
        while child.figure(UP).await? < 1.0 {
            ensure!(begun.elapsed() < PATIENCE, "the gateway does not reach the broker");
            sleep(ASKED).await;
        }
        let connection = Connection::connect(&broker.url, ConnectionProperties::default()).await?;
        let mut channels = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            channels.push(channel);
        }
        Ok(Self {
            channels,
            properties: BasicProperties::default()
                .with_user_id(broker.user.as_str().into())
                .with_delivery_mode(PERSISTENT),
            riders,
            connection,
        })
    }

    /// Sends so many trips, whose numbers go on from `counter`, and waits until the gateway has booked them.
    pub(super) async fn send(&self, child: &Child, (trips, counter): (u64, &AtomicU64)) -> anyhow::Result<Done> {
        let before = child.figure(BOOKED).await?;
        let first = counter.fetch_add(trips, Ordering::Relaxed);
        let (next, end) = (Arc::new(AtomicU64::new(first)), first + trips);
        let now_s = Clock::System.now_ms() / 1_000;
        let begun = Instant::now();
        let mut senders = JoinSet::new();
        for channel in &self.channels {
            let (channel, properties) = (channel.clone(), self.properties.clone());
            let (next, riders) = (Arc::clone(&next), self.riders);
            senders.spawn(async move {
                let mut sent = 0;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= end {
                        return anyhow::Ok(sent);
                    }
                    let trip = riders.trip_json(n, now_s)?.to_string();
                    publish(&channel, properties.clone(), trip.as_bytes()).await?;
                    sent += 1;
                }
            });
        }
        let sent = Done::of_all(senders, begun).await?.answered;
        let (mut booked, mut moved) = (0.0, Instant::now());
        while booked < sent as f64 {
            let now = child.figure(BOOKED).await? - before;
            if now > booked {
                (booked, moved) = (now, Instant::now());
            }
            ensure!(moved.elapsed() < PATIENCE, "{booked} of {sent} trips are booked");
            sleep(ASKED).await;
        }
        Ok(Done {
            answered: sent,
            wall: begun.elapsed(),
        })
    }

    /// Takes leave of the broker.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        Ok(self.connection.close(200, "".into()).await?)
    }
}

/// Sends a message, and waits until the broker has it on the disk.
async fn publish(channel: &Channel, properties: BasicProperties, body: &[u8]) -> anyhow::Result<()> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sending = channel.basic_publish("".into(), QUEUE.into(), options, body, properties);
    let confirmed = sending.await?.await?;
    ensure!(
        matches!(confirmed, Confirmation::Ack(None)),
        "the broker did not take a trip"
    );
    Ok(())
}
