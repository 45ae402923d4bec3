//! What the parts look at: the settings, the folder, and a connection that can write nothing to each database that lets one in.

use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::folder::DataFolder;
use crate::ledger::ids::ShardId;
use crate::store::audit::HeadRow;
use crate::store::databases::Holding;
use crate::store::db::{Connection, Location, StoreError};
use crate::store::deployment::Founded;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Why a connection is not there.
#[derive(Debug)]
pub(super) enum Closed {
    /// There is no such file.
    NoFile,
    /// Nobody is let in.
    Failed(StoreError),
}

/// One database of the ledger.
pub(super) struct Database {
    pub(super) location: Location,
    pub(super) opened: Result<Connection, Closed>,
    pub(super) connected_in: Duration,
    /// What stands in it, once its tables have been seen.
    pub(super) holding: Option<Holding>,
    /// The heads that stand there, those of no shard too.
    pub(super) heads: Vec<HeadRow>,
}

/// Everything that is there to be seen.
pub(super) struct Look<'a> {
    pub(super) config: &'a Config,
    pub(super) folder: &'a DataFolder,
    pub(super) clock: &'a Clock,
    /// Whether the folder's disk does not answer: whoever asks it for a file waits for ever.
    pub(super) is_folder_silent: bool,
    pub(super) databases: Vec<Database>,
    /// The deployment, and the number of the database that has its row.
    pub(super) founded: Option<(usize, Founded)>,
}

impl<'a> Look<'a> {
    pub(super) const fn new(config: &'a Config, folder: &'a DataFolder, clock: &'a Clock) -> Self {
        Self {
            config,
            folder,
            clock,
            is_folder_silent: false,
            databases: Vec::new(),
            founded: None,
        }
    }

    /// Opens all databases at once: of several that are away each takes its seconds.
    pub(super) async fn open(&mut self, locations: Vec<Location>) {
        let mut opening = JoinSet::new();
        for (number, location) in locations.into_iter().enumerate() {
            opening.spawn(async move { (number, Database::open(location).await) });
        }
        let mut opened = opening.join_all().await;
        opened.sort_by_key(|(number, _)| *number);
        self.databases = opened.into_iter().map(|(_, database)| database).collect();
    }

    /// The connection to the database of the deployment, with the deployment.
    pub(super) fn main(&mut self) -> Option<(&mut Connection, &Founded)> {
        let (number, founded) = self.founded.as_ref()?;
        let connection = self.databases.get_mut(*number)?.opened.as_mut().ok()?;
        Some((connection, founded))
    }

    /// Whether a database could not be looked into: what is not seen may be there.
    pub(super) fn is_partial(&self) -> bool {
        self.databases.is_empty() || self.databases.iter().any(|database| database.holding.is_none())
    }

    pub(super) fn kek_file(&self) -> PathBuf {
        app::kek_file(self.config, self.folder)
    }

    pub(super) async fn close(self) {
        for database in self.databases {
            if let Ok(connection) = database.opened {
                // It has written nothing, so nothing is lost.
                let _closed = connection.close().await;
            }
        }
    }
}

impl Database {
    async fn open(location: Location) -> Self {
        let begun = Instant::now();
        let is_there = match &location {
            Location::Sqlite(file) => file.file.exists(),
            Location::MySql(_) => true,
        };
        let opened = if is_there {
            location.look().await.map_err(Closed::Failed)
        } else {
            Err(Closed::NoFile)
        };
        Self {
            location,
            opened,
            connected_in: begun.elapsed(),
            holding: None,
            heads: Vec::new(),
        }
    }

    /// The connection and the shards that are at home there, of a database whose tables have been seen.
    pub(super) fn shards(&mut self) -> Option<(&mut Connection, &[ShardId])> {
        let holding = self.holding.as_ref()?;
        let connection = self.opened.as_mut().ok()?;
        Some((connection, &holding.heads))
    }
}
