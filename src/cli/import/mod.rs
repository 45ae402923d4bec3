//! `import`: files of rides into the data folder itself, or over HTTP into a running gateway.

mod progress;
mod summary;

use super::closing::Closing;
use super::{CommandError, Setting, output};
use crate::api::keys::KEY_PREFIX;
use crate::app::in_force::InForce;
use crate::app::{Core, Parts};
use crate::clock::Clock;
use crate::config::{Bounded, Config, Environment, shared_dir};
use crate::import::BATCH;
use crate::import::gateway::{Common, Folder, Gateway, Http, HttpError};
use crate::import::job::{Job, JobError};
use crate::import::rejects::Rejects;
use crate::import::run::{Done, Import, ImportError};
use crate::import::tally::Tally;
use crate::ledger::command::Meta;
use crate::ledger::ids::SHARDS;
use crate::lifecycle::{Lifecycle, Signals, Stopped};
use crate::methodology::programme::Programme;
use progress::Progress;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use summary::Summary;

/// Who put a programme in force that came with the command.
const CONFIRMED_BY: &str = "import";

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How columns become trips (TOML).
    #[arg(long, value_name = "FILE")]
    profile: PathBuf,
    /// The id of an active programme; or, in the demo environment and without --to, a file that is put in force first.
    #[arg(long, value_name = "ID|FILE")]
    programme: String,
    /// Service date of a file whose rows have none, YYYY-MM-DD; once for each file, in order.
    #[arg(long, value_name = "DATE")]
    date: Vec<String>,
    /// A running gateway, such as `http://127.0.0.1:8080`; without it the work is done in the data folder.
    #[arg(long, value_name = "URL", requires = "key_file")]
    to: Option<String>,
    /// A file with an API key of the profile's client.
    #[arg(long, value_name = "FILE", requires = "to")]
    key_file: Option<PathBuf>,
    /// Exit 1 if a row was malformed.
    #[arg(long)]
    strict: bool,
    /// Write every malformed row there, as CSV with file, line, reason and text.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Files of rides, plain or gzipped, in the order in which they count.
    #[arg(required = true, value_name = "DATA")]
    files: Vec<PathBuf>,
}

/// Why an import does not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// The profile or a file.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The gateway.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// There is no such programme.
    #[error("there is no active programme {id:?}; active are {}", .active.join(", "))]
    Programme {
        /// What was asked for.
        id: String,
        /// What there is.
        active: Vec<String>,
    },
    /// The programme does not know the profile's mode.
    #[error("the programme {programme} has no mode {mode:?}, which the profile is for; it has {}", .modes.join(", "))]
    Mode {
        /// The programme.
        programme: String,
        /// The profile's mode.
        mode: String,
        /// Its modes.
        modes: Vec<String>,
    },
    /// The programme demands what no row has.
    #[error("the programme {0} demands evidence, which an import does not bring")]
    Evidence(String),
}

/// The other end, and what must live as long as it.
struct Opened {
    gateway: Gateway,
    closing: Option<Closing>,
}

/// Imports; exit 0 done, 1 with --strict and malformed rows, 2 wrong use or a file that breaks off, 3 stopped with work left.
pub(super) async fn run(setting: Setting, arguments: Arguments) -> ExitCode {
    let (json, strict) = (setting.json, arguments.strict);
    let (summary, error, stopped) = match import(setting, arguments).await {
        Ok(ended) => ended,
        Err(error) => return output::fail(&error),
    };
    if json {
        output::json(&summary);
    } else {
        summary.lines().iter().for_each(|line| output::line(line));
    }
    if let Some(error) = error {
        output::note("the import did not come to its end; run it again, what is stored already is not stored twice");
        let code = output::fail(&error);
        return if error.is_work_left() {
            Stopped::WorkLeft.into()
        } else {
            code
        };
    }
    match stopped {
        Stopped::Clean if strict && summary.has_malformed() => ExitCode::from(1),
        stopped => stopped.into(),
    }
}

async fn import(
    setting: Setting,
    arguments: Arguments,
) -> Result<(Summary, Option<ImportError>, Stopped), CommandError> {
    let signals = Signals::listen().map_err(|source| CommandError::Io {
        action: "listening for signals",
        source,
    })?;
    let Arguments { files, date, .. } = &arguments;
    let job = Job::prepare(&arguments.profile, files, date, &shared_dir()).map_err(StartError::Job)?;
    let rejects = arguments
        .rejects
        .as_ref()
        .map(|path| Rejects::create(path, job.names()));
    let rejects = rejects.transpose().map_err(|source| CommandError::Io {
        action: "making the file of rejected rows",
        source,
    })?;
    let lifecycle = Lifecycle::new(setting.config.shutdown.soft_s.seconds());
    let opened = open(setting, &arguments, &job, &lifecycle).await;
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            // Whatever was started before the mistake was found ends in good order.
            lifecycle.stop();
            lifecycle.wait().await;
            return Err(error);
        }
    };
    let names = job.names();
    let import = Import {
        job: Arc::new(job),
        gateway: Arc::new(opened.gateway),
        rejects: rejects.map(Arc::new),
        meter: Arc::default(),
    };
    let started = Instant::now();
    let progress = Progress::start(&import, &lifecycle);
    let life = lifecycle.clone();
    let closing = opened.closing;
    let work = lifecycle.spawn_job("import", async move {
        let mut done = import.run(&life).await;
        if let (Some(closing), None) = (&closing, &done.error)
            && let Err(error) = closing.work(&life.soft()).await
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "what is due was not all settled and sent"
            );
            done.error = Some(ImportError::Stopped);
        }
        life.stop();
        // Every trip is answered; with the last way to the ledger its writer ends.
        drop(import);
        if let Some(closing) = closing {
            closing.close().await;
        }
        done
    });
    let stopped = lifecycle.run_until_stopped(signals).await;
    progress.end();
    let done = work.await.unwrap_or_else(|_| Done {
        tally: Tally::default(),
        error: Some(ImportError::Stopped),
    });
    Ok((Summary::new(done.tally, &names, started.elapsed()), done.error, stopped))
}

async fn open(
    setting: Setting,
    arguments: &Arguments,
    job: &Job,
    lifecycle: &Lifecycle,
) -> Result<Opened, CommandError> {
    let profile = &job.profile;
    if let (Some(address), Some(key_file)) = (&arguments.to, &arguments.key_file) {
        if is_file(&arguments.programme) {
            let detail = "--programme: with --to, name the id of a programme that is active there; a file is for the data folder";
            return Err(CommandError::Use(detail.to_owned()));
        }
        let common = Common {
            programme: arguments.programme.clone(),
            mode: profile.mode.clone(),
            events: profile.events,
        };
        let key = read_key(key_file)?;
        let http = Http::connect(address, key, profile.client.as_str(), common).await;
        return Ok(Opened {
            gateway: Gateway::Http(http.map_err(StartError::Http)?),
            closing: None,
        });
    }
    let file = programme_file(arguments, &setting)?;
    let parts = Parts {
        config: wide(setting.config),
        folder: setting.folder,
        clock: Clock::System,
    };
    let mut core = Core::open(parts, lifecycle).await?;
    let programme = match file {
        Some(bytes) => core.activate_programme(&bytes, CONFIRMED_BY).await?,
        None => active(&core.in_force, &arguments.programme)?,
    };
    fits(&programme, &profile.mode)?;
    let folder = Folder {
        ledger: core.ledger.clone(),
        kek: Arc::clone(&core.kek),
        meta: Meta {
            client: profile.client.clone(),
            request_id: format!("import-{:016x}", rand::random::<u64>()),
        },
        programme,
        mode: profile.mode.clone(),
        events: profile.events,
    };
    Ok(Opened {
        gateway: Gateway::Folder(folder),
        closing: Some(Closing::start(core, lifecycle).await?),
    })
}

/// Nobody else shares the queue, so it holds a request of every lane; a shorter one would only make them wait.
fn wide(mut config: Config) -> Config {
    let queue = i64::try_from(BATCH.saturating_mul(usize::from(SHARDS))).unwrap_or(i64::MAX);
    if let Ok(queue) = Bounded::try_from(queue)
        && config.writer.queue.get() < queue.get()
    {
        config.writer.queue = queue;
    }
    config
}

/// The bytes of a programme that is named by its file.
fn programme_file(arguments: &Arguments, setting: &Setting) -> Result<Option<Vec<u8>>, CommandError> {
    if !is_file(&arguments.programme) {
        return Ok(None);
    }
    if !matches!(setting.config.environment, Environment::Demo) {
        let detail =
            "--programme: a file is put in force in the demo environment only; name the id of an active programme";
        return Err(CommandError::Use(detail.to_owned()));
    }
    let bytes = std::fs::read(&arguments.programme)
        .map_err(|error| CommandError::Use(format!("the programme {}: {error}", arguments.programme)))?;
    Ok(Some(bytes))
}

/// An id has neither a slash nor the ending of a file, whatever files there may be.
fn is_file(programme: &str) -> bool {
    let ending = Path::new(programme).extension();
    programme.contains('/') || ending.is_some_and(|ending| ending == "toml")
}

fn active(in_force: &InForce, id: &str) -> Result<Arc<Programme>, StartError> {
    let found = in_force.programmes.get(id).map(Arc::clone);
    found.ok_or_else(|| StartError::Programme {
        id: id.to_owned(),
        active: in_force.programmes.keys().cloned().collect(),
    })
}

fn fits(programme: &Programme, mode: &str) -> Result<(), StartError> {
    if !programme.knows_mode(mode) {
        return Err(StartError::Mode {
            programme: programme.id().to_owned(),
            mode: mode.to_owned(),
            modes: programme.modes().map(|(mode, _)| mode.to_owned()).collect(),
        });
    }
    if programme.requires_evidence() {
        return Err(StartError::Evidence(programme.id().to_owned()));
    }
    Ok(())
}

/// The API key that a file holds.
pub(super) fn read_key(file: &Path) -> Result<String, CommandError> {
    let wrong = |detail: String| CommandError::Use(format!("--key-file {}: {detail}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let key = text.trim();
    if !key.starts_with(KEY_PREFIX) || key.contains(char::is_whitespace) {
        return Err(wrong(format!("must hold one API key, which begins with {KEY_PREFIX}")));
    }
    Ok(key.to_owned())
}
