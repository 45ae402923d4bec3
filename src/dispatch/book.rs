//! The way to the writer. Dispatch has a share of its queue and waits in turn for a place in it: callers always find room, a large
//! backlog does not ask again and again, and what became of an envelope is not told later than what was signed after it.

use super::Way;
use crate::ledger::command::{Command, Outcome};
use crate::store::writer::{Pending, SubmitError};
use std::time::Duration;

/// How long dispatch stands back when callers have filled the queue all the same.
const STAND_BACK: Duration = Duration::from_millis(20);

impl Way {
    /// Has the writer carry out commands, all in one batch if it can; the answers in their order.
    pub(super) async fn book_all(&self, commands: Vec<Command>) -> Vec<Result<Outcome, SubmitError>> {
        let share = commands.len().min(self.setting.queued);
        // All places at once: whoever waited for the second while holding the first would keep it from whoever does the same.
        let _turn = self.queued.acquire_many(u32::try_from(share).unwrap_or(u32::MAX)).await;
        let mut pending = Vec::with_capacity(commands.len());
        for command in commands {
            pending.push(self.enqueue(command).await);
        }
        let mut answers = Vec::with_capacity(pending.len());
        for pending in pending {
            answers.push(match pending {
                Ok(pending) => pending.answer().await,
                Err(error) => Err(error),
            });
        }
        answers
    }

    /// Has the writer carry out one command.
    pub(super) async fn book(&self, command: Command) -> Result<Outcome, SubmitError> {
        let _turn = self.queued.acquire().await;
        self.enqueue(command).await?.answer().await
    }

    async fn enqueue(&self, command: Command) -> Result<Pending, SubmitError> {
        loop {
            match self.ledger.enqueue(command.clone()) {
                Err(SubmitError::Overloaded) => tokio::time::sleep(STAND_BACK).await,
                done => return done,
            }
        }
    }
}
