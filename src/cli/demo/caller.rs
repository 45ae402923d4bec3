//! The demo's way to the gateway: HTTP like every caller's, with one key.

use super::PlayError;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often what was not taken is sent again; every request of the demo may be.
const MOST_TRIES: u32 = 100;
/// What a busy gateway asks for, should it not say.
const PAUSE_MS: u64 = 200;
/// Not taken now: too many at once, or nobody there to take it.
const BUSY: [u16; 2] = [429, 503];

/// A gateway and a key.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    base: String,
    key: String,
}

/// An answer.
pub(super) struct Answered {
    /// The HTTP status.
    pub(super) status: u16,
    /// Whether it was given before.
    pub(super) replayed: bool,
    /// The document.
    pub(super) body: Value,
}

impl Caller {
    /// For a gateway such as `http://127.0.0.1:8080`.
    pub(super) fn new(base: String, key: String) -> Result<Self, PlayError> {
        let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Self { client, base, key })
    }

    /// The gateway's address.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Orders something, under an idempotency key where the order wants one.
    pub(super) async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Result<Answered, PlayError> {
        let request = || {
            let request = self.client.post(format!("{}{path}", self.base)).json(body);
            match key {
                Some(key) => request.header("Idempotency-Key", key),
                None => request,
            }
        };
        self.send(request).await
    }

    /// Reads a document that must be there.
    pub(super) async fn get(&self, path: &str) -> Result<Value, PlayError> {
        let answered = self.send(|| self.client.get(format!("{}{path}", self.base))).await?;
        if answered.status == 200 {
            return Ok(answered.body);
        }
        Err(PlayError::Strange {
            what: path.to_owned(),
            status: answered.status,
        })
    }

    /// Whether there is such a page for a browser.
    pub(super) async fn has_page(&self, path: &str) -> bool {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Answered, PlayError> {
        let mut tries = 1;
        loop {
            let answer = request().bearer_auth(&self.key).send().await?;
            let status = answer.status().as_u16();
            let replayed = answer.headers().contains_key("Idempotent-Replayed");
            let body: Value = answer.json().await?;
            if !BUSY.contains(&status) || tries == MOST_TRIES {
                return Ok(Answered { status, replayed, body });
            }
            tries += 1;
            pause(&body).await;
        }
    }
}

/// Waits as long as a problem asks for.
pub(super) async fn pause(problem: &Value) {
    let pause_ms = problem["retry_after_ms"].as_u64().unwrap_or(PAUSE_MS);
    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
}
