//! Logs and metrics. Logs go to standard error, because standard output belongs to the results of commands; metrics are
//! gathered in the process and rendered by whoever holds the handle. Nothing here decides what is worth telling.

use std::io;
use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

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
}

/// Sends the log of the whole process to standard error, panics included: a collector that reads JSON would stumble over
/// the plain text the runtime prints. `filter` is a level (`info`) or a list such as `warn,carbon_gateway=debug`.
pub fn install_log(filter: &str, format: Format) -> Result<(), TelemetryError> {
    let directives = EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let lines = fmt()
        .with_env_filter(directives)
        .with_writer(io::stderr)
        .with_ansi(false);
    match format {
        Format::Text => lines.finish().try_init(),
        Format::Json => lines.json().flatten_event(true).finish().try_init(),
    }
    .map_err(TelemetryError::AlreadySet)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// The recorder of this process, installed by the first call; later calls give the same one, since a process has only one
/// and tests start many gateways in it. Who serves the figures also calls `run_upkeep` from time to time, or the samples
/// of histograms pile up.
pub fn install_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(start_recorder).clone()
}

fn start_recorder() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed: the figures served here stay empty");
    }
    handle
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
        let error = install_log("carbon_gateway=loud", Format::Text).unwrap_err();
        assert_eq!(error.to_string(), "`carbon_gateway=loud` is no log filter");
    }
}
