//! Reads for the API: few statements each, on a connection of the readers' pool.

mod credits;
pub mod dispatch;
pub mod due;
mod journal;
pub mod totals;
pub mod trace;
mod transactions;
mod trips;
mod way;

pub use credits::{Expiring, credit, credits_after, credits_named, expiring};
pub use journal::{Sealed, accounts_of, pages_behind, transactions_named, trips_between};
pub use transactions::{Listed, Transacted, made_by, transaction, transactions_after};
pub use trips::{claims_after, trip, trips_before};
pub use way::{Attempt, OnChain, attempts, is_blocked, on_chain, settling};

use super::db::{Readers, StoreError, with_pool};
use super::load::{FIGURES, FigureRow, figures_of};
use super::statement::of_shard;
use crate::ledger::account::{Due, Figures};
use crate::ledger::ids::{Hash, ShardId, UserId};
use std::collections::BTreeMap;

/// A balance in one programme.
#[derive(Clone, Debug)]
pub struct ProgrammeBalance {
    /// Programme.
    pub programme: String,
    /// The account's figures.
    pub figures: Figures,
    /// Unspent credits.
    pub unspent_count: i64,
    /// When time alone will change it.
    pub due: Due,
}

/// The accounts of a user, by programme, and the seq of the shard at or before that reading.
pub async fn balances(readers: &Readers, user: UserId) -> Result<(Vec<ProgrammeBalance>, i64), StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        programme: String,
        lapses_ms: Option<i64>,
        collects_ms: Option<i64>,
        #[sqlx(flatten)]
        figures: FigureRow,
    }
    let sql = format!(
        "SELECT programme, lapses_ms, collects_ms, {FIGURES} FROM account_{{shard}} WHERE user_id = ? ORDER BY programme"
    );
    let shard = user.shard();
    let seq = position(readers, shard).await?;
    let rows: Vec<Row> = with_pool!(readers.of(user.shard()), |pool| sqlx::query_as(of_shard(&sql, shard))
        .bind(user.value())
        .fetch_all(pool)
        .await)?;
    let balance = |row: Row| ProgrammeBalance {
        programme: row.programme,
        figures: figures_of(&row.figures),
        unspent_count: row.figures.unspent_count,
        due: Due {
            lapses_ms: row.lapses_ms,
            collects_ms: row.collects_ms,
        },
    };
    Ok((rows.into_iter().map(balance).collect(), seq))
}

/// The data keys of a user's accounts, wrapped, by programme, each with the account's address.
pub async fn wrapped_keys(readers: &Readers, user: UserId) -> Result<BTreeMap<String, (Hash, Vec<u8>)>, StoreError> {
    const SQL: &str = "SELECT programme, address, wrapped_key FROM account_{shard} WHERE user_id = ?";
    let rows: Vec<(String, Vec<u8>, Vec<u8>)> = with_pool!(readers.of(user.shard()), |pool| {
        sqlx::query_as(of_shard(SQL, user.shard()))
            .bind(user.value())
            .fetch_all(pool)
            .await
    })?;
    let key = |(programme, address, wrapped_key): (String, Vec<u8>, Vec<u8>)| {
        let address =
            Hash::from_slice(&address).ok_or_else(|| StoreError::row("account", "address", "not 32 bytes"))?;
        Ok((programme, (address, wrapped_key)))
    };
    rows.into_iter().map(key).collect()
}

/// Seq of a shard's last entry.
pub async fn position(readers: &Readers, shard: ShardId) -> Result<i64, StoreError> {
    let row: Option<(i64,)> = with_pool!(readers.of(shard), |pool| {
        sqlx::query_as("SELECT seq FROM shard_head WHERE shard = ?")
            .bind(i64::from(shard.index()))
            .fetch_optional(pool)
            .await
    })?;
    row.map(|(seq,)| seq)
        .ok_or_else(|| StoreError::row("shard_head", "shard", format!("{shard} is missing")))
}

/// The one shard, or all.
fn shards(one: Option<ShardId>) -> Vec<ShardId> {
    one.map_or_else(|| ShardId::all().collect(), |shard| vec![shard])
}
