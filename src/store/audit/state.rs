//! Trips and accounts as stored.

use crate::ledger::account::Figures;
use crate::ledger::ids::ShardId;
use crate::store::db::{Connection, StoreError, with};
use crate::store::load::{FIGURES, FigureRow, figures_of};
use crate::store::statement::of_shard;

/// A trip as stored.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, Debug)]
pub struct TripRow {
    /// Seq.
    pub seq: i64,
    /// Rider.
    pub user_id: i64,
    /// Identity, as issues name it.
    pub source_key: Vec<u8>,
    /// Programme.
    pub programme: String,
    /// Activity day.
    pub activity_day: i64,
    /// Start.
    pub started_s: i64,
    /// End.
    pub ended_s: i64,
    /// `credited`, or the rule.
    pub outcome: String,
    /// What it earned.
    pub amount_ug: i64,
    /// Canonical record.
    pub record: Vec<u8>,
    /// Sealed evidence.
    pub evidence: Vec<u8>,
    /// Content id of the issue that turned its claim into credits.
    pub issued_by: Option<Vec<u8>>,
}

/// An account as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRow {
    /// Rider.
    pub user_id: i64,
    /// Programme.
    pub programme: String,
    /// Address.
    pub address: Vec<u8>,
    /// Wrapped data key.
    pub wrapped_key: Vec<u8>,
    /// Every figure.
    pub figures: Figures,
    /// Unspent credits.
    pub unspent_count: i64,
}

/// Trips of a shard from the seq `from` on, ascending, at most `limit`.
pub async fn trips(c: &mut Connection, shard: ShardId, from: i64, limit: i64) -> Result<Vec<TripRow>, StoreError> {
    const SQL: &str = "SELECT seq, user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence, \
         issued_by FROM trip_{shard} WHERE seq >= ? ORDER BY seq LIMIT ?";
    Ok(with!(c, |c| sqlx::query_as(of_shard(SQL, shard))
        .bind(from)
        .bind(limit)
        .fetch_all(&mut *c)
        .await)?)
}

/// All accounts of a shard, by user and programme.
pub async fn accounts(c: &mut Connection, shard: ShardId) -> Result<Vec<AccountRow>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        user_id: i64,
        programme: String,
        address: Vec<u8>,
        wrapped_key: Vec<u8>,
        #[sqlx(flatten)]
        figures: FigureRow,
    }
    let sql = format!(
        "SELECT user_id, programme, address, wrapped_key, {FIGURES} FROM account_{{shard}} ORDER BY user_id, programme"
    );
    let rows: Vec<Row> = with!(c, |c| sqlx::query_as(of_shard(&sql, shard)).fetch_all(&mut *c).await)?;
    let account = |row: Row| AccountRow {
        user_id: row.user_id,
        programme: row.programme,
        address: row.address,
        wrapped_key: row.wrapped_key,
        figures: figures_of(&row.figures),
        unspent_count: row.figures.unspent_count,
    };
    Ok(rows.into_iter().map(account).collect())
}
