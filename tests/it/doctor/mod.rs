//! `doctor` on installations as they are: a sound one is told to be sound, beside a serving gateway and without one; then one thing at a
//! time is broken on the real thing, and it is that which is named, while every other part is examined all the same.

mod databases; // of files and servers
mod files; // keys, chain, clock, riders
mod rabbitmq; // the broker
mod redis; // Redis
mod told; // what a person and a machine read

use crate::database;
use crate::support::TestApp;
use carbon_gateway::cli::doctor::{Finding, Level, Part, Report, examine};
use carbon_gateway::clock::{Clock, ManualClock};
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use std::path::Path;

/// A gateway that has stopped in good order, with a clock to look at it by.
struct Stopped {
    folder: tempfile::TempDir,
    clock: ManualClock,
}

impl Stopped {
    /// Stops a gateway when all that it has booked is confirmed.
    async fn of(app: TestApp) -> Self {
        app.drained().await;
        let clock = app.clock.clone();
        let (folder, _) = app.stop().await;
        Self { folder, clock }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What is found now.
    async fn examined(&self) -> Report {
        self.examined_with(&[]).await
    }

    /// What is found with further settings.
    async fn examined_with(&self, settings: &[(&str, &str)]) -> Report {
        let clock = self.clock.clock();
        look(self.path(), &clock, database::settings(self.path()), settings).await
    }
}

/// Looks at a folder.
async fn look(folder: &Path, clock: &Clock, database: Vec<(String, String)>, settings: &[(&str, &str)]) -> Report {
    let own = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let anywhere = ("CARBON_GATEWAY__HTTP__BIND".to_owned(), "127.0.0.1:0".to_owned());
    let variables: Vec<_> = std::iter::once(anywhere).chain(database).chain(own).collect();
    let config = Loaded::read(None, variables).unwrap().config;
    let report = examine(&config, &DataFolder::new(folder), clock).await;
    told::is_well_formed(&report);
    report
}

/// The level of a finding; `None` if there is none of that code.
fn level(report: &Report, part: Part, code: &str) -> Option<Level> {
    let found = report
        .findings
        .iter()
        .find(|finding| finding.part == part && finding.code == code);
    found.map(|finding| finding.level)
}

/// Codes of what is wrong, apart from a server's clock: tests have a time of their own.
fn wrong(report: &Report) -> Vec<(Part, &'static str)> {
    let is_wrong =
        |finding: &&Finding| finding.level == Level::Wrong && (finding.part, finding.code) != (Part::Clock, "server");
    report
        .findings
        .iter()
        .filter(is_wrong)
        .map(|finding| (finding.part, finding.code))
        .collect()
}
