//! What entries add up to: accounts and daily totals.

use crate::ledger::account::Account;
use crate::ledger::ids::ShardId;
use crate::ledger::totals::{Total, TotalKey};
use crate::ledger::view::View;
use crate::store::db::{Connection, StoreError, with};
use crate::store::load::FIGURES;
use crate::store::statement::{global, pieces, write_rows};

pub(super) async fn accounts(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    let head = format!(
        "INSERT INTO account_{{shard}} (user_id, programme, address, wrapped_key, lapses_ms, collects_ms, {FIGURES}) VALUES "
    );
    let tail = c.or_change("user_id, programme", &format!("lapses_ms, collects_ms, {FIGURES}"));
    let item = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let keys = view.changes.accounts.iter();
    let changed: Vec<&Account> = keys.filter_map(|key| view.accounts.get(key)).collect();
    write_rows!(c, view.shard, [&head, item, ", ", &tail], &changed, |query, account| {
        let figures = &account.figures;
        let query = query
            .bind(account.user.value())
            .bind(account.programme.clone())
            .bind(account.address.as_bytes().to_vec())
            .bind(account.wrapped_key.clone())
            .bind(account.due.lapses_ms)
            .bind(account.due.collects_ms);
        let amounts = [
            figures.available,
            figures.waiting,
            figures.quantified,
            figures.capped,
            figures.collected,
            figures.lapsed,
            figures.issued,
            figures.spent,
            figures.expired,
        ];
        let query = amounts
            .iter()
            .fold(query, |query, amount| query.bind(amount.micrograms()));
        query.bind(figures.longest_trip_s).bind(account.unspent_count)
    });
    Ok(())
}

/// Daily totals of all shards.
pub(in crate::store) async fn totals(c: &mut Connection, views: &[View]) -> Result<(), StoreError> {
    const HEAD: &str = "REPLACE INTO daily_total (shard, booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug) \
         VALUES ";
    let rows = views.iter().flat_map(|view| {
        let keys = view.changes.totals.iter();
        keys.map(move |key| (view.shard, key, view.total(key)))
    });
    let changed: Vec<(ShardId, &TotalKey, Total)> = rows.collect();
    for piece in pieces(&changed) {
        let sql = global([HEAD, "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", ", ", ""], piece.len());
        with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query(sql), |query, (shard, key, total)| {
                    query
                        .bind(i64::from(shard.index()))
                        .bind(i64::from(key.booked_day.epoch_days()))
                        .bind(i64::from(key.activity_day.epoch_days()))
                        .bind(key.programme.clone())
                        .bind(key.gas.as_str())
                        .bind(key.figure.as_str())
                        .bind(key.mode.clone())
                        .bind(key.methodology.clone())
                        .bind(total.count)
                        .bind(total.amount.micrograms())
                })
                .execute(&mut *c)
                .await
                .map(|_| ())
        })?;
    }
    Ok(())
}
