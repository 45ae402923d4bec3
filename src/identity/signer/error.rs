//! Why nothing is signed: what is wrong with one user's key or certificate, and what is nobody's own.

use crate::identity::certificate::{CertificateError, Serial};
use crate::identity::found::FoundError;
use crate::identity::signing_threads::Stopped;
use crate::identity::user_key::KeyError;
use crate::ledger::ids::Hash;
use std::sync::Arc;

/// What is wrong with one user, and with nobody else.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unfit {
    /// A stored key does not open or fit.
    #[error(transparent)]
    Key(Arc<KeyError>),
    /// A stored certificate is not of the profile.
    #[error(transparent)]
    Certificate(Arc<CertificateError>),
    /// A certificate cannot be made.
    #[error("no certificate can be made")]
    NotCertified(#[source] Arc<FoundError>),
    /// The certificate was revoked: the user needs another key, and the chain must be told.
    #[error("the certificate {serial} is revoked")]
    Revoked {
        /// Its number.
        serial: Serial,
        /// Of which key.
        key_id: Hash,
    },
    /// The sender has another key since the certificate was handed out: ask for the certificate again.
    #[error("the sender has another key by now")]
    KeyChanged,
}

/// Why nothing is signed. `E` is the store's error.
#[derive(Debug, thiserror::Error)]
pub enum SignerError<E: std::error::Error + 'static> {
    /// The rows cannot be had; the same again may succeed.
    #[error("keys cannot be read or kept")]
    Rows(#[source] E),
    /// The threads have ended: the gateway is stopping.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// One user's key or certificate, or the issuer's.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The authority's or issuer's row.
    #[error(transparent)]
    Found(#[from] FoundError),
    /// The deployment has no authority or no issuer.
    #[error("the deployment has no {0}")]
    NotFounded(&'static str),
}

impl Unfit {
    /// Whether the same again may succeed soon.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::KeyChanged)
    }
}

impl<E: std::error::Error + 'static> SignerError<E> {
    /// Whether the same again may succeed soon.
    pub const fn passes(&self) -> bool {
        match self {
            Self::Rows(_) | Self::Stopped(_) => true,
            Self::Unfit(unfit) => unfit.passes(),
            Self::Found(_) | Self::NotFounded(_) => false,
        }
    }
}

impl From<KeyError> for Unfit {
    fn from(error: KeyError) -> Self {
        Self::Key(Arc::new(error))
    }
}

impl From<CertificateError> for Unfit {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(Arc::new(error))
    }
}
