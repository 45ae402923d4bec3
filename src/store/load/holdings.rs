//! What riders hold: claims that wait, unspent credits, and the answers kept under their keys.

use super::touched;
use super::trips::stored_of;
use crate::ledger::account::{Due, earlier};
use crate::ledger::collect::MOST_CLAIMS;
use crate::ledger::command::{Command, Wanted};
use crate::ledger::credit::Credit;
use crate::ledger::due::MOST_DUE;
use crate::ledger::idempotency::{Answer, Answered, Keyed};
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::merge::MOST_CREDITS;
use crate::ledger::transaction::Lot;
use crate::ledger::view::{AccountKey, Claim, View};
use crate::methodology::units::Amount;
use crate::store::db::{Connection, StoreError};
use crate::store::statement::read_rows;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An account with a limit of rows.
type Ask = (AccountKey, i64);

/// Loads claims, credits and answers that the commands may look at.
pub(super) async fn load(c: &mut Connection, view: &mut View, commands: &[&Command]) -> Result<(), StoreError> {
    named_claims(view, commands);
    let (lapsing, collecting) = due(view, commands);
    claims(c, view, OPEN, &open_asks(commands, &collecting)).await?;
    claims(c, view, LAPSED, &lapsing).await?;
    credits(c, view, EXPIRED, &lapsing).await?;
    credits(c, view, UNSPENT, &spending(view, commands)).await?;
    later(c, view, &lapsing, &collecting).await?;
    answers(c, view, commands).await
}

/// Claims of trips that are asked for by name: their rows have been read already.
fn named_claims(view: &mut View, commands: &[&Command]) {
    for command in commands {
        let Command::Collect(collect) = command else { continue };
        let Wanted::Trips(keys) = &collect.wanted else { continue };
        for key in keys {
            let Some(trip) = view.stored.get(&(collect.user, *key)) else {
                continue;
            };
            let over = |at_ms: i64| at_ms <= view.booked_ms;
            let waits = trip
                .record
                .claim
                .is_some_and(|span| !span.closes_at_ms.is_some_and(over));
            if waits && trip.issued_by.is_none() {
                let claim = Claim {
                    user: collect.user,
                    trip: trip.clone(),
                };
                view.claims.insert((collect.user, trip.seq), claim);
            }
        }
    }
}

/// Accounts of which something has lapsed or expired, and those of which something is to be collected.
fn due(view: &View, commands: &[&Command]) -> (Vec<Ask>, Vec<Ask>) {
    let now_ms = view.booked_ms;
    let past = |at_ms: Option<i64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
    let limit = i64::try_from(MOST_DUE).unwrap_or(i64::MAX);
    let touched = touched(view, commands);
    let lapsing = touched.iter().filter(|(_, account)| past(account.due.lapses_ms));
    let settled = |key: &AccountKey| {
        commands
            .iter()
            .any(|command| matches!(command, Command::SettleDue(settle) if settle.user == key.0))
    };
    let collecting = touched
        .iter()
        .filter(|(key, account)| past(account.due.collects_ms) && settled(key));
    let ask = |(key, _): &(AccountKey, _)| (key.clone(), limit);
    (lapsing.map(ask).collect(), collecting.map(ask).collect())
}

/// Open claims: for each collection of all as many as it can take, and one more to tell whether any are left.
fn open_asks(commands: &[&Command], collecting: &[Ask]) -> Vec<Ask> {
    let most = i64::try_from(MOST_CLAIMS).unwrap_or(i64::MAX);
    let mut asks: BTreeMap<AccountKey, i64> = collecting.iter().cloned().collect();
    for command in commands {
        if let Command::Collect(collect) = command
            && collect.wanted == Wanted::All
        {
            let limit = asks
                .entry((collect.user, collect.programme.id().to_owned()))
                .or_insert(1);
            *limit = limit.saturating_add(most);
        }
    }
    asks.into_iter().collect()
}

/// Accounts whose credits may be spent or merged, and the sinks that take what is spent.
fn spending(view: &View, commands: &[&Command]) -> Vec<Ask> {
    let mut keys = BTreeSet::new();
    for command in commands {
        match command {
            Command::Redeem(redeem) => {
                keys.insert((redeem.user, redeem.programme.id().to_owned()));
                keys.insert((UserId::system(view.shard), redeem.programme.id().to_owned()));
            }
            Command::Merge(merge) => {
                keys.insert((merge.user, merge.programme.clone()));
            }
            _ => {}
        }
    }
    let limit = i64::try_from(MOST_CREDITS).unwrap_or(i64::MAX);
    let known = keys.into_iter().filter(|key| view.accounts.contains_key(key));
    known.map(|key| (key, limit)).collect()
}

const OPEN: &str = "c.opens_ms <= ? AND (c.closes_ms IS NULL OR c.closes_ms > ?)";
const LAPSED: &str = "c.opens_ms <= ? AND c.closes_ms <= ?";

async fn claims(c: &mut Connection, view: &mut View, which: &str, asks: &[Ask]) -> Result<(), StoreError> {
    type Row = (i64, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
    let item = format!(
        "SELECT * FROM (SELECT c.user_id, c.seq, t.record, t.evidence, t.issued_by FROM claim_{{shard}} c JOIN trip_{{shard}} t ON t.seq = c.seq \
         WHERE c.user_id = ? AND c.programme = ? AND {which} ORDER BY c.seq LIMIT ?) AS part"
    );
    let now_ms = view.booked_ms;
    let rows: Vec<Row> = read_rows!(c, view.shard, ["", &item, " UNION ALL ", ""], asks, |query, ask| query
        .bind(ask.0.0.value())
        .bind(ask.0.1.clone())
        .bind(now_ms)
        .bind(now_ms)
        .bind(ask.1));
    for (user, seq, record, evidence, issued_by) in rows {
        let user = UserId::from_stored(user);
        let trip = stored_of((seq, record, evidence, issued_by))?;
        view.claims.insert((user, seq), Claim { user, trip });
    }
    Ok(())
}

/// The columns of [`CreditRow`].
pub(in crate::store) const CREDIT: &str = "hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, output, spent_by";

/// A credit as stored.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct CreditRow {
    hash: Vec<u8>,
    user_id: i64,
    programme: String,
    gas: i64,
    vintage: i64,
    expiry_month: i64,
    amount_ug: i64,
    expires_ms: Option<i64>,
    created_by: Vec<u8>,
    created_seq: i64,
    output: i64,
    spent_by: Option<Vec<u8>>,
}

/// A credit from its columns, and what consumed it.
pub(in crate::store) fn credit_of(row: CreditRow) -> Result<(Credit, Option<Hash>), StoreError> {
    let wrong = |column| StoreError::row("credit", column, "out of range");
    let hash = |bytes: &[u8], column| Hash::from_slice(bytes).ok_or_else(|| wrong(column));
    let lot = Lot {
        programme: row.programme,
        gas: u8::try_from(row.gas).map_err(|_| wrong("gas"))?,
        vintage: u16::try_from(row.vintage).map_err(|_| wrong("vintage"))?,
        expiry: u16::try_from(row.expiry_month).map_err(|_| wrong("expiry_month"))?,
    };
    let credit = Credit {
        hash: hash(&row.hash, "hash")?,
        user: UserId::from_stored(row.user_id),
        lot,
        amount: Amount::from_micrograms(row.amount_ug),
        expires_ms: row.expires_ms,
        created_by: hash(&row.created_by, "created_by")?,
        created_seq: row.created_seq,
        output: u16::try_from(row.output).map_err(|_| wrong("output"))?,
    };
    let spent_by = row.spent_by.map(|bytes| hash(&bytes, "spent_by")).transpose()?;
    Ok((credit, spent_by))
}

const UNSPENT: &str = "(expires_ms IS NULL OR expires_ms > ?)";
const EXPIRED: &str = "expires_ms <= ?";

async fn credits(c: &mut Connection, view: &mut View, which: &str, asks: &[Ask]) -> Result<(), StoreError> {
    let item = format!(
        "SELECT * FROM (SELECT {CREDIT} FROM credit_{{shard}} WHERE user_id = ? AND spent_by IS NULL AND programme = ? AND {which} LIMIT ?) \
         AS part"
    );
    let now_ms = view.booked_ms;
    let rows: Vec<CreditRow> = read_rows!(c, view.shard, ["", &item, " UNION ALL ", ""], asks, |query, ask| query
        .bind(ask.0.0.value())
        .bind(ask.0.1.clone())
        .bind(now_ms)
        .bind(ask.1));
    for row in rows {
        let (credit, _) = credit_of(row)?;
        view.credits.insert((credit.user, credit.hash), credit);
    }
    Ok(())
}

/// What the accounts with something due wait for beyond what has been loaded: what lies behind this instant, or this instant
/// itself where a limit was reached. Of the others nothing was loaded, and their own instants say when.
async fn later(c: &mut Connection, view: &mut View, lapsing: &[Ask], collecting: &[Ask]) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "",
        "SELECT ? AS user_id, ? AS programme, \
         (SELECT MIN(closes_ms) FROM claim_{shard} WHERE user_id = ? AND programme = ? AND closes_ms > ?) AS closes, \
         (SELECT MIN(opens_ms) FROM claim_{shard} WHERE user_id = ? AND programme = ? AND opens_ms > ?) AS opens, \
         (SELECT MIN(expires_ms) FROM credit_{shard} WHERE user_id = ? AND spent_by IS NULL AND programme = ? AND expires_ms > ?) AS expires",
        " UNION ALL ",
        "",
    ];
    type Row = (i64, String, Option<i64>, Option<i64>, Option<i64>);
    let keys: BTreeSet<AccountKey> = lapsing.iter().chain(collecting).map(|(key, _)| key.clone()).collect();
    let keys: Vec<AccountKey> = keys.into_iter().collect();
    let now_ms = view.booked_ms;
    let rows: Vec<Row> = read_rows!(c, view.shard, PARTS, &keys, |query, key| {
        let (user, programme) = (key.0.value(), key.1.clone());
        let mut query = query.bind(user).bind(programme.clone());
        for _ in 0..3 {
            query = query.bind(user).bind(programme.clone()).bind(now_ms);
        }
        query
    });
    for (user, programme, closes, opens, expires) in rows {
        let key = (UserId::from_stored(user), programme);
        let past = |at_ms: Option<i64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let lapsed = view
            .claims_of(&key)
            .filter(|claim| past(claim.trip.record.claim.and_then(|span| span.closes_at_ms)));
        let full = |count: usize| (count >= MOST_DUE).then_some(now_ms);
        let expired = view
            .credits_of(&key)
            .iter()
            .filter(|credit| past(credit.expires_ms))
            .count();
        let limited = earlier(full(lapsed.count()), full(expired));
        let open = full(view.claims_of(&key).count());
        let due = Due {
            lapses_ms: earlier(limited, earlier(closes, expires)),
            collects_ms: earlier(open, opens),
        };
        if let Some(account) = view.accounts.get_mut(&key) {
            account.unloaded = due;
        }
    }
    Ok(())
}

async fn answers(c: &mut Connection, view: &mut View, commands: &[&Command]) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT key_digest, request_digest, seq, at_ms, answer FROM idempotency WHERE ",
        "(shard = ? AND key_digest = ?)",
        " OR ",
        "",
    ];
    type Row = (Vec<u8>, Vec<u8>, i64, i64, Vec<u8>);
    let keys: BTreeSet<Hash> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Collect(collect) => Some(collect.keyed.key),
            Command::Redeem(redeem) => Some(redeem.keyed.key),
            _ => None,
        })
        .collect();
    let keys: Vec<Hash> = keys.into_iter().collect();
    let shard = i64::from(view.shard.index());
    let rows: Vec<Row> = read_rows!(c, view.shard, PARTS, &keys, |query, key| query
        .bind(shard)
        .bind(key.as_bytes().to_vec()));
    for (key, request, seq, at_ms, answer) in rows {
        let wrong = |column| StoreError::row("idempotency", column, "not as written");
        let keyed = Keyed {
            key: Hash::from_slice(&key).ok_or_else(|| wrong("key_digest"))?,
            request: Hash::from_slice(&request).ok_or_else(|| wrong("request_digest"))?,
        };
        let answer = Arc::new(Answer::decode(&answer).map_err(|_| wrong("answer"))?);
        let answered = Answered {
            keyed,
            seq,
            at_ms,
            answer,
        };
        view.answered.insert(keyed.key, answered);
    }
    Ok(())
}
