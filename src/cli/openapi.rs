//! `openapi`: the interface as an OpenAPI document, the same that `/openapi.json` serves. Nothing need be running.

use super::output;
use crate::api::openapi::document;
use std::process::ExitCode;

/// Prints the document; on one line where a machine asks.
pub(super) fn run(json: bool) -> ExitCode {
    let document = document();
    if json {
        output::json(&document);
    } else {
        output::line(&format!("{document:#}"));
    }
    ExitCode::SUCCESS
}
