//! The contract: who may call what, and what a call does. A call is judged and done on an overlay, which reaches the state only
//! when nothing is left to refuse; so a refused call changes nothing on any chain, and a chain whose reads do not see its own
//! writes gives the same answers.

mod attest;
mod bind;
mod issue;
mod query;
mod rules;
mod spend;

use crate::Hash;
use crate::codec::Encoder;
use crate::envelope::Envelope;
use crate::record::{Done, Identity, Installation, Installed, LONGEST_ORGANISATION, Record as _, SCHEMA};
use crate::refusal::{Error, Refusal};
use crate::state::{Overlay, State};

/// Who calls, as the chain has proved it. The argument never says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Sender of the chain's transaction.
    pub identity: Identity,
    /// Whether another contract stands between.
    pub through_contract: bool,
}

/// What a call that was not refused gives back.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// The answer (formats.md 9).
    pub answer: Vec<u8>,
    /// To be emitted, last of all, if something changed.
    pub event: Option<Event>,
}

/// What listeners are told. An event proves nothing by itself: chains deliver those of failed transactions too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The method.
    pub topic: &'static str,
    /// What changed (formats.md 9).
    pub data: Vec<u8>,
}

/// What became of an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// Done by this call.
    Done,
    /// Done before; nothing changed.
    Repeat,
}

/// What an answer speaks of: a content id and its fate.
type Answered = (Hash, Fate);

impl Fate {
    /// Its code in an answer.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Repeat => 1,
        }
    }
}

/// Installs: remembers issuer and installer. The chain lets anybody call it; the first call is the genuine one, any other is
/// refused.
pub fn init(state: &mut dyn State, caller: &Caller, argument: &[u8]) -> Result<Outcome, Error> {
    if Installed::load(state, &Installed::NAME)?.is_some() {
        return Err(Refusal::AlreadyInstalled.into());
    }
    let installation = Installation::decode(argument).map_err(Refusal::NotCanonical)?;
    let organisations = [
        &installation.issuer.organisation,
        &installation.riders,
        &caller.identity.organisation,
    ];
    if organisations
        .iter()
        .any(|id| id.is_empty() || id.len() > LONGEST_ORGANISATION)
    {
        return Err(Refusal::Installation.into());
    }
    let installed = Installed {
        schema: SCHEMA,
        installation,
        installer: caller.identity.clone(),
    };
    installed.save(state, &Installed::NAME)?;
    Ok(Outcome::default())
}

/// Brings the state to the form of this code. Anybody can call it on some chains and cannot be told from a genuine upgrade, so it
/// takes nothing from its caller and may run any number of times. This form is the first, so there is nothing to bring yet.
pub fn upgrade(state: &mut dyn State) -> Result<Outcome, Error> {
    installed(state)?;
    Ok(Outcome::default())
}

/// Any other call.
pub fn invoke(state: &mut dyn State, caller: &Caller, method: &str, argument: &[u8]) -> Result<Outcome, Error> {
    if let Some(answer) = query::query(state, method, argument)? {
        return Ok(Outcome { answer, event: None });
    }
    if !matches!(method, "issue" | "spend" | "attest" | "rebind") {
        return Err(Refusal::UnknownMethod.into());
    }
    if caller.through_contract {
        return Err(Refusal::ThroughContract.into());
    }
    let installation = installed(state)?.installation;
    if method != "spend" && caller.identity != installation.issuer {
        return Err(Refusal::NotIssuer.into());
    }
    let envelope = Envelope::decode(argument).map_err(Refusal::NotCanonical)?;
    if envelope.method() != method {
        return Err(Refusal::WrongMethod(envelope.method()).into());
    }
    let mut overlay = Overlay::new(state);
    let outcome = match &envelope {
        Envelope::Issue(orders) => transacted(&issue::issue(&mut overlay, &installation.riders, orders)?, "issue")?,
        Envelope::Spend(bytes) => transacted(&[spend::spend(&mut overlay, &caller.identity, bytes)?], "spend")?,
        Envelope::Attest(bytes) => transacted(&[attest::attest(&mut overlay, bytes)?], "attest")?,
        Envelope::Rebind(rebind) => bind::rebind(&mut overlay, &installation.riders, rebind)?,
    };
    for (key, value) in overlay.into_writes() {
        state.put(key, value)?;
    }
    Ok(outcome)
}

fn installed(state: &dyn State) -> Result<Installed, Error> {
    let installed = Installed::load(state, &Installed::NAME)?.ok_or(Refusal::NotInstalled)?;
    if installed.schema == SCHEMA {
        Ok(installed)
    } else {
        Err(Refusal::Schema(installed.schema).into())
    }
}

/// Whether the contract has done this transaction before.
fn is_done(state: &dyn State, content_id: &Hash) -> Result<bool, Error> {
    Ok(Done::load(state, content_id)?.is_some())
}

/// Answer and event of the methods that take transactions.
fn transacted(answered: &[Answered], topic: &'static str) -> Result<Outcome, Refusal> {
    let mut answer = Encoder::document();
    answer.list(answered.iter(), |e, (content_id, fate)| {
        e.hash(content_id);
        e.u8(fate.code());
    });
    let done: Vec<&Hash> = answered
        .iter()
        .filter(|(_, fate)| *fate == Fate::Done)
        .map(|(content_id, _)| content_id)
        .collect();
    let mut data = Encoder::document();
    data.list(done.iter(), |e, content_id| e.hash(content_id));
    outcome(answer, (!done.is_empty()).then_some((topic, data)))
}

fn outcome(answer: Encoder, event: Option<(&'static str, Encoder)>) -> Result<Outcome, Refusal> {
    let event = event.map(|(topic, data)| {
        let data = data.finish().map_err(Refusal::NotCanonical)?;
        Ok(Event { topic, data })
    });
    Ok(Outcome {
        answer: answer.finish().map_err(Refusal::NotCanonical)?,
        event: event.transpose()?,
    })
}
