//! Transactions, the credits that they make and consume, and the answers that speak of them.

use crate::ledger::ids::Hash;
use crate::ledger::standing::{MOST_IN_ENVELOPE, Status};
use crate::ledger::view::View;
use crate::store::db::{Connection, StoreError};
use crate::store::statement::write_rows;
use std::collections::BTreeMap;

pub(super) async fn flush(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    transactions(c, view).await?;
    made(c, view).await?;
    spent(c, view).await?;
    answers(c, view).await
}

async fn transactions(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "INSERT INTO ledger_tx_{shard} (seq, content_id, user_id, programme, kind, amount_ug, body, status, unmet, next_attempt_ms, attempt, \
         pack, earlier) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    write_rows!(c, view.shard, PARTS, &view.changes.transactions, |query, new| {
        let status = Status::fresh(new.unmet.len());
        query
            .bind(new.seq)
            .bind(new.content_id.as_bytes().to_vec())
            .bind(new.user.value())
            .bind(new.programme.clone())
            .bind(new.transaction.kind.as_str())
            .bind(new.amount.micrograms())
            .bind(new.bytes.clone())
            .bind(status.as_str())
            .bind(i64::from(status.unmet()))
            .bind(status.leaves_ms())
            .bind(0_i64)
            .bind(i64::from(MOST_IN_ENVELOPE))
            .bind(Vec::new())
    });
    Ok(())
}

async fn made(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "INSERT INTO credit_{shard} (hash, user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, created_by, created_seq, \
         output) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    write_rows!(c, view.shard, PARTS, &view.changes.credits, |query, credit| query
        .bind(credit.hash.as_bytes().to_vec())
        .bind(credit.user.value())
        .bind(credit.lot.programme.clone())
        .bind(i64::from(credit.lot.gas))
        .bind(i64::from(credit.lot.vintage))
        .bind(i64::from(credit.lot.expiry))
        .bind(credit.amount.micrograms())
        .bind(credit.expires_ms)
        .bind(credit.created_by.as_bytes().to_vec())
        .bind(credit.created_seq)
        .bind(i64::from(credit.output)));
    Ok(())
}

/// Each credit is consumed once: a row that is spent already, or is not there, fails the batch.
async fn spent(c: &mut Connection, view: &View) -> Result<(), StoreError> {
    const HEAD: &str = "UPDATE credit_{shard} SET spent_by = ? WHERE spent_by IS NULL AND hash IN (";
    let mut by_transaction: BTreeMap<Hash, Vec<Hash>> = BTreeMap::new();
    for (credit, content_id) in &view.changes.spent {
        by_transaction.entry(*content_id).or_default().push(*credit);
    }
    super::stamp!(c, view.shard, HEAD, ("credit", "spent_by"), by_transaction, |hash| hash
        .as_bytes()
        .to_vec());
    Ok(())
}

async fn answers(c: &mut Connection, view: &View) -> Result<(), StoreError> {
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
    write_rows!(c, view.shard, PARTS, &answers, |query, kept| {
        let (answered, bytes) = kept;
        query
            .bind(i64::from(view.shard.index()))
            .bind(answered.keyed.key.as_bytes().to_vec())
            .bind(answered.keyed.request.as_bytes().to_vec())
            .bind(answered.seq)
            .bind(answered.at_ms)
            .bind(bytes.clone())
    });
    Ok(())
}
