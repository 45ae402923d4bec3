//! What stands under each key: short documents (formats.md 9).

use crate::Hash;
use crate::codec::{CodecError, Decoder, Encoder};
use crate::state::{Key, Room, State, StateError};
use crate::transaction::{Kind, Lot};

/// Bytes of an organisation's id.
pub const LONGEST_ORGANISATION: usize = 64;
/// The form of the state that this contract writes; `upgrade` migrates older ones.
pub const SCHEMA: u16 = 1;

/// Whom a chain says it is: never a key id alone, since any organisation can certify any key id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Organisation id, MSP id.
    pub organisation: String,
    /// SHA-256 of the uncompressed public point.
    pub key_id: Hash,
}

/// What the installer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installation {
    /// Who may issue, attest and rebind.
    pub issuer: Identity,
    /// The organisation under which riders and sinks are certified.
    pub riders: String,
}

/// What is kept of the installation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// Form of the state.
    pub schema: u16,
    /// What the installer said.
    pub installation: Installation,
    /// Who it was. Nothing asks for it yet; later nobody could tell.
    pub installer: Identity,
}

/// A credit, from its making on for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credit {
    /// Address of its owner.
    pub owner: Hash,
    /// Its lot.
    pub lot: Lot,
    /// Micrograms.
    pub amount_ug: i64,
    /// Content id of the transaction that consumed it.
    pub consumed_by: Option<Hash>,
}

/// A source that has issued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsedSource {
    /// Content id of the issue.
    pub issued_by: Hash,
}

/// A transaction that was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// What it did.
    pub kind: Kind,
}

/// Whom an address obeys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// Sender of its spends, signer of its issues.
    pub identity: Identity,
    /// How many keys the address has had, with this one.
    pub number: u32,
}

/// Something the contract keeps.
pub trait Record: Sized {
    /// Where it stands.
    const ROOM: Room;

    /// Writes the fields.
    fn fields(&self, e: &mut Encoder);

    /// Reads the fields.
    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError>;

    /// The document.
    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        self.fields(&mut e);
        e.finish()
    }

    /// Reads a document.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let record = Self::read(&mut d)?;
        d.finish()?;
        Ok(record)
    }

    /// Reads what stands under a name.
    fn load(state: &dyn State, name: &Hash) -> Result<Option<Self>, StateError> {
        let key = Key::new(Self::ROOM, *name);
        let Some(bytes) = state.get(&key)? else {
            return Ok(None);
        };
        let record = Self::decode(&bytes).map_err(|cause| StateError::Corrupt { key, cause })?;
        Ok(Some(record))
    }

    /// Writes it under a name.
    fn save(&self, state: &mut dyn State, name: &Hash) -> Result<(), StateError> {
        let key = Key::new(Self::ROOM, *name);
        let bytes = self.encode().map_err(|cause| StateError::Corrupt { key, cause })?;
        state.put(key, bytes)
    }
}

impl Identity {
    fn fields(&self, e: &mut Encoder) {
        e.text(&self.organisation);
        e.hash(&self.key_id);
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            organisation: d.text()?,
            key_id: d.hash()?,
        })
    }
}

impl Installation {
    /// The document that `init` takes.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        self.fields(&mut e);
        e.finish()
    }

    /// Reads the document.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let installation = Self::read(&mut d)?;
        d.finish()?;
        Ok(installation)
    }

    fn fields(&self, e: &mut Encoder) {
        self.issuer.fields(e);
        e.text(&self.riders);
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            issuer: Identity::read(d)?,
            riders: d.text()?,
        })
    }
}

impl Installed {
    /// There is one.
    pub const NAME: Hash = Hash::new([0; 32]);
}

impl Record for Installed {
    const ROOM: Room = Room::Installation;

    fn fields(&self, e: &mut Encoder) {
        e.u16(self.schema);
        self.installation.fields(e);
        self.installer.fields(e);
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            schema: d.u16()?,
            installation: Installation::read(d)?,
            installer: Identity::read(d)?,
        })
    }
}

impl Record for Credit {
    const ROOM: Room = Room::Credit;

    fn fields(&self, e: &mut Encoder) {
        e.hash(&self.owner);
        self.lot.encode(e);
        e.i64(self.amount_ug);
        e.opt(self.consumed_by.as_ref(), Encoder::hash);
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            owner: d.hash()?,
            lot: Lot::decode(d)?,
            amount_ug: d.i64()?,
            consumed_by: d.opt(Decoder::hash)?,
        })
    }
}

impl Record for UsedSource {
    const ROOM: Room = Room::Source;

    fn fields(&self, e: &mut Encoder) {
        e.hash(&self.issued_by);
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self { issued_by: d.hash()? })
    }
}

impl Record for Done {
    const ROOM: Room = Room::Transaction;

    fn fields(&self, e: &mut Encoder) {
        e.u8(self.kind.code());
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            kind: Kind::from_code(d.u8()?)?,
        })
    }
}

impl Record for Binding {
    const ROOM: Room = Room::Binding;

    fn fields(&self, e: &mut Encoder) {
        self.identity.fields(e);
        e.u32(self.number);
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            identity: Identity::read(d)?,
            number: d.u32()?,
        })
    }
}
