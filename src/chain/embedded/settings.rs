//! What an embedded chain is told at its start.

use super::file::ChainFile;
use std::path::PathBuf;
use std::time::Duration;

/// Bounds and places of a chain.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The chain's SQLite file.
    pub path: PathBuf,
    /// Whether a block waits for the disk.
    pub durable: bool,
    /// Connections for reads.
    pub readers: u32,
    /// How long a block waits for company after its first transaction has come.
    pub block_delay: Duration,
    /// Transactions in a block.
    pub most_in_block: usize,
    /// Bytes of a block's requests; a single request has no more either.
    pub most_block_bytes: usize,
    /// Transactions that wait.
    pub most_waiting: usize,
    /// Bytes that wait.
    pub most_waiting_bytes: usize,
}

impl Settings {
    /// The usual bounds.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durable: true,
            readers: 4,
            block_delay: Duration::from_millis(10),
            most_in_block: 1_000,
            most_block_bytes: 1 << 20,
            most_waiting: 10_000,
            most_waiting_bytes: 64 << 20,
        }
    }

    /// The file, for whoever reads it beside the chain.
    pub fn file(&self) -> ChainFile {
        ChainFile {
            file: self.path.clone(),
            durable: self.durable,
        }
    }
}
