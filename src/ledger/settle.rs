//! What dispatch orders: `Record` puts transactions into an envelope before it is sent, `Settle` says what became of it, `Redrive`
//! lets an operator try again. Only what became of a transaction is an entry; what is on its way is no state of the ledger.

use super::command::{Meta, Rejection};
use super::due::GATEWAY;
use super::encode::digest;
use super::entry::{Entry, EntryKind};
use super::ids::{Hash, ShardId};
use super::standing::{Place, Standing, Status, kept};
use super::view::View;
use crate::methodology::units::Amount;

/// A signed envelope as it is stored before it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The id by which the chain knows it.
    pub chain_tx_id: Hash,
    /// The contract's method.
    pub kind: &'static str,
    /// The signed bytes.
    pub request: Vec<u8>,
    /// When it was signed, Unix milliseconds.
    pub created_ms: i64,
    /// Beyond this instant of the chain's time it is dead, if it is not in a block.
    pub expires_ms: i64,
    /// Until when whoever records it cares for it.
    pub lease_ms: i64,
}

/// The order to record an envelope.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whose.
    pub shard: ShardId,
    /// The envelope.
    pub envelope: Envelope,
    /// Content ids of the transactions that it carries.
    pub members: Vec<Hash>,
}

/// The order to book what became of an envelope.
#[derive(Clone, Debug)]
pub struct Settle {
    /// Whose.
    pub shard: ShardId,
    /// The envelope.
    pub chain_tx_id: Hash,
    /// Content ids of the transactions that it carries.
    pub members: Vec<Hash>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// In a block, with both codes good and the payload that was stored.
    Confirmed(Place),
    /// Refused for good: one of several is looked for by halves, a single one is refused.
    Refused(String),
    /// The chain's window has passed and the id is absent: nothing happened, and nothing will.
    Lapsed {
        /// In words.
        reason: String,
        /// When to try again, Unix milliseconds.
        next_attempt_ms: i64,
    },
}

/// An operator's order to try again what is refused or dead.
#[derive(Clone, Debug)]
pub struct Redrive {
    /// Who asks.
    pub meta: Meta,
    /// Whose.
    pub shard: ShardId,
    /// The transaction.
    pub content_id: Hash,
}

/// The order to let a transaction wait that cannot be signed now.
#[derive(Clone, Debug)]
pub struct Postpone {
    /// Whose.
    pub shard: ShardId,
    /// The transaction.
    pub content_id: Hash,
    /// When to try again, Unix milliseconds.
    pub next_attempt_ms: i64,
}

/// How far an envelope has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeStatus {
    /// On its way.
    Open,
    /// In a block.
    Confirmed,
    /// Refused for good.
    Refused,
    /// Its window has passed.
    Lapsed,
}

/// How an envelope ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// The envelope.
    pub chain_tx_id: Hash,
    /// How.
    pub status: EnvelopeStatus,
    /// Why, if not well.
    pub reason: Option<String>,
}

impl EnvelopeStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Open, Self::Confirmed, Self::Refused, Self::Lapsed];

    /// Word in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Lapsed => "lapsed",
        }
    }
}

/// Puts transactions into an envelope: all of them, or the envelope is not recorded and must not be sent.
pub fn record(view: &mut View, command: &Record) -> Result<(), Rejection> {
    let envelope = &command.envelope;
    if view.envelopes.contains_key(&envelope.chain_tx_id) {
        return Err(Rejection::Moved(envelope.chain_tx_id));
    }
    let submitted = command
        .members
        .iter()
        .map(|member| moved(view, member, |standing| standing.submit(envelope.chain_tx_id)))
        .collect::<Result<Vec<_>, _>>()?;
    put(view, submitted);
    view.envelopes.insert(envelope.chain_tx_id, EnvelopeStatus::Open);
    view.changes.envelopes.push(envelope.clone());
    Ok(())
}

/// Books what became of an envelope; answers the number of entries. One that has ended already changes nothing.
pub fn settle(view: &mut View, command: &Settle) -> Result<usize, Rejection> {
    let id = &command.chain_tx_id;
    if view.envelopes.get(id) != Some(&EnvelopeStatus::Open) {
        return Ok(0);
    }
    let alone = command.members.len() <= 1;
    let half = u16::try_from(command.members.len().div_ceil(2)).unwrap_or(1);
    let after = |standing: Standing| match &command.fate {
        Fate::Confirmed(place) => standing.leave(id, Status::Confirmed(*place)),
        Fate::Refused(reason) if alone => standing.leave(id, Status::Refused(kept(reason))),
        Fate::Refused(_) => {
            let pack = standing.pack.min(half);
            let again = standing.leave(id, Status::fresh(0))?;
            Some(Standing { pack, ..again })
        }
        Fate::Lapsed { reason, .. } if standing.is_spent() => standing.leave(id, Status::Dead(kept(reason))),
        Fate::Lapsed { next_attempt_ms, .. } => {
            let next_attempt_ms = *next_attempt_ms;
            let unmet = 0;
            standing.leave(id, Status::Stored { unmet, next_attempt_ms })
        }
    };
    let left = command
        .members
        .iter()
        .map(|member| moved(view, member, after))
        .collect::<Result<Vec<_>, _>>()?;
    let entries: Vec<Entry> = left
        .iter()
        .filter_map(|standing| Some(entry(standing, (GATEWAY, "dispatch"), word_of(&standing.status)?)))
        .collect();
    let booked = entries.len();
    view.append(entries);
    if matches!(command.fate, Fate::Confirmed(_)) {
        for member in &command.members {
            release(view, member)?;
        }
    }
    put(view, left);
    let (status, reason) = match &command.fate {
        Fate::Confirmed(_) => (EnvelopeStatus::Confirmed, None),
        Fate::Refused(reason) => (EnvelopeStatus::Refused, Some(kept(reason))),
        Fate::Lapsed { reason, .. } => (EnvelopeStatus::Lapsed, Some(kept(reason))),
    };
    view.envelopes.insert(*id, status);
    view.changes.ended.push(Ended {
        chain_tx_id: *id,
        status,
        reason,
    });
    Ok(booked)
}

/// Puts what is refused or dead back to where it may leave.
pub fn redrive(view: &mut View, command: &Redrive) -> Result<usize, Rejection> {
    let again = moved(view, &command.content_id, Standing::redrive)?;
    let by = (command.meta.client.as_str(), command.meta.request_id.as_str());
    let entries = vec![entry(&again, by, Word::Redriven)];
    let booked = entries.len();
    view.append(entries);
    put(view, vec![again]);
    Ok(booked)
}

/// Lets a transaction wait.
pub fn postpone(view: &mut View, command: &Postpone) -> Result<(), Rejection> {
    let waiting = moved(view, &command.content_id, |standing| {
        standing.postpone(command.next_attempt_ms)
    })?;
    put(view, vec![waiting]);
    Ok(())
}

/// What an entry says of a transaction (formats.md 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// In a block.
    Confirmed,
    /// Refused by the chain.
    Refused,
    /// Lost too often.
    Dead,
    /// To be tried again.
    Redriven,
}

/// The word for a status that an entry speaks of.
pub const fn word_of(status: &Status) -> Option<Word> {
    match status {
        Status::Confirmed(_) => Some(Word::Confirmed),
        Status::Refused(_) => Some(Word::Refused),
        Status::Dead(_) => Some(Word::Dead),
        Status::Stored { .. } | Status::Submitted => None,
    }
}

impl Word {
    /// Every word, in code order.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Refused, Self::Dead, Self::Redriven];

    /// Code in the digest.
    pub const fn code(self) -> u8 {
        match self {
            Self::Confirmed => 1,
            Self::Refused => 2,
            Self::Dead => 3,
            Self::Redriven => 4,
        }
    }
}

/// The digest of what became of a transaction, with the envelope that carried it last (formats.md 4).
pub fn receipt_digest(standing: &Standing, word: Word) -> Hash {
    let reason = standing.status.reason().unwrap_or_default();
    digest("carbon/receipt/1", |e| {
        e.hash(&standing.content_id);
        e.u8(word.code());
        e.opt(standing.chain_tx_id.as_ref(), super::encode::Encoder::hash);
        e.opt(standing.status.place(), |e, place| {
            e.i64(place.height);
            e.i64(place.index);
            e.i64(place.block_at_ms);
        });
        e.text(reason);
    })
}

fn entry(standing: &Standing, (actor, request_id): (&str, &str), word: Word) -> Entry {
    Entry {
        kind: EntryKind::Settled,
        address: Hash::new([0; 32]),
        actor: actor.to_owned(),
        request_id: request_id.to_owned(),
        reference: Some(standing.content_id),
        programme: standing.programme.clone(),
        lot: None,
        amount: Amount::ZERO,
        postings: Vec::new(),
        digest: receipt_digest(standing, word),
    }
}

/// A transaction after a move that must be possible.
fn moved(view: &View, content_id: &Hash, to: impl FnOnce(Standing) -> Option<Standing>) -> Result<Standing, Rejection> {
    let standing = view.standings.get(content_id).cloned();
    standing.and_then(to).ok_or(Rejection::Moved(*content_id))
}

/// Lets go what has waited for a transaction, be it booked before or in this very batch.
fn release(view: &mut View, parent: &Hash) -> Result<(), Rejection> {
    view.unconfirmed.remove(parent);
    for new in &mut view.changes.transactions {
        new.unmet.remove(parent);
    }
    let children = view.children.get(parent).cloned().unwrap_or_default();
    let met = children
        .iter()
        .map(|child| moved(view, child, Standing::meet))
        .collect::<Result<Vec<_>, _>>()?;
    put(view, met);
    Ok(())
}

fn put(view: &mut View, standings: Vec<Standing>) {
    for standing in standings {
        let id = standing.content_id;
        if let Some(before) = view.standings.insert(id, standing) {
            view.changes.standings.entry(id).or_insert(before.status.as_str());
        }
    }
}
