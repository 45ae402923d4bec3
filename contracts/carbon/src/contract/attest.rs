//! `attest`: the issuer puts a digest on the chain, of the journal's heads (`anchor`) or of a document (`attest`).

use super::{Answered, Fate, is_done, rules};
use crate::record::{Done, Record as _};
use crate::refusal::{Error, Refusal};
use crate::state::State;
use crate::transaction::{Kind, Transaction, content_id};

/// Remembers it, unless it was done before. What was attested stands in the chain's own transaction.
pub(super) fn attest(state: &mut dyn State, bytes: &[u8]) -> Result<Answered, Error> {
    let transaction = Transaction::decode(bytes).map_err(Refusal::TransactionNotCanonical)?;
    let content_id = content_id(bytes);
    if !matches!(transaction.kind, Kind::Anchor | Kind::Attest) {
        return Err(Refusal::WrongKind(transaction.kind).into());
    }
    rules::limits(&transaction)?;
    rules::statement(&transaction)?;
    if is_done(state, &content_id)? {
        return Ok((content_id, Fate::Repeat));
    }
    let done = Done { kind: transaction.kind };
    done.save(state, &content_id)?;
    Ok((content_id, Fate::Done))
}
