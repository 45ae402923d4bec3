//! What a wrapped secret is bound to: the identity of its row, as additional data of the cipher (formats.md 2). A secret moved to
//! another row, or a row whose identity is changed, does not open.

use crate::ledger::encode::Encoder;
use crate::ledger::ids::{Hash, UserId};

/// The row that holds a wrapped secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Row<'a> {
    /// An account's data key.
    Account {
        /// Whose.
        user: UserId,
        /// In which programme.
        programme: &'a str,
        /// Its address.
        address: &'a Hash,
    },
    /// The source secret of a deployment.
    SourceSecret {
        /// The deployment's id.
        deployment: &'a [u8; 16],
    },
    /// The chain secret of a deployment.
    ChainSecret {
        /// The deployment's id.
        deployment: &'a [u8; 16],
    },
    /// A user's signing key.
    UserKey {
        /// Whose.
        user: UserId,
        /// Which of the user's keys, from 1.
        number: u32,
        /// Key id of the public point.
        key_id: &'a Hash,
        /// Made at.
        created_ms: i64,
    },
    /// The signing key of our certificate authority or of the issuer.
    Authority {
        /// `ca` or `issuer`.
        name: &'a str,
        /// Which of that name's rows, from 1.
        number: u32,
        /// Key id of the public point.
        key_id: &'a Hash,
        /// Made at.
        created_ms: i64,
    },
}

impl Row<'_> {
    /// The additional data. Texts are bounded by their columns, so nothing is too long for its prefix.
    pub(super) fn additional_data(&self) -> Vec<u8> {
        let mut e = Encoder::default();
        match *self {
            Self::Account {
                user,
                programme,
                address,
            } => {
                e.raw(b"carbon/data-key/1");
                e.i64(user.value());
                e.text(programme);
                e.hash(address);
            }
            Self::SourceSecret { deployment } => {
                e.raw(b"carbon/source-secret/1");
                e.raw(deployment);
            }
            Self::ChainSecret { deployment } => {
                e.raw(b"carbon/chain-secret/1");
                e.raw(deployment);
            }
            Self::UserKey {
                user,
                number,
                key_id,
                created_ms,
            } => {
                e.raw(b"carbon/user-key/1");
                e.i64(user.value());
                e.u32(number);
                e.hash(key_id);
                e.i64(created_ms);
            }
            Self::Authority {
                name,
                number,
                key_id,
                created_ms,
            } => {
                e.raw(b"carbon/authority-key/1");
                e.text(name);
                e.u32(number);
                e.hash(key_id);
                e.i64(created_ms);
            }
        }
        e.finish().unwrap_or_default()
    }
}
