//! What a message from the queue says of itself, and the letters that answer it.

use crate::api::TripDesk;
use crate::api::problem::Problem;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;

/// Survives the end of the broker.
const PERSISTENT: u8 = 2;

/// The client that sent a message. The broker has checked it: it takes no message under the name of another than who is connected.
pub(super) fn client(delivery: &Delivery) -> Option<&str> {
    delivery
        .properties
        .user_id()
        .as_ref()
        .map(lapin::types::ShortString::as_str)
}

/// The id under which a message is booked and told of.
pub(super) fn request_id(delivery: &Delivery) -> String {
    let own = delivery.properties.message_id().as_ref();
    TripDesk::request_id(own.map(lapin::types::ShortString::as_str))
}

/// A header of a message, if it is text.
pub(super) fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a str> {
    match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// How a message that cannot be taken is put aside: as it came, with the reason in headers. The broker would not take the sender's name
/// from us, so that is a header too.
pub(super) fn put_aside(delivery: &Delivery, problem: &Problem, request_id: &str) -> BasicProperties {
    let mut headers = delivery.properties.headers().clone().unwrap_or_default();
    let mut put = |name: &str, value: String| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    put("x-carbon-code", problem.code.as_str().to_owned());
    put("x-carbon-detail", problem.detail.clone());
    put("x-carbon-problem", problem.document(request_id).to_string());
    put("x-carbon-client", client(delivery).unwrap_or_default().to_owned());
    let kept = &delivery.properties;
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers);
    if let Some(kind) = kept.content_type() {
        properties = properties.with_content_type(kind.clone());
    }
    if let Some(id) = kept.message_id() {
        properties = properties.with_message_id(id.clone());
    }
    if let Some(id) = kept.correlation_id() {
        properties = properties.with_correlation_id(id.clone());
    }
    properties
}

/// Where an answer goes, if one is asked for, and what stands on it: the status that a request would have had is its type.
pub(super) fn answer(delivery: &Delivery, status: u16, document: &Value) -> Option<(String, BasicProperties, Vec<u8>)> {
    let to = delivery.properties.reply_to().as_ref()?.as_str().to_owned();
    let kind = if status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    let mut properties = BasicProperties::default()
        .with_content_type(kind.into())
        .with_type(status.to_string().into());
    let asked = &delivery.properties;
    if let Some(id) = asked.correlation_id().as_ref().or(asked.message_id().as_ref()) {
        properties = properties.with_correlation_id(id.clone());
    }
    Some((to, properties, document.to_string().into_bytes()))
}

/// What stands on an event: its id and type, so that a consumer need not open it to sort it.
pub(super) fn of_event(id: &str, kind: &str) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/cloudevents+json; charset=utf-8".into())
        .with_message_id(id.into())
        .with_type(kind.into())
        .with_app_id("carbon-gateway".into())
        .with_headers(FieldTable::default())
}
