//! Rows that stand beside the journal under the seqs of its entries: read ahead in pieces, handed out in lockstep.

use super::findings::{Findings, RECORDS, at};
use crate::ledger::ids::ShardId;
use crate::store::audit::{self, PIECE, TransactionRow, TripRow};
use crate::store::db::{Connection, StoreError};
use std::collections::VecDeque;

/// A row that is found by its seq.
pub(super) trait BySeq: Sized {
    /// Its table.
    const TABLE: &'static str;

    /// Its seq.
    fn seq(&self) -> i64;

    /// Rows from a seq on, ascending, at most `limit`.
    fn read(
        c: &mut Connection,
        shard: ShardId,
        from: i64,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;
}

impl BySeq for TripRow {
    const TABLE: &'static str = "trip";

    fn seq(&self) -> i64 {
        self.seq
    }

    async fn read(c: &mut Connection, shard: ShardId, from: i64, limit: i64) -> Result<Vec<Self>, StoreError> {
        audit::trips(c, shard, from, limit).await
    }
}

impl BySeq for TransactionRow {
    const TABLE: &'static str = "ledger_tx";

    fn seq(&self) -> i64 {
        self.seq
    }

    async fn read(c: &mut Connection, shard: ShardId, from: i64, limit: i64) -> Result<Vec<Self>, StoreError> {
        audit::transactions(c, shard, from, limit).await
    }
}

/// The rows of a shard, read ahead.
pub(super) struct Rows<T> {
    shard: ShardId,
    from: Option<i64>,
    read: VecDeque<T>,
}

impl<T: BySeq> Rows<T> {
    /// None read yet.
    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            from: Some(i64::MIN),
            read: VecDeque::new(),
        }
    }

    /// The row of an entry, if the entry should have one. Rows that no entry speaks of become findings on the way.
    pub(super) async fn of(
        &mut self,
        c: &mut Connection,
        (seq, wanted): (i64, bool),
        findings: &mut Findings,
    ) -> Option<T> {
        let mut row = None;
        while let Some(next) = self.next_up_to(c, seq, findings).await {
            if next.seq() == seq && wanted {
                row = Some(next);
            } else {
                self.stray(&next, findings);
            }
        }
        if wanted && row.is_none() {
            let place = at(self.shard, T::TABLE, format!("seq {seq}"));
            findings.add(RECORDS, place, "the row of this entry is missing");
        }
        row
    }

    /// Whatever is left behind the last entry.
    pub(super) async fn finish(&mut self, c: &mut Connection, findings: &mut Findings) {
        while let Some(row) = self.next_up_to(c, i64::MAX, findings).await {
            self.stray(&row, findings);
        }
    }

    fn stray(&self, row: &T, findings: &mut Findings) {
        let place = at(self.shard, T::TABLE, format!("seq {}", row.seq()));
        findings.add(RECORDS, place, "no entry speaks of this row");
    }

    /// The next row if its seq is not behind `seq`.
    async fn next_up_to(&mut self, c: &mut Connection, seq: i64, findings: &mut Findings) -> Option<T> {
        if self.read.is_empty()
            && let Some(from) = self.from.take()
        {
            self.refill(c, from, findings).await;
        }
        if self.read.front()?.seq() > seq {
            None
        } else {
            self.read.pop_front()
        }
    }

    /// Reads a piece; where it cannot be read, row by row up to the one to blame.
    async fn refill(&mut self, c: &mut Connection, from: i64, findings: &mut Findings) {
        if let Ok(rows) = T::read(c, self.shard, from, PIECE).await {
            self.read.extend(rows);
            self.from = self.read.back().and_then(|row| row.seq().checked_add(1));
            return;
        }
        let mut next = from;
        loop {
            match T::read(c, self.shard, next, 1).await {
                Ok(rows) => self.read.extend(rows),
                Err(error) => {
                    let place = at(self.shard, T::TABLE, format!("the first from seq {next}"));
                    return findings.unreadable(RECORDS, place, &error);
                }
            }
            match self.read.back().and_then(|row| row.seq().checked_add(1)) {
                Some(behind) if behind > next => next = behind,
                _ => return,
            }
        }
    }
}
