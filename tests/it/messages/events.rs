//! Events: every entry of the journals that others care for, in the order of its shard, under an id that stays.

use super::{Listener, Wire, admit};
use crate::dispatch::{issue, redeem, ride_of};
use crate::services::broker;
use crate::support::TestApp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Takes events until the last of a kind has come so many times.
async fn taken(told: &mut Listener, kind: &str, times: usize) -> Vec<Value> {
    let (mut events, mut seen) = (Vec::new(), BTreeSet::new());
    while seen.len() < times {
        let got = told.next().await;
        let event: Value = serde_json::from_slice(&got.body).unwrap();
        let name = |property: &Option<lapin::types::ShortString>| property.as_ref().unwrap().to_string();
        assert_eq!(event["id"], name(got.properties.message_id()));
        assert_eq!(event["type"], name(got.properties.kind()));
        if event["type"] == kind {
            seen.insert(event["id"].as_str().unwrap().to_owned());
        }
        events.push(event);
    }
    events
}

fn place(event: &Value) -> (String, i64) {
    let (shard, seq) = event["id"].as_str().unwrap().split_once(':').unwrap();
    (shard.to_owned(), seq.parse().unwrap())
}

/// Every event as the format wants it, in the order of its shard, each entry once.
fn assert_form(events: &[Value]) {
    let (mut last, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        let (shard, seq) = place(event);
        let before = last.insert(shard, seq).unwrap_or(0);
        assert!(before < seq, "{event}");
        assert_eq!(
            (&event["specversion"], &event["datacontenttype"]),
            (&json!("1.0"), &json!("application/json"))
        );
        assert!(event["source"].as_str().unwrap().starts_with("urn:carbon-gateway:"));
        assert!(event["time"].as_str().unwrap().ends_with('Z'));
        assert_eq!(event.get("subject").unwrap_or(&Value::Null), &event["data"]["user_id"]);
        *kinds.entry(event["type"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    for (kind, count) in [
        ("carbon.trip.booked", 15),
        ("carbon.claims.collected", 15),
        ("carbon.credits.redeemed", 5),
        ("carbon.credits.received", 5),
    ] {
        assert_eq!(kinds.get(kind), Some(&count), "{kinds:?}");
    }
}

/// What events say is what requests are answered.
async fn assert_as_answered(app: &TestApp, events: &[Value]) {
    let of_kind = |kind: &str| {
        events
            .iter()
            .filter(move |event| event["type"] == kind)
            .collect::<Vec<_>>()
    };
    for event in of_kind("carbon.trip.booked") {
        let (data, trip) = (&event["data"], &event["data"]["trip"]);
        let asked = format!(
            "/v1/users/{}/trips/{}",
            data["user_id"].as_str().unwrap(),
            trip["trip_id"].as_str().unwrap()
        );
        let mut answered: Value = app.get(&asked).await.json().await.unwrap();
        // What became of its claim later is told by another event.
        assert_eq!(answered["claim"]["state"], "collected");
        answered["claim"]["state"] = json!("waiting");
        answered["transaction_id"] = Value::Null;
        assert_eq!(trip, &answered);
        assert_eq!(data["client"], "first");
    }
    for event in of_kind("carbon.credits.redeemed") {
        let data = &event["data"];
        assert_eq!(data["amount"], "50");
        let path = format!("/v1/transactions/{}", data["transaction_id"].as_str().unwrap());
        let transaction: Value = app.get(&path).await.json().await.unwrap();
        assert_eq!(
            (&transaction["kind"], &transaction["user_id"]),
            (&json!("redeem"), &data["user_id"])
        );
    }
    for event in of_kind("carbon.transaction.settled") {
        assert_eq!(event["data"]["status"], "confirmed", "{event}");
    }
    // The sink's own is no rider's.
    for event in of_kind("carbon.credits.received") {
        assert_eq!(event["data"]["user_id"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_is_told_once_in_the_order_of_its_shard() {
    let Some(url) = broker("every entry is told") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let app = TestApp::spawn_with(&wire.settings()).await;
    admit(&app.locations, "trips:write", &[]).await;
    for user in 1_000_000..1_000_005 {
        for n in 0..3 {
            issue(&app, user, n).await;
        }
        redeem(&app, user, &format!("r-{user}"), "50").await;
    }
    app.drained().await;
    // 15 issues and 5 spends are confirmed, and what the sinks merge of them.
    let mut told = wire.listen(&wire.events).await;
    let events = taken(&mut told, "carbon.transaction.settled", 20).await;
    assert_form(&events);
    assert_as_answered(&app, &events).await;

    // A restart goes on where it was, and tells nothing again.
    let app = app.restart(&wire.settings()).await;
    let answer = app.post("/v1/trips", &ride_of(1_000_000, 9)).await;
    assert_eq!(answer.status(), 201);
    let position = answer.headers()["gateway-position"].to_str().unwrap().to_owned();
    let more = taken(&mut told, "carbon.trip.booked", 1).await;
    let ids: Vec<&Value> = more.iter().map(|event| &event["id"]).collect();
    assert_eq!(ids.last(), Some(&&json!(position)), "{ids:?}");
    let known: BTreeSet<(String, i64)> = events.iter().map(place).collect();
    for event in &more {
        assert!(!known.contains(&place(event)), "{event} was told before");
    }
    app.stop().await;
}

/// Without a queue the broker would throw events away; they wait instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_wait_for_a_queue() {
    let Some(url) = broker("events wait for a queue") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let app = TestApp::spawn_with(&wire.settings()).await;
    wire.wait_until_there(&wire.events).await;
    let delete = lapin::options::QueueDeleteOptions::default();
    wire.channel
        .queue_delete(wire.events.as_str().into(), delete)
        .await
        .unwrap();
    assert_eq!(app.post("/v1/trips", &ride_of(1_000_000, 1)).await.status(), 201);
    // It is tried meanwhile.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let options = lapin::options::QueueDeclareOptions {
        durable: true,
        ..lapin::options::QueueDeclareOptions::default()
    };
    let none = lapin::types::FieldTable::default;
    wire.channel
        .queue_declare(wire.events.as_str().into(), options, none())
        .await
        .unwrap();
    let bind = wire.channel.queue_bind(
        wire.events.as_str().into(),
        wire.events.as_str().into(),
        "#".into(),
        lapin::options::QueueBindOptions::default(),
        none(),
    );
    bind.await.unwrap();
    let mut told = wire.listen(&wire.events).await;
    let events = taken(&mut told, "carbon.trip.booked", 1).await;
    assert_eq!(events.last().unwrap()["data"]["user_id"], "1000000");
    app.stop().await;
}
