//! One shard: its accounts, then the journal with the rows that stand beside it in the order of their seqs, then what all of
//! it adds up to.

use super::accounts::Accounts;
use super::activations::Activations;
use super::agreement::Agreement;
use super::answers::{Answers, Done};
use super::booked::Booked;
use super::books::Books;
use super::claims::Claims;
use super::credits::Credits;
use super::fates::Fates;
use super::findings::{BOOKS, Findings, RECORDS, at};
use super::receipts::Receipts;
use super::rows::Rows;
use super::transactions::{self, Holdings};
use super::{Known, Setting, judge, laws, trips, ways};
use crate::ledger::entry::{Entry, EntryKind};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::page::Page;
use crate::ledger::trip::{LegRecord, TripRecord};
use crate::methodology::trip::DistanceFrom;
use crate::store::audit::{self, HeadRow, PIECE, TransactionRow, TripRow};
use crate::store::db::Connection;

/// What is known of a shard between two of its entries.
struct Shard<'a> {
    id: ShardId,
    setting: &'a Setting<'a>,
    accounts: Accounts,
    trips: Rows<TripRow>,
    transactions: Rows<TransactionRow>,
    claims: Claims<'a>,
    credits: Credits,
    answers: Answers,
    fates: Fates,
    agreement: Agreement,
    receipts: Receipts,
    /// The transaction booked last.
    done: Option<Done>,
    /// The entry before.
    previous: Option<Entry>,
}

/// Checks a shard; whatever cannot be read is a finding of this shard, and the next goes on.
pub(super) async fn check(
    c: &mut Connection,
    setting: &Setting<'_>,
    shard: ShardId,
    head: Option<&HeadRow>,
    (known, findings): (&mut Known, &mut Findings),
) {
    let mut state = Shard {
        id: shard,
        setting,
        accounts: Accounts::load(c, setting, shard, (&mut known.addresses, &mut *findings)).await,
        trips: Rows::new(shard),
        transactions: Rows::new(shard),
        claims: Claims::new(setting, shard),
        credits: Credits::new(shard, setting.zone.clone()),
        answers: Answers::new(shard, head.map_or(i64::MAX, |head| head.at_ms)),
        fates: Fates::new(shard),
        agreement: Agreement::default(),
        receipts: Receipts::default(),
        done: None,
        previous: None,
    };
    let mut books = Books::new(setting, shard);
    let mut from = Some(i64::MIN);
    while let Some(start) = from {
        let pages = read_pages(c, shard, start, findings).await;
        from = pages.last().and_then(|page| page.seq_from.checked_add(1));
        for page in pages {
            let entries = books.take(&page, findings);
            for (seq, entry) in (page.seq_from..=i64::MAX).zip(entries) {
                books.fold(&page, seq, &entry, findings);
                let booked = Booked {
                    shard,
                    seq,
                    at_ms: page.at_ms,
                    entry: &entry,
                };
                state.take(c, &booked, (&mut known.activations, &mut *findings)).await;
                state.previous = Some(entry);
            }
        }
    }
    books.finish(head, findings);
    let totals = audit::totals(c, shard).await;
    let totals = totals.map_err(|error| findings.unreadable(BOOKS, at(shard, "daily_total", "*"), &error));
    if let Ok(totals) = &totals {
        books.compare_totals(totals, findings);
    }
    let agreement = state.finish(c, &totals.unwrap_or_default(), findings).await;
    known.agreement.add(agreement);
}

impl Shard<'_> {
    /// One entry with the rows under its seq.
    async fn take(
        &mut self,
        c: &mut Connection,
        booked: &Booked<'_>,
        (activations, findings): (&mut Activations, &mut Findings),
    ) {
        findings.checked(RECORDS, 1);
        let Booked { shard, seq, entry, .. } = *booked;
        let kind = entry.kind;
        let trip = self.trips.of(c, (seq, kind == EntryKind::TripBooked), findings).await;
        let moves = laws::kind_of(kind).is_some();
        let transaction = self.transactions.of(c, (seq, moves), findings).await;
        self.receipts.before(booked, findings);
        match kind {
            EntryKind::Activated => return activations.take(shard, seq, entry, findings),
            EntryKind::Settled => return self.fates.take(c, booked, findings).await,
            EntryKind::Answered => return self.answers.take(c, booked, self.done.as_ref(), findings).await,
            _ => {}
        }
        let Some(account) = self.accounts.get(&entry.address) else {
            let what = format!("no account row has the address {}", entry.address);
            return booked.wrong(RECORDS, "journal", what, findings);
        };
        if account.programme != entry.programme {
            booked.wrong(RECORDS, "journal", "the account is of another programme", findings);
        }
        match kind {
            EntryKind::Activated | EntryKind::Answered | EntryKind::Settled => {}
            EntryKind::AccountOpened => account.open(shard, seq, entry, findings),
            EntryKind::TripBooked => self.take_trip(booked, trip, (activations, findings)),
            EntryKind::Lapsed => {
                account.fold(shard, seq, (entry, None), findings);
                self.claims.lapse(booked, findings);
            }
            EntryKind::Received => {
                account.fold(shard, seq, (entry, None), findings);
                self.receipts.take(booked, findings);
            }
            EntryKind::Collected | EntryKind::Redeemed | EntryKind::Merged | EntryKind::Expired => {
                account.fold(shard, seq, (entry, None), findings);
                self.take_transaction(c, booked, transaction, findings).await;
            }
        }
    }

    fn take_trip(
        &mut self,
        booked: &Booked<'_>,
        row: Option<TripRow>,
        (activations, findings): (&Activations, &mut Findings),
    ) {
        let Booked { shard, seq, entry, .. } = *booked;
        let Some(account) = self.accounts.get(&entry.address) else {
            return;
        };
        let secret = self.setting.source_secret.as_ref();
        let checked = row
            .as_ref()
            .and_then(|row| trips::check(booked, (row, secret), (&*account, &mut *findings)));
        let Some((record, evidence)) = checked else {
            return account.fold(shard, seq, (entry, None), findings);
        };
        in_force(booked, &record, (activations, &mut *findings));
        account.fold(shard, seq, (entry, Some(&record)), findings);
        let proved = evidence.is_none_or(|evidence| evidence.proof.is_some());
        judge::check(
            self.setting,
            (shard, seq),
            (&record, proved),
            &mut account.rides,
            findings,
        );
        let issued_by = row.and_then(|row| row.issued_by);
        self.claims.book(booked, (account.user, &record, issued_by), findings);
    }

    async fn take_transaction(
        &mut self,
        c: &mut Connection,
        booked: &Booked<'_>,
        row: Option<TransactionRow>,
        findings: &mut Findings,
    ) {
        self.done = None;
        let Some(row) = row else { return };
        let holdings = Holdings {
            accounts: &mut self.accounts,
            claims: &mut self.claims,
            credits: &mut self.credits,
            agreement: &mut self.agreement,
        };
        let checked = transactions::check(c, self.setting, (booked, &row), holdings, findings).await;
        let Some(transaction) = checked else { return };
        let sink = self.accounts.sink(&booked.entry.programme);
        let redeemed = booked.entry.kind == EntryKind::Redeemed;
        if redeemed {
            self.receipts.owe(self.setting, booked, (&transaction, sink));
        }
        let merged = |before: &Entry| before.kind == EntryKind::Merged && before.address == booked.entry.address;
        self.done = Some(Done {
            answered_at: booked.seq.saturating_add(if redeemed { 2 } else { 1 }),
            entry: booked.entry.clone(),
            transaction,
            behind_merge: self.previous.as_ref().is_some_and(merged),
        });
    }

    /// What is left over in tables, and what the accounts add up to.
    async fn finish(mut self, c: &mut Connection, totals: &[audit::TotalRow], findings: &mut Findings) -> Agreement {
        self.receipts.finish(findings);
        self.trips.finish(c, findings).await;
        self.transactions.finish(c, findings).await;
        self.accounts.finish(totals, findings);
        self.credits.finish(c, findings).await;
        self.answers.finish(c, findings).await;
        self.fates.finish(c, findings).await;
        ways::envelopes(c, self.id, self.setting.chain_secret.as_ref(), findings).await;
        self.claims.finish(c, findings).await;
        self.agreement
    }
}

/// What a trip was judged by must have been in force.
fn in_force(booked: &Booked<'_>, record: &TripRecord, (activations, findings): (&Activations, &mut Findings)) {
    let network = |leg: &LegRecord| match leg.leg.distance.as_ref().map(|distance| &distance.from) {
        Some(DistanceFrom::Network { digest, .. }) => Some(Hash::new(*digest)),
        _ => None,
    };
    let legs = record.legs.iter();
    let digests = legs.flat_map(|leg| network(leg).into_iter().chain([leg.methodology.digest]));
    for digest in digests.chain([record.programme_digest]) {
        if !activations.digests.contains(&digest) {
            booked.wrong(RECORDS, "trip", format!("{digest} has never been in force"), findings);
        }
    }
}

/// A piece of pages; where it cannot be read, one by one up to the one to blame.
async fn read_pages(c: &mut Connection, shard: ShardId, from: i64, findings: &mut Findings) -> Vec<Page> {
    if let Ok(pages) = audit::pages(c, shard, from, PIECE).await {
        return pages;
    }
    let mut pages: Vec<Page> = Vec::new();
    loop {
        let next = pages.last().map_or(Some(from), |page| page.seq_from.checked_add(1));
        let Some(next) = next else { return pages };
        match audit::pages(c, shard, next, 1).await {
            Ok(page) if page.is_empty() => return pages,
            Ok(page) => pages.extend(page),
            Err(error) => {
                let place = at(shard, "journal", format!("the first from seq_from {next}"));
                findings.unreadable(BOOKS, place, &error);
                return pages;
            }
        }
    }
}
