//! Taking a request in: key, media type, size, JSON. Whatever is refused early, the body is still read (within bounds), so
//! that a client in the middle of sending can read the answer.

use super::ApiState;
use super::auth::{Caller, identify};
use super::keys::Right;
use super::problem::{Code, Problem};
use crate::ledger::ids::UserId;
use actix_web::HttpRequest;
use actix_web::body::{BodyStream, MessageBody as _};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Bytes that are read only to be thrown away.
const MOST_DRAINED: usize = 64 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_BUDGET: Duration = Duration::from_mins(1);

/// A body that arrives piece by piece.
pub(super) struct Body(BodyStream<Payload>);

impl Body {
    /// The body of a request.
    pub(super) fn new(payload: Payload) -> Self {
        Self(BodyStream::new(payload))
    }

    async fn next(&mut self) -> Option<Result<Bytes, PayloadError>> {
        poll_fn(|context| Pin::new(&mut self.0).poll_next(context)).await
    }

    /// Reads what is left and forgets it; answers whether the end was reached.
    pub(super) async fn drain(&mut self) -> bool {
        let mut left = MOST_DRAINED;
        let all = async {
            while let Some(Ok(piece)) = self.next().await {
                match left.checked_sub(piece.len()) {
                    Some(rest) => left = rest,
                    None => return false,
                }
            }
            true
        };
        timeout(BODY_BUDGET, all).await.unwrap_or(false)
    }

    /// The same problem, after the body has been read away.
    pub(super) async fn refuse(mut self, mut problem: Problem) -> Problem {
        problem.close = !self.drain().await;
        problem
    }

    async fn read(&mut self, limit: usize) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        let all = async {
            while let Some(piece) = self.next().await {
                let piece =
                    piece.map_err(|_| Problem::new(Code::MalformedJson, "the body ended before it was complete"))?;
                if bytes.len().saturating_add(piece.len()) > limit {
                    return Err(Problem::new(
                        Code::BodyTooLarge,
                        format!("the body is larger than {limit} bytes"),
                    ));
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(())
        };
        let late = || {
            Problem::new(
                Code::MalformedJson,
                format!("the body took longer than {} s", BODY_BUDGET.as_secs()),
            )
        };
        timeout(BODY_BUDGET, all).await.unwrap_or_else(|_| Err(late()))?;
        Ok(bytes)
    }
}

/// What a route takes.
pub(super) struct Taking<'a> {
    /// Bytes at most.
    pub(super) most: usize,
    /// The rights of which the caller needs one.
    pub(super) rights: &'a [Right],
    /// Whose order it is.
    pub(super) rider: Rider<'a>,
}

/// The rider for whom an order counts.
#[derive(Clone, Copy)]
pub(super) enum Rider<'a> {
    /// It is nobody's, or of many.
    None,
    /// As the path names him.
    InPath(&'a str),
    /// As the body names him.
    InBody,
}

impl Rider<'_> {
    fn of(self, body: &Value) -> Option<UserId> {
        match self {
            Self::None => None,
            Self::InPath(text) => UserId::parse(text).ok(),
            Self::InBody => rider(body),
        }
    }
}

/// The rider whom an order names, well or badly written as the rest of it may be.
pub(super) fn rider(order: &Value) -> Option<UserId> {
    match &order["user_id"] {
        Value::String(text) => UserId::parse(text).ok(),
        Value::Number(number) => number.as_i64().and_then(|id| UserId::new(id).ok()),
        _ => None,
    }
}

/// Who asks, with one of the rights, and the JSON that came along. Client and rider are counted together, whatever is wrong with it.
pub(super) async fn intake(
    request: &HttpRequest,
    payload: Payload,
    state: &ApiState,
    taking: Taking<'_>,
) -> Result<(Arc<Caller>, Value), Problem> {
    let mut body = Body::new(payload);
    let caller = match identify(request, state).await {
        Ok(caller) => caller,
        Err(problem) => return Err(body.refuse(problem).await),
    };
    let sound = caller.require(taking.rights).and_then(|()| check_media_type(request));
    let read = match sound {
        Ok(()) => body.read(taking.most).await,
        Err(problem) => Err(problem),
    };
    let taken = match read {
        Ok(bytes) => parse(&bytes),
        Err(problem) => Err(body.refuse(problem).await),
    };
    let rider = taken.as_ref().ok().and_then(|value| taking.rider.of(value));
    if let Err(refused) = state.limits.admit(&caller.client, rider).await {
        let mut problem = Problem::from(refused);
        problem.close = taken.is_err_and(|problem| problem.close);
        return Err(problem);
    }
    Ok((caller, taken?))
}

fn check_media_type(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let essence = header(header::CONTENT_TYPE)
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "the content type must be application/json",
        ));
    }
    if header(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "content encodings are not taken",
        ));
    }
    Ok(())
}

/// One JSON document; a repeated key is refused, for nobody can say which of its values was meant.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let malformed = |error: serde_json::Error| Problem::new(Code::MalformedJson, error.to_string());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader).map_err(malformed)?;
    reader.end().map_err(malformed)?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Self)?;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice in one object"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_json_document_and_nothing_else() {
        let sound = parse(br#" {"a": [1, -2, 1.5, "x", null, true], "b": {}} "#).ok();
        assert_eq!(
            sound,
            serde_json::from_str(r#"{"a": [1, -2, 1.5, "x", null, true], "b": {}}"#).ok()
        );
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        for wrong in [
            "",
            "{",
            "{}{}",
            r#"{"a": 1, "a": 2}"#,
            r#"{"a": "\ud800"}"#,
            deep.as_str(),
        ] {
            assert_eq!(
                parse(wrong.as_bytes()).map_err(|problem| problem.code),
                Err(Code::MalformedJson),
                "{wrong:.20}"
            );
        }
        assert!(parse(b"\"\xff\"").is_err());
    }
}
