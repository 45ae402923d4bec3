//! The broker, as it is found.

use super::{Level, Part, Stopped, level};
use crate::services::broker;
use crate::support::TestApp;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_is_told_to_be_away_or_looked_into() {
    let stopped = Stopped::of(TestApp::spawn().await).await;
    let report = stopped.examined().await;
    assert_eq!(level(&report, Part::RabbitMq, "none"), Some(Level::Ok));

    let nobody = "amqp://carbon:geheim@127.0.0.1:1/%2f";
    let report = stopped
        .examined_with(&[("CARBON_GATEWAY__RABBITMQ__URL", nobody)])
        .await;
    assert_eq!(level(&report, Part::RabbitMq, "away"), Some(Level::Wrong));
    assert!(!report.to_text().contains("geheim") && !report.to_json().to_string().contains("geheim"));

    let Some(url) = broker("doctor at a broker") else {
        return;
    };
    let name = format!("test.{:016x}", rand::random::<u64>());
    let settings = [
        ("CARBON_GATEWAY__RABBITMQ__URL", url.as_str()),
        ("CARBON_GATEWAY__RABBITMQ__TRIPS", &name),
        ("CARBON_GATEWAY__RABBITMQ__EVENTS", ""),
    ];
    let report = stopped.examined_with(&settings).await;
    assert_eq!(level(&report, Part::RabbitMq, "answers"), Some(Level::Ok));
    assert_eq!(level(&report, Part::RabbitMq, "queue_missing"), Some(Level::Warning));

    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    // A queue that another keeps for himself is there, and of no use.
    let alone = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let made = channel.queue_declare(name.as_str().into(), alone, FieldTable::default());
    made.await.unwrap();
    let report = stopped.examined_with(&settings).await;
    assert_eq!(level(&report, Part::RabbitMq, "away"), Some(Level::Wrong));
    assert!(report.to_text().contains("RESOURCE_LOCKED"), "{}", report.to_text());
    let gone = channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default());
    gone.await.unwrap();
    for name in [name.clone(), format!("{name}.dead")] {
        let options = QueueDeclareOptions::default();
        let made = channel.queue_declare(name.into(), options, FieldTable::default());
        made.await.unwrap();
    }
    let report = stopped.examined_with(&settings).await;
    for code in ["answers", "queue", "aside_none"] {
        assert_eq!(
            level(&report, Part::RabbitMq, code),
            Some(Level::Ok),
            "{}",
            report.to_text()
        );
    }
}
