//! The client that tests talk through: no answer gets past it that is not as the document says.

use super::{Answered, Asked, complaints};
use http::{HeaderName, HeaderValue, Method};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// Talks to a gateway.
#[derive(Clone)]
pub(crate) struct Client(reqwest::Client);

/// A request that is being put together.
pub(crate) struct Call {
    client: reqwest::Client,
    request: RequestBuilder,
}

impl Client {
    /// Without a proxy.
    pub(crate) fn new() -> Self {
        Self(reqwest::Client::builder().no_proxy().build().unwrap())
    }

    pub(crate) fn get(&self, url: impl AsRef<str>) -> Call {
        self.call(Method::GET, url.as_ref())
    }

    pub(crate) fn post(&self, url: impl AsRef<str>) -> Call {
        self.call(Method::POST, url.as_ref())
    }

    pub(crate) fn delete(&self, url: impl AsRef<str>) -> Call {
        self.call(Method::DELETE, url.as_ref())
    }

    pub(crate) fn call(&self, method: Method, url: &str) -> Call {
        Call {
            client: self.0.clone(),
            request: self.0.request(method, url),
        }
    }
}

impl Call {
    pub(crate) fn bearer_auth(self, key: impl std::fmt::Display) -> Self {
        self.with(|request| request.bearer_auth(key))
    }

    pub(crate) fn header(self, name: &str, value: impl AsRef<str>) -> Self {
        self.with(|request| request.header(name, value.as_ref()))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.with(|request| request.json(body))
    }

    pub(crate) fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.with(|request| request.body(body))
    }

    fn with(mut self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        self.request = change(self.request);
        self
    }

    /// Sends it; answers what came, after it was held against the document.
    pub(crate) async fn send(self) -> Result<Response, reqwest::Error> {
        let request = self.request.build()?;
        let sent = request.body().and_then(|body| body.as_bytes());
        let asked = Asked {
            method: request.method().to_string(),
            path: request.url().path().to_owned(),
            query: request.url().query_pairs().map(|(name, _)| name.into_owned()).collect(),
            body: sent.and_then(|bytes| serde_json::from_slice(bytes).ok()),
        };
        let response = self.client.execute(request).await?;
        let header =
            |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned());
        let mut again = http::Response::builder().status(response.status());
        again.headers_mut().unwrap().clone_from(response.headers());
        let answered = Answered {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(header).collect(),
            body: response.bytes().await?.to_vec(),
        };
        let complaints = complaints(&asked, &answered);
        assert!(
            complaints.is_empty(),
            "{} {} → {}: not as the OpenAPI document says:\n  {}\n{}",
            asked.method,
            asked.path,
            answered.status,
            complaints.join("\n  "),
            String::from_utf8_lossy(&answered.body)
        );
        Ok(again.body(answered.body).unwrap().into())
    }
}
