//! How far transactions and credits have come on their way to the chain. Blocked is nobody's column: it is told from what a
//! transaction descends from, so it is right the moment that changes.

use crate::ledger::credit::Credit;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::settle::EnvelopeStatus;
use crate::ledger::standing::{Standing, Status};
use crate::methodology::units::Amount;
use crate::store::db::{Readers, StoreError, with_pool};
use crate::store::load::{STANDING, StandingRow, envelope_status, standing_of};
use crate::store::statement::{of_shard, pieces, repeated};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ancestors that are looked at before a transaction is called waiting.
const MOST_ANCESTORS: usize = 1_000;

/// Whether the chain has a credit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnChain {
    /// What made it is on its way.
    Waiting,
    /// What made it is in a block.
    Confirmed,
    /// What made it is refused, or descends from what is.
    Blocked,
}

impl OnChain {
    /// Word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirmed => "confirmed",
            Self::Blocked => "blocked",
        }
    }
}

/// An envelope that has carried a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The id by which the chain knows it.
    pub chain_tx_id: Hash,
    /// When it was signed, Unix milliseconds.
    pub created_ms: i64,
    /// How far it has come.
    pub status: EnvelopeStatus,
}

/// How far each of the transactions that made these credits of one shard has come.
pub async fn on_chain<'c>(
    readers: &Readers,
    shard: ShardId,
    credits: impl Iterator<Item = &'c Credit>,
) -> Result<BTreeMap<Hash, OnChain>, StoreError> {
    let seqs: BTreeSet<i64> = credits.map(|credit| credit.created_seq).collect();
    let seqs: Vec<i64> = seqs.into_iter().collect();
    let head = format!("SELECT {STANDING} FROM ledger_tx_{{shard}} t WHERE t.seq IN (");
    let mut refused = None;
    let mut found = BTreeMap::new();
    for piece in pieces(&seqs) {
        let sql = repeated([&head, "?", ", ", ")"], piece.len(), shard);
        let rows: Vec<StandingRow> = with_pool!(readers.of(shard), |pool| {
            let query = sqlx::query_as(sql);
            piece
                .iter()
                .fold(query, |query, seq| query.bind(*seq))
                .fetch_all(pool)
                .await
        })?;
        for row in rows {
            let standing = standing_of(row)?;
            let on_chain = match &standing.status {
                Status::Confirmed(_) => OnChain::Confirmed,
                Status::Refused(_) => OnChain::Blocked,
                Status::Stored { unmet: 1.., .. } => {
                    let any = match refused {
                        Some(any) => any,
                        None => *refused.insert(any_refused(readers, shard).await?),
                    };
                    if any && descends_from_refused(readers, shard, &standing).await? {
                        OnChain::Blocked
                    } else {
                        OnChain::Waiting
                    }
                }
                Status::Stored { .. } | Status::Submitted | Status::Dead(_) => OnChain::Waiting,
            };
            found.insert(standing.content_id, on_chain);
        }
    }
    Ok(found)
}

/// Whether a transaction that waits for others descends from one that is refused.
pub async fn is_blocked(readers: &Readers, shard: ShardId, standing: &Standing) -> Result<bool, StoreError> {
    let waits = standing.status.unmet() > 0;
    Ok(waits && any_refused(readers, shard).await? && descends_from_refused(readers, shard, standing).await?)
}

async fn descends_from_refused(readers: &Readers, shard: ShardId, standing: &Standing) -> Result<bool, StoreError> {
    const PARENTS: &str = "SELECT DISTINCT t.content_id, t.user_id, t.status, t.unmet FROM credit_{shard} c \
         JOIN ledger_tx_{shard} t ON t.seq = c.created_seq WHERE c.user_id = ? AND c.spent_by = ?";
    let mut known = BTreeSet::from([standing.content_id]);
    let mut open = VecDeque::from([(standing.user.value(), standing.content_id)]);
    while let Some((user, content_id)) = open.pop_front() {
        let rows: Vec<(Vec<u8>, i64, String, i64)> = with_pool!(readers.of(shard), |pool| {
            sqlx::query_as(of_shard(PARENTS, shard))
                .bind(user)
                .bind(content_id.as_bytes().to_vec())
                .fetch_all(pool)
                .await
        })?;
        for (parent, user, status, unmet) in rows {
            if status == "refused" {
                return Ok(true);
            }
            let parent =
                Hash::from_slice(&parent).ok_or_else(|| StoreError::row("ledger_tx", "content_id", "not 32 bytes"))?;
            if unmet > 0 && known.len() < MOST_ANCESTORS && known.insert(parent) {
                open.push_back((user, parent));
            }
        }
    }
    Ok(false)
}

async fn any_refused(readers: &Readers, shard: ShardId) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT seq FROM ledger_tx_{shard} WHERE status = 'refused' LIMIT 1";
    let row: Option<(i64,)> = with_pool!(readers.of(shard), |pool| sqlx::query_as(of_shard(SQL, shard))
        .fetch_optional(pool)
        .await)?;
    Ok(row.is_some())
}

/// The envelopes that have carried a transaction and are still kept, oldest first.
pub async fn attempts(readers: &Readers, shard: ShardId, standing: &Standing) -> Result<Vec<Attempt>, StoreError> {
    const SQL: &str = "SELECT status, created_ms FROM envelope_{shard} WHERE chain_tx_id = ?";
    let mut attempts = Vec::new();
    for id in standing.earlier.iter().chain(&standing.chain_tx_id) {
        let row: Option<(String, i64)> = with_pool!(readers.of(shard), |pool| {
            sqlx::query_as(of_shard(SQL, shard))
                .bind(id.as_bytes().to_vec())
                .fetch_optional(pool)
                .await
        })?;
        if let Some((status, created_ms)) = row {
            attempts.push(Attempt {
                chain_tx_id: *id,
                created_ms,
                status: envelope_status(&status)?,
            });
        }
    }
    Ok(attempts)
}

/// What of a user's unspent credits is not confirmed yet, by programme.
pub async fn settling(readers: &Readers, user: UserId) -> Result<BTreeMap<String, Amount>, StoreError> {
    const SQL: &str = "SELECT c.programme, c.amount_ug FROM credit_{shard} c JOIN ledger_tx_{shard} t ON t.seq = c.created_seq \
         WHERE c.user_id = ? AND c.spent_by IS NULL AND t.status <> 'confirmed'";
    let rows: Vec<(String, i64)> = with_pool!(readers.of(user.shard()), |pool| {
        sqlx::query_as(of_shard(SQL, user.shard()))
            .bind(user.value())
            .fetch_all(pool)
            .await
    })?;
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for (programme, amount_ug) in rows {
        let sum = sums.entry(programme).or_insert(Amount::ZERO);
        let more = sum.checked_add(Amount::from_micrograms(amount_ug));
        *sum = more.ok_or_else(|| StoreError::row("credit", "amount_ug", "the sum leaves the range of 64 bits"))?;
    }
    Ok(sums)
}
