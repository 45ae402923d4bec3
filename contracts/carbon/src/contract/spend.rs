//! `spend`: credits move or end. Their owner sends it under the key that the owner's address is bound to.

use super::{Answered, Fate, is_done, issue, rules};
use crate::Hash;
use crate::record::{Binding, Credit, Done, Identity, Record as _};
use crate::refusal::{Error, Refusal};
use crate::state::State;
use crate::transaction::{Kind, MOST_INPUTS, Transaction, content_id};

/// Does it, unless it was done before.
pub(super) fn spend(state: &mut dyn State, sender: &Identity, bytes: &[u8]) -> Result<Answered, Error> {
    let transaction = Transaction::decode(bytes).map_err(Refusal::TransactionNotCanonical)?;
    let content_id = content_id(bytes);
    match transaction.kind {
        Kind::Redeem | Kind::Transfer | Kind::Deduct | Kind::Retire | Kind::Expire | Kind::Merge => {}
        Kind::Reverse => return Err(Refusal::NotOffered(transaction.kind).into()),
        Kind::Issue | Kind::Anchor | Kind::Attest => return Err(Refusal::WrongKind(transaction.kind).into()),
    }
    // Before the sender is asked: a repeat changes nothing, and must not turn into a refusal because the address obeys a new key.
    if is_done(state, &content_id)? {
        return Ok((content_id, Fate::Repeat));
    }
    rules::limits(&transaction)?;
    match Binding::load(state, &transaction.orderer)? {
        None => return Err(Refusal::Unbound(transaction.orderer).into()),
        Some(binding) if binding.identity != *sender => return Err(Refusal::WrongKey(transaction.orderer).into()),
        Some(_) => {}
    }
    let inputs = load(state, &transaction)?;
    rules::spend(&transaction, &inputs)?;
    for (hash, credit) in inputs {
        let consumed = Credit {
            consumed_by: Some(content_id),
            ..credit
        };
        consumed.save(state, &hash)?;
    }
    issue::make(state, &content_id, &transaction.outputs)?;
    let done = Done { kind: transaction.kind };
    done.save(state, &content_id)?;
    Ok((content_id, Fate::Done))
}

/// The inputs: there, unspent, the orderer's. That none is named twice, the decoder has seen to.
fn load(state: &dyn State, transaction: &Transaction) -> Result<Vec<(Hash, Credit)>, Error> {
    let mut inputs = Vec::with_capacity(MOST_INPUTS);
    for hash in &transaction.inputs {
        let credit = Credit::load(state, hash)?.ok_or(Refusal::UnknownCredit(*hash))?;
        if credit.owner != transaction.orderer {
            return Err(Refusal::NotOwner(*hash).into());
        }
        if let Some(consumed_by) = credit.consumed_by {
            return Err(Refusal::SpentCredit {
                credit: *hash,
                consumed_by,
            }
            .into());
        }
        inputs.push((*hash, credit));
    }
    Ok(inputs)
}
