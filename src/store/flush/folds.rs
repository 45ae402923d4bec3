//! What entries add up to: accounts and daily totals.

use crate::ledger::account::Account;
use crate::ledger::entry::EntryKind;
use crate::ledger::view::View;
use crate::store::db::Connection;
use crate::store::script::{Script, Value};

/// What an account is opened with, and keeps.
const KEPT: &str = "user_id, programme, address, wrapped_key";
/// What rides may change of it.
const BY_RIDES: &str = "lapses_ms, collects_ms, waiting_ug, quantified_ug, capped_ug, longest_trip_s, last_end_s, last_day, last_day_count, last_day_ug";
/// The rest, of which a new account has nothing.
const BY_ORDERS: &str = "available_ug, collected_ug, lapsed_ug, issued_ug, spent_ug, expired_ug, unspent_count";

/// Accounts opened or changed. Most batches of a shard book rides alone, and what those cannot change is not written: a server takes as long to
/// read a statement as to carry it out.
pub(super) fn accounts<'v>(script: &mut Script<'v>, c: &Connection, view: &'v View) {
    let of_a_ride = |kind| matches!(kind, EntryKind::AccountOpened | EntryKind::TripBooked);
    let rides_alone = view.changes.entries.iter().all(|entry| of_a_ride(entry.kind));
    let changing = if rides_alone {
        BY_RIDES.to_owned()
    } else {
        format!("{BY_RIDES}, {BY_ORDERS}")
    };
    let row = |account: &'v Account| {
        let mut row = ridden(account);
        if !rides_alone {
            row.extend(ordered(account));
        }
        row
    };
    let head = format!("INSERT INTO account_{{shard}} ({KEPT}, {changing}) VALUES ");
    let places = head.matches(',').map(|_| ", ?").collect::<String>();
    let tail = c.or_change("user_id, programme", &changing);
    let keys = view.changes.accounts.iter();
    let changed = keys.filter_map(|key| view.accounts.get(key));
    script.put(
        [&head, &format!("(?{places})"), ", ", &tail],
        view.shard,
        changed.map(row),
    );
}

/// Values of [`KEPT`] and [`BY_RIDES`].
fn ridden(account: &Account) -> Vec<Value<'_>> {
    let (figures, ridden) = (&account.figures, &account.figures.ridden);
    vec![
        account.user.into(),
        account.programme.as_str().into(),
        (&account.address).into(),
        account.wrapped_key.as_slice().into(),
        account.due.lapses_ms.into(),
        account.due.collects_ms.into(),
        figures.waiting.into(),
        figures.quantified.into(),
        figures.capped.into(),
        ridden.longest_trip_s.into(),
        ridden.last_end_s.into(),
        ridden.last_day.into(),
        ridden.last_day_count.into(),
        ridden.last_day_amount.into(),
    ]
}

/// Values of [`BY_ORDERS`].
fn ordered(account: &Account) -> [Value<'_>; 7] {
    let figures = &account.figures;
    [
        figures.available.into(),
        figures.collected.into(),
        figures.lapsed.into(),
        figures.issued.into(),
        figures.spent.into(),
        figures.expired.into(),
        account.unspent_count.into(),
    ]
}

/// What daily totals of all shards grow by. They stand in the database alone: nothing that is decided depends on them, so a batch reads none.
pub(super) fn totals<'v>(script: &mut Script<'v>, c: &Connection, views: &'v [View]) {
    const KEY: &str = "shard, booked_day, activity_day, programme, gas, figure, mode, methodology";
    let head = format!("INSERT INTO daily_total ({KEY}, count, amount_ug) VALUES ");
    let tail = c.or_add(KEY, "count, amount_ug");
    let item = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let changed = views
        .iter()
        .flat_map(|view| view.changes.totals.iter().map(move |change| (view, change)));
    let rows = changed.map(|(view, (key, total))| {
        vec![
            i64::from(view.shard.index()).into(),
            key.booked_day.into(),
            key.activity_day.into(),
            key.programme.as_str().into(),
            key.gas.as_str().into(),
            key.figure.as_str().into(),
            key.mode.as_str().into(),
            key.methodology.as_str().into(),
            total.count.into(),
            total.amount.into(),
        ]
    });
    script.put_shared([&head, item, ", ", &tail], rows);
}
