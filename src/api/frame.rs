//! What stands around every handler: the request id, the refusal while stopping, problems made whole, and figures.

use super::ApiState;
use super::problem::{Code, Problem};
use crate::ledger::ids::Hash;
use crate::telemetry::traces;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, web};
use std::time::Instant;
use tracing::{Instrument as _, Span};

/// Paths that answer while the gateway stops.
pub(super) const ALWAYS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone)]
struct RequestId(String);

/// The id of a request.
pub(super) fn request_id(request: &HttpRequest) -> String {
    request
        .extensions()
        .get::<RequestId>()
        .map_or_else(String::new, |id| id.0.clone())
}

/// The frame, as a middleware.
pub(super) async fn frame(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let id = own_or_fresh(header(REQUEST_ID.as_str()));
    // Of the level of errors: whatever is told in it bears the id, however little the log tells.
    let span = tracing::error_span!("request", otel.kind = "server", request_id = %id);
    traces::join(&span, header);
    let response = answer(request, next, id).instrument(span.clone()).await?;
    tell(&response, started, &span);
    Ok(response)
}

async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: String,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(RequestId(id.clone()));
    let state = request.app_data::<web::Data<ApiState>>().cloned();
    let is_ours = !ALWAYS.contains(&request.path());
    let asked = state.as_ref().map(|state| &state.asked).filter(|_| is_ours);
    let stopping = state.as_ref().is_some_and(|state| state.lifecycle.is_stopping());
    asked.inspect(|asked| asked.note());
    let mut response = if stopping && is_ours {
        request.into_response(Problem::draining().response(&id))
    } else {
        whole(next.call(request).await?.map_into_boxed_body(), &id)
    };
    asked.inspect(|asked| asked.note());
    // One who keeps a connection to a gateway that leaves would send a later request into nothing.
    let leaving = state.as_ref().is_some_and(|state| state.lifecycle.is_leaving());
    if leaving || response.request().head().upgrade() {
        // Some clients offer another protocol with every request. The server underneath lets go of such a connection once it has answered;
        // unless the answer says so, the client keeps it for a later request, which is then lost.
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

/// A problem with the request's id in it, and whatever the framework refused by itself as a problem of ours.
fn whole(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else {
        return response;
    };
    let problem = match error.as_error::<Problem>() {
        Some(problem) => problem.clone(),
        None if response.status().is_server_error() => Problem::storage_unavailable(),
        None => Problem::new(Code::NotFound, "the request does not lead anywhere"),
    };
    let answer = problem.response(id);
    response.into_response(answer)
}

/// The caller's own id, if it is one that can stand in a log, or a fresh one.
pub(super) fn own_or_fresh(own: Option<&str>) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let sensible = own.filter(|text| (1..=64).contains(&text.len()) && text.bytes().all(plain));
    sensible.map_or_else(fresh_id, str::to_owned)
}

fn fresh_id() -> String {
    let mut id = Hash::new(rand::random()).to_string();
    id.truncate(32);
    id
}

/// Counts an answer, and says in its span what it answers. Paths stay out of both: riders stand in them.
fn tell(response: &ServiceResponse<BoxBody>, started: Instant, span: &Span) {
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let method = match *response.request().method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let status = response.status().as_u16();
    if traces::is_told(span) {
        traces::name(span, format!("{method} {route}"));
        traces::note(span, "http.request.method", method);
        traces::note(span, "http.route", route.clone());
        traces::note(span, "http.response.status_code", i64::from(status));
        if status >= 500 {
            traces::failed(span);
        }
    }
    let status = status.to_string();
    metrics::counter!("carbon_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("carbon_http_request_seconds", "route" => route, "method" => method).record(started.elapsed());
}
