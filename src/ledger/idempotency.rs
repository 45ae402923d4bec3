//! Idempotency: what was answered under a caller's key, kept in the same commit as the effect (formats.md 8).

use super::command::{KeyedAnswer, Rejection};
use super::encode::{CodecError, Decoder, Encoder, digest};
use super::entry::{Entry, EntryKind};
use super::ids::{Hash, Name, UserId};
use super::select::Choice;
use super::view::View;
use crate::methodology::units::Amount;
use std::sync::Arc;

/// How long an answer is kept: 30 days, in milliseconds.
pub const KEPT_MS: i64 = 30 * 86_400_000;

/// A caller's key and what it asked for under it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keyed {
    /// Digest of client, user and key.
    pub key: Hash,
    /// Digest of method, path and parsed body.
    pub request: Hash,
}

/// An answer as kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// Under which key, to which request.
    pub keyed: Keyed,
    /// Seq of its entry.
    pub seq: i64,
    /// Booked time, Unix milliseconds.
    pub at_ms: i64,
    /// What was answered.
    pub answer: Arc<Answer>,
}

/// What there is to say again: the rest is read from the transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A collection.
    Collect {
        /// The issue; `None` when there was nothing to collect.
        content_id: Option<Hash>,
        /// Claims taken.
        collected: u16,
        /// For each trip asked for by name: why it was not taken.
        skipped: Vec<Option<Skip>>,
        /// Whether open claims are left.
        more: bool,
    },
    /// A redemption.
    Redeem {
        /// The transaction.
        content_id: Hash,
        /// How credits were chosen.
        choice: Choice,
    },
}

/// Why a trip that was asked for by name was not collected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skip {
    /// Its window has not opened.
    NotOpen,
    /// Its window has closed.
    Lapsed,
    /// It has been collected.
    AlreadyCollected,
    /// There is no such trip here, or it earned nothing.
    NotFound,
}

impl Skip {
    /// Every reason, in code order.
    pub const ALL: [Self; 4] = [Self::NotOpen, Self::Lapsed, Self::AlreadyCollected, Self::NotFound];

    const fn code(self) -> u8 {
        match self {
            Self::NotOpen => 1,
            Self::Lapsed => 2,
            Self::AlreadyCollected => 3,
            Self::NotFound => 4,
        }
    }

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::Lapsed => "lapsed",
            Self::AlreadyCollected => "already_collected",
            Self::NotFound => "not_found",
        }
    }
}

impl Answer {
    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        match self {
            Self::Collect {
                content_id,
                collected,
                skipped,
                more,
            } => {
                e.u8(1);
                e.opt(content_id.as_ref(), Encoder::hash);
                e.u16(*collected);
                e.list(skipped.iter(), |e, skip| e.u8(skip.map_or(0, Skip::code)));
                e.u8(u8::from(*more));
            }
            Self::Redeem { content_id, choice } => {
                e.u8(2);
                e.hash(content_id);
                e.u8(choice.code());
            }
        }
        e.finish()
    }

    /// Reads canonical bytes back.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let answer = match d.u8()? {
            1 => Self::Collect {
                content_id: d.opt(Decoder::hash)?,
                collected: d.u16()?,
                skipped: d.list(decode_skip)?,
                more: match d.u8()? {
                    more @ 0..=1 => more == 1,
                    other => return Err(CodecError::Code(other)),
                },
            },
            2 => Self::Redeem {
                content_id: d.hash()?,
                choice: Choice::from_code(d.u8()?)?,
            },
            other => return Err(CodecError::Code(other)),
        };
        d.finish()?;
        Ok(answer)
    }
}

fn decode_skip(d: &mut Decoder<'_>) -> Result<Option<Skip>, CodecError> {
    match d.u8()? {
        0 => Ok(None),
        code => {
            let known = |skip: &Skip| skip.code() == code;
            let skip = Skip::ALL.into_iter().find(known);
            skip.map(Some).ok_or(CodecError::Code(code))
        }
    }
}

/// The digest of a caller's key.
pub fn key_digest(client: &Name, user: UserId, key: &str) -> Hash {
    digest("carbon/idempotency-key/1", |e| owned(e, client, user, key))
}

/// What a redemption is called.
pub fn redemption_id(client: &Name, user: UserId, key: &str) -> Hash {
    digest("carbon/redemption/1", |e| owned(e, client, user, key))
}

fn owned(e: &mut Encoder, client: &Name, user: UserId, key: &str) {
    e.text(client.as_str());
    e.i64(user.value());
    e.text(key);
}

/// The digest of a request: its path decoded, its body as parsed.
pub fn request_digest(method: &str, path: &str, write: impl FnOnce(&mut Encoder)) -> Result<Hash, CodecError> {
    let mut body = Encoder::default();
    write(&mut body);
    let body = body.finish()?;
    Ok(digest("carbon/idempotency/1", |e| {
        e.text(method);
        e.text(path);
        e.bytes(&body);
    }))
}

/// The digest that the journal keeps of an answer.
pub fn answer_digest(keyed: &Keyed, answer: &[u8]) -> Hash {
    digest("carbon/answer/1", |e| {
        e.hash(&keyed.key);
        e.hash(&keyed.request);
        e.bytes(answer);
    })
}

/// What was answered under the key before, unless that was to another request.
pub(super) fn replay(view: &View, keyed: &Keyed) -> Result<Option<KeyedAnswer>, Rejection> {
    let kept = |answered: &&Answered| view.booked_ms.saturating_sub(answered.at_ms) < KEPT_MS;
    match view.answered.get(&keyed.key).filter(kept) {
        None => Ok(None),
        Some(answered) if answered.keyed.request == keyed.request => Ok(Some(KeyedAnswer {
            answer: Arc::clone(&answered.answer),
            seq: answered.seq,
            replayed: true,
        })),
        Some(_) => Err(Rejection::IdempotencyConflict),
    }
}

/// The entry that an answer leaves in the journal.
pub(super) fn entry(
    keyed: &Keyed,
    (actor, request_id): (&str, &str),
    programme: &str,
    answer: &Answer,
) -> Result<Entry, Rejection> {
    Ok(Entry {
        kind: EntryKind::Answered,
        address: Hash::new([0; 32]),
        actor: actor.to_owned(),
        request_id: request_id.to_owned(),
        reference: Some(keyed.key),
        programme: programme.to_owned(),
        lot: None,
        amount: Amount::ZERO,
        postings: Vec::new(),
        digest: answer_digest(keyed, &answer.encode()?),
    })
}
