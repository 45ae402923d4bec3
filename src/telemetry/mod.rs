//! Logs, metrics and traces. Logs go to standard error, because standard output belongs to the results of commands; metrics are
//! gathered in the process and rendered by whoever holds the handle; traces go to a collector, if the settings name one. Nothing here
//! decides what is worth telling.

mod figures;
pub mod traces;

pub use figures::{FIGURES, Figure, Kind};
pub use traces::Traces;

use std::io;
use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use thiserror::Error;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// Bounds of histograms: of times from a cached read to a request that has waited for everything, and of commands up to a whole batch.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// What a line of log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line, for a collector.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is no list of `level` and `target=level` directives.
    #[error("`{filter}` is no log filter")]
    Filter {
        /// The text as it was given.
        filter: String,
        /// What the parser says about it.
        #[source]
        source: ParseError,
    },
    /// Something else in this process writes the log already.
    #[error("the log is already set up")]
    AlreadySet(#[source] TryInitError),
    /// Nothing can be sent to a collector at this address.
    #[error("`traces.url` is no address of a collector")]
    Collector(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends the log of the whole process to standard error, panics included: a collector that reads JSON would stumble over
/// the plain text the runtime prints. `filter` is a level (`info`) or a list such as `warn,carbon_gateway=debug`; `traces` gets the spans, whatever the filter says.
pub fn install_log(filter: &str, format: Format, traces: Option<&Traces>) -> Result<(), TelemetryError> {
    let directives = EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    tracing_subscriber::registry()
        .with(lines(format).with_filter(directives))
        .with(traces.map(Traces::layer))
        .try_init()
        .map_err(TelemetryError::AlreadySet)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn lines(format: Format) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false);
    match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// The recorder of this process, installed by the first call; later calls give the same one, since a process has only one
/// and tests start many gateways in it. Who serves the figures also calls `run_upkeep` from time to time, or the samples
/// of histograms pile up.
pub fn install_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(start_recorder).clone()
}

fn start_recorder() -> PrometheusHandle {
    let recorder = recorder().unwrap_or_else(|error| {
        // The bounds are constants and not empty, which is all that can be wrong with them.
        tracing::warn!(%error, "histograms are served as quantiles");
        PrometheusBuilder::new().build_recorder()
    });
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed: the figures served here stay empty");
    }
    figures::describe();
    handle
}

/// Histograms are told as buckets: those of several instances can be added.
fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &COMMANDS)?;
    Ok(builder.build_recorder())
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string);
    let message = info.payload_as_str().unwrap_or("no message");
    tracing::error!(location, "panic: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_may_be_installed_twice_and_stay_the_same() {
        let first = install_metrics();
        metrics::counter!("telemetry_test_total").increment(2);
        let second = install_metrics();
        assert!(first.render().contains("telemetry_test_total 2"));
        assert!(second.render().contains("telemetry_test_total 2"));
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let error = install_log("carbon_gateway=loud", Format::Text, None).unwrap_err();
        assert_eq!(error.to_string(), "`carbon_gateway=loud` is no log filter");
    }
}
