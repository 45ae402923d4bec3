//! What can be said of a transaction by itself: its limits, the shape its kind wants, and that every lot balances.

use crate::Hash;
use crate::record::Credit;
use crate::refusal::Refusal;
use crate::transaction::{
    Kind, LONGEST_PROGRAMME, LONGEST_REASON, Lot, MOST_INPUTS, MOST_OUTPUTS, NEVER, Output, Transaction,
};
use std::collections::{BTreeMap, BTreeSet};

/// What comes in and what goes out of a lot.
type Sums<'a> = BTreeMap<&'a Lot, (i128, i128)>;

/// Holds for every kind; sources are counted by the envelope, and only an issue has any.
pub(super) fn limits(transaction: &Transaction) -> Result<(), Refusal> {
    let lots = transaction.outputs.iter().map(|output| &output.lot);
    let mut lots = lots.chain(transaction.sources.iter().map(|source| &source.lot));
    let limits = [
        (transaction.inputs.len() > MOST_INPUTS, "at most 32 inputs"),
        (transaction.outputs.len() > MOST_OUTPUTS, "at most 32 outputs"),
        (
            transaction.reason.len() > LONGEST_REASON,
            "a reason has at most 512 bytes",
        ),
        (
            lots.any(|lot| lot.programme.is_empty() || lot.programme.len() > LONGEST_PROGRAMME),
            "a programme has 1 to 64 bytes",
        ),
    ];
    if let Some((_, limit)) = limits.into_iter().find(|(broken, _)| *broken) {
        return Err(Refusal::Limit(limit));
    }
    if let Some(at) = transaction.outputs.iter().position(|output| output.amount_ug <= 0) {
        return Err(Refusal::OutputAmount(at));
    }
    if let Some(source) = transaction.sources.iter().find(|source| source.amount_ug <= 0) {
        return Err(Refusal::SourceAmount(source.key));
    }
    Ok(())
}

/// The rule of `issue`.
pub(super) fn issue(transaction: &Transaction) -> Result<(), Refusal> {
    let shape = shape_of(Kind::Issue);
    shape(transaction.inputs.is_empty(), "it has no inputs")?;
    shape(!transaction.sources.is_empty(), "it has sources")?;
    shape(transaction.subject.is_none(), "it has no subject")?;
    shape(
        transaction
            .outputs
            .iter()
            .all(|output| output.owner == transaction.orderer),
        "all outputs are the orderer's",
    )?;
    let places: Result<Vec<_>, _> = transaction.outputs.iter().map(|output| output.lot.bytes()).collect();
    shape(
        places.is_ok_and(|places| places.windows(2).all(|pair| matches!(pair, [a, b] if a < b))),
        "one output a lot, ascending",
    )?;
    let sources = transaction.sources.iter().map(|source| (&source.lot, source.amount_ug));
    equal(&sums(sources, &transaction.outputs)?)
}

/// The rule of `anchor` and `attest`.
pub(super) fn statement(transaction: &Transaction) -> Result<(), Refusal> {
    let shape = shape_of(transaction.kind);
    let moves = !transaction.inputs.is_empty() || !transaction.outputs.is_empty() || !transaction.sources.is_empty();
    shape(!moves, "it moves no credits")?;
    shape(transaction.subject.is_some(), "it has a subject")
}

/// The rules of the kinds that consume; `inputs` are the credits consumed, all of them the orderer's.
pub(super) fn spend(transaction: &Transaction, inputs: &[(Hash, Credit)]) -> Result<(), Refusal> {
    let shape = shape_of(transaction.kind);
    shape(transaction.sources.is_empty(), "it has no sources")?;
    shape(transaction.subject.is_none(), "it has no subject")?;
    shape(!inputs.is_empty(), "it has inputs")?;
    let coming = inputs.iter().map(|(_, credit)| (&credit.lot, credit.amount_ug));
    let sums = sums(coming, &transaction.outputs)?;
    let own = |output: &Output| output.owner == transaction.orderer;
    match transaction.kind {
        Kind::Redeem => {
            payment(transaction)?;
            equal(&sums)
        }
        Kind::Transfer | Kind::Deduct => {
            shape(!transaction.outputs.iter().all(own), "somebody else receives")?;
            equal(&sums)
        }
        Kind::Merge => {
            shape(
                inputs.len() > 1 && sums.len() == 1,
                "two or more inputs, all of one lot",
            )?;
            shape(
                transaction.outputs.len() == 1 && transaction.outputs.iter().all(own),
                "one output, the orderer's",
            )?;
            equal(&sums)
        }
        Kind::Retire => {
            shape(transaction.outputs.iter().all(own), "change is the orderer's")?;
            let lots: BTreeSet<&Lot> = transaction.outputs.iter().map(|output| &output.lot).collect();
            shape(lots.len() == transaction.outputs.len(), "one change a lot")?;
            each(&sums, |(coming, going)| going < coming)
        }
        Kind::Expire => {
            shape(transaction.outputs.is_empty(), "it has no outputs")?;
            shape(sums.len() == 1, "all inputs are of one lot")?;
            shape(sums.keys().all(|lot| lot.expiry != NEVER), "the lot expires")
        }
        kind @ (Kind::Issue | Kind::Anchor | Kind::Attest) => Err(Refusal::WrongKind(kind)),
        kind @ Kind::Reverse => Err(Refusal::NotOffered(kind)),
    }
}

/// One payment a lot, all to one payee; at the end, if anything is left of the last lot, the orderer's change.
fn payment(transaction: &Transaction) -> Result<(), Refusal> {
    let shape = shape_of(transaction.kind);
    let paid = transaction
        .outputs
        .iter()
        .take_while(|output| output.owner != transaction.orderer);
    let paid: Vec<&Output> = paid.collect();
    let payees: BTreeSet<&Hash> = paid.iter().map(|output| &output.owner).collect();
    let lots: BTreeSet<&Lot> = paid.iter().map(|output| &output.lot).collect();
    shape(payees.len() == 1, "one payee")?;
    shape(lots.len() == paid.len(), "one payment a lot")?;
    let mut rest = transaction.outputs.iter().skip(paid.len());
    let change = rest.next();
    let of_the_last =
        |change: &Output| change.owner == transaction.orderer && paid.last().is_some_and(|last| last.lot == change.lot);
    shape(
        rest.next().is_none() && change.is_none_or(of_the_last),
        "one change, at the end, of the last lot paid",
    )
}

fn sums<'a>(coming: impl Iterator<Item = (&'a Lot, i64)>, outputs: &'a [Output]) -> Result<Sums<'a>, Refusal> {
    let mut sums = Sums::new();
    let coming = coming.map(|(lot, amount)| (lot, amount, 0));
    let going = outputs.iter().map(|output| (&output.lot, 0, output.amount_ug));
    for (lot, comes, goes) in coming.chain(going) {
        let sum = sums.entry(lot).or_default();
        // At most 288 terms of 63 bits: 128 bits cannot overflow, and nobody need believe it.
        let added = |sum: i128, term: i64| sum.checked_add(i128::from(term)).ok_or(Refusal::Limit("128 bits"));
        *sum = (added(sum.0, comes)?, added(sum.1, goes)?);
    }
    Ok(sums)
}

fn equal(sums: &Sums<'_>) -> Result<(), Refusal> {
    each(sums, |(coming, going)| coming == going)
}

fn each(sums: &Sums<'_>, holds: impl Fn((i128, i128)) -> bool) -> Result<(), Refusal> {
    match sums.iter().find(|(_, sum)| !holds(**sum)) {
        None => Ok(()),
        Some((lot, (coming, going))) => Err(Refusal::Unbalanced {
            lot: (*lot).clone(),
            coming: *coming,
            going: *going,
        }),
    }
}

fn shape_of(kind: Kind) -> impl Fn(bool, &'static str) -> Result<(), Refusal> {
    move |holds, rule| {
        if holds {
            Ok(())
        } else {
            Err(Refusal::Shape { kind, rule })
        }
    }
}
