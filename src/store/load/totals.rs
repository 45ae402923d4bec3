//! The daily totals that a batch may change: those of the booked day, for the activity days that it brings along.

use super::day_of;
use crate::ledger::command::Command;
use crate::ledger::entry::Figure;
use crate::ledger::totals::{Total, TotalKey};
use crate::ledger::view::View;
use crate::methodology::Gas;
use crate::methodology::units::Amount;
use crate::store::db::{Connection, StoreError, with};
use crate::store::statement::{pieces, repeated};
use std::collections::BTreeSet;

/// Loads the totals of the days of trips, of claims, and of the booked day itself.
pub(super) async fn load(c: &mut Connection, view: &mut View, commands: &[&Command]) -> Result<(), StoreError> {
    let mut days: BTreeSet<i64> = BTreeSet::new();
    for command in commands {
        match command {
            Command::SubmitTrip(trip) => days.insert(i64::from(trip.assessment.day.epoch_days())),
            Command::Redeem(_) => days.insert(i64::from(view.booked_day.epoch_days())),
            _ => false,
        };
    }
    days.extend(
        view.claims
            .values()
            .map(|claim| i64::from(claim.trip.record.day.epoch_days())),
    );
    if !view.credits.is_empty() {
        days.insert(i64::from(view.booked_day.epoch_days())); // some may expire
    }
    totals(c, view, &days.into_iter().collect::<Vec<_>>()).await
}

async fn totals(c: &mut Connection, view: &mut View, days: &[i64]) -> Result<(), StoreError> {
    const HEAD: &str = "SELECT activity_day, programme, gas, figure, mode, methodology, count, amount_ug FROM daily_total \
         WHERE shard = ? AND booked_day = ? AND activity_day IN (";
    type Row = (i64, String, String, String, String, String, i64, i64);
    for piece in pieces(days) {
        let sql = repeated([HEAD, "?", ", ", ")"], piece.len(), view.shard);
        let rows: Vec<Row> = with!(&mut *c, |c| {
            let query = sqlx::query_as(sql)
                .bind(i64::from(view.shard.index()))
                .bind(i64::from(view.booked_day.epoch_days()));
            piece
                .iter()
                .fold(query, |query, day| query.bind(*day))
                .fetch_all(&mut *c)
                .await
        })?;
        for (day, programme, gas, figure, mode, methodology, count, amount) in rows {
            let key = TotalKey {
                booked_day: view.booked_day,
                activity_day: day_of(day, "daily_total", "activity_day")?,
                programme,
                gas: Gas::parse(&gas).ok_or_else(|| StoreError::row("daily_total", "gas", &gas))?,
                figure: Figure::parse(&figure).ok_or_else(|| StoreError::row("daily_total", "figure", &figure))?,
                mode,
                methodology,
            };
            view.totals.insert(
                key,
                Total {
                    count,
                    amount: Amount::from_micrograms(amount),
                },
            );
        }
    }
    Ok(())
}
