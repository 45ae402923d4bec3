//! The identity room on a real store: keys and certificates agree with others' bytes, appear once whoever races, stay under the
//! key-encryption key through its change, and what does not fit is refused.

mod commands;
mod signer;
mod vectors;

use carbon_gateway::app::signing::signer;
use carbon_gateway::app::{open_deployment, open_locked};
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::{Config, Loaded};
use carbon_gateway::folder::DataFolder;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::identity::signer::Signer;
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::store::databases;
use carbon_gateway::store::db::{Connection, Homes, Location};
use carbon_gateway::store::keys::Keys;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::database;
use crate::support::NOON_MS;

/// A data folder with its deployment, authority and issuer, and signers over it.
struct Founded {
    folder: tempfile::TempDir,
    clock: ManualClock,
    config: Config,
    kek: Arc<Kek>,
    lifecycle: Lifecycle,
}

impl Founded {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = settings
            .iter()
            .map(|(name, value)| (format!("CARBON_GATEWAY__KEYS__{name}"), (*value).to_owned()))
            .chain(database::settings(folder.path()));
        let config = Loaded::read(None, variables.collect::<Vec<_>>()).unwrap().config;
        let clock = ManualClock::new(NOON_MS);
        let data = DataFolder::new(folder.path());
        let mut opened = open_locked(&config, &data, &clock.clock()).await.unwrap();
        let (_, kek) = open_deployment(&mut opened, &config, &data, &clock.clock())
            .await
            .unwrap();
        let mut connections = databases::arranged(opened)
            .await
            .unwrap()
            .into_map(|database| database.connection);
        let made = carbon_gateway::app::signing::open_authority(&mut connections, &config, &kek, NOON_MS).await;
        assert!(made.unwrap().made);
        connections.close().await.unwrap();
        Self {
            folder,
            clock,
            config,
            kek: Arc::new(kek),
            lifecycle: Lifecycle::new(Duration::from_secs(5)),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn location(&self) -> Location {
        database::location(self.path())
    }

    async fn connect(&self) -> Connection {
        self.location().connect().await.unwrap()
    }

    /// A signer with connections of its own, as another process would have.
    async fn signer(&self) -> Arc<Signer<Keys>> {
        let locations = Homes::one(self.location());
        let readers = locations.readers(2).await.unwrap();
        let parts = (&locations, readers);
        let (signer, writers) = signer(parts, Arc::clone(&self.kek), self.clock.clock(), &self.config.keys).unwrap();
        for writer in writers {
            self.lifecycle.spawn("keys", writer.run());
        }
        Arc::new(signer)
    }

    /// One statement behind everybody's back; rows changed.
    async fn tamper(&self, sql: &'static str) -> u64 {
        let mut connection = self.connect().await;
        let changed = match &mut connection {
            Connection::Sqlite(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
            Connection::MySql(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
        };
        connection.close().await.unwrap();
        changed
    }

    /// A count.
    async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.connect().await;
        let (count,): (i64,) = match &mut connection {
            Connection::Sqlite(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
            Connection::MySql(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
        };
        connection.close().await.unwrap();
        count
    }
}
