//! What a transaction does: the contract judges it on what the block has written so far. The block maker and `verify` run the
//! same code, so that a replay gives the same bytes or shows a forgery.

use super::block::{StateKey, Writes, writes_digest};
use super::genesis::Genesis;
use super::members::Member;
use crate::chain::outcome::{TxEvent, TxResult};
use crate::chain::payload::Payload;
use carbon_contract::Hash;
use carbon_contract::codec::{CodecError, Decoder, Encoder};
use carbon_contract::contract::{Caller, Outcome, init, invoke, upgrade};
use carbon_contract::refusal::Error;
use carbon_contract::state::{Overlay, State, StateError};
use std::collections::BTreeSet;

/// The chain's own contract: `revoke` of it, called by the issuer, ends certificates.
pub const CERTIFICATES: &str = "certificates";

/// Codes of a result.
const CONTRACT_FAILED: u16 = 4;
const NO_CONTRACT: u16 = 11;
const REFUSED: u16 = 1;
const BEYOND_LIMIT: u16 = 4;

/// Letter of revoked certificates among the keys of the state; the contract's are others.
const REVOKED: u8 = b'r';

/// What came of a transaction.
pub(super) struct Executed {
    /// For the block.
    pub(super) result: TxResult,
    /// For the state; empty if it failed.
    pub(super) writes: Writes,
    /// Certificates that end with it.
    pub(super) revoked: Vec<Hash>,
}

/// Who calls what on which state.
pub(super) struct Call<'a> {
    pub(super) genesis: &'a Genesis,
    pub(super) member: &'a Member,
    pub(super) payload: &'a Payload,
    pub(super) height: u64,
}

/// Executes. An error is the state's: nothing was judged.
pub(super) fn execute(state: &dyn State, call: &Call<'_>) -> Result<Executed, StateError> {
    if call.payload.contract == CERTIFICATES {
        return Ok(certificates(call));
    }
    if call.payload.contract != call.genesis.contract {
        return Ok(failed(NO_CONTRACT, "contract name not found".to_owned()));
    }
    let mut overlay = Overlay::new(state);
    let caller = Caller {
        identity: call.member.identity.clone(),
        through_contract: false,
    };
    let argument = &call.payload.argument;
    let outcome = match call.payload.method.as_str() {
        "init" => init(&mut overlay, &caller, argument),
        "upgrade" => upgrade(&mut overlay),
        method => invoke(&mut overlay, &caller, method, argument),
    };
    match outcome {
        Ok(outcome) => {
            let writes = overlay.into_writes();
            let writes = writes.into_iter().map(|(key, value)| (key.to_bytes(), value));
            Ok(judged(outcome, writes.collect(), call.payload.limit))
        }
        Err(Error::Refused(refused)) => Ok(failed(CONTRACT_FAILED, refused.to_string())),
        Err(Error::State(error)) => Err(error),
    }
}

/// A call that the contract did not refuse. Beyond its limit nothing is written, but what was emitted stays.
fn judged(outcome: Outcome, writes: Writes, limit: u32) -> Executed {
    let event = outcome.event.map(|event| TxEvent {
        topic: event.topic.to_owned(),
        data: event.data,
    });
    let beyond = limit != 0 && usize::try_from(limit).is_ok_and(|limit| writes.len() > limit);
    let writes = if beyond { Writes::new() } else { writes };
    Executed {
        result: TxResult {
            code: 0,
            contract_code: if beyond { BEYOND_LIMIT } else { 0 },
            answer: if beyond { Vec::new() } else { outcome.answer },
            message: if beyond {
                "limit is not enough".to_owned()
            } else {
                String::new()
            },
            event,
            writes: writes_digest(&writes),
        },
        writes,
        revoked: Vec::new(),
    }
}

fn failed(code: u16, message: String) -> Executed {
    let writes = Writes::new();
    Executed {
        result: TxResult {
            code,
            contract_code: REFUSED,
            answer: Vec::new(),
            message,
            event: None,
            writes: writes_digest(&writes),
        },
        writes,
        revoked: Vec::new(),
    }
}

/// The argument of `revoke`: digests of certificates.
pub fn revocation(certificates: &BTreeSet<Hash>) -> Result<Vec<u8>, CodecError> {
    let mut e = Encoder::document();
    e.list(certificates.iter(), Encoder::hash);
    e.finish()
}

fn read_revocation(argument: &[u8]) -> Result<Vec<Hash>, CodecError> {
    let mut d = Decoder::document(argument)?;
    let digests = d.list(Decoder::hash)?;
    d.finish()?;
    if digests.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
        Ok(digests)
    } else {
        Err(CodecError::Order)
    }
}

fn certificates(call: &Call<'_>) -> Executed {
    if call.payload.method != "revoke" {
        return failed(CONTRACT_FAILED, "unknown_method: there is no such method".to_owned());
    }
    if call.member.identity != call.genesis.installation.issuer {
        return failed(CONTRACT_FAILED, "not_issuer: only the issuer may do this".to_owned());
    }
    let digests = match read_revocation(&call.payload.argument) {
        Ok(digests) => digests,
        Err(cause) => {
            return failed(
                CONTRACT_FAILED,
                format!("not_canonical: the argument is not canonical: {cause}"),
            );
        }
    };
    let mut value = Encoder::document();
    value.u64(call.height);
    let Ok(value) = value.finish() else {
        return failed(CONTRACT_FAILED, "not_canonical: the height".to_owned());
    };
    let writes: Writes = digests
        .iter()
        .map(|digest| (revoked_key(digest), value.clone()))
        .collect();
    let mut executed = judged(Outcome::default(), writes, call.payload.limit);
    if !executed.writes.is_empty() {
        executed.revoked = digests;
    }
    executed
}

fn revoked_key(certificate: &Hash) -> StateKey {
    let mut key = [REVOKED; 33];
    let name = key.iter_mut().skip(1).zip(certificate.as_bytes());
    name.for_each(|(to, from)| *to = *from);
    key
}

/// Keys of the state from the first to the last that may speak of a revoked certificate.
pub(super) const REVOKED_KEYS: ([u8; 1], [u8; 1]) = ([REVOKED], [REVOKED + 1]);
