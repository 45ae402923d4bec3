//! What a command says: results on standard output, one line where a machine reads them; errors with their causes.

use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Writes a line to standard output; a closed pipe is no error of ours.
pub(super) fn line(text: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes a JSON object on one line.
pub(super) fn json(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(error) => note(&format!("the result cannot be written as JSON: {error}")),
    }
}

/// Writes a line to standard error.
pub(super) fn note(text: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{text}");
}

/// Overwrites the line on standard error.
pub(super) fn progress(text: &str) {
    let _closed = write!(std::io::stderr().lock(), "\r{text}");
}

/// Clears what [`progress`] left, if a person is watching.
pub(super) fn end_progress() {
    if std::io::stderr().is_terminal() {
        let _closed = write!(std::io::stderr().lock(), "\r\x1b[K");
    }
}

/// Tells an error with its chain of causes; exit code 2.
pub(super) fn fail(error: &dyn Error) -> ExitCode {
    note(&format!("carbon-gateway: {}", chain(error)));
    ExitCode::from(2)
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
