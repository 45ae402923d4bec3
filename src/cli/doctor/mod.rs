//! `doctor`: looks at an installation and says in words what is wrong with it and what to do. It only reads: it takes no lock, makes no
//! table and no file of its own, so it may be run beside a serving gateway and where the gateway refuses to start. Every part is examined
//! whatever is broken in the others; each is one file with one function.

mod apart;
mod certificates;
mod chain;
mod clock;
mod database;
mod folder;
mod gateway;
mod homes;
mod keys;
mod look;
mod rabbitmq;
mod redis;
mod report;
mod server;
mod settings;
mod spread;
mod words;

pub use report::{Finding, Level, Part, Report};

use super::{Setting, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::folder::DataFolder;
use look::Look;
use report::Findings;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// How long a part may take: who is called at night does not wait for a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints what was found; exit 0 if nothing is wrong, warnings or not.
pub(super) async fn run(setting: Setting) -> ExitCode {
    let report = examine(&setting.config, &setting.folder, &Clock::System).await;
    if setting.json {
        output::json(&report.to_json());
    } else {
        output::line(&report.to_text());
    }
    if report.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

/// Looks at everything.
pub async fn examine(config: &Config, folder: &DataFolder, clock: &Clock) -> Report {
    let mut say = Findings::new();
    let mut look = Look::new(config, folder, clock);
    for part in Part::ALL {
        say.of(part, None);
        if timeout(PATIENCE, examine_part(part, &mut look, &mut say))
            .await
            .is_err()
        {
            let saw = format!("it was not examined to its end within {} seconds", PATIENCE.as_secs());
            say.wrong(
                "no_end",
                saw,
                "something below it does not answer: the disk, the server, the way to it",
            );
        }
    }
    look.close().await;
    say.into_report()
}

async fn examine_part(part: Part, look: &mut Look<'_>, say: &mut Findings) {
    match part {
        Part::Settings => settings::examine(look, say),
        Part::Folder => folder::examine(look, say).await,
        Part::Database => database::examine(look, say).await,
        Part::Chain => chain::examine(look, say).await,
        Part::Keys => keys::examine(look, say).await,
        Part::Clock => clock::examine(look, say).await,
        Part::Spread => spread::examine(look, say).await,
        Part::Redis => redis::examine(look, say).await,
        Part::RabbitMq => rabbitmq::examine(look, say).await,
        Part::Gateway => gateway::examine(look, say).await,
    }
}
