//! A transaction: one shape for everything that makes, moves or ends credits (formats.md 5).

use crate::Hash;
use crate::codec::{CodecError, Decoder, Encoder, digest};

/// Credits that one transaction may consume.
pub const MOST_INPUTS: usize = 32;
/// Credits that one transaction may make.
pub const MOST_OUTPUTS: usize = 32;
/// Sources that one issue may name.
pub const MOST_SOURCES: usize = 256;
/// Bytes of a programme's id.
pub const LONGEST_PROGRAMME: usize = 64;
/// Bytes of a reason.
pub const LONGEST_REASON: usize = 512;
/// Expiry month of a lot that never expires.
pub const NEVER: u16 = u16::MAX;

/// What a transaction does; each kind adds its own rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Makes credits from sources.
    Issue,
    /// Spends on a reward: to the sink.
    Redeem,
    /// Spends to another rider.
    Transfer,
    /// Takes a fare or a debt.
    Deduct,
    /// Ends a credit for good, at its owner's wish.
    Retire,
    /// Ends a credit whose month is over.
    Expire,
    /// Takes back.
    Reverse,
    /// Many credits of a lot into one.
    Merge,
    /// Writes the heads of the journal to the chain.
    Anchor,
    /// Attests a document.
    Attest,
}

/// Credits of one lot are alike, and no other lot's ever become them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lot {
    /// Programme.
    pub programme: String,
    /// 1 CO2, 2 `CO2e`.
    pub gas: u8,
    /// Year of the activity day.
    pub vintage: u16,
    /// (year − 1970) × 12 + month − 1; [`NEVER`].
    pub expiry: u16,
}

/// A credit to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// Address of its owner.
    pub owner: Hash,
    /// Its lot.
    pub lot: Lot,
    /// Micrograms, above 0.
    pub amount_ug: i64,
}

/// Where issued grams come from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SourceKind {
    /// A trip.
    Trip,
    /// A balance brought over from another system.
    Opening,
}

/// One source of an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// What the chain sees of it.
    pub key: Hash,
    /// The lot of these grams.
    pub lot: Lot,
    /// Micrograms.
    pub amount_ug: i64,
}

/// A transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// What it does.
    pub kind: Kind,
    /// Address whose order it is.
    pub orderer: Hash,
    /// Booked time, Unix milliseconds.
    pub booked_ms: i64,
    /// Credits consumed, ascending.
    pub inputs: Vec<Hash>,
    /// Credits made.
    pub outputs: Vec<Output>,
    /// Where issued grams come from; ascending by key, then lot.
    pub sources: Vec<Source>,
    /// Merkle root, document or content id that it is about.
    pub subject: Option<Hash>,
    /// The caller's reference; may be empty.
    pub reason: String,
}

impl Kind {
    /// Every kind, in code order.
    pub const ALL: [Self; 10] = [
        Self::Issue,
        Self::Redeem,
        Self::Transfer,
        Self::Deduct,
        Self::Retire,
        Self::Expire,
        Self::Reverse,
        Self::Merge,
        Self::Anchor,
        Self::Attest,
    ];

    /// Code in canonical bytes.
    pub const fn code(self) -> u8 {
        match self {
            Self::Issue => 1,
            Self::Redeem => 2,
            Self::Transfer => 3,
            Self::Deduct => 4,
            Self::Retire => 5,
            Self::Expire => 6,
            Self::Reverse => 7,
            Self::Merge => 8,
            Self::Anchor => 9,
            Self::Attest => 10,
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Redeem => "redeem",
            Self::Transfer => "transfer",
            Self::Deduct => "deduct",
            Self::Retire => "retire",
            Self::Expire => "expire",
            Self::Reverse => "reverse",
            Self::Merge => "merge",
            Self::Anchor => "anchor",
            Self::Attest => "attest",
        }
    }

    /// The kind of a code.
    pub fn from_code(code: u8) -> Result<Self, CodecError> {
        let known = |kind: &Self| kind.code() == code;
        Self::ALL.into_iter().find(known).ok_or(CodecError::Code(code))
    }
}

impl SourceKind {
    const fn code(self) -> u8 {
        match self {
            Self::Trip => 1,
            Self::Opening => 2,
        }
    }

    fn from_code(code: u8) -> Result<Self, CodecError> {
        match code {
            1 => Ok(Self::Trip),
            2 => Ok(Self::Opening),
            other => Err(CodecError::Code(other)),
        }
    }
}

impl Lot {
    /// Writes the lot.
    pub fn encode(&self, e: &mut Encoder) {
        e.text(&self.programme);
        e.u8(self.gas);
        e.u16(self.vintage);
        e.u16(self.expiry);
    }

    /// Reads a lot.
    pub fn decode(d: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            programme: d.text()?,
            gas: match d.u8()? {
                gas @ 1..=2 => gas,
                other => return Err(CodecError::Code(other)),
            },
            vintage: d.u16()?,
            expiry: d.u16()?,
        })
    }

    /// Its canonical bytes: what lots are sorted by.
    pub fn bytes(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::default();
        self.encode(&mut e);
        e.finish()
    }
}

impl Transaction {
    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.u8(self.kind.code());
        e.hash(&self.orderer);
        e.i64(self.booked_ms);
        e.list(self.inputs.iter(), Encoder::hash);
        e.list(self.outputs.iter(), |e, output| {
            e.hash(&output.owner);
            output.lot.encode(e);
            e.i64(output.amount_ug);
        });
        e.list(self.sources.iter(), |e, source| {
            e.u8(source.kind.code());
            e.hash(&source.key);
            source.lot.encode(e);
            e.i64(source.amount_ug);
        });
        e.opt(self.subject.as_ref(), Encoder::hash);
        e.text(&self.reason);
        e.finish()
    }

    /// Reads canonical bytes back; whatever this accepts encodes to the same bytes again.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let transaction = Self {
            kind: Kind::from_code(d.u8()?)?,
            orderer: d.hash()?,
            booked_ms: d.i64()?,
            inputs: d.list(Decoder::hash)?,
            outputs: d.list(|d| {
                Ok(Output {
                    owner: d.hash()?,
                    lot: Lot::decode(d)?,
                    amount_ug: d.i64()?,
                })
            })?,
            sources: d.list(|d| {
                Ok(Source {
                    kind: SourceKind::from_code(d.u8()?)?,
                    key: d.hash()?,
                    lot: Lot::decode(d)?,
                    amount_ug: d.i64()?,
                })
            })?,
            subject: d.opt(Decoder::hash)?,
            reason: d.text()?,
        };
        d.finish()?;
        transaction.check_order()?;
        Ok(transaction)
    }

    fn check_order(&self) -> Result<(), CodecError> {
        let place = |source: &Source| source.lot.bytes().map(|lot| (source.key, lot));
        let places = self.sources.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        if ascending(&self.inputs) && ascending(&places) {
            Ok(())
        } else {
            Err(CodecError::Order)
        }
    }
}

/// What a transaction is called: the digest of its canonical bytes.
pub fn content_id(bytes: &[u8]) -> Hash {
    digest("carbon/transaction/1", |e| e.raw(bytes))
}

/// What the credit is called that a transaction makes as its output `index`.
pub fn credit_hash(content_id: &Hash, index: u16) -> Hash {
    digest("carbon/credit/1", |e| {
        e.hash(content_id);
        e.u16(index);
    })
}

fn ascending<T: Ord>(items: &[T]) -> bool {
    items.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}
