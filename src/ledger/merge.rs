//! `Merge`: the oldest credits of a lot become one, so that what a rider or a sink owns stays few.

use super::book::{Booking, Effect, Moved};
use super::command::{Merge, Rejection};
use super::credit::Credit;
use super::due::settle;
use super::entry::{Entry, EntryKind};
use super::ids::Hash;
use super::transaction::{Kind, Lot, MOST_INPUTS, Output, Transaction};
use super::view::{AccountKey, View};
use std::collections::BTreeMap;

/// Unspent credits of one account that a command looks at: with what they are merged into, a thousand rows are not exceeded.
pub const MOST_CREDITS: usize = 640;

/// Who asks, and under which request.
pub(super) type By<'a> = (&'a str, &'a str);

/// Merges what is loaded of a rider's credits, lot by lot; answers the number of merges.
pub fn merge(view: &mut View, command: &Merge) -> Result<usize, Rejection> {
    let key = (command.user, command.programme.clone());
    settle(view, &key, &command.meta)?;
    let Some(address) = view.accounts.get(&key).map(|account| account.address) else {
        return Ok(0);
    };
    let by = (command.meta.client.as_str(), command.meta.request_id.as_str());
    let mut by_lot: BTreeMap<Lot, Vec<Credit>> = BTreeMap::new();
    for credit in view.credits_of(&key) {
        by_lot.entry(credit.lot.clone()).or_default().push(credit);
    }
    let mut bookings = Vec::new();
    for mut credits in by_lot.into_values() {
        credits.sort_by(Credit::by_age);
        for part in credits.chunks(MOST_INPUTS).filter(|part| part.len() > 1) {
            bookings.push(merge_into_one(view, part, (&key, address), by)?);
        }
    }
    let merged = bookings.len();
    view.book(bookings)?;
    Ok(merged)
}

/// The lot to be merged next: that of the oldest credit that is not alone in its lot.
pub(super) fn next_lot(credits: &[Credit]) -> Option<Lot> {
    let mut by_age: Vec<&Credit> = credits.iter().collect();
    by_age.sort_by(|one, other| one.by_age(other));
    let alone = |credit: &Credit| credits.iter().filter(|other| other.lot == credit.lot).count() < 2;
    by_age
        .into_iter()
        .find(|credit| !alone(credit))
        .map(|credit| credit.lot.clone())
}

/// Takes the 32 oldest of a lot out of `credits`.
pub(super) fn take_oldest(credits: &mut Vec<Credit>, lot: &Lot) -> Vec<Credit> {
    credits.sort_by(Credit::by_age);
    let mut left = MOST_INPUTS;
    credits
        .extract_if(.., |credit| {
            let taken = credit.lot == *lot && left > 0;
            left = left.saturating_sub(usize::from(taken));
            taken
        })
        .collect()
}

/// The booking that makes one credit of several of one lot and owner.
pub(super) fn merge_into_one(
    view: &View,
    credits: &[Credit],
    (key, address): (&AccountKey, Hash),
    (actor, request_id): By<'_>,
) -> Result<Booking, Rejection> {
    let lot = credits
        .first()
        .map(|credit| credit.lot.clone())
        .ok_or(Rejection::TooLong)?;
    let amount = Credit::sum(credits).ok_or(Rejection::AmountOverflow)?;
    let transaction = Transaction {
        kind: Kind::Merge,
        orderer: address,
        booked_ms: view.booked_ms,
        inputs: Credit::names(credits),
        outputs: vec![Output {
            owner: address,
            lot: lot.clone(),
            amount_ug: amount.micrograms(),
        }],
        sources: Vec::new(),
        subject: None,
        reason: String::new(),
    };
    let moved = Moved::new(transaction, vec![key.0])?;
    let entry = Entry {
        kind: EntryKind::Merged,
        address,
        actor: actor.to_owned(),
        request_id: request_id.to_owned(),
        reference: Some(moved.content_id),
        programme: key.1.clone(),
        lot: Some(lot),
        amount,
        postings: Vec::new(),
        digest: moved.content_id,
    };
    Ok(Booking {
        account: Some(key.clone()),
        entry,
        effect: Effect::Transact(moved),
    })
}
