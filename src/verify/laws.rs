//! The law of each kind of transaction (formats.md 5): grams are neither made nor lost, lot by lot; outputs belong to whom they
//! must; the entry's amount, lot and postings follow. Written apart from the ledger's own booking.

use super::booked::Booked;
use super::claims::Waiting;
use super::findings::{Findings, RECORDS, TRANSACTIONS};
use super::transactions::Consumed;
use super::{Setting, calendar, postings};
use crate::ledger::due::GATEWAY;
use crate::ledger::entry::{EntryKind, Figure, Posting};
use crate::ledger::ids::Hash;
use crate::ledger::transaction::{Kind, Lot, Output, Source, SourceKind, Transaction};
use crate::ledger::trip::gas_code;
use crate::methodology::units::Day;
use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = "ledger_tx";

/// Amounts by lot.
type Lots = BTreeMap<Lot, i128>;

/// What the entry of a transaction must say.
struct Due {
    amount_ug: i128,
    lot: Option<Lot>,
    /// None where they cannot be told.
    postings: Option<Vec<Posting>>,
}

/// The kind of transaction that an entry speaks of.
pub(super) const fn kind_of(kind: EntryKind) -> Option<Kind> {
    match kind {
        EntryKind::Collected => Some(Kind::Issue),
        EntryKind::Redeemed => Some(Kind::Redeem),
        EntryKind::Merged => Some(Kind::Merge),
        EntryKind::Expired => Some(Kind::Expire),
        EntryKind::AccountOpened
        | EntryKind::TripBooked
        | EntryKind::Lapsed
        | EntryKind::Settled
        | EntryKind::Activated
        | EntryKind::Received
        | EntryKind::Answered => None,
    }
}

/// What goes to the sink: the outputs that it owns.
pub(super) fn paid(transaction: &Transaction, sink: Option<Hash>) -> impl Iterator<Item = &Output> {
    transaction
        .outputs
        .iter()
        .filter(move |output| Some(output.owner) == sink)
}

/// Checks a transaction by the law of its kind, and its entry by the transaction.
pub(super) fn check(
    setting: &Setting<'_>,
    booked: &Booked<'_>,
    (transaction, consumed, sink): (&Transaction, &Consumed, Option<Hash>),
    findings: &mut Findings,
) {
    let day = setting
        .zone
        .as_ref()
        .and_then(|zone| Day::of(booked.at_ms.div_euclid(1000), zone));
    let mut broken = Vec::new();
    let due = match transaction.kind {
        Kind::Issue => issue(setting, (booked, transaction), consumed, &mut broken),
        Kind::Redeem => redeem(transaction, (sink, day), &mut broken),
        Kind::Merge => merge(transaction, consumed, &mut broken),
        Kind::Expire => expire((booked, transaction), (consumed, day), &mut broken),
        Kind::Transfer | Kind::Deduct | Kind::Retire | Kind::Reverse | Kind::Anchor | Kind::Attest => {
            let what = format!("nothing books a transaction of the kind {}", transaction.kind.as_str());
            return booked.wrong(TRANSACTIONS, TABLE, what, findings);
        }
    };
    balance(transaction, consumed, &mut broken);
    for what in broken {
        booked.wrong(TRANSACTIONS, TABLE, what, findings);
    }
    let entry = booked.entry;
    let said = [
        (
            "the entry's amount",
            i128::from(entry.amount.micrograms()) == due.amount_ug,
        ),
        ("the entry's lot", entry.lot == due.lot),
        (
            "the entry's postings",
            due.postings.is_none_or(|postings| postings == entry.postings),
        ),
    ];
    booked.differing(RECORDS, TABLE, &said, findings);
}

/// What goes in comes out, lot by lot; an expiry lets nothing out.
fn balance(transaction: &Transaction, consumed: &Consumed, broken: &mut Vec<String>) {
    if transaction.kind == Kind::Expire || (!consumed.whole && transaction.kind != Kind::Issue) {
        return; // what was not there is a finding of its own
    }
    let mut lots = Lots::new();
    let inputs = consumed.inputs.iter().map(|credit| (&credit.lot, credit.amount_ug));
    let sources = transaction.sources.iter().map(|source| (&source.lot, source.amount_ug));
    for (lot, amount_ug) in inputs.chain(sources) {
        add(&mut lots, lot, i128::from(amount_ug));
    }
    for output in &transaction.outputs {
        add(&mut lots, &output.lot, -i128::from(output.amount_ug));
    }
    for (lot, rest) in lots.iter().filter(|(_, rest)| **rest != 0) {
        broken.push(format!(
            "it does not balance: {} of what goes in come out {rest} less",
            spelt(lot)
        ));
    }
}

fn issue(
    setting: &Setting<'_>,
    (booked, transaction): (&Booked<'_>, &Transaction),
    consumed: &Consumed,
    broken: &mut Vec<String>,
) -> Due {
    let Transaction {
        inputs,
        outputs,
        sources,
        ..
    } = transaction;
    if !inputs.is_empty() || sources.is_empty() {
        broken.push("an issue has sources and no inputs".to_owned());
    }
    if sources.iter().any(|source| source.kind != SourceKind::Trip) {
        broken.push("nothing issues from anything but trips".to_owned());
    }
    if outputs.iter().any(|output| output.owner != transaction.orderer) {
        broken.push("an output is not its orderer's".to_owned());
    }
    let places: Vec<Option<Vec<u8>>> = outputs.iter().map(|output| output.lot.bytes().ok()).collect();
    if !places.is_sorted_by(|one, next| one < next) {
        broken.push("its outputs are not one a lot in the order of their bytes".to_owned());
    }
    let expiry: BTreeSet<u16> = sources.iter().map(|source| source.lot.expiry).collect();
    if !expires_by_the_rules(setting, booked, &expiry) {
        broken.push(format!("the expiry months {expiry:?} are no programme's"));
    }
    if consumed.whole && !sources_follow(&consumed.claims, sources) {
        broken.push("its sources are not what their trips earned".to_owned());
    }
    Due {
        amount_ug: sources.iter().map(|source| i128::from(source.amount_ug)).sum(),
        lot: None,
        postings: if consumed.whole {
            postings::of_collection(&consumed.claims)
        } else {
            None
        },
    }
}

/// One expiry month for all, counted by some version of the programme that has been in force: which one was in force just
/// then only shard 0 could say, and its clock is another.
fn expires_by_the_rules(setting: &Setting<'_>, booked: &Booked<'_>, expiry: &BTreeSet<u16>) -> bool {
    let Some(zone) = &setting.zone else { return true };
    let of_the_programme = |id: &str| id == booked.entry.programme;
    let mut versions = setting
        .programmes
        .values()
        .filter(|programme| of_the_programme(programme.id()))
        .peekable();
    if versions.peek().is_none() {
        return true; // that the programme has never been in force is its trips' finding
    }
    let months: Vec<u16> = versions
        .filter_map(|programme| calendar::expiry_month(zone, booked.at_ms, programme.credits().valid_months))
        .collect();
    expiry.len() == 1 && expiry.iter().all(|month| months.contains(month))
}

/// For each trip one source a lot, of just what its legs earned.
fn sources_follow(claims: &[Waiting], sources: &[Source]) -> bool {
    let mut by_trip: Vec<Vec<(u8, u16, i128)>> = Vec::new();
    for sources in sources.chunk_by(|one, next| one.key == next.key) {
        let parts = sources
            .iter()
            .map(|source| (source.lot.gas, source.lot.vintage, i128::from(source.amount_ug)));
        by_trip.push(parts.collect());
    }
    // Claims were taken in the order of their source keys, which is that of the sources.
    let due = claims.iter().map(|claim| {
        let vintage = claim.day.year().and_then(|year| u16::try_from(year).ok()).unwrap_or(0);
        let mut gases: BTreeMap<u8, i128> = BTreeMap::new();
        for leg in &claim.legs {
            let sum = gases.entry(gas_code(leg.gas)).or_insert(0);
            *sum = sum.saturating_add(i128::from(leg.amount_ug));
        }
        gases
            .into_iter()
            .map(|(gas, sum)| (gas, vintage, sum))
            .collect::<Vec<_>>()
    });
    due.eq(by_trip)
}

fn redeem(transaction: &Transaction, (sink, day): (Option<Hash>, Option<Day>), broken: &mut Vec<String>) -> Due {
    let Transaction {
        inputs,
        outputs,
        sources,
        ..
    } = transaction;
    if inputs.is_empty() || !sources.is_empty() {
        broken.push("a redeem has inputs and no sources".to_owned());
    }
    if sink.is_none() || sink == Some(transaction.orderer) {
        broken.push("it is no rider's order, or its shard has no sink".to_owned());
    }
    let payments = outputs.iter().take_while(|output| Some(output.owner) == sink).count();
    let (to_sink, rest) = outputs.split_at(payments);
    let lots: BTreeSet<&Lot> = to_sink.iter().map(|output| &output.lot).collect();
    if to_sink.is_empty() || lots.len() < to_sink.len() {
        broken.push("it does not pay one output a lot to the sink".to_owned());
    }
    let change_follows = match rest {
        [] => true,
        [change] => {
            change.owner == transaction.orderer && to_sink.last().is_some_and(|payment| payment.lot == change.lot)
        }
        _ => false,
    };
    if !change_follows {
        broken.push("what is behind the payment is not one change of the last lot to the orderer".to_owned());
    }
    let parts = || paid(transaction, sink).map(|output| (output.lot.gas, output.amount_ug));
    Due {
        amount_ug: parts().map(|(_, amount_ug)| i128::from(amount_ug)).sum(),
        lot: None,
        postings: day.and_then(|day| postings::of_gases(Figure::Spent, day, parts())),
    }
}

fn merge(transaction: &Transaction, consumed: &Consumed, broken: &mut Vec<String>) -> Due {
    let Transaction {
        inputs,
        outputs,
        sources,
        ..
    } = transaction;
    let alone = match outputs.as_slice() {
        [output] => Some(output).filter(|output| output.owner == transaction.orderer),
        _ => None,
    };
    if inputs.len() < 2 || !sources.is_empty() || alone.is_none() {
        broken.push("a merge makes one credit of its orderer's out of several".to_owned());
    }
    one_lot(consumed, broken);
    Due {
        amount_ug: outputs.iter().map(|output| i128::from(output.amount_ug)).sum(),
        lot: alone.map(|output| output.lot.clone()),
        postings: Some(Vec::new()),
    }
}

fn expire(
    (booked, transaction): (&Booked<'_>, &Transaction),
    (consumed, day): (&Consumed, Option<Day>),
    broken: &mut Vec<String>,
) -> Due {
    let Transaction {
        inputs,
        outputs,
        sources,
        ..
    } = transaction;
    if inputs.is_empty() || !sources.is_empty() || !outputs.is_empty() {
        broken.push("an expire ends its inputs and makes nothing".to_owned());
    }
    if booked.entry.actor != GATEWAY || !transaction.reason.is_empty() {
        broken.push("it is somebody's order, and time's alone".to_owned());
    }
    one_lot(consumed, broken);
    let parts = || consumed.inputs.iter().map(|credit| (credit.lot.gas, credit.amount_ug));
    let postings = day.and_then(|day| postings::of_gases(Figure::Expired, day, parts()));
    Due {
        amount_ug: parts().map(|(_, amount_ug)| i128::from(amount_ug)).sum(),
        lot: consumed.inputs.first().map(|credit| credit.lot.clone()),
        postings: postings.filter(|_| consumed.whole),
    }
}

fn one_lot(consumed: &Consumed, broken: &mut Vec<String>) {
    let lots: BTreeSet<&Lot> = consumed.inputs.iter().map(|credit| &credit.lot).collect();
    if lots.len() > 1 {
        broken.push("its inputs are of several lots".to_owned());
    }
}

fn add(lots: &mut Lots, lot: &Lot, amount_ug: i128) {
    if let Some(sum) = lots.get_mut(lot) {
        *sum = sum.saturating_add(amount_ug);
    } else {
        lots.insert(lot.clone(), amount_ug);
    }
}

fn spelt(lot: &Lot) -> String {
    format!(
        "({}, gas {}, {}, month {})",
        lot.programme, lot.gas, lot.vintage, lot.expiry
    )
}
