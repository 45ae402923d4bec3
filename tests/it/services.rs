//! Redis and RabbitMQ, where the tests are told of them, servers of a test's own, and whoever stands before one. Where they are not at hand, a test says so.

use crate::support::skipping;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use tokio::task::JoinSet;

/// The address of Redis, or `None` with a line that says which test was skipped.
pub(crate) fn redis(test: &str) -> Option<String> {
    named("CARBON_TEST_REDIS", test)
}

/// The address of RabbitMQ, likewise.
pub(crate) fn broker(test: &str) -> Option<String> {
    named("CARBON_TEST_AMQP", test)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test script names the servers by these variables"
)]
fn named(variable: &str, test: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        skipping(test, &format!("{variable} names no server"));
    }
    url
}

/// A server of a test's own, which may be killed.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    part: &'static str,
    options: Vec<String>,
    /// Where it is.
    pub(crate) url: String,
}

impl Server {
    /// Starts `mariadb`, `redis` or `rabbitmq`.
    pub(crate) fn start(part: &'static str) -> Self {
        Self::start_with(part, &[])
    }

    /// The same with options of the script.
    pub(crate) fn start_with(part: &'static str, options: &[&str]) -> Self {
        Self::start_seeing(part, options, &[])
    }

    /// The same with variables that the server sees; it does not see them any more when it is restarted.
    pub(crate) fn start_seeing(part: &'static str, options: &[&str], seen: &[(&str, &Path)]) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let url = up(&options, seen, folder.path(), part);
        Self {
            folder,
            part,
            options,
            url,
        }
    }

    /// SIGKILL, and up again on the same port with what the disk holds.
    pub(crate) fn kill_and_restart(&self) {
        self.kill();
        self.restart();
    }

    /// Silent until what is answered is dropped: connections stay open, others are made, and nothing is answered.
    pub(crate) fn silenced(&self) -> Silenced<'_> {
        self.signal("-STOP");
        Silenced(self)
    }

    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join(format!("{}.pid", self.part))).unwrap();
        assert!(
            Command::new("kill")
                .args([signal, pid.trim()])
                .status()
                .unwrap()
                .success()
        );
    }

    /// SIGKILL; returns when nobody listens there any more.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
        while TcpStream::connect(self.address()).is_ok() {}
    }

    /// Up again, where it was.
    pub(crate) fn restart(&self) {
        assert_eq!(up(&self.options, &[], self.folder.path(), self.part), self.url);
    }

    fn address(&self) -> &str {
        let (_, place) = self.url.split_once("://").unwrap();
        let place = place.rsplit('@').next().unwrap();
        place.split('/').next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        script(&["down".to_owned()], &[], self.folder.path(), self.part);
    }
}

/// A server that stands still.
pub(crate) struct Silenced<'a>(&'a Server);

impl Drop for Silenced<'_> {
    fn drop(&mut self) {
        self.0.signal("-CONT");
    }
}

fn up(options: &[String], seen: &[(&str, &Path)], folder: &Path, part: &str) -> String {
    let told = script(&[&["up".to_owned()], options].concat(), seen, folder, part);
    let url = told.lines().find_map(|line| {
        let (name, url) = line.strip_prefix("export ")?.split_once('=')?;
        name.starts_with("CARBON_TEST_").then_some(url)
    });
    url.unwrap().to_owned()
}

fn script(action: &[String], seen: &[(&str, &Path)], folder: &Path, part: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev-up.sh");
    let output = Command::new(script)
        .args(action)
        .arg(folder)
        .arg(part)
        .envs(seen.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Listens on a port of its own as long as the tasks are kept, and gives each connection to `carry`; answers where.
pub(crate) async fn listen<F>(
    tasks: &mut JoinSet<()>,
    carry: impl Fn(tokio::net::TcpStream) -> F + Send + 'static,
) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tasks.spawn(async move {
        let mut carried = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            carried.spawn(carry(client));
        }
    });
    address
}
