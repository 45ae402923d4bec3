//! A running gateway, spoken to over HTTP. A request may be sent again whenever its answer is not known: a trip is stored once.

use super::{Answer, Booking, Order, SendError};
use crate::methodology::units::Amount;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest body of an answer that is not one of ours which is shown.
const LONGEST_QUOTE: usize = 200;

/// A gateway and what the trips have in common.
pub struct Http {
    client: Client,
    base: Url,
    key: String,
    programme: String,
    mode: String,
    events: Option<u64>,
}

/// Why a gateway cannot be used for this import.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Not an address of ours.
    #[error("--to {0}: must be the address of a gateway, such as http://127.0.0.1:8080 (for HTTPS, a proxy speaks it)")]
    Address(String),
    /// No client can be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    /// Nobody answers.
    #[error("the gateway {base} cannot be reached")]
    Unreachable {
        /// Its address.
        base: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// It answers that it will not.
    #[error("the gateway {base} refuses: {detail}")]
    Refused {
        /// Its address.
        base: String,
        /// Its word.
        detail: String,
    },
    /// The key is another client's.
    #[error(
        "the key belongs to the client {key:?}, the profile is for {profile:?}; make a key with `carbon-gateway keys create --client {profile}`"
    )]
    OtherClient {
        /// Whose key it is.
        key: String,
        /// Whose profile it is.
        profile: String,
    },
    /// The programme does not know the mode.
    #[error("the programme {programme} has no mode {mode:?}; it has {}", .modes.join(", "))]
    Mode {
        /// The programme.
        programme: String,
        /// The profile's mode.
        mode: String,
        /// Its modes.
        modes: Vec<String>,
    },
}

/// What the trips of an import have in common.
pub struct Common {
    /// The programme's id.
    pub programme: String,
    /// Its word for how they travelled.
    pub mode: String,
    /// Rides or steps of a trip.
    pub events: Option<u64>,
}

#[derive(Deserialize)]
struct Programme {
    modes: Vec<Mode>,
}

#[derive(Deserialize)]
struct Mode {
    mode: String,
}

#[derive(Deserialize)]
struct Batch {
    client: String,
    results: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    trip: Option<Trip>,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Trip {
    refusal: Option<Refusal>,
    quantified: String,
    capped: String,
}

#[derive(Deserialize)]
struct Refusal {
    rule: String,
}

#[derive(Default, Deserialize)]
struct Problem {
    code: String,
    detail: String,
    retry_after_ms: Option<u64>,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    pointer: String,
    code: String,
}

impl Http {
    /// A gateway, asked whether the key, the client, the programme and the mode will do; nothing is booked by that.
    pub async fn connect(address: &str, key: String, client: &str, common: Common) -> Result<Self, HttpError> {
        let url = Url::parse(address)
            .ok()
            .filter(|url| url.scheme() == "http" && url.has_host());
        let base = url.ok_or_else(|| HttpError::Address(address.to_owned()))?;
        let builder = Client::builder().timeout(PATIENCE).no_proxy();
        let http = Self {
            client: builder.build().map_err(HttpError::Client)?,
            base,
            key,
            programme: common.programme,
            mode: common.mode,
            events: common.events,
        };
        let empty: Batch = http
            .ask(
                http.client
                    .post(http.url(&["trips", "batch"]))
                    .json(&json!({"trips": []})),
            )
            .await?;
        if empty.client != client {
            return Err(HttpError::OtherClient {
                key: empty.client,
                profile: client.to_owned(),
            });
        }
        let programme: Programme = http
            .ask(http.client.get(http.url(&["programmes", &http.programme])))
            .await?;
        if programme.modes.iter().all(|own| own.mode != http.mode) {
            return Err(HttpError::Mode {
                programme: http.programme,
                mode: http.mode,
                modes: programme.modes.into_iter().map(|own| own.mode).collect(),
            });
        }
        Ok(http)
    }

    pub(super) async fn send(&self, orders: &[Order]) -> Result<Vec<Answer>, SendError> {
        let trips: Vec<Value> = orders.iter().map(|order| self.trip(order)).collect::<Result<_, _>>()?;
        let request = self.client.post(self.url(&["trips", "batch"])).bearer_auth(&self.key);
        let lost = |error: reqwest::Error| SendError::Lost {
            detail: chain(&error),
            after: None,
        };
        let response = request.json(&json!({ "trips": trips })).send().await.map_err(lost)?;
        let status = response.status();
        if !status.is_success() {
            let problem = problem(response).await;
            let passing = [
                StatusCode::REQUEST_TIMEOUT,
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::BAD_GATEWAY,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::GATEWAY_TIMEOUT,
            ];
            return Err(if passing.contains(&status) {
                SendError::Lost {
                    detail: problem.told(status),
                    after: problem.retry_after_ms.map(Duration::from_millis),
                }
            } else {
                SendError::Refused(problem.told(status))
            });
        }
        // The gateway may die between the head of its answer and the end of it.
        let body = response.bytes().await.map_err(lost)?;
        let strange = |detail: String| SendError::Refused(format!("the gateway's answer cannot be read: {detail}"));
        let batch: Batch = serde_json::from_slice(&body).map_err(|error| strange(error.to_string()))?;
        if batch.results.len() != orders.len() {
            return Err(strange(format!(
                "{} results for {} trips",
                batch.results.len(),
                orders.len()
            )));
        }
        batch.results.into_iter().map(Item::answer).collect()
    }

    /// What is sent of a ride: mode, times and metres, and nothing else of the row.
    fn trip(&self, order: &Order) -> Result<Value, SendError> {
        let ride = &order.ride;
        let time = |second| {
            let at = jiff::Timestamp::from_second(second);
            at.map(|at| at.to_string())
                .map_err(|error| SendError::Refused(error.to_string()))
        };
        let mut leg = json!({"mode": self.mode, "started_at": time(ride.started_s)?, "ended_at": time(ride.ended_s)?});
        let counts = [("distance_m", ride.metres), ("events", self.events)];
        for (name, count) in counts {
            if let (Some(count), Some(members)) = (count, leg.as_object_mut()) {
                members.insert(name.to_owned(), json!(count));
            }
        }
        Ok(json!({
            "programme": self.programme, "trip_id": ride.trip_id.as_str(), "user_id": ride.user.to_string(), "legs": [leg],
        }))
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, request: RequestBuilder) -> Result<T, HttpError> {
        let unreachable = |source| HttpError::Unreachable {
            base: self.base.to_string(),
            source,
        };
        let refused = |detail| HttpError::Refused {
            base: self.base.to_string(),
            detail,
        };
        let response = request.bearer_auth(&self.key).send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(refused(problem(response).await.told(status)));
        }
        let body = response.bytes().await.map_err(unreachable)?;
        serde_json::from_slice(&body)
            .map_err(|error| refused(format!("this is no answer of a carbon-gateway: {error}")))
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Only an address that cannot have a path refuses one, and it was refused before.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }
}

impl Item {
    fn answer(self) -> Result<Answer, SendError> {
        let problem = self.problem.unwrap_or_default();
        match (self.status, self.trip) {
            (200 | 201, Some(trip)) => {
                let grams = |text: &str| {
                    let amount = Amount::parse_grams(text);
                    amount.map_err(|_| SendError::Refused(format!("the gateway answers an amount of {text:?}")))
                };
                Ok(Answer::Booked(Booking {
                    replayed: self.status == 200,
                    refused: trip.refusal.map(|refusal| refusal.rule),
                    quantified: grams(&trip.quantified)?,
                    capped: grams(&trip.capped)?,
                }))
            }
            // Where sending again is of no use, the answer does not say when to.
            (429 | 503, _) if problem.retry_after_ms.is_some() => Ok(Answer::Busy),
            (409, _) => {
                let fields: Vec<String> = problem.errors.into_iter().map(|error| error.pointer).collect();
                Ok(Answer::Conflict(fields.join(", ")))
            }
            (400 | 422, _) if !problem.concerns_all() => {
                let code = problem
                    .errors
                    .into_iter()
                    .next()
                    .map_or(problem.code, |error| error.code);
                Ok(Answer::Unfit(code))
            }
            (status, _) => Err(SendError::Refused(format!(
                "{status} {}: {}",
                problem.code, problem.detail
            ))),
        }
    }
}

impl Problem {
    /// Whether every other trip would meet the same.
    fn concerns_all(&self) -> bool {
        let all = ["unknown_programme", "unknown_mode", "unknown_field"];
        all.contains(&self.code.as_str()) || self.errors.iter().any(|error| all.contains(&error.code.as_str()))
    }

    fn told(&self, status: StatusCode) -> String {
        format!("{} {}: {}", status.as_u16(), self.code, self.detail)
    }
}

/// The problem that an answer tells, or its beginning, if it is not one of ours.
async fn problem(response: Response) -> Problem {
    let body = response.bytes().await.unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_else(|_| Problem {
        detail: String::from_utf8_lossy(&body).chars().take(LONGEST_QUOTE).collect(),
        ..Problem::default()
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
