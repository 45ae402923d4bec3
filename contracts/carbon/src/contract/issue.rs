//! `issue`: credits come into being. The issuer sends; a bad order refuses the whole envelope and is named. The riders' signatures
//! stand in the block for whoever reads the chain, and are proved there: the issuer, who may mint, gains nothing by a false one.

use super::{Answered, Fate, is_done, rules};
use crate::Hash;
use crate::envelope::{MOST_ORDERS, Order};
use crate::record::{Binding, Credit, Done, Identity, Record as _, UsedSource};
use crate::refusal::{Error, Refusal};
use crate::signature::PublicPoint;
use crate::state::State;
use crate::transaction::{Kind, MOST_SOURCES, Output, Transaction, content_id, credit_hash};
use std::collections::BTreeSet;

/// Does what is new in the envelope.
pub(super) fn issue(state: &mut dyn State, riders: &str, orders: &[Order]) -> Result<Vec<Answered>, Error> {
    if orders.is_empty() || orders.len() > MOST_ORDERS {
        return Err(Refusal::OrderCount(orders.len()).into());
    }
    let mut seen = BTreeSet::new();
    let mut transactions = Vec::new();
    for (place, order) in orders.iter().enumerate() {
        let read = read(order, &mut seen).map_err(|refusal| Error::from(refusal).at(place))?;
        transactions.push(read);
    }
    let sources = transactions
        .iter()
        .map(|(_, transaction)| transaction.sources.len())
        .sum();
    if sources > MOST_SOURCES {
        return Err(Refusal::SourceCount(sources).into());
    }
    let mut answered = Vec::new();
    for (place, (order, (content_id, transaction))) in orders.iter().zip(&transactions).enumerate() {
        let fate = one(state, riders, order, (content_id, transaction)).map_err(|error| error.at(place))?;
        answered.push((*content_id, fate));
    }
    Ok(answered)
}

/// What an order says, before any of it is believed.
fn read(order: &Order, seen: &mut BTreeSet<Hash>) -> Result<(Hash, Transaction), Refusal> {
    let transaction = Transaction::decode(&order.transaction).map_err(Refusal::TransactionNotCanonical)?;
    let content_id = content_id(&order.transaction);
    if transaction.kind != Kind::Issue {
        return Err(Refusal::WrongKind(transaction.kind));
    }
    if !seen.insert(content_id) {
        return Err(Refusal::RepeatedTransaction(content_id));
    }
    Ok((content_id, transaction))
}

fn one(
    state: &mut dyn State,
    riders: &str,
    order: &Order,
    (content_id, transaction): (&Hash, &Transaction),
) -> Result<Fate, Error> {
    rules::limits(transaction)?;
    rules::issue(transaction)?;
    if is_done(state, content_id)? {
        return Ok(Fate::Repeat);
    }
    bind_first(state, riders, (&transaction.orderer, &order.point))?;
    // A source may bring several lots, so a key may stand more than once, but it is used up by one transaction.
    let keys: BTreeSet<&Hash> = transaction.sources.iter().map(|source| &source.key).collect();
    for key in keys {
        if let Some(used) = UsedSource::load(state, key)? {
            return Err(Refusal::SourceUsed {
                source_key: *key,
                issued_by: used.issued_by,
            }
            .into());
        }
        let used = UsedSource { issued_by: *content_id };
        used.save(state, key)?;
    }
    make(state, content_id, &transaction.outputs)?;
    let done = Done { kind: transaction.kind };
    done.save(state, content_id)?;
    Ok(Fate::Done)
}

/// The first issue of an address binds it to the key that it names; any later one must name the key that the address is bound to.
fn bind_first(state: &mut dyn State, riders: &str, (address, point): (&Hash, &PublicPoint)) -> Result<(), Error> {
    let key_id = point.key_id();
    match Binding::load(state, address)? {
        Some(binding) if binding.identity.key_id == key_id => Ok(()),
        Some(_) => Err(Refusal::WrongKey(*address).into()),
        None => {
            // Nobody could ever sign for it.
            point.check().map_err(|_| Refusal::BadPoint(*address))?;
            let binding = Binding {
                identity: Identity {
                    organisation: riders.to_owned(),
                    key_id,
                },
                number: 1,
            };
            Ok(binding.save(state, address)?)
        }
    }
}

/// Makes the credits of a transaction. Its content id is new, so their hashes are.
pub(super) fn make(state: &mut dyn State, content_id: &Hash, outputs: &[Output]) -> Result<(), Error> {
    for (index, output) in (0_u16..).zip(outputs) {
        let hash = credit_hash(content_id, index);
        let credit = Credit {
            owner: output.owner,
            lot: output.lot.clone(),
            amount_ug: output.amount_ug,
            consumed_by: None,
        };
        credit.save(state, &hash)?;
    }
    Ok(())
}
