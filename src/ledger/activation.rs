//! Activations: which programme, parameter set, factor table or network is in force from when. Each is an entry in the journal
//! of shard 0, so that its order and its bytes can be proved like everything else (formats.md 4).

use super::book::{Booking, Effect};
use super::command::{Meta, Rejection};
use super::encode::digest;
use super::entry::{Entry, EntryKind};
use super::ids::Hash;
use super::view::View;
use crate::methodology::units::Amount;
use sha2::{Digest as _, Sha256};

/// What is activated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ActivationKind {
    /// A factor table.
    Table,
    /// A methodology's parameter set.
    Methodology,
    /// A network of stations.
    Network,
    /// A programme.
    Programme,
}

/// Bytes to be put in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activation {
    /// What it is.
    pub kind: ActivationKind,
    /// Its id.
    pub id: String,
    /// Its version; empty for a programme, which has none.
    pub version: String,
    /// Who confirmed it.
    pub confirmed_by: String,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// The order to activate something.
#[derive(Clone, Debug)]
pub struct Activate {
    /// Who asks.
    pub meta: Meta,
    /// What.
    pub activation: Activation,
}

/// What is in force under a slot: the same parameter set version is one for ever, a programme or network id may change hands.
pub type Slot = (ActivationKind, String, String);

impl ActivationKind {
    /// All kinds, what others refer to first.
    pub const ALL: [Self; 4] = [Self::Table, Self::Methodology, Self::Network, Self::Programme];

    /// Word in the table and in the digest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Methodology => "methodology",
            Self::Network => "network",
            Self::Programme => "programme",
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Activation {
    /// SHA-256 of the bytes: the digest that trips record.
    pub fn bytes_digest(&self) -> Hash {
        Hash::new(Sha256::digest(&self.bytes).into())
    }

    /// The digest that the journal keeps.
    pub fn digest(&self) -> Hash {
        digest("carbon/activation/1", |e| {
            e.text(self.kind.as_str());
            e.text(&self.id);
            e.text(&self.version);
            e.hash(&self.bytes_digest());
            e.text(&self.confirmed_by);
        })
    }

    /// Where it is in force.
    pub fn slot(&self) -> Slot {
        slot(self.kind, &self.id, &self.version)
    }

    /// The entry that speaks of it, but for who asked.
    pub fn entry(&self, request_id: &str) -> Entry {
        Entry {
            kind: EntryKind::Activated,
            address: Hash::new([0; 32]),
            actor: self.confirmed_by.clone(),
            request_id: request_id.to_owned(),
            reference: Some(self.bytes_digest()),
            programme: self.id.clone(),
            lot: None,
            amount: Amount::ZERO,
            postings: Vec::new(),
            digest: self.digest(),
        }
    }
}

/// The slot of an id and a version.
pub fn slot(kind: ActivationKind, id: &str, version: &str) -> Slot {
    let version = match kind {
        ActivationKind::Table | ActivationKind::Methodology => version,
        ActivationKind::Network | ActivationKind::Programme => "",
    };
    (kind, id.to_owned(), version.to_owned())
}

/// Puts bytes in force; `false` if they are already. The same set under the same version is frozen.
pub fn activate(view: &mut View, command: &Activate) -> Result<bool, Rejection> {
    let activation = &command.activation;
    let (slot, bytes_digest) = (activation.slot(), activation.bytes_digest());
    match view.active.get(&slot) {
        Some(known) if *known == bytes_digest => return Ok(false),
        Some(_) if !slot.2.is_empty() => {
            return Err(Rejection::Frozen {
                id: slot.1,
                version: slot.2,
            });
        }
        _ => {}
    }
    let entry = activation.entry(&command.meta.request_id);
    entry.encode()?;
    view.book(vec![Booking {
        account: None,
        entry,
        effect: Effect::Activate(activation.clone()),
    }])?;
    view.active.insert(slot, bytes_digest);
    Ok(true)
}
