//! The command line: one file per command. Results go to standard output, progress and logs to standard error.

mod check_config;
mod closing;
mod demo;
pub mod doctor;
mod import;
mod keys;
mod migrate;
mod openapi;
mod output;
mod redrive;
mod serve;
mod trace;
mod verify;

use crate::app;
use crate::config::{Config, Loaded, LogFormat};
use crate::folder::{DataFolder, FolderError};
use crate::store::db::{Homes, Location};
use crate::store::{audit, databases};
use crate::telemetry::{Format, TelemetryError, Traces, install_log};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the data lies if nobody says otherwise.
const DATA: &str = "./data";
/// What is logged beside results that somebody reads.
const QUIET: &str = "warn";

/// Turns metro, bus and bike trips into traceable carbon credits.
#[derive(Debug, Parser)]
#[command(name = "carbon-gateway", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Settings file (TOML); the environment variables `CARBON_GATEWAY__SECTION__KEY` outrank it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder: the ledger and, unless settings name another place, its keys [default: ./data; of demo: a temporary one]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// One JSON object on standard output in place of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a made-up city morning to a gateway of its own, add it up, verify it, and serve on.
    Demo(demo::Arguments),
    /// Serve the HTTP interface.
    Serve,
    /// Import files of rides, by a profile that says how their columns become trips.
    Import(import::Arguments),
    /// Recompute everything in a data folder and compare; exit 0 only if all of it holds.
    Verify(verify::Arguments),
    /// Tell from which rides a credit comes, or what became of a ride's grams.
    Trace(trace::Arguments),
    /// Send to the chain again what it has refused or lost too often.
    Redrive(redrive::Arguments),
    /// Make, list and revoke API keys; make and change signing keys, list and revoke certificates.
    Keys(keys::Arguments),
    /// Look at the whole installation and say in words what is wrong and what to do; reads only, exit 0 if nothing is wrong.
    Doctor,
    /// Print the settings in force and where each comes from.
    CheckConfig,
    /// Print the HTTP interface as an OpenAPI document.
    Openapi,
    /// Bring the data folder's tables up to this version.
    Migrate,
}

/// What every command starts from.
struct Setting {
    config: Config,
    folder: DataFolder,
    json: bool,
}

/// Reads the arguments, runs the command, answers the exit code: 0 done, 1 found something wrong, 2 wrong use or
/// configuration, 3 stopped with work left.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::Openapi) {
        return openapi::run(cli.json);
    }
    let loaded = match Loaded::from_process(cli.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(error) => return output::fail(&error),
    };
    if matches!(cli.command, Command::CheckConfig) {
        return check_config::run(&loaded);
    }
    let quiet = matches!(cli.command, Command::Demo(_) | Command::Doctor) && loaded.is_default("log.level");
    let traces = match start_log(&loaded.config, quiet) {
        Ok(traces) => traces,
        Err(error) => return output::fail(&error),
    };
    let setting = Setting {
        config: loaded.config,
        folder: DataFolder::new(cli.data.clone().unwrap_or_else(|| PathBuf::from(DATA))),
        json: cli.json,
    };
    let done = match cli.command {
        Command::Demo(arguments) => demo::run(setting, cli.data, arguments).await,
        Command::Serve => serve::run(setting).await,
        Command::Import(arguments) => import::run(setting, arguments).await,
        Command::Verify(arguments) => verify::run(setting, arguments).await,
        Command::Trace(arguments) => trace::run(setting, arguments).await,
        Command::Redrive(arguments) => redrive::run(setting, arguments).await,
        Command::Keys(arguments) => keys::run(setting, arguments).await,
        Command::Migrate => migrate::run(setting).await,
        Command::Doctor => doctor::run(setting).await,
        Command::CheckConfig | Command::Openapi => ExitCode::SUCCESS,
    };
    if let Some(traces) = traces {
        traces.close().await;
    }
    done
}

/// Starts the log, and traces where the settings name a collector; a quiet log tells of warnings only, because somebody reads the results
/// between.
fn start_log(config: &Config, quiet: bool) -> Result<Option<Traces>, TelemetryError> {
    let format = match config.log.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    let level = if quiet { QUIET } else { config.log.level.as_str() };
    let collector = config.traces.url.as_ref();
    let traces = collector.map(|url| Traces::start(url.as_str(), config.traces.one_in.get()));
    let traces = traces.transpose()?;
    install_log(level, format, traces.as_ref())?;
    Ok(traces)
}

impl Setting {
    fn locations(&self) -> Result<Vec<Location>, CommandError> {
        Ok(app::locations(&self.config, &self.folder)?)
    }

    /// Where every shard of a ledger that is there lies.
    async fn homes(&self) -> Result<Homes<Location>, CommandError> {
        Ok(databases::homes(self.locations()?).await?)
    }

    /// The data folder of a ledger that is there, for commands that do not make one.
    async fn existing(&self) -> Result<DataFolder, CommandError> {
        for location in self.locations()? {
            if matches!(location, Location::Sqlite(_)) {
                return Ok(self.folder.clone().existing()?);
            }
            let mut connection = location.snapshot().await?;
            let founded = !audit::tables(&mut connection).await?.is_empty();
            connection.close().await?;
            if !founded {
                let text = format!("{location} holds no ledger; `carbon-gateway serve` makes one");
                return Err(CommandError::Use(text));
            }
        }
        Ok(self.folder.clone())
    }

    fn kek_file(&self) -> PathBuf {
        app::kek_file(&self.config, &self.folder)
    }
}

/// Anything that ends a command before its work: wrong use, configuration, a folder or key that does not fit.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Store(#[from] crate::store::db::StoreError),
    #[error(transparent)]
    Homes(#[from] crate::store::databases::HomesError),
    #[error(transparent)]
    App(#[from] crate::app::AppError),
    #[error(transparent)]
    Import(#[from] import::StartError),
    #[error(transparent)]
    Kek(#[from] crate::identity::kek::KekError),
    #[error(transparent)]
    Rotate(#[from] crate::store::keys::RotateError),
    #[error("{0}")]
    Use(String),
    #[error("{action}")]
    Io {
        action: &'static str,
        #[source]
        source: std::io::Error,
    },
}
