//! Transactions: a row against its entry, then the law of its kind: what it consumes is there and its orderer's, what it makes
//! balances it lot by lot, and the entry says just that.

use super::accounts::Accounts;
use super::agreement::Agreement;
use super::booked::Booked;
use super::claims::{Claims, Waiting};
use super::credits::{Credits, Unspent};
use super::findings::{Findings, ONCE, RECORDS, TRANSACTIONS, at};
use super::{Setting, laws, ways};
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::standing::Standing;
use crate::ledger::transaction::{Kind, MOST_INPUTS, MOST_OUTPUTS, MOST_SOURCES, Transaction, content_id};
use crate::store::audit::{self, TransactionRow};
use crate::store::db::Connection;
use std::collections::BTreeSet;

const TABLE: &str = "ledger_tx";

/// What a transaction takes hold of.
pub(super) struct Holdings<'h, 's> {
    pub(super) accounts: &'h mut Accounts,
    pub(super) claims: &'h mut Claims<'s>,
    pub(super) credits: &'h mut Credits,
    pub(super) agreement: &'h mut Agreement,
}

/// What it consumed.
#[derive(Default)]
pub(super) struct Consumed {
    /// Credits, by the order of the inputs; those that were not there are left out.
    pub(super) inputs: Vec<Unspent>,
    /// Claims; those that were not waiting are left out.
    pub(super) claims: Vec<Waiting>,
    /// Nothing was left out, and sources can be held against trips.
    pub(super) whole: bool,
}

/// Checks a transaction against its entry and carries it out; answers it where it can be read.
pub(super) async fn check(
    c: &mut Connection,
    setting: &Setting<'_>,
    (booked, row): (&Booked<'_>, &TransactionRow),
    holdings: Holdings<'_, '_>,
    findings: &mut Findings,
) -> Option<Transaction> {
    let Holdings {
        accounts,
        claims,
        credits,
        agreement,
    } = holdings;
    findings.checked(TRANSACTIONS, 1);
    // The journal's word: what follows is consumed and made under this name, whatever the row has become.
    let id = booked.entry.digest;
    let user = accounts.get(&booked.entry.address).map(|account| account.user);
    let transaction = read(booked, row, user, findings)?;
    let consumed = consume(
        booked,
        (&id, &transaction),
        (&mut *accounts, claims, &mut *credits),
        findings,
    );
    bounds(booked, &transaction, findings);
    let sink = accounts.sink(&booked.entry.programme);
    laws::check(setting, booked, (&transaction, &consumed, sink), findings);
    let standing = standing(c, booked, &id, findings).await;
    if let Some(standing) = &standing {
        ways::check(booked, standing, &consumed, findings);
        if let Some(on_chain) = &setting.on_chain {
            let mine = (booked, &id, standing);
            agreement.take(on_chain, mine, (&transaction, &consumed), findings);
        }
    }
    let place = standing.and_then(|standing| standing.status.place());
    credits
        .make(c, (booked, &id, &transaction), place, (accounts, &mut *findings))
        .await;
    Some(transaction)
}

/// How far it has come.
async fn standing(c: &mut Connection, booked: &Booked<'_>, id: &Hash, findings: &mut Findings) -> Option<Standing> {
    match audit::standing(c, booked.shard, id).await {
        Ok(standing) => standing, // a row of another name is a finding already
        Err(error) => {
            let place = at(booked.shard, TABLE, format!("seq {}", booked.seq));
            findings.unreadable(RECORDS, place, &error);
            None
        }
    }
}

/// Every column, the name, the canonical form, and what entry and transaction both say.
fn read(
    booked: &Booked<'_>,
    row: &TransactionRow,
    user: Option<UserId>,
    findings: &mut Findings,
) -> Option<Transaction> {
    let entry = booked.entry;
    if content_id(&row.body) != entry.digest {
        booked.wrong(
            RECORDS,
            TABLE,
            "the body differs from the digest of its entry",
            findings,
        );
    }
    let transaction = match Transaction::decode(&row.body) {
        Ok(transaction) => transaction,
        Err(error) => {
            booked.wrong(RECORDS, TABLE, format!("the body cannot be read: {error}"), findings);
            return None;
        }
    };
    let canonical = transaction.encode().is_ok_and(|again| again == row.body);
    let said = [
        ("content_id", row.content_id == entry.digest.as_bytes()),
        ("user_id", user.is_none_or(|user| row.user_id == user.value())),
        ("programme", row.programme == entry.programme),
        ("kind", row.kind == transaction.kind.as_str()),
        ("amount_ug", row.amount_ug == entry.amount.micrograms()),
        ("the canonical form", canonical),
        ("the entry's reference", entry.reference == Some(entry.digest)),
        ("the entry's kind", laws::kind_of(entry.kind) == Some(transaction.kind)),
        ("the orderer", transaction.orderer == entry.address),
        ("the booked time", transaction.booked_ms == booked.at_ms),
    ];
    booked.differing(RECORDS, TABLE, &said, findings);
    Some(transaction)
}

/// Ends what the transaction consumes: all of it must be there, the orderer's, and of its time.
fn consume(
    booked: &Booked<'_>,
    (id, transaction): (&Hash, &Transaction),
    (accounts, claims, credits): (&mut Accounts, &mut Claims<'_>, &mut Credits),
    findings: &mut Findings,
) -> Consumed {
    let mut consumed = Consumed {
        whole: true,
        ..Consumed::default()
    };
    for name in &transaction.inputs {
        findings.checked(ONCE, 1);
        let Some(credit) = credits.consume(name, id, (&mut *accounts, &mut *findings)) else {
            let what = format!("the input {name} is not unspent: it was consumed before, or never made");
            booked.wrong(ONCE, TABLE, what, findings);
            consumed.whole = false;
            continue;
        };
        if credit.owner != transaction.orderer {
            booked.wrong(ONCE, TABLE, format!("the input {name} is not the orderer's"), findings);
        }
        let expired = credit.expires_ms.is_some_and(|at_ms| at_ms <= booked.at_ms);
        if expired != (transaction.kind == Kind::Expire) {
            let what = if expired { "had expired" } else { "had not expired" };
            booked.wrong(ONCE, TABLE, format!("the input {name} {what}"), findings);
        }
        consumed.inputs.push(credit);
    }
    if !claims.knows_sources() {
        consumed.whole &= transaction.sources.is_empty();
        return consumed;
    }
    let keys: BTreeSet<Hash> = transaction.sources.iter().map(|source| source.key).collect();
    for key in keys {
        findings.checked(ONCE, 1);
        let Some(claim) = claims.take(&key) else {
            let what = format!("no claim of the source {key} waits: it was issued before, has lapsed, or never was");
            booked.wrong(ONCE, TABLE, what, findings);
            consumed.whole = false;
            continue;
        };
        claim.issued_by(booked.shard, Some(id), findings);
        if claim.address != transaction.orderer {
            let what = format!("the claim of trip seq {} is not the orderer's", claim.seq);
            booked.wrong(ONCE, TABLE, what, findings);
        }
        if !claim.is_open(booked.at_ms) {
            let what = format!("the claim of trip seq {} was not open", claim.seq);
            booked.wrong(ONCE, TABLE, what, findings);
        }
        consumed.claims.push(claim);
    }
    consumed
}

/// What holds for every kind.
fn bounds(booked: &Booked<'_>, transaction: &Transaction, findings: &mut Findings) {
    let programme = &booked.entry.programme;
    let outputs = &transaction.outputs;
    let sources = &transaction.sources;
    let said = [
        ("more than 32 inputs", transaction.inputs.len() <= MOST_INPUTS),
        ("more than 32 outputs", outputs.len() <= MOST_OUTPUTS),
        ("more than 256 sources", sources.len() <= MOST_SOURCES),
        (
            "an output of nothing",
            outputs.iter().all(|output| output.amount_ug > 0),
        ),
        ("a source of nothing", sources.iter().all(|source| source.amount_ug > 0)),
        (
            "a lot of another programme",
            outputs
                .iter()
                .map(|output| &output.lot)
                .chain(sources.iter().map(|source| &source.lot))
                .all(|lot| lot.programme == *programme),
        ),
        ("a subject", transaction.subject.is_none()),
    ];
    let broken: Vec<&str> = said.iter().filter(|(_, keeps)| !keeps).map(|(what, _)| *what).collect();
    if !broken.is_empty() {
        booked.wrong(TRANSACTIONS, TABLE, format!("it has {}", broken.join(", ")), findings);
    }
}
