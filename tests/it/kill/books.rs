//! What stands in a data folder: trips, accounts, transactions and how far they have come. Names that chance has a part in (addresses,
//! keys, hashes) are left out, so that two folders with the same rides have the same books.

use crate::database::location;
use crate::import::stored;
use carbon_gateway::ledger::ids::{Hash, ShardId};
use carbon_gateway::store::audit;
use carbon_gateway::store::db::Connection;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The books of a folder.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Books {
    trips: Vec<String>,
    /// Every figure of every account.
    accounts: Vec<String>,
    /// By owner, kind and status: how many, and the sum in micrograms.
    transactions: BTreeMap<(i64, String, &'static str), (u64, i128)>,
}

impl Books {
    /// Of a folder that nobody writes to.
    pub(super) async fn of(data: &Path) -> Self {
        let mut books = Self {
            trips: stored::lines(&stored::trips(data).await),
            ..Self::default()
        };
        let mut snapshot = location(data).snapshot().await.unwrap();
        for shard in ShardId::all() {
            for account in audit::accounts(&mut snapshot, shard).await.unwrap() {
                let (user, figures, unspent) = (account.user_id, account.figures, account.unspent_count);
                books
                    .accounts
                    .push(format!("{user} {} {figures:?} {unspent}", account.programme));
            }
            books.add_transactions(&mut snapshot, shard).await;
        }
        books
    }

    async fn add_transactions(&mut self, c: &mut Connection, shard: ShardId) {
        let rows = audit::transactions(c, shard, 0, i64::MAX).await.unwrap();
        for row in rows {
            let content_id = Hash::from_slice(&row.content_id).unwrap();
            let standing = audit::standing(c, shard, &content_id).await.unwrap().unwrap();
            let key = (row.user_id, row.kind, standing.status.as_str());
            let (count, amount_ug) = self.transactions.entry(key).or_default();
            *count += 1;
            *amount_ug += i128::from(row.amount_ug);
        }
    }

    /// Stored trips.
    pub(super) fn trip_count(&self) -> usize {
        self.trips.len()
    }

    /// Insists that these are the books of an undisturbed folder, and that everything there is confirmed.
    pub(super) fn assert_are(&self, undisturbed: &Self) {
        assert_eq!(self.trips, undisturbed.trips);
        assert_eq!(self.accounts, undisturbed.accounts);
        assert_eq!(self.transactions, undisturbed.transactions);
        assert!(!self.transactions.is_empty());
        for ((user, kind, status), sum) in &self.transactions {
            assert_eq!(*status, "confirmed", "{user} {kind} {sum:?}");
        }
    }
}

/// How far a folder has come: what an end in the middle of things has left.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Progress {
    pub(super) trips: usize,
    /// Claims that are not collected.
    pub(super) claims: usize,
    /// Transactions that are not in an envelope.
    pub(super) stored: i64,
    /// Transactions in envelopes on their way.
    pub(super) submitted: i64,
    /// Transactions that have arrived.
    pub(super) ended: i64,
}

impl Progress {
    /// Of a folder that nobody writes to; of one without tables, that it is empty.
    pub(super) async fn of(data: &Path) -> Self {
        Self::read(data).await.unwrap_or_default()
    }

    async fn read(data: &Path) -> Option<Self> {
        let mut snapshot = location(data).snapshot().await.ok()?;
        let c = &mut snapshot;
        let mut progress = Self::default();
        for shard in ShardId::all() {
            progress.trips += audit::trips(c, shard, 0, i64::MAX).await.ok()?.len();
            progress.claims += audit::claims(c, shard, (i64::MIN, i64::MIN), i64::MAX)
                .await
                .ok()?
                .len();
            let all = audit::transactions(c, shard, 0, i64::MAX).await.ok()?.len();
            let (submitted, ended) = (
                audit::submitted_count(c, shard).await.ok()?,
                audit::ended_count(c, shard).await.ok()?,
            );
            progress.submitted += submitted;
            progress.ended += ended;
            progress.stored += i64::try_from(all).ok()? - submitted - ended;
        }
        Some(progress)
    }

    /// What was being done, when `trips` are all that will be there.
    pub(super) fn phase(&self, trips: usize) -> &'static str {
        if self.trips == 0 {
            "opening"
        } else if self.trips < trips {
            "importing"
        } else if self.claims > 0 {
            "collecting"
        } else if self.stored > 0 || self.submitted > 0 {
            "sending"
        } else {
            "closing"
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trips,
            claims,
            stored,
            submitted,
            ended,
        } = self;
        write!(
            out,
            "{trips} trips, {claims} claims waiting; transactions: {stored} stored, {submitted} submitted, {ended} ended"
        )
    }
}
