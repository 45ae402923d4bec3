//! What time alone does: a claim lapses when its window closes, a credit expires when its month ends. The law is the instant;
//! whoever touches the account books what has become due, and `SettleDue` does it for riders who stay away.

use super::account::{Account, earlier};
use super::book::{Booking, Effect, Moved};
use super::collect::{Gathered, issue};
use super::command::{Meta, Rejection, SettleDue};
use super::credit::Credit;
use super::entry::{Entry, EntryKind, Figure, Posting};
use super::ids::Hash;
use super::transaction::{Kind, Lot, MOST_INPUTS, Transaction};
use super::trip::{gas_from_code, trip_digest};
use super::view::{AccountKey, Claim, View};
use crate::methodology::programme::{Collecting, Programme};
use std::collections::BTreeMap;

/// Who acts where nobody has ordered anything.
pub const GATEWAY: &str = "gateway";

/// Claims, and credits, that one command lapses or expires at most; the rest stays due.
pub const MOST_DUE: usize = 256;

/// Books what is due to all accounts of a rider, and collects where the gateway does so by itself; answers the number of entries.
pub fn settle_due(view: &mut View, command: &SettleDue) -> Result<usize, Rejection> {
    let before = view.changes.entries.len();
    let of_the_rider = view.accounts.keys().filter(|(user, _)| *user == command.user);
    let keys: Vec<AccountKey> = of_the_rider.cloned().collect();
    for key in keys {
        settle(view, &key, &command.meta)?;
        if let Some(programme) = command.programmes.get(&key.1)
            && programme.collect() == Collecting::Automatic
        {
            collect_by_itself(view, &key, programme, &command.meta)?;
        }
    }
    Ok(view.changes.entries.len().saturating_sub(before))
}

/// Books what time has done to an account, if anything is due.
pub(super) fn settle(view: &mut View, key: &AccountKey, meta: &Meta) -> Result<(), Rejection> {
    let now_ms = view.booked_ms;
    let due = |account: &Account| account.due.lapses_ms.is_some_and(|at_ms| at_ms <= now_ms);
    let Some(address) = view
        .accounts
        .get(key)
        .filter(|account| due(account))
        .map(|account| account.address)
    else {
        return Ok(());
    };
    let closed = |claim: &&Claim| closes_ms(claim).is_some_and(|at_ms| at_ms <= now_ms);
    let lapsed: Vec<Claim> = view.claims_of(key).filter(closed).cloned().collect();
    let mut bookings = lapsed
        .iter()
        .map(|claim| lapse(claim, key, address, meta))
        .collect::<Result<Vec<_>, _>>()?;
    let mut by_lot: BTreeMap<Lot, Vec<Credit>> = BTreeMap::new();
    for credit in view.credits_of(key) {
        if credit.expires_ms.is_some_and(|at_ms| at_ms <= now_ms) && !credit.user.is_system() {
            by_lot.entry(credit.lot.clone()).or_default().push(credit);
        }
    }
    for (lot, mut credits) in by_lot {
        credits.sort_by(Credit::by_age);
        for part in credits.chunks(MOST_INPUTS) {
            bookings.push(expire(view, (&lot, part), (key, address), meta)?);
        }
    }
    view.book(bookings)?;
    wait_again(view, key);
    Ok(())
}

/// When the account must be looked at next: of what the view holds, and of what was left in the store.
fn wait_again(view: &mut View, key: &AccountKey) {
    let closes = view.claims_of(key).filter_map(closes_ms).min();
    let expires = view.credits_of(key).iter().filter_map(|credit| credit.expires_ms).min();
    let loaded_ms = earlier(closes, expires);
    if let Some(account) = view.accounts.get_mut(key) {
        account.due.lapses_ms = earlier(loaded_ms, account.unloaded.lapses_ms);
        view.changes.accounts.insert(key.clone());
    }
}

/// Collects the open claims of an account whose programme says so, if any has opened.
fn collect_by_itself(view: &mut View, key: &AccountKey, programme: &Programme, meta: &Meta) -> Result<(), Rejection> {
    let now_ms = view.booked_ms;
    let opened = |account: &Account| account.due.collects_ms.is_some_and(|at_ms| at_ms <= now_ms);
    if !view.accounts.get(key).is_some_and(opened) {
        return Ok(());
    }
    let mut gathered = Gathered::default();
    let open: Vec<Claim> = view
        .claims_of(key)
        .filter(|claim| is_open(claim, now_ms))
        .cloned()
        .collect();
    for claim in &open {
        gathered.add(view, claim, programme)?;
    }
    if let Some(booking) = issue(view, key, gathered, (GATEWAY, &meta.request_id))? {
        view.book(vec![booking])?;
    }
    let opens = view.claims_of(key).filter_map(|claim| claim.trip.record.claim);
    let opens_ms = opens.map(|span| span.opens_at_ms).min();
    if let Some(account) = view.accounts.get_mut(key) {
        account.due.collects_ms = earlier(opens_ms, account.unloaded.collects_ms);
        view.changes.accounts.insert(key.clone());
    }
    Ok(())
}

/// Whether a claim may be collected at an instant.
pub(super) fn is_open(claim: &Claim, now_ms: i64) -> bool {
    let opens = claim.trip.record.claim.map(|span| span.opens_at_ms);
    opens.is_some_and(|at_ms| at_ms <= now_ms) && closes_ms(claim).is_none_or(|at_ms| now_ms < at_ms)
}

fn closes_ms(claim: &Claim) -> Option<i64> {
    claim.trip.record.claim.and_then(|span| span.closes_at_ms)
}

fn lapse(claim: &Claim, key: &AccountKey, address: Hash, meta: &Meta) -> Result<Booking, Rejection> {
    let record = &claim.trip.record;
    let entry = Entry {
        kind: EntryKind::Lapsed,
        address,
        actor: GATEWAY.to_owned(),
        request_id: meta.request_id.clone(),
        reference: Some(record.trip_key),
        programme: key.1.clone(),
        lot: None,
        amount: record.amount().ok_or(Rejection::AmountOverflow)?,
        postings: record.claimed_postings(Figure::Lapsed),
        digest: trip_digest(&record.encode()?, &claim.trip.evidence),
    };
    Ok(Booking {
        account: Some(key.clone()),
        entry,
        effect: Effect::Lapse(claim.trip.seq),
    })
}

fn expire(
    view: &View,
    (lot, credits): (&Lot, &[Credit]),
    (key, address): (&AccountKey, Hash),
    meta: &Meta,
) -> Result<Booking, Rejection> {
    let amount = Credit::sum(credits).ok_or(Rejection::AmountOverflow)?;
    let transaction = Transaction {
        kind: Kind::Expire,
        orderer: address,
        booked_ms: view.booked_ms,
        inputs: Credit::names(credits),
        outputs: Vec::new(),
        sources: Vec::new(),
        subject: None,
        reason: String::new(),
    };
    let moved = Moved::new(transaction, Vec::new())?;
    let posting = Posting {
        figure: Figure::Expired,
        day: view.booked_day,
        mode: String::new(),
        methodology: String::new(),
        gas: gas_from_code(lot.gas)?,
        count: 1,
        amount,
    };
    let entry = Entry {
        kind: EntryKind::Expired,
        address,
        actor: GATEWAY.to_owned(),
        request_id: meta.request_id.clone(),
        reference: Some(moved.content_id),
        programme: key.1.clone(),
        lot: Some(lot.clone()),
        amount,
        postings: vec![posting],
        digest: moved.content_id,
    };
    Ok(Booking {
        account: Some(key.clone()),
        entry,
        effect: Effect::Transact(moved),
    })
}
