//! Loads what a batch needs of a shard: one statement per table, in pieces of few sizes.

use super::activations;
use super::db::{Connection, StoreError, with};
use super::statement::{pieces, repeated};
use crate::identity::kek::Kek;
use crate::ledger::account::{Account, Figures};
use crate::ledger::command::{Command, SubmitTrip};
use crate::ledger::entry::Figure;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::totals::{Total, TotalKey};
use crate::ledger::trip::TripRecord;
use crate::ledger::view::{AccountKey, Ride, StoredTrip, View};
use crate::methodology::Gas;
use crate::methodology::units::{Amount, Day};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DAY_S: i64 = 86_400;

/// Fills the view with what `commands` may look at.
pub(super) async fn load(
    c: &mut Connection,
    kek: &Kek,
    view: &mut View,
    commands: &[&Command],
) -> Result<(), StoreError> {
    let trips: Vec<&SubmitTrip> = commands
        .iter()
        .filter_map(|command| match command {
            Command::SubmitTrip(trip) => Some(trip.as_ref()),
            Command::Activate(_) => None,
        })
        .collect();
    if trips.len() < commands.len() {
        activations::load(c, view).await?;
    }
    let users: BTreeSet<i64> = trips.iter().map(|trip| trip.user.value()).collect();
    accounts(c, kek, view, &users.into_iter().collect::<Vec<_>>()).await?;
    let identities: BTreeSet<(i64, Hash)> = trips.iter().map(|trip| (trip.user.value(), trip.trip_key)).collect();
    stored_trips(c, view, &identities.into_iter().collect::<Vec<_>>()).await?;
    let windows = ride_windows(view, &trips);
    rides(c, view, &windows).await?;
    let days: BTreeSet<i64> = trips
        .iter()
        .map(|trip| i64::from(trip.assessment.day.epoch_days()))
        .collect();
    totals(c, view, &days.into_iter().collect::<Vec<_>>()).await
}

type AccountRow = (i64, String, Vec<u8>, Vec<u8>, i64, i64, i64, i64);

async fn accounts(c: &mut Connection, kek: &Kek, view: &mut View, users: &[i64]) -> Result<(), StoreError> {
    const HEAD: &str = "SELECT user_id, programme, address, wrapped_key, waiting_ug, quantified_ug, capped_ug, longest_trip_s \
         FROM account_{shard} WHERE user_id IN (";
    for piece in pieces(users) {
        let sql = repeated([HEAD, "?", ", ", ")"], piece.len(), view.shard);
        let rows: Vec<AccountRow> = with!(&mut *c, |c| {
            let query = sqlx::query_as(sql);
            piece
                .iter()
                .fold(query, |query, user| query.bind(*user))
                .fetch_all(&mut *c)
                .await
        })?;
        for row in rows {
            let account = account_of(kek, row)?;
            view.accounts.insert((account.user, account.programme.clone()), account);
        }
    }
    Ok(())
}

fn account_of(kek: &Kek, row: AccountRow) -> Result<Account, StoreError> {
    let (user, programme, address, wrapped_key, waiting, quantified, capped, longest_trip_s) = row;
    let user = UserId::from_stored(user);
    let address = Hash::from_slice(&address).ok_or_else(|| StoreError::row("account", "address", "not 32 bytes"))?;
    let data_key = kek
        .unwrap(&wrapped_key, (user, &programme, &address))
        .map_err(|error| StoreError::row("account", "wrapped_key", error))?;
    let figures = Figures {
        waiting: Amount::from_micrograms(waiting),
        quantified: Amount::from_micrograms(quantified),
        capped: Amount::from_micrograms(capped),
        longest_trip_s,
    };
    Ok(Account {
        user,
        programme,
        address,
        data_key,
        wrapped_key,
        figures,
    })
}

async fn stored_trips(c: &mut Connection, view: &mut View, identities: &[(i64, Hash)]) -> Result<(), StoreError> {
    const HEAD: &str = "SELECT user_id, seq, record, evidence FROM trip_{shard} WHERE ";
    for piece in pieces(identities) {
        let sql = repeated(
            [HEAD, "(user_id = ? AND trip_key = ?)", " OR ", ""],
            piece.len(),
            view.shard,
        );
        let rows: Vec<(i64, i64, Vec<u8>, Vec<u8>)> = with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query_as(sql), |query, (user, key)| {
                    query.bind(*user).bind(key.as_bytes().to_vec())
                })
                .fetch_all(&mut *c)
                .await
        })?;
        for (user, seq, record, evidence) in rows {
            let record = TripRecord::decode(&record).map_err(|error| StoreError::row("trip", "record", error))?;
            let key = (UserId::from_stored(user), record.trip_key);
            view.stored.insert(
                key,
                StoredTrip {
                    seq,
                    record: Arc::new(record),
                    evidence,
                },
            );
        }
    }
    Ok(())
}

/// A user with a first and a last activity day.
type Window = (i64, i64, i64);

/// Days on which a credited trip that overlaps, or counts on the same day, can lie: exact, for no credited trip of the rider
/// in this programme is longer than `longest_trip_s`, and an activity day is that of a start or an end.
fn ride_windows(view: &View, trips: &[&SubmitTrip]) -> Vec<Window> {
    let mut windows: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for command in trips {
        let key: AccountKey = (command.user, command.programme.id().to_owned());
        let longest_s = view
            .accounts
            .get(&key)
            .map_or(0, |account| account.figures.longest_trip_s);
        let margin = longest_s.div_euclid(DAY_S).saturating_add(2);
        let first = command.trip.started_s().div_euclid(DAY_S).saturating_sub(margin);
        let last = command.trip.ended_s().div_euclid(DAY_S).saturating_add(margin);
        let window = windows.entry(command.user.value()).or_insert((first, last));
        *window = (window.0.min(first), window.1.max(last));
    }
    windows
        .into_iter()
        .map(|(user, (first, last))| (user, first, last))
        .collect()
}

async fn rides(c: &mut Connection, view: &mut View, windows: &[Window]) -> Result<(), StoreError> {
    const HEAD: &str = "SELECT user_id, programme, activity_day, started_s, ended_s, amount_ug FROM trip_{shard} \
         WHERE outcome = 'credited' AND (";
    for piece in pieces(windows) {
        let sql = repeated(
            [HEAD, "(user_id = ? AND activity_day BETWEEN ? AND ?)", " OR ", ")"],
            piece.len(),
            view.shard,
        );
        let rows: Vec<(i64, String, i64, i64, i64, i64)> = with!(&mut *c, |c| {
            piece
                .iter()
                .fold(sqlx::query_as(sql), |query, (user, first, last)| {
                    query.bind(*user).bind(*first).bind(*last)
                })
                .fetch_all(&mut *c)
                .await
        })?;
        for (user, programme, day, started_s, ended_s, amount) in rows {
            let ride = Ride {
                day: day_of(day, "trip", "activity_day")?,
                started_s,
                ended_s,
                amount: Amount::from_micrograms(amount),
            };
            view.rides
                .entry((UserId::from_stored(user), programme))
                .or_default()
                .push(ride);
        }
    }
    Ok(())
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

/// A day from its column.
pub(super) fn day_of(days: i64, table: &'static str, column: &'static str) -> Result<Day, StoreError> {
    i32::try_from(days)
        .map(Day::from_epoch_days)
        .map_err(|_| StoreError::row(table, column, "not a day"))
}

/// A shard from its column.
pub(super) fn shard_of(shard: i64, table: &'static str) -> Result<ShardId, StoreError> {
    u8::try_from(shard)
        .ok()
        .and_then(ShardId::new)
        .ok_or_else(|| StoreError::row(table, "shard", shard))
}
