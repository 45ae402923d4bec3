//! `demo`: a gateway on a scratch data folder, and a made-up morning played to it over HTTP, added up and verified at the end.

mod audit;
mod caller;
mod play;
mod progress;
mod scratch;
mod show;
mod story;
mod told;
mod watch;

use super::{CommandError, Setting, output, serve};
use crate::app::{App, Parts};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::demo::{Plan, Wish};
use crate::lifecycle::{Lifecycle, Signals, Stopped};
use caller::Caller;
use scratch::Scratch;
use show::{Ended, Show};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Riders in the city.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    riders: u32,
    /// Decides the morning: the same riders and seed ride the same rides.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop when all is told, in place of serving on; exit 0 only if everything adds up.
    #[arg(long)]
    once: bool,
}

/// Why a morning was not played to its end.
#[derive(Debug, thiserror::Error)]
enum PlayError {
    /// The gateway does not answer, or not with a document.
    #[error("the gateway does not answer")]
    Http(#[from] reqwest::Error),
    /// An answer that no caller could use.
    #[error("{what}: an answer of status {status} that cannot be understood")]
    Strange {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
    },
    /// What was checked cannot be read.
    #[error(transparent)]
    Verify(#[from] Box<CommandError>),
    /// Told to stop.
    #[error("stopped before the end")]
    Interrupted,
}

/// Plays; exit 0 where all is well, 1 where something does not add up or `--once` was stopped before its end, and as `serve` has it.
pub(super) async fn run(setting: Setting, given: Option<PathBuf>, arguments: Arguments) -> ExitCode {
    let once = arguments.once;
    match demo(setting, given, arguments).await {
        Err(error) => output::fail(&error),
        Ok((Stopped::Clean, ended)) => ExitCode::from(match ended {
            Ended::Well => 0,
            Ended::Wrong => 1,
            Ended::Interrupted => u8::from(once),
        }),
        Ok((stopped, _)) => stopped.into(),
    }
}

async fn demo(
    setting: Setting,
    given: Option<PathBuf>,
    arguments: Arguments,
) -> Result<(Stopped, Ended), CommandError> {
    let signals = Signals::listen().map_err(|source| CommandError::Io {
        action: "listening for signals",
        source,
    })?;
    let Setting { mut config, json, .. } = setting;
    if !matches!(config.environment, Environment::Demo) {
        let detail = "the demo needs its own programme, which only the environment `demo` has; leave `environment` out";
        return Err(CommandError::Use(detail.to_owned()));
    }
    let scratch = Scratch::new(given)?;
    scratch::free_address(&mut config);
    let lifecycle = Lifecycle::new(config.shutdown.soft_s.seconds());
    let played = play(&config, &scratch, (&arguments, json), (&lifecycle, signals)).await;
    if played.is_err() {
        // Whatever was started before the mistake was found ends in good order.
        lifecycle.stop();
        lifecycle.wait().await;
    }
    scratch.end(matches!(played, Ok((_, Ended::Wrong))));
    played
}

async fn play(
    config: &Config,
    scratch: &Scratch,
    (arguments, json): (&Arguments, bool),
    (lifecycle, signals): (&Lifecycle, Signals),
) -> Result<(Stopped, Ended), CommandError> {
    let folder = scratch.folder();
    let parts = Parts {
        config: config.clone(),
        folder: folder.clone(),
        clock: Clock::System,
    };
    let app = App::start(parts, lifecycle).await?;
    let key = app.first_key.clone().unwrap_or_default();
    serve::leave_key(&key, &folder.first_key_file())?;
    let wish = Wish {
        riders: arguments.riders,
        seed: arguments.seed,
        started_ms: Clock::System.now_ms(),
    };
    let caller = Caller::new(format!("http://{}", reachable(app.address)), key);
    let caller = caller.map_err(|error| CommandError::Use(error.to_string()))?;
    // The chain need not wait for us when the stop comes.
    drop(app);
    let show = Show {
        wish,
        plan: Plan::of(wish),
        caller,
        setting: Setting {
            config: config.clone(),
            folder,
            json,
        },
        is_temporary: scratch.is_temporary,
        once: arguments.once,
    };
    show.begin();
    let (life, once) = (lifecycle.clone(), arguments.once);
    let work = lifecycle.spawn_job("demo", async move {
        let ended = show.run(&life).await;
        if once || ended == Ended::Interrupted {
            life.stop();
        }
        ended
    });
    let stopped = lifecycle.run_until_stopped(signals).await;
    Ok((stopped, work.await.unwrap_or(Ended::Interrupted)))
}

/// Where the gateway is reached from this machine, though it may listen on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}
