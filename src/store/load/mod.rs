//! Loads what a batch needs: of each shard, and of what all shards share a table for, in few statements.

mod accounts;
mod holdings;
mod standings;
mod trips;

pub(super) use accounts::{FIGURES, FigureRow, figures_of};
pub(super) use holdings::{CREDIT, CreditRow, credit_of};
pub(super) use standings::{STANDING, StandingRow, WayRow, envelope_status, standing_of};
pub(super) use trips::{StoredRow, stored_of};

use super::activations;
use super::db::{Connection, StoreError};
use crate::identity::kek::Kek;
use crate::ledger::account::Account;
use crate::ledger::command::{Command, SubmitTrip, Wanted};
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::view::{AccountKey, View};
use crate::methodology::units::Day;
use std::collections::{BTreeMap, BTreeSet};

/// The views of a batch with the commands of each.
type Views<'v> = BTreeMap<ShardId, (&'v mut View, &'v [&'v Command])>;

/// Where a submitted trip that was stored before is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// Among the rides of the days around it, if it comes late: one that is sent again does, and lies there. Of another trip under the same
    /// identity, far from it or after all others, the table's unique index will know.
    Near,
    /// By its identity.
    Everywhere,
}

/// Fills the views with what their commands may look at; `own` are all shards of the writer whose batch it is.
pub(super) async fn load<'v>(
    c: &mut Connection,
    (kek, search): (&Kek, Search),
    own: &[ShardId],
    views: impl Iterator<Item = (&'v mut View, &'v [&'v Command])>,
) -> Result<(), StoreError> {
    let mut views: Views<'v> = views.map(|(view, commands)| (view.shard, (view, commands))).collect();
    accounts::load(c, kek, own, &mut views).await?;
    let near = trips::rides(c, own, &mut views).await?;
    trips::stored(c, own, &mut views, (search, &near)).await?;
    for (view, commands) in views.into_values() {
        if commands.iter().any(|command| matches!(command, Command::Activate(_))) {
            activations::load(c, view).await?;
        }
        holdings::load(c, view, commands).await?;
        standings::load(c, view, commands).await?;
        standings::makers(c, view).await?;
    }
    Ok(())
}

/// Users whose accounts the commands may look at.
fn users(shard: ShardId, commands: &[&Command]) -> Vec<i64> {
    let mut users: BTreeSet<i64> = commands
        .iter()
        .filter_map(|command| command.user())
        .map(UserId::value)
        .collect();
    if commands.iter().any(|command| matches!(command, Command::Redeem(_))) {
        users.insert(UserId::system(shard).value());
    }
    users.into_iter().collect()
}

/// What there is to ask of each shard, without those of which there is nothing.
fn asked<K>(views: &Views<'_>, keys: impl Fn(&View, &[&Command]) -> Vec<K>) -> Vec<(ShardId, Vec<K>)> {
    let each = views
        .iter()
        .map(|(shard, (view, commands))| (*shard, keys(view, commands)));
    each.filter(|(_, keys)| !keys.is_empty()).collect()
}

/// The view that a user's rows belong in.
fn view_of<'a>(views: &'a mut Views<'_>, user: UserId, table: &'static str) -> Result<&'a mut View, StoreError> {
    let found = views.get_mut(&user.shard()).map(|(view, _)| &mut **view);
    found.ok_or_else(|| StoreError::row(table, "user_id", "of a shard that was not asked"))
}

/// Trips that the commands name, of the submitted ones those that are `wanted`.
fn identities(commands: &[&Command], wanted: impl Fn(&SubmitTrip) -> bool) -> Vec<(i64, Hash)> {
    let mut identities = BTreeSet::new();
    for command in commands {
        match command {
            Command::SubmitTrip(trip) if wanted(trip) => {
                identities.insert((trip.user.value(), trip.trip_key));
            }
            Command::Collect(collect) => {
                if let Wanted::Trips(keys) = &collect.wanted {
                    identities.extend(keys.iter().map(|key| (collect.user.value(), *key)));
                }
            }
            _ => {}
        }
    }
    identities.into_iter().collect()
}

/// The accounts that commands with something due look at.
fn touched<'v>(view: &'v View, commands: &[&Command]) -> Vec<(AccountKey, &'v Account)> {
    let mut keys: BTreeSet<AccountKey> = BTreeSet::new();
    for command in commands {
        match command {
            Command::SubmitTrip(trip) => {
                keys.insert((trip.user, trip.programme.id().to_owned()));
            }
            Command::Collect(collect) => {
                keys.insert((collect.user, collect.programme.id().to_owned()));
            }
            Command::Redeem(redeem) => {
                keys.insert((redeem.user, redeem.programme.id().to_owned()));
            }
            Command::Merge(merge) => {
                keys.insert((merge.user, merge.programme.clone()));
            }
            Command::SettleDue(settle) => {
                let of_the_rider = view.accounts.keys().filter(|(user, _)| *user == settle.user);
                keys.extend(of_the_rider.cloned());
            }
            Command::Record(_)
            | Command::Settle(_)
            | Command::Postpone(_)
            | Command::Redrive(_)
            | Command::Activate(_) => {}
        }
    }
    let account = |key: AccountKey| view.accounts.get(&key).map(|account| (key, account));
    keys.into_iter().filter_map(account).collect()
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
