//! Time alone changes accounts: whoever reads one that is past due has that booked first.

use super::ApiState;
use super::problem::Problem;
use crate::ledger::command::{Command, Meta, Outcome, SettleDue};
use crate::ledger::due::GATEWAY;
use crate::ledger::ids::{Name, UserId};
use crate::store::reads::{self, ProgrammeBalance};
use std::sync::Arc;

/// The balances of a user after all that is due by now, and the position of the shard.
pub(super) async fn settled(
    state: &ApiState,
    user: UserId,
    request_id: &str,
) -> Result<(Vec<ProgrammeBalance>, i64), Problem> {
    loop {
        let read = reads::balances(&state.readers, user).await?;
        let now_ms = state.clock.now_ms();
        let past = |at_ms: Option<i64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let due = |balance: &ProgrammeBalance| past(balance.due.lapses_ms) || past(balance.due.collects_ms);
        if !read.0.iter().any(due) {
            return Ok(read);
        }
        let order = SettleDue {
            meta: Meta {
                client: gateway()?,
                request_id: request_id.to_owned(),
            },
            user,
            programmes: Arc::clone(&state.programmes),
        };
        let outcome = state.ledger.submit(Command::SettleDue(Arc::new(order))).await?;
        if !matches!(outcome, Outcome::Settled(1..)) {
            return Ok(reads::balances(&state.readers, user).await?);
        }
    }
}

fn gateway() -> Result<Name, Problem> {
    Name::parse(GATEWAY).map_err(|_| Problem::storage_unavailable())
}
