//! The daily totals that a batch may change: those of the booked day, for the activity days that it brings along.

use super::day_of;
use crate::ledger::command::Command;
use crate::ledger::entry::Figure;
use crate::ledger::totals::{Total, TotalKey};
use crate::ledger::view::View;
use crate::methodology::Gas;
use crate::methodology::units::{Amount, Day};
use crate::store::db::{Connection, StoreError, with};
use crate::store::statement::{global, pieces};
use std::collections::{BTreeMap, BTreeSet};

/// Loads, for each shard with its commands, the totals of the days of trips, of claims, and of the booked day itself.
pub(in crate::store) async fn totals<'v>(
    c: &mut Connection,
    views: impl Iterator<Item = (&'v mut View, &'v [&'v Command])>,
) -> Result<(), StoreError> {
    let mut views: BTreeMap<i64, (&mut View, BTreeSet<i64>)> = views
        .map(|(view, commands)| (i64::from(view.shard.index()), days(view, commands), view))
        .map(|(shard, days, view)| (shard, (view, days)))
        .collect();
    let asked = views.iter().flat_map(|(shard, (view, days))| {
        let booked = i64::from(view.booked_day.epoch_days());
        days.iter().map(move |day| (*shard, booked, *day))
    });
    let asked: Vec<(i64, i64, i64)> = asked.collect();
    for piece in pieces(&asked) {
        for row in read(c, piece).await? {
            if let Some((view, _)) = views.get_mut(&row.shard) {
                let (key, total) = total_of(row, view.booked_day)?;
                view.totals.insert(key, total);
            }
        }
    }
    Ok(())
}

/// Activity days of which a shard's commands may change totals.
fn days(view: &View, commands: &[&Command]) -> BTreeSet<i64> {
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
    days
}

#[derive(sqlx::FromRow)]
struct Row {
    shard: i64,
    activity_day: i64,
    programme: String,
    gas: String,
    figure: String,
    mode: String,
    methodology: String,
    count: i64,
    amount_ug: i64,
}

async fn read(c: &mut Connection, asked: &[(i64, i64, i64)]) -> Result<Vec<Row>, StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT shard, activity_day, programme, gas, figure, mode, methodology, count, amount_ug FROM daily_total WHERE ",
        "(shard = ? AND booked_day = ? AND activity_day = ?)",
        " OR ",
        "",
    ];
    let sql = global(PARTS, asked.len());
    Ok(with!(c, |c| {
        asked
            .iter()
            .fold(sqlx::query_as(sql), |query, (shard, booked, day)| {
                query.bind(*shard).bind(*booked).bind(*day)
            })
            .fetch_all(&mut *c)
            .await
    })?)
}

fn total_of(row: Row, booked_day: Day) -> Result<(TotalKey, Total), StoreError> {
    let wrong = |column, word: &str| StoreError::row("daily_total", column, word);
    let key = TotalKey {
        booked_day,
        activity_day: day_of(row.activity_day, "daily_total", "activity_day")?,
        programme: row.programme,
        gas: Gas::parse(&row.gas).ok_or_else(|| wrong("gas", &row.gas))?,
        figure: Figure::parse(&row.figure).ok_or_else(|| wrong("figure", &row.figure))?,
        mode: row.mode,
        methodology: row.methodology,
    };
    let total = Total {
        count: row.count,
        amount: Amount::from_micrograms(row.amount_ug),
    };
    Ok((key, total))
}
