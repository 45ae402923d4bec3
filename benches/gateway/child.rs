//! The real executable as a process of its own, so that its CPU time and memory are not those of the callers.

use super::load::{fetch_text, get};
use super::machine;
use anyhow::{Context as _, ensure};
use carbon_gateway::folder::DataFolder;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, Instant};

const SERVES: &str = "serves on http://";

/// A serving process; killed when dropped.
pub(crate) struct Child {
    process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the moment it takes requests.
    pub(crate) started_in: Duration,
}

impl Child {
    /// Starts the gateway on a data folder with settings, each as `(NAME, value)` of `CARBON_GATEWAY__NAME`.
    pub(crate) fn gateway(folder: &DataFolder, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carbon-gateway"));
        command.arg("--data").arg(folder.root()).arg("serve");
        command.env("CARBON_GATEWAY__HTTP__BIND", "127.0.0.1:0");
        command.env("CARBON_GATEWAY__LOG__LEVEL", "warn");
        // What the script has started for one side is no part of the others.
        for name in ["REDIS__URL", "RABBITMQ__URL"] {
            command.env_remove(format!("CARBON_GATEWAY__{name}"));
        }
        for (name, value) in settings {
            command.env(format!("CARBON_GATEWAY__{name}"), value);
        }
        Self::start(command)
    }

    /// Starts a process that says on standard error where it serves.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        let begun = Instant::now();
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        let lines = process.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(lines).lines();
        let address = loop {
            let line = lines.next().context("it ended before it served")??;
            if let Some((_, address)) = line.split_once(SERVES) {
                break address.trim().parse()?;
            }
        };
        let started_in = begun.elapsed();
        // Read on, or the process would wait for room in the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            process,
            address,
            started_in,
        })
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        machine::cpu_of(self.process.id())
    }

    /// One of the figures that a gateway tells of itself; zero while it has not told it.
    pub(crate) async fn figure(&self, name: &str) -> anyhow::Result<f64> {
        let told = fetch_text(self.address, &get("", "/metrics")).await?;
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.map(str::parse).transpose()?.unwrap_or(0.0))
    }

    /// Resident memory, bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        machine::resident(self.process.id())
    }

    /// Stops it in good order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").arg(self.process.id().to_string()).status()?;
        ensure!(
            told.success() && self.process.wait()?.success(),
            "it did not stop in good order"
        );
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// The key that the first start left in the folder.
pub(crate) fn first_key(folder: &DataFolder) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(folder.first_key_file())?.trim().to_owned())
}
