//! Transactions, the credits that they make and consume, and the answers that speak of them.

use crate::ledger::ids::Hash;
use crate::ledger::standing::{MOST_IN_ENVELOPE, Status};
use crate::ledger::view::{NewTransaction, View};
use crate::store::db::StoreError;
use crate::store::script::{Each, Script, Value};
use std::collections::BTreeMap;

pub(super) fn flush<'v>(script: &mut Script<'v>, view: &'v View) -> Result<(), StoreError> {
    transactions(script, view);
    made(script, view);
    spent(script, view);
    answers(script, view)
}

fn transactions<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "INSERT INTO ledger_tx_{shard} (seq, content_id, user_id, programme, kind, amount_ug, body, status, unmet, next_attempt_ms, attempt, \
         pack, earlier) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let row = |new: &'v NewTransaction| -> Vec<Value<'v>> {
        let status = Status::fresh(new.unmet.len());
        vec![
            new.seq.into(),
            (&new.content_id).into(),
            new.user.into(),
            new.programme.as_str().into(),
            new.transaction.kind.as_str().into(),
            new.amount.into(),
            new.bytes.as_slice().into(),
            status.as_str().into(),
            i64::from(status.unmet()).into(),
            status.leaves_ms().into(),
            0_i64.into(),
            i64::from(MOST_IN_ENVELOPE).into(),
            Vec::new().into(),
        ]
    };
    script.put(PARTS, view.shard, view.changes.transactions.iter().map(row));
}

fn made<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "INSERT INTO credit_{shard} (hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, \
         output) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let rows = view.changes.credits.iter().map(|credit| {
        vec![
            (&credit.hash).into(),
            credit.user.into(),
            credit.lot.programme.as_str().into(),
            i64::from(credit.lot.gas).into(),
            i64::from(credit.lot.vintage).into(),
            i64::from(credit.lot.expiry).into(),
            credit.amount.into(),
            credit.expires_ms.into(),
            (&credit.created_by).into(),
            credit.created_seq.into(),
            i64::from(credit.output).into(),
        ]
    });
    script.put(PARTS, view.shard, rows);
}

/// Each credit is consumed once: a row that is spent already, or is not there, fails the batch.
fn spent<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "UPDATE credit_{shard} SET spent_by = ? WHERE spent_by IS NULL AND hash IN (",
        "?",
        ", ",
        ")",
    ];
    let mut by_transaction: BTreeMap<&Hash, Vec<&Hash>> = BTreeMap::new();
    for (credit, content_id) in &view.changes.spent {
        by_transaction.entry(content_id).or_default().push(credit);
    }
    for (content_id, credits) in by_transaction {
        let credits = credits.into_iter().map(|hash| vec![hash.into()]);
        script.change(
            Each::one("credit", "spent_by"),
            (PARTS, view.shard),
            vec![content_id.into()],
            credits,
        );
    }
}

fn answers<'v>(script: &mut Script<'v>, view: &'v View) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "REPLACE INTO idempotency (shard, key_digest, request_digest, seq, at_ms, answer) VALUES ",
        "(?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let answers = view
        .changes
        .answers
        .iter()
        .map(|answered| answered.answer.encode().map(|bytes| (answered, bytes)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| StoreError::row("idempotency", "answer", error))?;
    let rows = answers.into_iter().map(|(answered, bytes)| {
        vec![
            i64::from(view.shard.index()).into(),
            (&answered.keyed.key).into(),
            (&answered.keyed.request).into(),
            answered.seq.into(),
            answered.at_ms.into(),
            bytes.into(),
        ]
    });
    script.put_shared(PARTS, rows);
    Ok(())
}
