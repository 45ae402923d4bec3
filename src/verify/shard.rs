//! One shard: its accounts, then journal and trips side by side in the order of their seqs, then what all of it adds up to.

use super::accounts::Accounts;
use super::activations::Activations;
use super::books::Books;
use super::findings::{BOOKS, Findings, RECORDS, at};
use super::{Known, Setting, judge, trips};
use crate::ledger::entry::{Entry, EntryKind};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::page::Page;
use crate::ledger::trip::{LegRecord, TripRecord};
use crate::methodology::trip::DistanceFrom;
use crate::store::audit::{self, HeadRow, PIECE, TripRow};
use crate::store::db::Connection;
use std::collections::VecDeque;

/// Checks a shard; whatever cannot be read is a finding of this shard, and the next goes on.
pub(super) async fn check(
    c: &mut Connection,
    setting: &Setting<'_>,
    shard: ShardId,
    head: Option<&HeadRow>,
    (known, findings): (&mut Known, &mut Findings),
) {
    let mut accounts = Accounts::load(c, setting, shard, (&mut known.addresses, &mut *findings)).await;
    let mut books = Books::new(setting, shard);
    let mut rows = TripRows {
        shard,
        from: Some(i64::MIN),
        read: VecDeque::new(),
    };
    let mut from = Some(i64::MIN);
    while let Some(start) = from {
        let pages = read_pages(c, shard, start, findings).await;
        from = pages.last().and_then(|page| page.seq_from.checked_add(1));
        for page in pages {
            let entries = books.take(&page, findings);
            for (seq, entry) in (page.seq_from..=i64::MAX).zip(entries) {
                books.fold(&page, seq, &entry, findings);
                take_entry(
                    c,
                    setting,
                    (seq, page.at_ms, &entry),
                    (&mut accounts, &mut rows, &mut known.activations),
                    findings,
                )
                .await;
            }
        }
    }
    while let Some(row) = rows.next_up_to(c, i64::MAX, findings).await {
        findings.add(
            RECORDS,
            at(shard, "trip", format!("seq {}", row.seq)),
            "no entry speaks of this row",
        );
    }
    books.finish(head, findings);
    match audit::totals(c, shard).await {
        Ok(totals) => {
            books.compare_totals(&totals, findings);
            accounts.finish(&totals, findings);
        }
        Err(error) => {
            findings.unreadable(BOOKS, at(shard, "daily_total", "*"), &error);
            accounts.finish(&[], findings);
        }
    }
}

async fn take_entry(
    c: &mut Connection,
    setting: &Setting<'_>,
    (seq, at_ms, entry): (i64, i64, &Entry),
    (accounts, rows, activations): (&mut Accounts, &mut TripRows, &mut Activations),
    findings: &mut Findings,
) {
    let shard = rows.shard;
    findings.checked(RECORDS, 1);
    let mut row = None;
    while let Some(next) = rows.next_up_to(c, seq, findings).await {
        if next.seq == seq && entry.kind == EntryKind::TripBooked {
            row = Some(next);
        } else {
            findings.add(
                RECORDS,
                at(shard, "trip", format!("seq {}", next.seq)),
                "no entry speaks of this row",
            );
        }
    }
    if entry.kind == EntryKind::Activated {
        return activations.take(shard, seq, entry, findings);
    }
    let Some(account) = accounts.get(&entry.address) else {
        findings.add(
            RECORDS,
            at(shard, "journal", format!("seq {seq}")),
            format!("no account row has the address {}", entry.address),
        );
        return;
    };
    match (entry.kind, row) {
        (EntryKind::Activated, _) => {}
        (EntryKind::AccountOpened, _) => account.open(shard, seq, entry, findings),
        (EntryKind::TripBooked, None) => {
            findings.add(
                RECORDS,
                at(shard, "trip", format!("seq {seq}")),
                "the row of this entry is missing",
            );
            account.fold(shard, seq, (entry, 0), findings);
        }
        (EntryKind::TripBooked, Some(row)) => {
            let Some((record, evidence)) = trips::check(shard, (at_ms, entry), &row, (account, &mut *findings)) else {
                account.fold(shard, seq, (entry, 0), findings);
                return;
            };
            in_force(shard, seq, &record, (&*activations, &mut *findings));
            account.fold(
                shard,
                seq,
                (entry, crate::ledger::submit::credited_duration_s(&record)),
                findings,
            );
            let proved = evidence.is_none_or(|evidence| evidence.proof.is_some());
            judge::check(setting, (shard, seq), (&record, proved), &mut account.rides, findings);
        }
    }
}

/// What a trip was judged by must have been in force.
fn in_force(shard: ShardId, seq: i64, record: &TripRecord, (activations, findings): (&Activations, &mut Findings)) {
    let network = |leg: &LegRecord| match leg.leg.distance.as_ref().map(|distance| &distance.from) {
        Some(DistanceFrom::Network { digest, .. }) => Some(Hash::new(*digest)),
        _ => None,
    };
    let legs = record.legs.iter();
    let digests = legs.flat_map(|leg| network(leg).into_iter().chain([leg.methodology.digest]));
    for digest in digests.chain([record.programme_digest]) {
        if !activations.digests.contains(&digest) {
            let place = at(shard, "trip", format!("seq {seq}"));
            findings.add(RECORDS, place, format!("{digest} has never been in force"));
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
                findings.unreadable(
                    BOOKS,
                    at(shard, "journal", format!("the first from seq_from {next}")),
                    &error,
                );
                return pages;
            }
        }
    }
}

/// The trips of a shard, read ahead in pieces.
struct TripRows {
    shard: ShardId,
    from: Option<i64>,
    read: VecDeque<TripRow>,
}

impl TripRows {
    /// The next row if its seq is not behind `seq`.
    async fn next_up_to(&mut self, c: &mut Connection, seq: i64, findings: &mut Findings) -> Option<TripRow> {
        if self.read.is_empty()
            && let Some(from) = self.from.take()
        {
            self.refill(c, from, findings).await;
        }
        if self.read.front()?.seq > seq {
            None
        } else {
            self.read.pop_front()
        }
    }

    /// Reads a piece; where it cannot be read, row by row up to the one to blame.
    async fn refill(&mut self, c: &mut Connection, from: i64, findings: &mut Findings) {
        if let Ok(rows) = audit::trips(c, self.shard, from, PIECE).await {
            self.read.extend(rows);
            self.from = self.read.back().and_then(|row| row.seq.checked_add(1));
            return;
        }
        let mut next = from;
        loop {
            match audit::trips(c, self.shard, next, 1).await {
                Ok(rows) => self.read.extend(rows),
                Err(error) => {
                    findings.unreadable(
                        RECORDS,
                        at(self.shard, "trip", format!("the first from seq {next}")),
                        &error,
                    );
                    return;
                }
            }
            match self.read.back().and_then(|row| row.seq.checked_add(1)) {
                Some(behind) if behind > next => next = behind,
                _ => return,
            }
        }
    }
}
