//! Trips by identity, and the rides that overlap, daily count and caps look at.

use super::day_of;
use crate::ledger::command::SubmitTrip;
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::trip::TripRecord;
use crate::ledger::view::{AccountKey, Ride, StoredTrip, View};
use crate::methodology::units::Amount;
use crate::store::db::{Connection, StoreError};
use crate::store::statement::read_rows;
use std::collections::BTreeMap;
use std::sync::Arc;

const DAY_S: i64 = 86_400;

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
        evidence,
        issued_by: issued_by.map(hash).transpose()?,
    })
}

/// Loads trips by (user, trip key).
pub(super) async fn stored(c: &mut Connection, view: &mut View, identities: &[(i64, Hash)]) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT user_id, seq, record, evidence, issued_by FROM trip_{shard} WHERE ",
        "(user_id = ? AND source_key = ?)",
        " OR ",
        "",
    ];
    type Row = (i64, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
    let secret = &view.ground.source_secret;
    let rows: Vec<Row> = read_rows!(c, view.shard, PARTS, identities, |query, identity| query
        .bind(identity.0)
        .bind(secret.source_key(&identity.1).as_bytes().to_vec()));
    for (user, seq, record, evidence, issued_by) in rows {
        let stored = stored_of((seq, record, evidence, issued_by))?;
        let key = (UserId::from_stored(user), stored.record.trip_key);
        view.stored.insert(key, stored);
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

/// Loads the credited trips near those that are submitted.
pub(super) async fn rides(c: &mut Connection, view: &mut View, submitted: &[&SubmitTrip]) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT user_id, programme, activity_day, started_s, ended_s, amount_ug FROM trip_{shard} WHERE outcome = 'credited' AND (",
        "(user_id = ? AND activity_day BETWEEN ? AND ?)",
        " OR ",
        ")",
    ];
    let windows = ride_windows(view, submitted);
    let rows: Vec<(i64, String, i64, i64, i64, i64)> =
        read_rows!(c, view.shard, PARTS, &windows, |query, window| query
            .bind(window.0)
            .bind(window.1)
            .bind(window.2));
    for (user, programme, day, started_s, ended_s, amount) in rows {
        let ride = Ride {
            day: day_of(day, "trip", "activity_day")?,
            started_s,
            ended_s,
            amount: Amount::from_micrograms(amount),
        };
        let key = (UserId::from_stored(user), programme);
        view.rides.entry(key).or_default().push(ride);
    }
    Ok(())
}
