//! What stored transactions prove by themselves, before anybody knows the state they met: who sent them, and who ordered what they
//! issue. These are the signatures, and so most of a replay: they are proved on all cores.

use super::file::TxRow;
use super::genesis::Genesis;
use super::members::{Member, Members};
use crate::chain::payload::{Payload, Request};
use carbon_contract::envelope::{Envelope, Order};
use rayon::iter::{IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};
use std::sync::Arc;

/// A transaction whose sender is proved.
pub(super) struct Proved {
    pub(super) payload: Payload,
    pub(super) member: Arc<Member>,
    /// Issues in it that no rider has ordered: the contract takes the issuer's word for them.
    pub(super) unordered: Vec<String>,
}

/// Proves the transactions of one block made at `at_ms`; of each that cannot be proved, why.
pub(super) fn prove(
    transactions: &[TxRow],
    (genesis, members): (&Genesis, &Members),
    at_ms: i64,
) -> Vec<Result<Proved, String>> {
    let each = |row: &TxRow| {
        let request = Request::decode(&row.request).map_err(|error| format!("its request cannot be read: {error}"))?;
        let payload =
            Payload::decode(&request.payload).map_err(|error| format!("its payload cannot be read: {error}"))?;
        let member = sender(&request, members, at_ms).map_err(|what| format!("its sender: {what}"))?;
        let is_ours = payload.contract == genesis.contract;
        Ok(Proved {
            unordered: if is_ours {
                unordered(&payload.argument)
            } else {
                Vec::new()
            },
            payload,
            member,
        })
    };
    transactions.par_iter().map(each).collect()
}

fn sender(request: &Request, members: &Members, at_ms: i64) -> Result<Arc<Member>, String> {
    let member = members.check(&request.certificate, at_ms);
    let member = member.map_err(|error| error.to_string())?;
    if request.is_signed_by(&member.key) {
        Ok(member)
    } else {
        Err("the signature is not that of its key".to_owned())
    }
}

fn unordered(argument: &[u8]) -> Vec<String> {
    let Ok(Envelope::Issue(orders)) = Envelope::decode(argument) else {
        return Vec::new(); // what does not decode has not succeeded
    };
    let named = |(place, order): (usize, &Order)| {
        let error = order.verify().err()?;
        Some(format!("its rider has not signed issue {place}: {error}"))
    };
    orders.par_iter().enumerate().filter_map(named).collect()
}
