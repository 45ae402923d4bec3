//! A journal entry: what one command did to one account, with the booked figures that every total and balance is a fold of
//! (formats.md 4).

use super::encode::{CodecError, Decoder, Encoder};
use super::ids::Hash;
use super::transaction::Lot;
use super::trip::{gas_code, gas_from_code};
use crate::methodology::Gas;
use crate::methodology::units::{Amount, Day};

/// What an entry speaks of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EntryKind {
    /// The account's first entry; the digest is the account digest.
    AccountOpened,
    /// A trip, credited or refused; the digest is the trip digest.
    TripBooked,
    /// Claims became credits.
    Collected,
    /// Credits were spent on a reward.
    Redeemed,
    /// A claim's window closed; the digest is the trip digest.
    Lapsed,
    /// What became of a transaction on its way to the chain; the digest is the receipt digest.
    Settled,
    /// Something was put in force; the digest is the activation digest.
    Activated,
    /// Many credits of a lot became one.
    Merged,
    /// Credits of a lot reached the end of their month.
    Expired,
    /// The sink took what a rider paid.
    Received,
    /// An answer is kept under an idempotency key; the digest is the answer digest.
    Answered,
}

/// What a posting counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Figure {
    /// A stored trip, refused ones among them.
    Trip,
    /// A trip that a rule refused.
    Refused,
    /// Grams of a leg before caps.
    Quantified,
    /// Grams that caps took.
    Capped,
    /// Grams of claims that became credits.
    Collected,
    /// Grams of claims whose window closed.
    Lapsed,
    /// Grams that `issue` made.
    Issued,
    /// Grams that left a rider, without change.
    Spent,
    /// Grams whose month ended.
    Expired,
    /// Grams that came to the sink.
    Received,
}

/// One booked figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posting {
    /// What is counted.
    pub figure: Figure,
    /// Activity day; the booked day of what no trip is behind.
    pub day: Day,
    /// The programme's word for the mode; empty where no trip is behind it.
    pub mode: String,
    /// `id@version`; empty likewise.
    pub methodology: String,
    /// What the grams are grams of.
    pub gas: Gas,
    /// How many.
    pub count: i64,
    /// How much.
    pub amount: Amount,
}

/// One entry; its seq is its place in the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it speaks of.
    pub kind: EntryKind,
    /// The account's address.
    pub address: Hash,
    /// The client whose order it was.
    pub actor: String,
    /// The request that brought it.
    pub request_id: String,
    /// Trip key, content id, key digest, or SHA-256 of the bytes put in force.
    pub reference: Option<Hash>,
    /// The programme, or the id of what was put in force.
    pub programme: String,
    /// The lot, where one is concerned.
    pub lot: Option<Lot>,
    /// What a trip earned, or the sum that moves.
    pub amount: Amount,
    /// Booked figures.
    pub postings: Vec<Posting>,
    /// Digest of the immutable part of what the entry speaks of.
    pub digest: Hash,
}

impl EntryKind {
    /// Every kind, in code order.
    pub const ALL: [Self; 11] = [
        Self::AccountOpened,
        Self::TripBooked,
        Self::Collected,
        Self::Redeemed,
        Self::Lapsed,
        Self::Settled,
        Self::Activated,
        Self::Merged,
        Self::Expired,
        Self::Received,
        Self::Answered,
    ];

    /// Code in the journal.
    pub const fn code(self) -> u8 {
        match self {
            Self::AccountOpened => 1,
            Self::TripBooked => 2,
            Self::Collected => 3,
            Self::Redeemed => 4,
            Self::Lapsed => 5,
            Self::Settled => 6,
            Self::Activated => 7,
            Self::Merged => 8,
            Self::Expired => 9,
            Self::Received => 10,
            Self::Answered => 11,
        }
    }

    fn from_code(code: u8) -> Result<Self, CodecError> {
        let known = |kind: &Self| kind.code() == code;
        Self::ALL.into_iter().find(known).ok_or(CodecError::Code(code))
    }
}

impl Figure {
    /// Every figure, in code order.
    pub const ALL: [Self; 10] = [
        Self::Trip,
        Self::Refused,
        Self::Quantified,
        Self::Capped,
        Self::Collected,
        Self::Lapsed,
        Self::Issued,
        Self::Spent,
        Self::Expired,
        Self::Received,
    ];

    /// Code in the journal.
    pub const fn code(self) -> u8 {
        match self {
            Self::Trip => 1,
            Self::Refused => 2,
            Self::Quantified => 3,
            Self::Capped => 4,
            Self::Collected => 5,
            Self::Lapsed => 6,
            Self::Issued => 7,
            Self::Spent => 8,
            Self::Expired => 10,
            Self::Received => 12,
        }
    }

    /// Word in totals and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trip => "trip",
            Self::Refused => "refused",
            Self::Quantified => "quantified",
            Self::Capped => "capped",
            Self::Collected => "collected",
            Self::Lapsed => "lapsed",
            Self::Issued => "issued",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Received => "received",
        }
    }

    /// The figure of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.as_str() == word)
    }
}

impl Entry {
    /// Writes the entry without version: a page carries it.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::default();
        e.u8(self.kind.code());
        e.hash(&self.address);
        e.text(&self.actor);
        e.text(&self.request_id);
        e.opt(self.reference.as_ref(), Encoder::hash);
        e.text(&self.programme);
        e.opt(self.lot.as_ref(), |e, lot| lot.encode(e));
        e.i64(self.amount.micrograms());
        e.list(self.postings.iter(), |e, posting| {
            e.u8(posting.figure.code());
            e.i32(posting.day.epoch_days());
            e.text(&posting.mode);
            e.text(&posting.methodology);
            e.u8(gas_code(posting.gas));
            e.i64(posting.count);
            e.i64(posting.amount.micrograms());
        });
        e.hash(&self.digest);
        e.finish()
    }

    /// Reads one entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::part(bytes);
        let entry = Self {
            kind: EntryKind::from_code(d.u8()?)?,
            address: d.hash()?,
            actor: d.text()?,
            request_id: d.text()?,
            reference: d.opt(Decoder::hash)?,
            programme: d.text()?,
            lot: d.opt(Lot::decode)?,
            amount: Amount::from_micrograms(d.i64()?),
            postings: d.list(decode_posting)?,
            digest: d.hash()?,
        };
        d.finish()?;
        Ok(entry)
    }
}

fn decode_posting(d: &mut Decoder<'_>) -> Result<Posting, CodecError> {
    let code = d.u8()?;
    Ok(Posting {
        figure: Figure::ALL
            .into_iter()
            .find(|figure| figure.code() == code)
            .ok_or(CodecError::Code(code))?,
        day: Day::from_epoch_days(d.i32()?),
        mode: d.text()?,
        methodology: d.text()?,
        gas: gas_from_code(d.u8()?)?,
        count: d.i64()?,
        amount: Amount::from_micrograms(d.i64()?),
    })
}
