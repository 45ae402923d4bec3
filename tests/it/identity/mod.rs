//! The identity room on a real store: keys and certificates agree with others' bytes, appear once whoever races, stay under the
//! key-encryption key through its change, and what does not fit is refused.

mod commands;
mod signer;
mod vectors;

use carbon_gateway::app::signing::signer;
use carbon_gateway::app::{location, open_deployment};
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::{Config, Loaded};
use carbon_gateway::folder::DataFolder;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::identity::signer::Signer;
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::store::db::{Connection, Location};
use carbon_gateway::store::keys::Keys;
use carbon_gateway::store::migrate::migrate;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
            .map(|(name, value)| (format!("CARBON_GATEWAY__KEYS__{name}"), (*value).to_owned()));
        let config = Loaded::read(None, variables.collect::<Vec<_>>()).unwrap().config;
        let clock = ManualClock::new(NOON_MS);
        let data = DataFolder::new(folder.path());
        let mut connection = location(&config, &data).connect().await.unwrap();
        migrate(&mut connection, NOON_MS, usize::MAX).await.unwrap();
        let (_, kek) = open_deployment(&mut connection, &config, &data, &clock.clock())
            .await
            .unwrap();
        let made = carbon_gateway::app::signing::open_authority(&mut connection, &config, &kek, NOON_MS).await;
        assert!(made.unwrap().made);
        connection.close().await.unwrap();
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
        location(&self.config, &DataFolder::new(self.path()))
    }

    async fn connect(&self) -> Connection {
        self.location().connect().await.unwrap()
    }

    /// A signer with connections of its own, as another process would have.
    async fn signer(&self) -> Arc<Signer<Keys>> {
        let location = self.location();
        let readers = location.readers(2).await.unwrap();
        let parts = (location, readers);
        let (signer, writer) = signer(parts, Arc::clone(&self.kek), self.clock.clock(), &self.config.keys).unwrap();
        self.lifecycle.spawn("keys", writer.run());
        Arc::new(signer)
    }

    /// One statement behind everybody's back; rows changed.
    async fn tamper(&self, sql: &'static str) -> u64 {
        use sqlx::Connection as _;
        let file = self.path().join("ledger.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let done = sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        done.rows_affected()
    }

    /// A count.
    async fn count(&self, sql: &'static str) -> i64 {
        use sqlx::Connection as _;
        let file = self.path().join("ledger.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let (count,): (i64,) = sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        count
    }
}
