//! The key-encryption key: wraps data keys, signing keys and the deployment's two secrets with AES-256-GCM, row identity bound as
//! additional data (formats.md 2). The file holds 64 hexadecimal digits, mode 0600.

use super::chain_secret::ChainSecret;
use super::wrapping::Row;
use crate::ledger::encode::digest;
use crate::ledger::evidence::{DataKey, NonceBytes};
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::{Hash, UserId};
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const VERSION: u8 = 1;

/// Names a key without telling it: the first 8 bytes of its digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KekId([u8; 8]);

/// The key-encryption key, wiped when dropped.
pub struct Kek {
    id: KekId,
    cipher: Aes256Gcm,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file cannot be read or written.
    #[error("the key-encryption key {path}: {source}")]
    File {
        /// Its path.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The file does not hold a key.
    #[error("the key-encryption key {path} must hold 64 lower-case hexadecimal digits")]
    Malformed {
        /// Its path.
        path: PathBuf,
    },
    /// The data folder was made with another key.
    #[error("the data folder expects the key-encryption key {expected}, but {path} holds {found}")]
    Different {
        /// Id expected.
        expected: KekId,
        /// Id found.
        found: KekId,
        /// Its path.
        path: PathBuf,
    },
    /// A wrapped key does not open.
    #[error("a wrapped key does not fit its row or its key-encryption key")]
    Broken,
}

impl KekId {
    /// From a stored column; `None` unless 8 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl std::fmt::Display for KekId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Kek {
    /// From 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        let hash = digest("carbon/kek/1", |e| e.raw(secret));
        let mut id = [0_u8; 8];
        id.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Self {
            id: KekId(id),
            cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(*secret)),
        }
    }

    /// Reads the key of an existing deployment; a missing or different one is an error that names the key expected.
    pub fn load(path: &Path, expected: KekId) -> Result<Self, KekError> {
        let kek = Self::read(path)?;
        if kek.id == expected {
            return Ok(kek);
        }
        Err(KekError::Different {
            expected,
            found: kek.id,
            path: path.to_owned(),
        })
    }

    /// Reads the key, or makes it from `secret` where the file is missing: only for an empty data folder.
    pub fn load_or_create(path: &Path, secret: &Zeroizing<[u8; 32]>) -> Result<Self, KekError> {
        if !path.exists() {
            Self::write(path, &Zeroizing::new(format!("{}\n", Hash::new(**secret))))?;
        }
        Self::read(path)
    }

    /// Puts the key of `from` in the place of the one in `to`.
    pub fn install(from: &Path, to: &Path) -> Result<(), KekError> {
        let digits = std::fs::read_to_string(from).map_err(|source| KekError::File {
            path: from.to_owned(),
            source,
        })?;
        Self::write(to, &Zeroizing::new(digits))
    }

    /// Written beside and renamed, so that a kill leaves a whole key: the new one, or what was there.
    fn write(path: &Path, digits: &Zeroizing<String>) -> Result<(), KekError> {
        let file = |source| KekError::File {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(file)?;
        }
        let draft = path.with_extension("new");
        let _stale = std::fs::remove_file(&draft);
        let mut options = std::fs::OpenOptions::new();
        let mut handle = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .map_err(file)?;
        handle
            .write_all(digits.as_bytes())
            .and_then(|()| handle.sync_all())
            .map_err(file)?;
        std::fs::rename(&draft, path).map_err(file)?;
        // The rename is on the disk when the folder is.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(file)
    }

    /// Names this key.
    pub const fn id(&self) -> KekId {
        self.id
    }

    /// Wraps a data key for the row of (user, programme, address).
    pub fn wrap(&self, key: &DataKey, nonce: NonceBytes, row: (UserId, &str, &Hash)) -> Result<Vec<u8>, KekError> {
        self.seal(key.as_bytes(), nonce, of_account(row))
    }

    /// Opens what [`Kek::wrap`] made for the same row.
    pub fn unwrap(&self, wrapped: &[u8], row: (UserId, &str, &Hash)) -> Result<DataKey, KekError> {
        self.open(wrapped, of_account(row)).map(|key| DataKey::new(*key))
    }

    /// Wraps the source secret of a deployment.
    pub fn wrap_source(
        &self,
        secret: &SourceSecret,
        nonce: NonceBytes,
        deployment: &[u8; 16],
    ) -> Result<Vec<u8>, KekError> {
        self.seal(secret.as_bytes(), nonce, Row::SourceSecret { deployment })
    }

    /// Opens what [`Kek::wrap_source`] made for the same deployment.
    pub fn unwrap_source(&self, wrapped: &[u8], deployment: &[u8; 16]) -> Result<SourceSecret, KekError> {
        let secret = self.open(wrapped, Row::SourceSecret { deployment })?;
        Ok(SourceSecret::new(*secret))
    }

    /// Wraps the chain secret of a deployment.
    pub fn wrap_chain(
        &self,
        secret: &ChainSecret,
        nonce: NonceBytes,
        deployment: &[u8; 16],
    ) -> Result<Vec<u8>, KekError> {
        self.seal(secret.as_bytes(), nonce, Row::ChainSecret { deployment })
    }

    /// Opens what [`Kek::wrap_chain`] made for the same deployment.
    pub fn unwrap_chain(&self, wrapped: &[u8], deployment: &[u8; 16]) -> Result<ChainSecret, KekError> {
        let secret = self.open(wrapped, Row::ChainSecret { deployment })?;
        Ok(ChainSecret::new(*secret))
    }

    /// What this key wrapped for a row, wrapped by `next` for the same row; `None` if `next` has wrapped it already.
    pub fn rewrap(
        &self,
        next: &Self,
        wrapped: &[u8],
        row: Row<'_>,
        nonce: NonceBytes,
    ) -> Result<Option<Vec<u8>>, KekError> {
        if wrapped.get(1..9) == Some(next.id.0.as_slice()) {
            return next.open(wrapped, row).map(|_| None);
        }
        next.seal(&*self.open(wrapped, row)?, nonce, row).map(Some)
    }

    /// Whether this key has wrapped it for that row, whole and unchanged.
    pub fn opens(&self, wrapped: &[u8], row: Row<'_>) -> bool {
        self.open(wrapped, row).is_ok()
    }

    pub(super) fn seal(&self, secret: &[u8; 32], nonce: NonceBytes, row: Row<'_>) -> Result<Vec<u8>, KekError> {
        let aad = row.additional_data();
        let payload = Payload { msg: secret, aad: &aad };
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| KekError::Broken)?;
        Ok([&[VERSION], self.id.0.as_slice(), &nonce, &sealed].concat())
    }

    pub(super) fn open(&self, wrapped: &[u8], row: Row<'_>) -> Result<Zeroizing<[u8; 32]>, KekError> {
        let (header, rest) = wrapped.split_first_chunk::<9>().ok_or(KekError::Broken)?;
        let (nonce, sealed) = rest.split_first_chunk::<12>().ok_or(KekError::Broken)?;
        if header.first() != Some(&VERSION) || header.get(1..) != Some(self.id.0.as_slice()) {
            return Err(KekError::Broken);
        }
        let aad = row.additional_data();
        let payload = Payload { msg: sealed, aad: &aad };
        let clear = Zeroizing::new(
            self.cipher
                .decrypt(&Nonce::from(*nonce), payload)
                .map_err(|_| KekError::Broken)?,
        );
        let secret = <&[u8; 32]>::try_from(clear.as_slice()).map_err(|_| KekError::Broken)?;
        Ok(Zeroizing::new(*secret))
    }

    fn read(path: &Path) -> Result<Self, KekError> {
        let text = std::fs::read_to_string(path).map_err(|source| KekError::File {
            path: path.to_owned(),
            source,
        })?;
        let text = Zeroizing::new(text);
        let secret = Hash::parse(text.trim_end()).map_err(|_| KekError::Malformed { path: path.to_owned() })?;
        Ok(Self::new(secret.as_bytes()))
    }
}

const fn of_account<'a>((user, programme, address): (UserId, &'a str, &'a Hash)) -> Row<'a> {
    Row::Account {
        user,
        programme,
        address,
    }
}
