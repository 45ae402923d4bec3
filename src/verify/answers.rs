//! Answers kept under callers' keys: each row is what its entry says, and says what was done just before. They are kept 30
//! days; what is older may be gone.

use super::booked::Booked;
use super::findings::{Findings, ONCE, RECORDS, at, digits};
use crate::ledger::entry::{Entry, EntryKind};
use crate::ledger::idempotency::{Answer, KEPT_MS, Keyed, Skip, answer_digest};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::select::Choice;
use crate::ledger::transaction::Transaction;
use crate::store::audit::{self, AnswerRow, PIECE};
use crate::store::db::Connection;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const TABLE: &str = "idempotency";

/// The answers of one shard.
pub(super) struct Answers {
    shard: ShardId,
    /// Where the journal ends, by its head.
    head_ms: i64,
    /// When each key of the last 30 days was answered.
    recent: BTreeMap<Hash, i64>,
    by_age: VecDeque<(i64, Hash)>,
    /// Keys whose rows say a later seq than the entry read last, with that seq.
    later: BTreeMap<Hash, i64>,
    /// Rows that entries have been found for.
    rows: i64,
}

/// What an answer may speak of: the transaction that was booked last, and where its answer must follow.
pub(super) struct Done {
    /// Seq of the answer's entry.
    pub(super) answered_at: i64,
    pub(super) entry: Entry,
    pub(super) transaction: Transaction,
    /// Whether a merge stands right before it.
    pub(super) behind_merge: bool,
}

impl Answers {
    /// None yet.
    pub(super) fn new(shard: ShardId, head_ms: i64) -> Self {
        Self {
            shard,
            head_ms,
            recent: BTreeMap::new(),
            by_age: VecDeque::new(),
            later: BTreeMap::new(),
            rows: 0,
        }
    }

    /// An entry that says an answer is kept.
    pub(super) async fn take(
        &mut self,
        c: &mut Connection,
        booked: &Booked<'_>,
        done: Option<&Done>,
        findings: &mut Findings,
    ) {
        findings.checked(RECORDS, 1);
        let entry = booked.entry;
        let plain = entry.address == Hash::new([0; 32])
            && entry.lot.is_none()
            && entry.amount.micrograms() == 0
            && entry.postings.is_empty();
        let Some(key) = entry.reference.filter(|_| plain) else {
            let what = "an answer has a key, and neither address, lot, amount nor postings";
            return booked.wrong(RECORDS, "journal", what, findings);
        };
        self.once_in_its_time(booked, &key, findings);
        let row = match audit::answer(c, self.shard, &key).await {
            Ok(row) => row,
            Err(error) => return findings.unreadable(RECORDS, at(self.shard, TABLE, key), &error),
        };
        match row {
            None if self.head_ms.saturating_sub(booked.at_ms) < KEPT_MS => {
                let what = format!("the row of entry {} is missing", booked.seq);
                findings.add(RECORDS, at(self.shard, TABLE, key), what);
            }
            None => {}
            Some(row) if row.seq > booked.seq => drop(self.later.insert(key, row.seq)),
            Some(row) => {
                self.rows = self.rows.saturating_add(1);
                self.later.remove(&key);
                compare((booked, &key), &row, done, findings);
            }
        }
    }

    /// Within 30 days a key is answered once.
    fn once_in_its_time(&mut self, booked: &Booked<'_>, key: &Hash, findings: &mut Findings) {
        while let Some((at_ms, old)) = self.by_age.front().copied() {
            if booked.at_ms.saturating_sub(at_ms) < KEPT_MS {
                break;
            }
            self.by_age.pop_front();
            if self.recent.get(&old) == Some(&at_ms) {
                self.recent.remove(&old);
            }
        }
        self.by_age.push_back((booked.at_ms, *key));
        if self.recent.insert(*key, booked.at_ms).is_some() {
            let what = format!("entry {} answers the key anew within 30 days", booked.seq);
            findings.add(ONCE, at(self.shard, TABLE, key), what);
        }
    }

    /// No row is left that no entry speaks of.
    pub(super) async fn finish(&self, c: &mut Connection, findings: &mut Findings) {
        for (key, seq) in &self.later {
            let what = format!("no entry {seq} answers under this key");
            findings.add(RECORDS, at(self.shard, TABLE, key), what);
        }
        // One row with all its columns: of a shard without answers nothing else would tell that the table is broken.
        if let Err(error) = audit::answers(c, self.shard, &[], 1).await {
            findings.unreadable(RECORDS, at(self.shard, TABLE, "*"), &error);
        }
        match audit::answer_count(c, self.shard).await {
            Ok(count) if count == self.rows => {}
            Ok(_) => self.strays(c, findings).await,
            Err(error) => findings.unreadable(RECORDS, at(self.shard, TABLE, "*"), &error),
        }
    }

    /// Names the rows without an entry: each says which entry answered, so that one is asked.
    async fn strays(&self, c: &mut Connection, findings: &mut Findings) {
        let mut behind = Vec::new();
        let mut named = false;
        loop {
            let rows = match audit::answers(c, self.shard, &behind, PIECE).await {
                Ok(rows) => rows,
                Err(error) => return findings.unreadable(RECORDS, at(self.shard, TABLE, "*"), &error),
            };
            let Some(last) = rows.last() else { break };
            behind.clone_from(&last.key_digest);
            for row in rows {
                if !self.is_answered(c, &row).await {
                    named = true;
                    findings.add(
                        RECORDS,
                        at(self.shard, TABLE, digits(&row.key_digest)),
                        "no entry answers under this key",
                    );
                }
            }
        }
        if !named {
            findings.add(
                RECORDS,
                at(self.shard, TABLE, "*"),
                "there are more rows, or less, than entries say",
            );
        }
    }

    async fn is_answered(&self, c: &mut Connection, row: &AnswerRow) -> bool {
        let page = audit::page_of(c, self.shard, row.seq).await.ok().flatten();
        let entry = page.and_then(|page| {
            let place = usize::try_from(row.seq.checked_sub(page.seq_from)?).ok()?;
            page.decode_entries().ok()?.into_iter().nth(place)
        });
        entry.is_some_and(|entry| {
            let reference = entry.reference.map(|key| key.as_bytes().to_vec());
            entry.kind == EntryKind::Answered && reference.as_ref() == Some(&row.key_digest)
        })
    }
}

fn compare((booked, key): (&Booked<'_>, &Hash), row: &AnswerRow, done: Option<&Done>, findings: &mut Findings) {
    let place = || at(booked.shard, TABLE, key);
    let request = Hash::from_slice(&row.request_digest);
    let digest = request.map(|request| answer_digest(&Keyed { key: *key, request }, &row.answer));
    let said = [
        ("seq", row.seq == booked.seq),
        ("at_ms", row.at_ms == booked.at_ms),
        (
            "request_digest, answer or the digest of the entry",
            digest == Some(booked.entry.digest),
        ),
    ];
    findings.differing(RECORDS, place(), &said);
    match Answer::decode(&row.answer) {
        Err(error) => findings.add(RECORDS, place(), format!("the answer cannot be read: {error}")),
        Ok(answer) => {
            if answer.encode().ok().as_ref() != Some(&row.answer) {
                findings.add(RECORDS, place(), "the answer is not in its canonical form");
            }
            let done = done.filter(|done| done.answered_at == booked.seq);
            if !is_true(&answer, booked.entry, done) {
                findings.add(RECORDS, place(), "the answer is not what was done");
            }
        }
    }
}

/// Whether an answer says what stands before it in the journal.
fn is_true(answer: &Answer, entry: &Entry, done: Option<&Done>) -> bool {
    let same_order = |done: &&Done| {
        let of = &done.entry;
        (&of.programme, &of.actor, &of.request_id) == (&entry.programme, &entry.actor, &entry.request_id)
    };
    match answer {
        Answer::Collect {
            content_id: None,
            collected,
            skipped,
            more,
        } => *collected == 0 && !more && skipped.iter().all(Option::is_some),
        Answer::Collect {
            content_id: Some(content_id),
            collected,
            skipped,
            more,
        } => done.filter(same_order).is_some_and(|done| {
            let sources: BTreeSet<Hash> = done.transaction.sources.iter().map(|source| source.key).collect();
            done.entry.kind == EntryKind::Collected
                && done.entry.digest == *content_id
                && sources.len() == usize::from(*collected)
                && names_are_true(skipped, sources.len(), *more)
        }),
        Answer::Redeem { content_id, choice } => done.filter(same_order).is_some_and(|done| {
            done.entry.kind == EntryKind::Redeemed && done.entry.digest == *content_id && choice_is_true(*choice, done)
        }),
    }
}

/// Of the trips asked for by name, those that were not skipped were taken, or left for the next time.
fn names_are_true(skipped: &[Option<Skip>], taken: usize, more: bool) -> bool {
    let open = skipped.iter().filter(|skip| skip.is_none()).count();
    skipped.is_empty() || (open >= taken && more == (open > taken))
}

fn choice_is_true(choice: Choice, done: &Done) -> bool {
    let inputs = done.transaction.inputs.len();
    let change = done
        .transaction
        .outputs
        .iter()
        .any(|output| output.owner == done.transaction.orderer);
    match choice {
        Choice::Exact => inputs == 1 && !change,
        Choice::Cover => inputs == 1 && change,
        Choice::Oldest => inputs > 1,
        Choice::Expiring => true,
        Choice::Merged => done.behind_merge,
    }
}
