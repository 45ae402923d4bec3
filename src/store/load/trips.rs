//! Trips by identity, and the rides that overlap, daily count and caps look at.

use super::{Search, Views, asked, day_of, identities, view_of};
use crate::ledger::account::Account;
use crate::ledger::command::{Command, SubmitTrip};
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::ridden::Ridden;
use crate::ledger::trip::{CREDITED, TripRecord};
use crate::ledger::view::{Ride, StoredTrip, View};
use crate::methodology::units::Amount;
use crate::store::db::{Connection, StoreError};
use crate::store::statement::{asking, read_asked};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DAY_S: i64 = 86_400;
/// Further than this no local time has ever been from UTC: Manila was, by 15 hours and 56 minutes, until 1844.
const ZONE_S: i64 = 16 * 3_600;

/// Columns of a stored trip: seq, record, evidence, `issued_by`.
pub(in crate::store) type StoredRow = (i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// A stored trip from its columns.
pub(in crate::store) fn stored_of((seq, record, evidence, issued_by): StoredRow) -> Result<StoredTrip, StoreError> {
    let record = TripRecord::decode(&record).map_err(|error| StoreError::row("trip", "record", error))?;
    let hash =
        |bytes: Vec<u8>| Hash::from_slice(&bytes).ok_or_else(|| StoreError::row("trip", "issued_by", "not 32 bytes"));
    Ok(StoredTrip {
        seq,
        record: Arc::new(record),
        evidence: evidence.into(),
        issued_by: issued_by.map(hash).transpose()?,
    })
}

/// A user with a first and a last activity day.
type Window = (i64, i64, i64);

/// Of trips that may come late, or have been sent before under another programme, the days on which a credited trip that overlaps, or counts
/// on the same day, can lie: exact, for no credited trip of the rider in this programme is longer than `longest_trip_s`, and an activity
/// day is the local one of a start or an end.
fn ride_windows(view: &View, commands: &[&Command]) -> Vec<Window> {
    let mut windows: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut ridden: BTreeMap<(UserId, &str), Ridden> = BTreeMap::new();
    for command in commands {
        let Command::SubmitTrip(command) = command else {
            continue;
        };
        let programme = command.programme.id();
        let before = ridden.entry((command.user, programme)).or_insert_with(|| {
            let account = view.accounts.get(&(command.user, programme.to_owned()));
            account.map(|account| account.figures.ridden).unwrap_or_default()
        });
        let (trip, day) = (&command.trip, command.assessment.day);
        let (in_order, longest_s) = (before.precedes(trip.started_s(), day), before.longest_trip_s);
        *before = before.at_latest(trip.ended_s(), day);
        let ends_s = of_rider(view, command.user).map(|account| account.figures.ridden.last_end_s);
        let Some(last_end_s) = ends_s.max() else { continue };
        if in_order && last_end_s < Some(trip.started_s()) {
            continue;
        }
        let utc_day = |second: i64| second.div_euclid(DAY_S);
        let beyond_s = longest_s.saturating_add(ZONE_S);
        let first = utc_day(trip.started_s().saturating_sub(beyond_s));
        let last = utc_day(trip.ended_s().saturating_add(beyond_s));
        let window = windows.entry(command.user.value()).or_insert((first, last));
        *window = (window.0.min(first), window.1.max(last));
    }
    windows
        .into_iter()
        .map(|(user, (first, last))| (user, first, last))
        .collect()
}

/// A rider's accounts; without any there is no trip.
fn of_rider(view: &View, user: UserId) -> impl Iterator<Item = &Account> {
    let from_here = view.accounts.range((user, String::new())..);
    let accounts = from_here.map(|(_, account)| account);
    accounts.take_while(move |account| account.user == user)
}

/// Loads the credited trips near those that are submitted late, and answers the source keys of all trips there.
pub(super) async fn rides(
    c: &mut Connection,
    own: &[ShardId],
    views: &mut Views<'_>,
) -> Result<BTreeSet<Hash>, StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug FROM trip_{shard} WHERE ",
        "(user_id = ? AND activity_day BETWEEN ? AND ?)",
        " OR ",
        "",
    ];
    type Row = (i64, Vec<u8>, String, i64, i64, i64, String, i64);
    let windows = asked(views, ride_windows);
    let rows: Vec<Row> = read_asked!(c, asking(PARTS, own, &windows), |query, window| query
        .bind(window.0)
        .bind(window.1)
        .bind(window.2));
    metrics::counter!("carbon_writer_rides_read_total").increment(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    let mut near = BTreeSet::new();
    for (user, source_key, programme, day, started_s, ended_s, outcome, amount) in rows {
        let wrong = || StoreError::row("trip", "source_key", "not 32 bytes");
        near.insert(Hash::from_slice(&source_key).ok_or_else(wrong)?);
        if outcome != CREDITED {
            continue;
        }
        let ride = Ride {
            day: day_of(day, "trip", "activity_day")?,
            started_s,
            ended_s,
            amount: Amount::from_micrograms(amount),
        };
        let user = UserId::from_stored(user);
        let rides = &mut view_of(views, user, "trip")?.rides;
        rides.entry((user, programme)).or_default().push(ride);
    }
    Ok(near)
}

/// Loads trips by (user, trip key): those that commands name, and submitted ones where `search` says so.
pub(super) async fn stored(
    c: &mut Connection,
    own: &[ShardId],
    views: &mut Views<'_>,
    (search, near): (Search, &BTreeSet<Hash>),
) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT user_id, seq, record, evidence, issued_by FROM trip_{shard} WHERE ",
        "(user_id = ? AND source_key = ?)",
        " OR ",
        "",
    ];
    type Row = (i64, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
    let named = asked(views, |view, commands| {
        let known = |trip: &SubmitTrip| search == Search::Everywhere && of_rider(view, trip.user).next().is_some();
        let again = |trip: &SubmitTrip| near.contains(&view.ground.source_secret.source_key(&trip.trip_key));
        let named = identities(commands, |trip| known(trip) || again(trip)).into_iter();
        let secret = &view.ground.source_secret;
        named
            .map(|(user, trip_key)| (user, secret.source_key(&trip_key)))
            .collect()
    });
    let rows: Vec<Row> = read_asked!(c, asking(PARTS, own, &named), |query, trip| query
        .bind(trip.0)
        .bind(trip.1.as_bytes().to_vec()));
    for (user, seq, record, evidence, issued_by) in rows {
        let (user, stored) = (
            UserId::from_stored(user),
            stored_of((seq, record, evidence, issued_by))?,
        );
        let key = (user, stored.record.trip_key);
        view_of(views, user, "trip")?.stored.insert(key, stored);
    }
    Ok(())
}
