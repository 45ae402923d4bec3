//! Traces: where the time of a request went, told to a collector by OTLP. A caller's own trace goes on in ours. Whether a collector is
//! there, slow or full changes nothing else: spans wait in a bounded queue that a thread of its own empties, and what does not fit is lost.

use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter as Exports};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::TelemetryError;

/// What the collector knows us by.
const SERVICE: &str = "carbon-gateway";
/// How long one sending may take, and the last one of a process.
const PATIENCE: Duration = Duration::from_secs(5);
/// The headers in which a caller names its trace, by W3C Trace Context.
const HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// Sends the spans of this process to a collector.
#[derive(Clone, Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// To the collector at `url` (`http://host:4317`, OTLP by gRPC), of every trace that begins here `one_in` many. Of a trace that a
    /// caller began, the caller has decided. Needs the runtime; a collector that is away hinders nothing.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn start(url: &str, one_in: u32) -> Result<Self, TelemetryError> {
        let sender = SpanExporter::builder().with_tonic();
        let sender = if url.starts_with("https://") {
            sender.with_tls_config(ClientTlsConfig::new().with_enabled_roots())
        } else {
            sender
        };
        let sender = sender.with_endpoint(url).with_timeout(PATIENCE).build();
        let sender = sender.map_err(|error| TelemetryError::Collector(Box::new(error)))?;
        let resource = Resource::builder()
            .with_service_name(SERVICE)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", instance()))
            .build();
        let share = Sampler::TraceIdRatioBased(1.0 / f64::from(one_in.max(1)));
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(resource)
            .with_batch_exporter(Told::new(sender))
            .build();
        Ok(Self(provider))
    }

    /// Takes the spans of this program, whatever the log tells, and the warnings in them.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let ours = filter_fn(|metadata| {
            metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
                && (metadata.is_span() || *metadata.level() <= Level::WARN)
        });
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(ours)
    }

    /// Sends what waits, and ends; at most a few seconds.
    pub async fn close(self) {
        let closing = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(PATIENCE));
        if let Ok(Err(error)) = closing.await {
            tracing::debug!(%error, "not all spans were sent");
        }
    }
}

/// Tells this process from others of its kind.
fn instance() -> String {
    let random: [u8; 8] = rand::random();
    format!("{:016x}", u64::from_be_bytes(random))
}

/// Makes a span part of its caller's trace, if the caller names one; `header` finds a header by its name. Only before the span is entered.
pub fn join<'a>(span: &Span, header: impl Fn(&str) -> Option<&'a str>) {
    if span.is_disabled() || header(HEADERS[0]).is_none() {
        return;
    }
    let named = HEADERS.map(|name| (name, header(name)));
    let caller = TraceContextPropagator::new().extract(&Carried(named));
    // Without a collector there is no trace to be part of.
    let _nobody_listens = span.set_parent(caller);
}

/// Whether the collector will be told of a span.
pub fn is_told(span: &Span) -> bool {
    span.context().span().span_context().is_sampled()
}

/// Names a span by what was asked of it.
pub fn name(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// Notes something about a span that the log need not repeat on each of its lines.
pub fn note(span: &Span, key: &'static str, value: impl Into<Value>) {
    span.set_attribute(key, value);
}

/// Marks what a span stands for as failed by our fault.
pub fn failed(span: &Span) {
    span.set_status(Status::error(""));
}

/// The span to which work that several share belongs, and the others it serves. Traces are trees: the work stands in the trace of the
/// first that the collector is told of, and says of the others that it follows from them.
pub fn shared<'a>(spans: impl Iterator<Item = &'a Span>) -> (Span, Vec<Span>) {
    let mut seen = BTreeSet::new();
    let known = spans.filter_map(|span| Some((span.id()?.into_u64(), span)));
    let distinct = known.filter(|(id, _)| seen.insert(*id)).map(|(_, span)| span.clone());
    let mut told: Vec<Span> = distinct.filter(is_told).collect();
    if told.is_empty() {
        return (Span::none(), told);
    }
    let first = told.remove(0);
    (first, told)
}

/// What a caller says of its trace.
struct Carried<'a>([(&'static str, Option<&'a str>); 2]);

impl Extractor for Carried<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find_map(|(name, value)| value.filter(|_| *name == key))
    }

    fn keys(&self) -> Vec<&str> {
        HEADERS.to_vec()
    }
}

/// Counts what was sent and what was lost, and says once when the collector goes away and when it is there again.
#[derive(Debug)]
struct Told<E> {
    sender: E,
    away: AtomicBool,
}

impl<E> Told<E> {
    const fn new(sender: E) -> Self {
        Self {
            sender,
            away: AtomicBool::new(false),
        }
    }
}

impl<E: Exports> Exports for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = self.sender.export(batch).await;
        let outcome = if sent.is_ok() { "sent" } else { "lost" };
        metrics::counter!("carbon_trace_spans_total", "outcome" => outcome).increment(count);
        let was_away = self.away.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Ok(()) if was_away => tracing::info!("the collector of traces answers again"),
            Err(error) if !was_away => tracing::warn!(%error, "the collector of traces is away: spans are lost"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.sender.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.sender.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.sender.set_resource(resource);
    }
}
