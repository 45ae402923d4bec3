//! `TestApp`: a gateway on a scratch data folder, port 0, a clock that stands still, and an API key with every right.

use crate::database;
use crate::described::Client;
use carbon_gateway::app::{App, Parts};
use carbon_gateway::chain::ChainClient;
use carbon_gateway::chain::embedded::EmbeddedChain;
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::lifecycle::{Lifecycle, Stopped};
use carbon_gateway::store::databases;
use carbon_gateway::store::db::{Connection, Homes, Location};
use carbon_gateway::store::reads::dispatch::{Backlog, backlog};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// 2026-11-20T12:00:00Z.
pub(crate) const NOON_MS: i64 = 1_795_176_000_000;

/// A running gateway.
pub(crate) struct TestApp {
    /// `http://127.0.0.1:port`.
    pub(crate) base: String,
    /// A key with all rights, of the client `first`.
    pub(crate) key: String,
    /// Talks to it, and refuses every answer that is not as the OpenAPI document says.
    pub(crate) client: Client,
    /// The way to its chain.
    pub(crate) chain: ChainClient,
    /// Moves its time.
    pub(crate) clock: ManualClock,
    /// Where its ledger lies.
    pub(crate) locations: Homes<Location>,
    lifecycle: Lifecycle,
    folder: tempfile::TempDir,
}

impl TestApp {
    /// Starts on an empty folder.
    pub(crate) async fn spawn() -> Self {
        Self::spawn_with(&[]).await
    }

    /// Starts with settings, each as `("CARBON_GATEWAY__SECTION__KEY", value)`.
    pub(crate) async fn spawn_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (database, location) = (database::settings(folder.path()), database::location(folder.path()));
        Self::spawn_on(folder, vec![location], &[settings, &as_texts(&database)].concat()).await
    }

    /// The same with the ledger in a file, whatever the suite runs on.
    pub(crate) async fn spawn_in_a_file(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = database::file_of(folder.path());
        Self::spawn_on(folder, vec![location], settings).await
    }

    /// Starts on a folder with settings and no others, which lead to `locations`.
    pub(crate) async fn spawn_on(
        folder: tempfile::TempDir,
        locations: Vec<Location>,
        settings: &[(&str, &str)],
    ) -> Self {
        let clock = ManualClock::new(NOON_MS);
        let lifecycle = Lifecycle::new(Duration::from_secs(10));
        let app = start(folder.path(), &clock, &lifecycle, settings).await;
        Self {
            base: format!("http://{}", app.address),
            key: app.first_key.unwrap(),
            client: Client::new(),
            chain: app.chain,
            clock,
            locations: databases::homes(locations).await.unwrap(),
            lifecycle,
            folder,
        }
    }

    /// Another instance on the same database, which has no chain of its own.
    pub(crate) async fn beside(&self) -> Self {
        self.beside_with(&[]).await
    }

    /// The same with settings.
    pub(crate) async fn beside_with(&self, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lifecycle = Lifecycle::new(Duration::from_secs(10));
        let kek = DataFolder::new(self.data_dir()).kek_file();
        let database = database::settings(self.data_dir());
        let own = [
            ("CARBON_GATEWAY__KEYS__KEK_FILE", kek.to_str().unwrap()),
            ("CARBON_GATEWAY__CHAIN__KIND", "elsewhere"),
        ];
        let settings = [settings, &own[..], &as_texts(&database)].concat();
        let app = start(folder.path(), &self.clock, &lifecycle, &settings).await;
        Self {
            base: format!("http://{}", app.address),
            key: self.key.clone(),
            client: Client::new(),
            chain: app.chain,
            clock: self.clock.clone(),
            locations: self.locations.clone(),
            lifecycle,
            folder,
        }
    }

    /// Stops in good order and starts again on the same folder, with the same key.
    pub(crate) async fn restart(self, settings: &[(&str, &str)]) -> Self {
        let (clock, key, client) = (self.clock.clone(), self.key.clone(), self.client.clone());
        let locations = self.locations.clone();
        let (folder, _) = self.stop().await;
        let lifecycle = Lifecycle::new(Duration::from_secs(10));
        let database = database::settings(folder.path());
        let settings = [settings, &as_texts(&database)].concat();
        let app = start(folder.path(), &clock, &lifecycle, &settings).await;
        Self {
            base: format!("http://{}", app.address),
            key,
            client,
            chain: app.chain,
            clock,
            locations,
            lifecycle,
            folder,
        }
    }

    /// POST of a JSON value.
    pub(crate) async fn post(&self, path: &str, body: &serde_json::Value) -> reqwest::Response {
        self.client
            .post(format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.client
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .send()
            .await
            .unwrap()
    }

    /// Waits until nothing is on its way to the chain; answers what is left, refused or waiting for what is refused.
    pub(crate) async fn drained(&self) -> Backlog {
        let readers = self.locations.readers(1).await.unwrap();
        let begun = Instant::now();
        loop {
            let left = backlog(&readers).await.unwrap();
            if left.is_drained() {
                return left;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Somebody else's transaction, which holds what every writer wants first.
    pub(crate) async fn locked(&self) -> Connection {
        let mut lock = database::location(self.data_dir()).connect().await.unwrap();
        lock.begin().await.unwrap();
        lock.execute("UPDATE shard_head SET epoch = epoch + 1").await.unwrap();
        lock
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Stops in good order; the folder stays as long as what is returned.
    pub(crate) async fn stop(self) -> (tempfile::TempDir, Stopped) {
        let Self {
            chain,
            lifecycle,
            folder,
            ..
        } = self;
        drop(chain);
        lifecycle.stop();
        let stopped = lifecycle.wait().await;
        (folder, stopped)
    }
}

/// The embedded chain of this process.
pub(crate) fn embedded(chain: &ChainClient) -> &EmbeddedChain {
    match chain {
        ChainClient::Embedded(chain) => chain,
        ChainClient::Elsewhere(_) => unreachable!("the chain is in this process"),
    }
}

/// Settings as they are handed over.
pub(crate) fn as_texts(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = settings.iter();
    pairs.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn start(folder: &Path, clock: &ManualClock, lifecycle: &Lifecycle, settings: &[(&str, &str)]) -> App {
    let fixed = [
        ("CARBON_GATEWAY__HTTP__BIND", "127.0.0.1:0"),
        ("CARBON_GATEWAY__HTTP__WORKERS", "2"),
    ];
    let variables = fixed
        .iter()
        .chain(settings)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Loaded::read(None, variables.collect::<Vec<_>>()).unwrap().config;
    let parts = Parts {
        config,
        folder: DataFolder::new(folder),
        clock: clock.clock(),
    };
    App::start(parts, lifecycle).await.unwrap()
}

/// The shared reference data, or `None` with a line that says which test was skipped.
#[expect(
    clippy::disallowed_methods,
    reason = "tests find the shared data by this one variable"
)]
pub(crate) fn shared_dir(test: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var("SHARED_DIR").unwrap_or_else(|_| "../shared".to_owned()));
    if folder.is_dir() {
        return Some(folder);
    }
    skipping(test, &format!("no shared data at {}", folder.display()));
    None
}

/// Says that a test does nothing here, and why, past the harness, which would keep it to itself: the test script gathers these lines.
pub(crate) fn skipping(test: &str, why: &str) {
    let line = format!("SKIPPED: {test}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Unix seconds by the clock that a gateway of the real executable goes by.
pub(crate) fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The `n`th of a series of metro trips that all are credited: every one of another rider, ended a minute before `now_s`.
pub(crate) fn trip_at(now_s: i64, n: u32) -> serde_json::Value {
    let time = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
    serde_json::json!({
        "programme": "demo", "trip_id": format!("T-{n:06}"), "user_id": (1_000_000 + n).to_string(),
        "legs": [{"mode": "metro", "started_at": time(now_s - 1_660), "ended_at": time(now_s - 60), "distance_m": 8550 + n % 100}],
    })
}
