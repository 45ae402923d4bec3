//! Redis only saves work: limits hold over instances that share one, hints spare asking and waiting, and flushed, killed or silent it costs
//! nobody an answer.

mod hints;
mod limits;
mod under_load;

use carbon_gateway::config::{Loaded, RedisConfig};
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::redis::space::Space;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{Client, Cmd, FromRedisValue};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const URL: &str = "CARBON_GATEWAY__REDIS__URL";
/// Redis may take its time on a busy machine, where the matter is not how long it is waited for.
const PATIENT: (&str, &str) = ("CARBON_GATEWAY__REDIS__TIMEOUT_MS", "10000");

/// The section of the settings that names a server.
fn config(url: &str) -> RedisConfig {
    let variables = [(URL, url), PATIENT].map(|(name, value)| (name.to_owned(), value.to_owned()));
    Loaded::read(None, variables).unwrap().config.redis
}

/// Names that no other test has; and how they begin.
fn space() -> (Arc<Space>, String) {
    let deployment: [u8; 16] = rand::random();
    let prefix = Hash::new([deployment, deployment].concat().try_into().unwrap()).to_string();
    let space = Space::new(&deployment, &Hash::new(rand::random()));
    (Arc::new(space), format!("carbon:{}", &prefix[..32]))
}

/// A connection of the test's own.
async fn connect(url: &str) -> MultiplexedConnection {
    let client = Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, words: &[&str]) -> T {
    let mut command = Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command.query_async(connection).await.unwrap()
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A Redis of a test's own, which may be killed.
struct Server {
    folder: tempfile::TempDir,
    url: String,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let url = Self::up(folder.path());
        Self { folder, url }
    }

    fn up(folder: &Path) -> String {
        let told = Self::script("up", folder);
        let url = told
            .lines()
            .find_map(|line| line.strip_prefix("export CARBON_TEST_REDIS="));
        url.unwrap().to_owned()
    }

    fn script(action: &str, folder: &Path) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev-up.sh");
        let output = Command::new(script)
            .arg(action)
            .arg(folder)
            .arg("redis")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// KILL ends it at once, STOP makes it silent, CONT ends that.
    fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("redis.pid")).unwrap();
        let arguments = [format!("-{name}"), pid.trim().to_owned()];
        assert!(Command::new("kill").args(arguments).status().unwrap().success());
    }

    /// Up again on the same port, empty.
    fn restart(&self) {
        assert_eq!(Self::up(self.folder.path()), self.url);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        Self::script("down", self.folder.path());
    }
}
