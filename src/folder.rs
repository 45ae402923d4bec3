//! The data folder: where its files lie, and the lock that keeps a second writer out. The lock goes with its process.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// A data folder; every path in it is relative to its root.
#[derive(Clone, Debug)]
pub struct DataFolder {
    root: PathBuf,
}

/// Held while a process writes the ledger.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made or read.
    #[error("the data folder {path}")]
    Io {
        /// What was tried.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Another process writes in it.
    #[error("another gateway works in the data folder {path}: stop it first, or speak to it over HTTP")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// There is no ledger in it.
    #[error("the data folder {path} holds no ledger; `carbon-gateway serve` makes one")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

impl DataFolder {
    /// A folder that need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ledger's SQLite file.
    pub fn ledger_file(&self) -> PathBuf {
        self.root.join("ledger.db")
    }

    /// The embedded chain's SQLite file.
    pub fn chain_file(&self) -> PathBuf {
        self.root.join("chain.db")
    }

    /// The key-encryption key, unless settings name another file.
    pub fn kek_file(&self) -> PathBuf {
        self.root.join("keys").join("kek")
    }

    /// Where the first API key goes when no terminal is there to print it on.
    pub fn first_key_file(&self) -> PathBuf {
        self.root.join("first-api-key")
    }

    /// Makes the folder and takes its lock.
    pub fn lock(&self) -> Result<FolderLock, FolderError> {
        let path = self.root.join("lock");
        let io = |source| FolderError::Io {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(&self.root).map_err(io)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked {
                path: self.root.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// Demands that a ledger is there, for commands that only read.
    pub fn existing(self) -> Result<Self, FolderError> {
        if self.ledger_file().is_file() {
            Ok(self)
        } else {
            Err(FolderError::Empty { path: self.root })
        }
    }
}
