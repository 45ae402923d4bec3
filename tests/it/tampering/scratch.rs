//! Folders that are filled afresh with a finished deployment, changed, and judged.

use crate::database::file_of;
use carbon_gateway::chain::embedded::ChainFile;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::deployment;
use carbon_gateway::verify::{ChainLook, Options, Report, verify};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A finished deployment in memory.
pub(super) struct Finished {
    pub(super) ledger: Vec<u8>,
    pub(super) chain: Vec<u8>,
    pub(super) kek: Vec<u8>,
}

/// A folder that is filled afresh for each change.
pub(super) struct Scratch {
    root: tempfile::TempDir,
    number: AtomicUsize,
    chain: Vec<u8>,
    kek: Vec<u8>,
}

pub(super) fn chain_file(folder: &Path) -> ChainFile {
    ChainFile {
        file: folder.join("chain.db"),
        durable: false,
    }
}

impl Finished {
    pub(super) fn scratch(&self) -> Scratch {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        }
        .unwrap();
        let scratch = Scratch {
            root,
            number: AtomicUsize::new(0),
            chain: self.chain.clone(),
            kek: self.kek.clone(),
        };
        scratch.fill(&self.ledger);
        scratch
    }

    pub(super) async fn judge(&self, folder: &Path, recompute: bool) -> Result<Report, String> {
        let chain = ChainLook::take(chain_file(folder)).await;
        let mut snapshot = file_of(folder).snapshot().await.map_err(|error| error.to_string())?;
        let kek = match deployment::find(&mut snapshot).await {
            Ok(Some(founded)) => Kek::load(&folder.join("keys/kek"), founded.kek_id).map_err(|error| error.to_string()),
            _ => Err("no deployment row says which key".to_owned()),
        };
        let kek = kek.as_ref().map_err(Clone::clone);
        verify(
            &mut Homes::one(snapshot),
            chain,
            kek,
            Options { recompute },
            &mut |_| (),
        )
        .await
        .map_err(|error| error.to_string())
    }

    /// Whether anything at all is found.
    pub(super) async fn caught(&self, scratch: &Scratch) -> bool {
        self.judge(&scratch.path(), false)
            .await
            .is_ok_and(|report| report.ok)
            .eq(&false)
    }
}

impl Scratch {
    pub(super) fn path(&self) -> PathBuf {
        self.root.path().join(self.number.load(Ordering::Relaxed).to_string())
    }

    /// A folder of its own each time: a dropped connection may still be closing the file before.
    pub(super) fn fill(&self, ledger: &[u8]) {
        let _first = fs::remove_dir_all(self.path());
        self.number.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(self.path().join("keys")).unwrap();
        fs::write(self.path().join("keys/kek"), &self.kek).unwrap();
        fs::write(self.path().join("ledger.db"), ledger).unwrap();
        fs::write(self.path().join("chain.db"), &self.chain).unwrap();
    }

    /// The same with another chain.
    pub(super) fn fill_chain(&self, (ledger, chain): (&[u8], &[u8])) {
        self.fill(ledger);
        fs::write(self.path().join("chain.db"), chain).unwrap();
    }

    pub(super) async fn open_chain(&self) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.path().join("chain.db"))).await
    }

    pub(super) async fn open(&self, read_only: bool) -> Result<SqliteConnection, sqlx::Error> {
        let file: PathBuf = self.path().join("ledger.db");
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file).read_only(read_only)).await
    }
}
