//! `Served`: the real executable on a scratch data folder, to be killed, starved and started again.

use crate::database;
use crate::support::trip_at;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_carbon-gateway");

/// A running `carbon-gateway serve`.
pub(crate) struct Served {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub(crate) base: String,
    /// The first API key.
    pub(crate) key: String,
    /// Talks to it.
    pub(crate) client: reqwest::Client,
}

impl Served {
    /// Starts on a folder and waits until it is ready; `limit_kib` bounds the size of any file it writes.
    pub(crate) async fn start(data: &Path, limit_kib: Option<u32>) -> Self {
        Self::launch(data, limit_kib, &free_port(), &[]).await
    }

    /// Starts on a folder and where another was before, with settings, each as an environment variable.
    pub(crate) async fn start_at(base: &str, data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::launch(data, None, base.rsplit(':').next().unwrap(), settings).await
    }

    /// Starts on a folder with settings, each as an environment variable.
    pub(crate) async fn start_with(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::launch(data, None, &free_port(), settings).await
    }

    async fn launch(data: &Path, limit_kib: Option<u32>, port: &str, settings: &[(&str, &str)]) -> Self {
        // An ignored signal is inherited: writes beyond the limit then fail with an error, as on a full disk.
        let script = match limit_kib {
            None => "exec \"$0\" \"$@\"".to_owned(),
            Some(kib) => format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\""),
        };
        let child = Command::new("bash")
            .args(["-c", &script, PROGRAM, "serve", "--data"])
            .arg(data)
            .env("CARBON_GATEWAY__HTTP__BIND", format!("127.0.0.1:{port}"))
            .env("CARBON_GATEWAY__LOG__LEVEL", "off")
            .envs(database::settings(data))
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let mut served = Self {
            child,
            base: format!("http://127.0.0.1:{port}"),
            key: String::new(),
            client,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !served.is_up().await {
            assert!(Instant::now() < deadline, "the gateway did not become ready");
            assert!(served.child.try_wait().unwrap().is_none(), "the gateway ended at start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::fs::read_to_string(data.join("first-api-key"))
            .unwrap()
            .trim()
            .clone_into(&mut served.key);
        served
    }

    async fn is_up(&self) -> bool {
        self.status("/readyz").await == Some(200)
    }

    /// Status of a GET, if there was an answer.
    pub(crate) async fn status(&self, path: &str) -> Option<u16> {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// A figure of `/metrics`, by its name and labels.
    pub(crate) async fn figure(&self, name: &str) -> Option<f64> {
        let answer = self.client.get(format!("{}/metrics", self.base)).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    /// Submits the `n`th of a series of trips; the status, if there was an answer.
    pub(crate) async fn submit(&self, now_s: i64, n: u32) -> Option<u16> {
        let request = self
            .client
            .post(format!("{}/v1/trips", self.base))
            .bearer_auth(&self.key);
        let answer = request.json(&trip_at(now_s, n)).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// `kill -9`, and waits for the end.
    pub(crate) fn kill(mut self) {
        self.kill_now();
        self.ended();
    }

    /// `kill -9` by process id, while others still talk to it.
    pub(crate) fn kill_now(&self) {
        self.signal("KILL");
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let (name, id) = (format!("-{name}"), self.child.id().to_string());
        assert!(Command::new("kill").args([&name, &id]).status().unwrap().success());
    }

    /// SIGTERM; the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for the end; the exit code, if it was no signal.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that failed half-way must not leave its gateway behind.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs a command of the executable on a folder; exit code, standard output, standard error.
pub(crate) fn command(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    command_with(data, arguments, database::settings(data))
}

/// The same on a ledger that these settings lead to, environment variables all of them.
pub(crate) fn command_with(
    data: &Path,
    arguments: &[&str],
    settings: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .arg("--data")
        .arg(data)
        .envs(settings)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
