//! `Redeem`: a rider spends credits on a reward. They go to the shard's sink; what is over comes back as change.

use super::book::{Booking, Effect, Moved};
use super::command::{KeyedAnswer, Redeem, Rejection};
use super::credit::Credit;
use super::due::{GATEWAY, settle};
use super::entry::{Entry, EntryKind, Figure, Posting};
use super::idempotency::{self, Answer};
use super::ids::{Hash, UserId};
use super::merge::{By, merge_into_one, next_lot, take_oldest};
use super::select::{Choice, select};
use super::submit::open_account;
use super::transaction::{Kind, Lot, MOST_INPUTS, Output, Transaction};
use super::trip::gas_from_code;
use super::view::{AccountKey, View};
use crate::methodology::units::{Amount, Day};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;

/// Spends credits, or answers again what was answered under the key.
pub fn redeem(view: &mut View, command: &Redeem) -> Result<KeyedAnswer, Rejection> {
    if let Some(answered) = idempotency::replay(view, &command.keyed)? {
        return Ok(answered);
    }
    let key = (command.user, command.programme.id().to_owned());
    settle(view, &key, &command.meta)?;
    let address = affordable(view, &key, command.amount)?;
    let by = (command.meta.client.as_str(), command.meta.request_id.as_str());
    let sink = (UserId::system(view.shard), key.1.clone());
    let mut bookings = Vec::new();
    let sink_address = if let Some(account) = view.accounts.get(&sink) {
        account.address
    } else {
        let (account, opening) = open_account(&sink, &command.sink, &command.meta);
        bookings.push(opening);
        account.address
    };
    let (choice, chosen) = choose(view, command, (&key, address), &mut bookings)?;
    let payment = Payment::of(&chosen, command.amount).ok_or(Rejection::AmountOverflow)?;
    let moved = Moved::new(
        payment.transaction(view.booked_ms, (address, sink_address), &command.reference),
        payment.owners((key.0, sink.0)),
    )?;
    let content_id = moved.content_id;
    let entry = |(kind, address, figure)| {
        entry(
            kind,
            (address, content_id),
            (&payment, figure, view.booked_day),
            (&key.1, by),
        )
    };
    let spent = entry((EntryKind::Redeemed, address, Figure::Spent))?;
    let received = entry((EntryKind::Received, sink_address, Figure::Received))?;
    bookings.push(Booking {
        account: Some(key.clone()),
        entry: spent,
        effect: Effect::Transact(moved),
    });
    bookings.push(Booking {
        account: Some(sink.clone()),
        entry: received,
        effect: Effect::Receive,
    });
    let answer = Arc::new(Answer::Redeem { content_id, choice });
    bookings.push(Booking {
        account: None,
        entry: idempotency::entry(&command.keyed, by, &key.1, &answer)?,
        effect: Effect::Answer(command.keyed, Arc::clone(&answer)),
    });
    let seq = view.book(bookings)?;
    tidy(view, &sink, sink_address, by.1);
    Ok(KeyedAnswer {
        answer,
        seq,
        replayed: false,
    })
}

/// The rider's address, if there is enough and all of it is loaded.
fn affordable(view: &View, key: &AccountKey, amount: Amount) -> Result<Hash, Rejection> {
    let account = view.accounts.get(key);
    let available = account.map_or(Amount::ZERO, |account| account.figures.available);
    let Some(account) = account.filter(|_| available >= amount) else {
        return Err(Rejection::Insufficient {
            available,
            missing: amount.checked_sub(available).ok_or(Rejection::AmountOverflow)?,
        });
    };
    let loaded = i64::try_from(view.credits_of(key).len()).map_err(|_| Rejection::Fragmented)?;
    if loaded < account.unspent_count {
        return Err(Rejection::Fragmented);
    }
    Ok(account.address)
}

/// The credits that pay; merges are added to the bookings until 32 are enough.
fn choose(
    view: &View,
    command: &Redeem,
    (key, address): (&AccountKey, Hash),
    bookings: &mut Vec<Booking>,
) -> Result<(Choice, Vec<Credit>), Rejection> {
    let by = (command.meta.client.as_str(), command.meta.request_id.as_str());
    let notice_days = i64::try_from(command.programme.credits().notice_days).unwrap_or(i64::MAX);
    let notice_ms = view.booked_ms.saturating_add(notice_days.saturating_mul(DAY_MS));
    let mut credits = view.credits_of(key);
    let mut merged = false;
    loop {
        if let Some((choice, chosen)) = select(&credits, command.amount, notice_ms) {
            let choice = if merged { Choice::Merged } else { choice };
            return Ok((choice, chosen.into_iter().cloned().collect()));
        }
        let lot = next_lot(&credits).ok_or(Rejection::TooManyLots)?;
        let part = take_oldest(&mut credits, &lot);
        let booking = merge_into_one(view, &part, (key, address), by)?;
        let place = i64::try_from(bookings.len()).map_err(|_| Rejection::Fragmented)?;
        if let Effect::Transact(moved) = &booking.effect {
            credits.extend(moved.credits(view, view.seq.saturating_add(place).saturating_add(1)));
        }
        bookings.push(booking);
        merged = true;
    }
}

/// What is paid: one output a lot, whole but for the last, which gives change.
struct Payment {
    inputs: Vec<Hash>,
    lots: Vec<(Lot, Amount)>,
    change: Option<(Lot, Amount)>,
}

impl Payment {
    /// Of credits in the order in which they are used up; `None` if a sum would leave the range of 64 bits.
    fn of(chosen: &[Credit], amount: Amount) -> Option<Self> {
        let last = chosen.last()?;
        let mut order: Vec<&Lot> = Vec::new();
        let mut sums: BTreeMap<&Lot, Amount> = BTreeMap::new();
        let mut total = Amount::ZERO;
        for credit in chosen {
            if credit.lot != last.lot && !order.contains(&&credit.lot) {
                order.push(&credit.lot);
            }
            let sum = sums.entry(&credit.lot).or_insert(Amount::ZERO);
            *sum = sum.checked_add(credit.amount)?;
            total = total.checked_add(credit.amount)?;
        }
        order.push(&last.lot);
        let change = total.checked_sub(amount)?;
        let whole = sums.get_mut(&last.lot)?;
        *whole = whole.checked_sub(change)?;
        let paid = |lot: &Lot| sums.get(lot).map(|sum| (lot.clone(), *sum));
        Some(Self {
            inputs: Credit::names(chosen),
            lots: order.into_iter().map(paid).collect::<Option<_>>()?,
            change: (change > Amount::ZERO).then(|| (last.lot.clone(), change)),
        })
    }

    fn transaction(&self, booked_ms: i64, (rider, sink): (Hash, Hash), reference: &str) -> Transaction {
        let output = |owner, (lot, amount): &(Lot, Amount)| Output {
            owner,
            lot: lot.clone(),
            amount_ug: amount.micrograms(),
        };
        let paid = self.lots.iter().map(|part| output(sink, part));
        let change = self.change.iter().map(|part| output(rider, part));
        Transaction {
            kind: Kind::Redeem,
            orderer: rider,
            booked_ms,
            inputs: self.inputs.clone(),
            outputs: paid.chain(change).collect(),
            sources: Vec::new(),
            subject: None,
            reason: reference.to_owned(),
        }
    }

    fn owners(&self, (rider, sink): (UserId, UserId)) -> Vec<UserId> {
        let paid = self.lots.iter().map(|_| sink);
        paid.chain(self.change.iter().map(|_| rider)).collect()
    }
}

/// One side of a redemption in the journal.
fn entry(
    kind: EntryKind,
    (address, content_id): (Hash, Hash),
    (payment, figure, day): (&Payment, Figure, Day),
    (programme, (actor, request_id)): (&str, By<'_>),
) -> Result<Entry, Rejection> {
    let (postings, amount) = paid_postings(&payment.lots, figure, day)?;
    Ok(Entry {
        kind,
        address,
        actor: actor.to_owned(),
        request_id: request_id.to_owned(),
        reference: Some(content_id),
        programme: programme.to_owned(),
        lot: None,
        amount,
        postings,
        digest: content_id,
    })
}

/// The postings of what was paid, gas by gas, and their sum.
pub fn paid_postings(paid: &[(Lot, Amount)], figure: Figure, day: Day) -> Result<(Vec<Posting>, Amount), Rejection> {
    let mut sums: BTreeMap<u8, Amount> = BTreeMap::new();
    let mut total = Amount::ZERO;
    for (lot, amount) in paid {
        let sum = sums.entry(lot.gas).or_insert(Amount::ZERO);
        *sum = sum.checked_add(*amount).ok_or(Rejection::AmountOverflow)?;
        total = total.checked_add(*amount).ok_or(Rejection::AmountOverflow)?;
    }
    let posting = |(gas, amount)| {
        Ok(Posting {
            figure,
            day,
            mode: String::new(),
            methodology: String::new(),
            gas: gas_from_code(gas)?,
            count: 1,
            amount,
        })
    };
    let postings = sums.into_iter().map(posting).collect::<Result<_, Rejection>>()?;
    Ok((postings, total))
}

/// Keeps what the sink owns bounded: 32 of a lot become one as soon as they are there.
fn tidy(view: &mut View, sink: &AccountKey, address: Hash, request_id: &str) {
    let mut credits = view.credits_of(sink);
    let lots: BTreeSet<Lot> = credits.iter().map(|credit| credit.lot.clone()).collect();
    for lot in lots {
        if credits.iter().filter(|credit| credit.lot == lot).count() < MOST_INPUTS {
            continue;
        }
        let part = take_oldest(&mut credits, &lot);
        // A sum that fits no credit any more stays in parts.
        if let Ok(booking) = merge_into_one(view, &part, (sink, address), (GATEWAY, request_id)) {
            let _too_large = view.book(vec![booking]);
        }
    }
}
