//! What entries add up to: accounts and daily totals.

use crate::ledger::account::Account;
use crate::ledger::view::View;
use crate::store::db::Connection;
use crate::store::load::FIGURES;
use crate::store::script::{Script, Value};

pub(super) fn accounts<'v>(script: &mut Script<'v>, c: &Connection, view: &'v View) {
    let head = format!(
        "INSERT INTO account_{{shard}} (user_id, programme, address, wrapped_key, lapses_ms, collects_ms, {FIGURES}) VALUES "
    );
    let tail = c.or_change("user_id, programme", &format!("lapses_ms, collects_ms, {FIGURES}"));
    let item = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let row = |account: &'v Account| -> Vec<Value<'v>> {
        let (figures, ridden) = (&account.figures, &account.figures.ridden);
        vec![
            account.user.into(),
            account.programme.as_str().into(),
            (&account.address).into(),
            account.wrapped_key.as_slice().into(),
            account.due.lapses_ms.into(),
            account.due.collects_ms.into(),
            figures.available.into(),
            figures.waiting.into(),
            figures.quantified.into(),
            figures.capped.into(),
            figures.collected.into(),
            figures.lapsed.into(),
            figures.issued.into(),
            figures.spent.into(),
            figures.expired.into(),
            ridden.longest_trip_s.into(),
            ridden.last_end_s.into(),
            ridden.last_day.into(),
            ridden.last_day_count.into(),
            ridden.last_day_amount.into(),
            account.unspent_count.into(),
        ]
    };
    let keys = view.changes.accounts.iter();
    let changed = keys.filter_map(|key| view.accounts.get(key));
    script.put([&head, item, ", ", &tail], view.shard, changed.map(row));
}

/// Daily totals of all shards.
pub(super) fn totals<'v>(script: &mut Script<'v>, views: &'v [View]) {
    const PARTS: [&str; 4] = [
        "REPLACE INTO daily_total (shard, booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let changed = views
        .iter()
        .flat_map(|view| view.changes.totals.iter().map(move |key| (view, key)));
    let rows = changed.map(|(view, key)| {
        let total = view.total(key);
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
    script.put_shared(PARTS, rows);
}
