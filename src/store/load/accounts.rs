//! Accounts with their figures.

use super::{Views, asked, users, view_of};
use crate::identity::kek::Kek;
use crate::ledger::account::{Account, Due, Figures};
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::ridden::Ridden;
use crate::methodology::units::{Amount, Day};
use crate::store::db::{Connection, StoreError};
use crate::store::statement::{asking, read_asked};

/// The columns of [`FigureRow`].
pub(in crate::store) const FIGURES: &str = "available_ug, waiting_ug, quantified_ug, capped_ug, collected_ug, lapsed_ug, issued_ug, \
     spent_ug, expired_ug, longest_trip_s, last_end_s, last_day, last_day_count, last_day_ug, unspent_count";

/// Figures of an account as stored, in the order of [`FIGURES`].
#[derive(sqlx::FromRow, Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct FigureRow {
    available_ug: i64,
    waiting_ug: i64,
    quantified_ug: i64,
    capped_ug: i64,
    collected_ug: i64,
    lapsed_ug: i64,
    issued_ug: i64,
    spent_ug: i64,
    expired_ug: i64,
    longest_trip_s: i64,
    last_end_s: Option<i64>,
    last_day: Option<i64>,
    last_day_count: i64,
    last_day_ug: i64,
    /// Unspent credits.
    pub(in crate::store) unspent_count: i64,
}

/// The figures of a row. What is no day is taken for the last there is: `verify` says so, and until then the rider's trips come late.
pub(in crate::store) fn figures_of(row: &FigureRow) -> Figures {
    let amount = Amount::from_micrograms;
    let ridden = Ridden {
        longest_trip_s: row.longest_trip_s,
        last_end_s: row.last_end_s,
        last_day: row
            .last_day
            .map(|day| Day::from_epoch_days(i32::try_from(day).unwrap_or(i32::MAX))),
        last_day_count: row.last_day_count,
        last_day_amount: amount(row.last_day_ug),
    };
    Figures {
        available: amount(row.available_ug),
        waiting: amount(row.waiting_ug),
        quantified: amount(row.quantified_ug),
        capped: amount(row.capped_ug),
        collected: amount(row.collected_ug),
        lapsed: amount(row.lapsed_ug),
        issued: amount(row.issued_ug),
        spent: amount(row.spent_ug),
        expired: amount(row.expired_ug),
        ridden,
    }
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    user_id: i64,
    programme: String,
    address: Vec<u8>,
    wrapped_key: Vec<u8>,
    lapses_ms: Option<i64>,
    collects_ms: Option<i64>,
    #[sqlx(flatten)]
    figures: FigureRow,
}

/// Loads all accounts of the users that the commands name.
pub(super) async fn load(
    c: &mut Connection,
    kek: &Kek,
    own: &[ShardId],
    views: &mut Views<'_>,
) -> Result<(), StoreError> {
    let head = format!(
        "SELECT user_id, programme, address, wrapped_key, lapses_ms, collects_ms, {FIGURES} FROM account_{{shard}} WHERE user_id IN ("
    );
    let users = asked(views, |view, commands| users(view.shard, commands));
    let asking = asking([&head, "?", ", ", ")"], own, &users);
    let rows: Vec<AccountRow> = read_asked!(c, asking, |query, user| query.bind(*user));
    for row in rows {
        let account = account_of(kek, row)?;
        let view = view_of(views, account.user, "account")?;
        view.accounts.insert((account.user, account.programme.clone()), account);
    }
    Ok(())
}

fn account_of(kek: &Kek, row: AccountRow) -> Result<Account, StoreError> {
    let user = UserId::from_stored(row.user_id);
    let address =
        Hash::from_slice(&row.address).ok_or_else(|| StoreError::row("account", "address", "not 32 bytes"))?;
    let data_key = kek
        .unwrap(&row.wrapped_key, (user, &row.programme, &address))
        .map_err(|error| StoreError::row("account", "wrapped_key", error))?;
    let due = Due {
        lapses_ms: row.lapses_ms,
        collects_ms: row.collects_ms,
    };
    Ok(Account {
        user,
        programme: row.programme,
        address,
        data_key,
        wrapped_key: row.wrapped_key,
        figures: figures_of(&row.figures),
        unspent_count: row.figures.unspent_count,
        due,
        unloaded: due,
    })
}
