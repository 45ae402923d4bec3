//! What the gateway makes at a broker that has nothing of it yet.

use super::{PATIENCE, Wire, connect, of_the_sender};
use crate::services::broker;
use crate::support::TestApp;
use lapin::ErrorKind;
use lapin::options::{BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use std::time::{Duration, Instant};

/// How often the broker gives a message back to the queue that nobody acknowledges.
const RETURNS: i64 = 1_000;

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// What the broker says of a queue of this type; it refuses every other than the one that is there.
async fn declared(wire: &Wire, name: &str, kind: &str, others: &FieldTable) -> lapin::Result<()> {
    // A refusal ends the channel.
    let (_connection, channel) = connect(&wire.url).await;
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let mut arguments = others.clone();
    arguments.insert("x-queue-type".into(), text(kind));
    channel.queue_declare(name.into(), options, arguments).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_queue_lies_on_most_nodes_of_a_broker() {
    let Some(url) = broker("every queue is a quorum queue") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let app = TestApp::spawn_with(&wire.settings()).await;
    wire.wait_until_there(&wire.trips).await;
    wire.wait_until_there(&wire.events).await;
    let aside = format!("{}.dead", wire.trips);
    let mut of_trips = FieldTable::default();
    of_trips.insert("x-dead-letter-exchange".into(), text(""));
    of_trips.insert("x-dead-letter-routing-key".into(), text(&aside));
    of_trips.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(RETURNS));
    let mut of_events = FieldTable::default();
    of_events.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    let queues = [
        (&wire.trips, of_trips),
        (&aside, FieldTable::default()),
        (&wire.events, of_events),
    ];
    for (name, others) in &queues {
        declared(&wire, name, "quorum", others).await.unwrap();
        let refused = declared(&wire, name, "classic", others).await.unwrap_err();
        let ErrorKind::ProtocolError(told) = refused.kind() else {
            unreachable!("{refused}")
        };
        assert_eq!(told.get_id(), 406, "{refused}");
        assert!(told.get_message().as_str().contains("x-queue-type"), "{refused}");
    }
    app.stop().await;
}

/// A message that ends every gateway which takes it does not do so for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_acknowledges_is_put_aside_by_the_broker() {
    let Some(url) = broker("a message that nobody acknowledges") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let app = TestApp::spawn_with(&wire.settings()).await;
    wire.wait_until_there(&wire.trips).await;
    app.stop().await;
    wire.send(b"trip", of_the_sender()).await;
    let (mut returns, begun) = (0, Instant::now());
    let aside = format!("{}.dead", wire.trips);
    let put_aside = loop {
        let got = wire
            .channel
            .basic_get(wire.trips.as_str().into(), BasicGetOptions::default());
        if let Some(message) = got.await.unwrap() {
            let again = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            message.nack(again).await.unwrap();
            returns += 1;
        } else if let Some(got) = wire.get(&aside).await {
            break got;
        } else {
            assert!(begun.elapsed() < PATIENCE, "{returns} returns, and it is nowhere");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(returns, RETURNS + 1);
    assert_eq!(
        (
            put_aside.body.as_slice(),
            put_aside.header("x-first-death-reason").as_str()
        ),
        (&b"trip"[..], "delivery_limit")
    );
}
