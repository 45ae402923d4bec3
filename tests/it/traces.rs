//! A collector of traces is told by OTLP where the time went, in the trace that the caller began, and nobody waits for it.

use crate::database;
use crate::messages::{Wire, admit, of_the_sender};
use crate::process::Served;
use crate::services;
use crate::support::{now_s, trip_at};
use carbon_gateway::store::databases;
use lapin::types::{AMQPValue, FieldTable};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// A caller's trace, and its span in it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// A collector that keeps what it is told.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

struct Collector {
    kept: Kept,
    /// Ends with it.
    _serving: JoinSet<()>,
}

impl Collector {
    fn listen(address: SocketAddr) -> Self {
        let kept = Kept::default();
        let service = TraceServiceServer::new(kept.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { Server::builder().add_service(service).serve(address).await.unwrap() });
        Self {
            kept,
            _serving: serving,
        }
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.kept.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The span that `is` the one, once it has come.
    async fn span(&self, what: &str, is: impl Fn(&Span) -> bool) -> Span {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let spans = self.spans();
            if let Some(span) = spans.iter().find(|span| is(span)) {
                return span.clone();
            }
            assert!(Instant::now() < deadline, "no {what} among {spans:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn hex(id: &[u8]) -> String {
    id.iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// An attribute, as text.
fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes
        .iter()
        .find(|attribute| attribute.key == key)?
        .value
        .clone()?;
    match value.value? {
        Any::StringValue(text) => Some(text),
        Any::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// Submits the `n`th trip in a caller's trace, with `flags` that say whether it is recorded.
async fn submit(served: &Served, n: u32, flags: &str) {
    let request = served.client.post(format!("{}/v1/trips", served.base));
    let request = request
        .bearer_auth(&served.key)
        .header("traceparent", format!("00-{TRACE}-{SPAN}-{flags}"))
        .header("x-request-id", format!("trip-{n}"));
    let answer = request.json(&trip_at(now_s(), n)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);
}

async fn start(collector: SocketAddr, one_in: &str) -> (tempfile::TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{collector}");
    let settings = [
        ("CARBON_GATEWAY__TRACES__URL", url.as_str()),
        ("CARBON_GATEWAY__TRACES__ONE_IN", one_in),
    ];
    let served = Served::start_with(folder.path(), &settings).await;
    (folder, served)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_its_commit_stand_in_the_callers_trace() {
    let address = free_address();
    let collector = Collector::listen(address);
    let (_folder, served) = start(address, "1").await;
    submit(&served, 1, "01").await;
    let collect = served.client.post(format!("{}/v1/users/1/claims/collect", served.base));
    drop(collect.bearer_auth("nobody").send().await.unwrap());

    let request = collector.span("request", |span| span.name == "POST /v1/trips").await;
    assert_eq!(
        (hex(&request.trace_id), hex(&request.parent_span_id)),
        (TRACE.to_owned(), SPAN.to_owned())
    );
    assert_eq!(request.kind(), SpanKind::Server);
    let told = [
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "request_id",
    ]
    .map(|key| attribute(&request.attributes, key).unwrap());
    assert_eq!(told, ["POST", "/v1/trips", "201", "trip-1"]);
    let within = |parent: &Span, span: &Span| span.parent_span_id == parent.span_id && span.trace_id == parent.trace_id;
    let batch = collector
        .span("batch", |span| span.name == "batch" && within(&request, span))
        .await;
    assert_eq!(attribute(&batch.attributes, "commands").unwrap(), "1");
    let lock = collector
        .span("lock", |span| span.name == "lock" && within(&request, span))
        .await;
    assert!(lock.start_time_unix_nano >= request.start_time_unix_nano);
    // Its end is not held against the batch's beginning: sqlx's thread for a file lets go of a span only after it has answered.
    assert!(lock.start_time_unix_nano <= batch.start_time_unix_nano);
    assert!(lock.end_time_unix_nano <= batch.end_time_unix_nano);
    for part in ["load", "flush", "commit"] {
        let part = collector
            .span(part, |span| span.name == part && within(&batch, span))
            .await;
        assert!(part.start_time_unix_nano >= batch.start_time_unix_nano);
        assert!(part.end_time_unix_nano <= batch.end_time_unix_nano);
    }
    // A refused request is told too, and no rider stands in what is told of it.
    let refused = collector
        .span("refusal", |span| span.name.contains("claims/collect"))
        .await;
    assert_eq!(
        attribute(&refused.attributes, "http.response.status_code").unwrap(),
        "401"
    );
    assert_eq!(refused.name, "POST /v1/users/{user_id}/claims/collect");
    // The stop sends what is left.
    assert_eq!(served.terminate(), Some(0));
    let services: BTreeSet<Option<String>> = {
        let kept = collector.kept.0.lock().unwrap();
        let resources = kept.iter().flat_map(|request| &request.resource_spans);
        resources
            .map(|told| attribute(&told.resource.as_ref().unwrap().attributes, "service.name"))
            .collect()
    };
    assert_eq!(services, [Some("carbon-gateway".to_owned())].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_decides_of_its_trace_and_the_setting_of_others() {
    let address = free_address();
    let collector = Collector::listen(address);
    let (_folder, served) = start(address, "1000000").await;
    submit(&served, 1, "00").await;
    for _ in 0..5 {
        assert_eq!(served.status("/healthz").await, Some(200));
    }
    submit(&served, 2, "01").await;
    assert_eq!(served.terminate(), Some(0));
    let requests: Vec<Span> = collector.spans();
    let told: Vec<&str> = requests.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(
        told.iter().filter(|name| **name == "POST /v1/trips").count(),
        1,
        "{told:?}"
    );
    assert!(requests.iter().all(|span| hex(&span.trace_id) == TRACE), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let address = free_address();
    let (_folder, served) = start(address, "1").await;
    submit(&served, 1, "01").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let lost = served.figure("carbon_trace_spans_total{outcome=\"lost\"}").await;
        if lost.is_some_and(|lost| lost > 0.0) {
            break;
        }
        assert!(Instant::now() < deadline, "no span was told lost");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let collector = Collector::listen(address);
    let deadline = Instant::now() + PATIENCE;
    for n in 2.. {
        submit(&served, n, "01").await;
        if collector.spans().iter().any(|span| span.name == "POST /v1/trips") {
            break;
        }
        assert!(Instant::now() < deadline, "a collector that came back hears nothing");
    }
    assert_eq!(served.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_and_its_commit_stand_in_the_senders_trace() {
    let Some(url) = services::broker("a_message_and_its_commit_stand_in_the_senders_trace") else {
        return;
    };
    let wire = Wire::new(&url).await;
    let address = free_address();
    let collector = Collector::listen(address);
    let folder = tempfile::tempdir().unwrap();
    let to = format!("http://{address}");
    let settings = [
        wire.settings().as_slice(),
        &[("CARBON_GATEWAY__TRACES__URL", to.as_str())],
    ]
    .concat();
    let served = Served::start_with(folder.path(), &settings).await;
    let locations = databases::homes(vec![database::location(folder.path())]).await.unwrap();
    admit(&locations, "trips:write", &["demo"]).await;
    wire.wait_until_there(&wire.trips).await;
    let mut headers = FieldTable::default();
    let parent = format!("00-{TRACE}-{SPAN}-01");
    headers.insert("traceparent".into(), AMQPValue::LongString(parent.into()));
    let trip = trip_at(now_s(), 1).to_string();
    wire.send(trip.as_bytes(), of_the_sender().with_headers(headers)).await;

    let message = collector
        .span("message", |span| span.name.starts_with("process "))
        .await;
    let caller = (TRACE.to_owned(), SPAN.to_owned());
    assert_eq!((hex(&message.trace_id), hex(&message.parent_span_id)), caller);
    assert_eq!(message.kind(), SpanKind::Consumer);
    assert_eq!(attribute(&message.attributes, "outcome").unwrap(), "created");
    let batch = |span: &Span| span.name == "batch" && span.parent_span_id == message.span_id;
    collector.span("batch", batch).await;
    assert_eq!(served.terminate(), Some(0));
}
