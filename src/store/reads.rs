//! Reads for the API: one statement each, on a connection of the readers' pool.

use super::db::{Readers, StoreError, with_readers};
use super::load::shard_of;
use super::statement::of_shard;
use crate::ledger::account::Figures;
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::trip::TripRecord;
use crate::ledger::view::StoredTrip;
use crate::methodology::units::Amount;
use std::sync::Arc;

/// A balance in one programme.
#[derive(Clone, Debug)]
pub struct ProgrammeBalance {
    /// Programme.
    pub programme: String,
    /// The account's figures.
    pub figures: Figures,
}

/// The accounts of a user, by programme, and the seq of the shard at or before that reading.
pub async fn balances(readers: &Readers, user: UserId) -> Result<(Vec<ProgrammeBalance>, i64), StoreError> {
    const SQL: &str = "SELECT programme, waiting_ug, quantified_ug, capped_ug, longest_trip_s FROM account_{shard} \
         WHERE user_id = ? ORDER BY programme";
    let shard = user.shard();
    let seq = position(readers, i64::from(shard.index())).await?;
    let rows: Vec<(String, i64, i64, i64, i64)> = with_readers!(readers, |pool| sqlx::query_as(of_shard(SQL, shard))
        .bind(user.value())
        .fetch_all(pool)
        .await)?;
    let balances = rows.into_iter().map(
        |(programme, waiting, quantified, capped, longest_trip_s)| ProgrammeBalance {
            programme,
            figures: Figures {
                waiting: Amount::from_micrograms(waiting),
                quantified: Amount::from_micrograms(quantified),
                capped: Amount::from_micrograms(capped),
                longest_trip_s,
            },
        },
    );
    Ok((balances.collect(), seq))
}

/// A trip by its identity.
pub async fn trip(readers: &Readers, user: UserId, trip_key: &Hash) -> Result<Option<StoredTrip>, StoreError> {
    const SQL: &str = "SELECT seq, record, evidence FROM trip_{shard} WHERE user_id = ? AND trip_key = ?";
    let row: Option<(i64, Vec<u8>, Vec<u8>)> = with_readers!(readers, |pool| {
        sqlx::query_as(of_shard(SQL, user.shard()))
            .bind(user.value())
            .bind(trip_key.as_bytes().as_slice())
            .fetch_optional(pool)
            .await
    })?;
    row.map(|(seq, record, evidence)| {
        let record = TripRecord::decode(&record).map_err(|error| StoreError::row("trip", "record", error))?;
        Ok(StoredTrip {
            seq,
            record: Arc::new(record),
            evidence,
        })
    })
    .transpose()
}

/// Seq of a shard's last entry.
pub async fn position(readers: &Readers, shard: i64) -> Result<i64, StoreError> {
    shard_of(shard, "shard_head")?;
    let row: Option<(i64,)> = with_readers!(readers, |pool| {
        sqlx::query_as("SELECT seq FROM shard_head WHERE shard = ?")
            .bind(shard)
            .fetch_optional(pool)
            .await
    })?;
    row.map(|(seq,)| seq)
        .ok_or_else(|| StoreError::row("shard_head", "shard", format!("{shard} is missing")))
}
