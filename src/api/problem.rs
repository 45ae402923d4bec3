//! Problems: what goes wrong over HTTP, in one table of codes, written as `application/problem+json` (RFC 9457). The only
//! `ResponseError` of the program. A 5xx carries no inner text; that goes to the log where it is handled.

use crate::chain::ChainError;
use crate::identity::kek::KekError;
use crate::ledger::command::Rejection;
use crate::methodology::trip::{InputCode, InputError};
use crate::redis::limits::{Refused, Scope};
use crate::store::db::StoreError;
use crate::store::writer::SubmitError;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt;

/// How long a caller waits before it tries a full queue again, in milliseconds.
const RETRY_OVERLOADED_MS: u64 = 200;
/// How long before it tries a stopping gateway or a database that is away again, in milliseconds.
const RETRY_AWAY_MS: u64 = 1_000;
/// Wrong fields that one answer names; a body can hold a million.
const MOST_ERRORS: usize = 100;

macro_rules! codes {
    ($($name:ident $word:literal $status:literal $title:literal, $advice:literal;)+) => {
        /// The codes of all problems.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// One sentence that is the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// What the caller can do about it.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),+ }
            }
        }
    };
}

codes! {
    MalformedJson "malformed_json" 400 "The body is not one JSON document.", "Send UTF-8 JSON without repeated keys, nested at most 127 deep, and all of it.";
    UnknownField "unknown_field" 400 "The request has a field that is not known here.", "Correct its name or leave it out.";
    InvalidField "invalid_field" 422 "A field is missing or has a wrong value.", "Correct the fields that `errors` names.";
    UnsupportedMediaType "unsupported_media_type" 415 "The body is not declared as JSON.", "Send `Content-Type: application/json` and no content encoding.";
    BodyTooLarge "body_too_large" 413 "The body is larger than is taken here.", "Send less at once, or split a batch.";
    NotFound "not_found" 404 "There is nothing of that name.", "Check the path, the user and the id.";
    MethodNotAllowed "method_not_allowed" 405 "The method is not offered here.", "Use one of the methods in the header `Allow`.";
    Unauthorized "unauthorized" 401 "No valid key came with the request.", "Send `Authorization: Bearer cgk_…` with a key that is neither revoked nor expired.";
    Forbidden "forbidden" 403 "The key has no right to do this.", "Use a key with that right, and with that programme.";
    IdempotencyKeyRequired "idempotency_key_required" 400 "The request moves value and names no idempotency key.", "Send `Idempotency-Key`: 1 to 128 visible ASCII characters, the same for the same order however often it is sent.";
    IdempotencyConflict "idempotency_conflict" 409 "The idempotency key was used for another request.", "Use a new key for a new order; repeat an order only as it was.";
    Insufficient "insufficient" 422 "The rider has less than is asked for.", "Ask for at most `available`, or collect claims first.";
    TripConflict "trip_conflict" 409 "The trip is stored with other content.", "Do not repeat it: compare the fields that `errors` names, or use another trip id.";
    NotRedrivable "not_redrivable" 409 "The transaction is neither refused nor dead.", "Read it again: it is on its way, or confirmed.";
    NotConfirmed "not_confirmed" 409 "It is not confirmed on the chain yet.", "Ask again when `on_chain` of the credit is `confirmed`.";
    UnknownProgramme "unknown_programme" 422 "There is no such programme.", "Use the id of an active programme.";
    UnknownMode "unknown_mode" 422 "The programme does not know the mode.", "Use one of the programme's own words.";
    UnknownNetwork "unknown_network" 422 "No network is loaded in which to look the station up.", "Send `distance_m` or coordinates, or have the network set up.";
    UnknownStation "unknown_station" 422 "The network has no such station.", "Use a station id of the network.";
    NoRoute "no_route" 422 "No way leads from the one station to the other.", "Check both stations, or send `distance_m`.";
    BatchTooLarge "batch_too_large" 422 "The batch has more items than are taken at once.", "Split it.";
    RateLimited "rate_limited" 429 "More came in a second than is taken; nothing was taken.", "Send the same again after `retry_after_ms`, and the next ones further apart.";
    Overloaded "overloaded" 503 "The queue is full; nothing was taken.", "Send the same again after `retry_after_ms`.";
    Draining "draining" 503 "The gateway is stopping; nothing was taken.", "Send the same again after `retry_after_ms`; another instance may answer.";
    StorageUnavailable "storage_unavailable" 503 "The database did not take it; nothing was stored.", "Send the same again after `retry_after_ms`; a trip is counted once, and an order under its key carried out once, however often it is sent.";
    StorageRefused "storage_refused" 503 "The database refuses this for what it says; nothing was stored.", "Do not send it again before whoever runs the gateway has seen to it: it would be refused again.";
    OutcomeUnknown "outcome_unknown" 503 "The database went away before it said whether it took it.", "Send the same again after `retry_after_ms`: what was stored is answered as it was, what was not is stored then, and nothing twice.";
}

impl Code {
    /// Whether the same again may be taken after a while, without anybody's doing.
    pub const fn passes(self) -> bool {
        matches!(self.status(), 429 | 503) && !matches!(self, Self::StorageRefused)
    }
}

/// One wrong field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FieldError {
    /// JSON pointer into the body.
    pub pointer: String,
    /// Word of its [`Code`].
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
}

impl FieldError {
    /// A field with a mistake of that kind.
    pub fn new(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.as_str(),
            detail: detail.into(),
        }
    }
}

impl From<InputError> for FieldError {
    fn from(error: InputError) -> Self {
        let code = match error.code {
            InputCode::InvalidField => Code::InvalidField,
            InputCode::UnknownMode => Code::UnknownMode,
            InputCode::UnknownNetwork => Code::UnknownNetwork,
            InputCode::UnknownStation => Code::UnknownStation,
            InputCode::NoRoute => Code::NoRoute,
        };
        Self::new(code, error.pointer, error.detail)
    }
}

/// A request that was not carried out, and why.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Row of the table.
    pub code: Code,
    /// One sentence about this occurrence.
    pub detail: String,
    /// Wrong fields.
    pub errors: Vec<FieldError>,
    /// When trying again makes sense.
    pub retry_after_ms: Option<u64>,
    /// Further members.
    pub extra: Map<String, Value>,
    /// Methods that are offered, for `Allow`.
    pub allow: Option<&'static str>,
    /// Whether the connection ends with the answer, because some of the body was left unread.
    pub close: bool,
}

impl Problem {
    /// A problem without further members.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_ms: None,
            extra: Map::new(),
            allow: None,
            close: false,
        }
    }

    /// Wrong fields. The code is theirs if they share one, else `invalid_field`.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let shared = |code: &&Code| errors.iter().all(|error| error.code == code.as_str());
        let code = Code::ALL.iter().find(shared).copied().unwrap_or(Code::InvalidField);
        let named: Vec<&str> = errors.iter().take(5).map(|error| error.pointer.as_str()).collect();
        let more = if errors.len() > named.len() { ", …" } else { "" };
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            _ => format!("{} fields are wrong: {}{more}", errors.len(), named.join(", ")),
        };
        let mut problem = Self::new(code, detail);
        problem.errors = errors;
        problem.errors.truncate(MOST_ERRORS);
        problem
    }

    /// One wrong field.
    pub fn field(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::new(code, pointer, detail)])
    }

    /// The gateway is stopping.
    pub fn draining() -> Self {
        Self::new(Code::Draining, "the gateway is stopping").retry(RETRY_AWAY_MS)
    }

    /// The database cannot be reached.
    pub fn storage_unavailable() -> Self {
        Self::new(Code::StorageUnavailable, "the database is not available").retry(RETRY_AWAY_MS)
    }

    /// The database holds something that cannot be read, however often it is asked.
    pub fn unreadable() -> Self {
        let detail = "the database holds something that cannot be read; the gateway's log says what";
        Self::new(Code::StorageRefused, detail)
    }

    /// The same, to be tried again after some time.
    #[must_use]
    pub fn retry(mut self, after_ms: u64) -> Self {
        self.retry_after_ms = Some(after_ms);
        self
    }

    /// The document; `instance` is the request id.
    pub fn document(&self, instance: &str) -> Value {
        let mut document = json!({
            "type": format!("/problems/{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status(),
            "detail": self.detail,
            "instance": instance,
            "code": self.code.as_str(),
        });
        if let Some(members) = document.as_object_mut() {
            if !self.errors.is_empty() {
                members.insert("errors".to_owned(), json!(self.errors));
            }
            if let Some(after_ms) = self.retry_after_ms {
                members.insert("retry_after_ms".to_owned(), json!(after_ms));
            }
            members.extend(self.extra.clone());
        }
        document
    }

    /// The answer; `instance` is the request id.
    pub fn response(&self, instance: &str) -> HttpResponse {
        let mut builder = HttpResponse::build(self.status_code());
        builder.content_type("application/problem+json");
        if let Some(after_ms) = self.retry_after_ms {
            builder.insert_header((header::RETRY_AFTER, after_ms.div_ceil(1_000).to_string()));
        }
        if self.code == Code::Unauthorized {
            builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(methods) = self.allow {
            builder.insert_header((header::ALLOW, methods));
        }
        if self.close {
            builder.force_close();
        }
        builder.body(self.document(instance).to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Without a request id, which the frame around every handler puts in.
    fn error_response(&self) -> HttpResponse {
        self.response("")
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Overloaded => {
                Self::new(Code::Overloaded, "the queue of commands is full").retry(RETRY_OVERLOADED_MS)
            }
            SubmitError::Draining => Self::draining(),
            SubmitError::Unavailable => Self::storage_unavailable(),
            SubmitError::Unstorable => {
                let detail = "the database refuses this for its data; the gateway's log says why";
                Self::new(Code::StorageRefused, detail)
            }
            SubmitError::OutcomeUnknown => {
                let detail = "the database is not available, and has not said whether this was stored";
                Self::new(Code::OutcomeUnknown, detail).retry(RETRY_AWAY_MS)
            }
            SubmitError::Rejected(rejection) => rejection.into(),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::TripConflict { fields } => {
                let differs = |pointer| FieldError::new(Code::TripConflict, pointer, "differs from the stored trip");
                Self::fields(fields.into_iter().map(differs).collect())
            }
            Rejection::AmountOverflow => {
                Self::field(Code::InvalidField, "/legs", "a sum would be beyond 2^63 - 1 micrograms")
            }
            Rejection::TooLong => Self::field(Code::InvalidField, "", "a field is too long to be stored"),
            Rejection::IdempotencyConflict => Self::new(
                Code::IdempotencyConflict,
                "the key was used for another request of this client and user",
            ),
            Rejection::Insufficient { available, missing } => {
                let mut problem = Self::new(Code::Insufficient, rejection.to_string());
                problem.extra.insert("available".to_owned(), json!(available));
                problem.extra.insert("missing".to_owned(), json!(missing));
                problem
            }
            Rejection::Fragmented => {
                Self::new(Code::Overloaded, "the credits are being merged first").retry(RETRY_OVERLOADED_MS)
            }
            Rejection::TooManyLots => Self::field(Code::InvalidField, "/amount", rejection.to_string()),
            Rejection::Moved(_) => Self::new(
                Code::NotRedrivable,
                "only what is refused or dead is tried again by order",
            ),
            // No request activates anything, so neither of the two can follow from what a caller sent.
            Rejection::Frozen { .. } => Self::storage_unavailable(),
            Rejection::EvidenceUnreadable => {
                tracing::error!("the sealed evidence of a stored trip cannot be opened");
                Self::unreadable()
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let of_whom = match refused.scope {
            Scope::Client => "requests of the client",
            Scope::Rider => "orders of the rider",
        };
        let detail = format!("{of_whom} are taken at most {} in a second", refused.per_s);
        let wait_ms = refused.wait.as_micros().div_ceil(1_000);
        let mut problem = Self::new(Code::RateLimited, detail).retry(u64::try_from(wait_ms).unwrap_or(u64::MAX));
        let limit = json!(refused.scope.as_str());
        problem.extra.insert("limit".to_owned(), limit);
        problem
    }
}

impl From<ChainError> for Problem {
    fn from(error: ChainError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the chain does not answer");
        Self::new(Code::StorageUnavailable, "the chain is not available").retry(RETRY_AWAY_MS)
    }
}

impl From<KekError> for Problem {
    fn from(error: KekError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a data key cannot be wrapped");
        Self::storage_unavailable()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a read failed");
        match error {
            StoreError::Data(_) | StoreError::Row { .. } => Self::unreadable(),
            _ => Self::storage_unavailable(),
        }
    }
}
