//! `check-config`: the settings in force, each with its origin.

use super::output;
use crate::config::Loaded;
use std::process::ExitCode;

/// Prints the merged settings as TOML.
pub(super) fn run(loaded: &Loaded) -> ExitCode {
    output::line(loaded.to_toml().trim_end());
    ExitCode::SUCCESS
}
