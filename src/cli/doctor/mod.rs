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
    examine_all(Look::new(config, folder, clock)).await
}

async fn examine_all(mut look: Look<'_>) -> Report {
    let mut say = Findings::new();
    for part in Part::ALL {
        say.of(part, None);
        if look.is_folder_silent && looks_into_folder(part) {
            let saw = "it was not examined, since the data folder's disk does not answer";
            say.wrong("no_end", saw, "see `folder` above");
            continue;
        }
        if timeout(PATIENCE, examine_part(part, &mut look, &mut say))
            .await
            .is_err()
        {
            let saw = format!("it was not examined to its end within {} seconds", PATIENCE.as_secs());
            let advice = "something below it does not answer: the disk, the server, the way to it";
            say.wrong("no_end", saw, advice);
        }
    }
    // Whoever did not answer a part may not answer a goodbye.
    let _said = timeout(PATIENCE, look.close()).await;
    say.into_report()
}

/// Whether a part asks for files there. Nothing ends the wait for a disk that does not answer, not even the end of the program.
const fn looks_into_folder(part: Part) -> bool {
    matches!(part, Part::Database | Part::Chain | Part::Keys)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Loaded;

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_asked_for_nothing_more() {
        let scratch = tempfile::tempdir().unwrap();
        let anywhere = ("CARBON_GATEWAY__HTTP__BIND".to_owned(), "127.0.0.1:0".to_owned());
        let config = Loaded::read(None, [anywhere]).unwrap().config;
        let folder = DataFolder::new(scratch.path());
        let mut look = Look::new(&config, &folder, &Clock::System);
        look.is_folder_silent = true;
        let report = examine_all(look).await;
        for part in Part::ALL {
            let found = report.findings.iter().filter(|finding| finding.part == part);
            let codes: Vec<_> = found.map(|finding| finding.code).collect();
            assert!(!codes.is_empty(), "nothing is said of {part:?}");
            assert_eq!(codes == ["no_end"], looks_into_folder(part), "{part:?}: {codes:?}");
        }
    }
}
