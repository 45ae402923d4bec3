//! `migrate`: brings the tables up to this version, in steps that may be interrupted.

use super::{CommandError, Setting, output};
use crate::clock::Clock;
use crate::store::databases;
use std::process::ExitCode;

/// Applies what is missing.
pub(super) async fn run(setting: Setting) -> ExitCode {
    match apply(&setting).await {
        Ok(steps) if setting.json => output::json(&serde_json::json!({ "steps": steps })),
        Ok(0) => output::line("the tables are up to date"),
        Ok(steps) => output::line(&format!("{steps} steps applied")),
        Err(error) => return output::fail(&error),
    }
    ExitCode::SUCCESS
}

async fn apply(setting: &Setting) -> Result<usize, CommandError> {
    let _lock = setting.folder.lock()?;
    let mut databases = databases::connect(setting.locations()?).await?;
    databases::alone(&mut databases).await?;
    let steps = databases::migrate(&mut databases, Clock::System.now_ms()).await?;
    for database in databases {
        database.connection.close().await?;
    }
    Ok(steps)
}
