//! `serve`: the gateway until a signal stops it.

use super::{CommandError, Setting, output};
use crate::app::{App, Parts};
use crate::clock::Clock;
use crate::lifecycle::{Lifecycle, Signals, Stopped};
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Serves; the exit code says whether everything was finished.
pub(super) async fn run(setting: Setting) -> ExitCode {
    match serve(setting).await {
        Ok(stopped) => stopped.into(),
        Err(error) => output::fail(&error),
    }
}

async fn serve(setting: Setting) -> Result<Stopped, CommandError> {
    let signals = Signals::listen().map_err(|source| CommandError::Io {
        action: "listening for signals",
        source,
    })?;
    let shutdown = &setting.config.shutdown;
    let lifecycle = Lifecycle::new(shutdown.soft_s.seconds()).with_notice(shutdown.notice_s.seconds());
    let first_key_file = setting.folder.first_key_file();
    let parts = Parts {
        config: setting.config,
        folder: setting.folder,
        clock: Clock::System,
    };
    let app = App::start(parts, &lifecycle).await?;
    if let Some(key) = &app.first_key {
        hand_over(key, &first_key_file)?;
    }
    output::note(&format!("carbon-gateway serves on http://{}", app.address));
    // The chain need not wait for us when the stop comes.
    drop(app);
    Ok(lifecycle.run_until_stopped(signals).await)
}

/// The first key is shown to a person, else left in a file only the owner may read; it is never logged.
fn hand_over(key: &str, file: &Path) -> Result<(), CommandError> {
    if std::io::stdout().is_terminal() {
        output::line(&format!("The first API key (all rights), shown once: {key}"));
        return Ok(());
    }
    leave_key(key, file)?;
    output::note(&format!("the first API key (all rights) is in {}", file.display()));
    Ok(())
}

/// Leaves a key in a file that only the owner may read.
pub(super) fn leave_key(key: &str, file: &Path) -> Result<(), CommandError> {
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut handle| writeln!(handle, "{key}"))
        .map_err(|source| CommandError::Io {
            action: "writing the first API key",
            source,
        })
}
