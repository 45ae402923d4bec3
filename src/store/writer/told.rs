//! What writers tell of their work.

use super::Queued;
use crate::ledger::command::{Outcome, Rejection};
use crate::store::batch::Booked;
use crate::telemetry::traces;
use std::time::{Duration, Instant};
use tracing::{Span, debug_span};

/// Makes the counters known at zero: an alarm rests on their growth, which what is not there has none of.
pub(super) fn begin() {
    metrics::counter!("carbon_writer_overloaded_total").increment(0);
    metrics::counter!("carbon_writer_batches_failed_total").increment(0);
    metrics::counter!("carbon_writer_batches_again_total").increment(0);
    metrics::counter!("carbon_writer_rides_read_total").increment(0);
}

/// The span in which a batch waits for its shards, in the trace of one of those who wait.
pub(super) fn locking(batch: &[Queued]) -> Span {
    let (first, others) = traces::shared(batch.iter().map(|queued| &queued.span));
    following(debug_span!(parent: &first, "lock"), &others)
}

/// The span of a batch that has its shards, in the trace of one of those it serves.
pub(super) fn batch_span(batch: &[Queued]) -> Span {
    let (first, others) = traces::shared(batch.iter().map(|queued| &queued.span));
    following(debug_span!(parent: &first, "batch", commands = batch.len()), &others)
}

fn following(span: Span, others: &[Span]) -> Span {
    for other in others {
        span.follows_from(other);
    }
    span
}

/// Waits until a batch has its shards, and tells how long that took.
pub(super) async fn locked<T>(waiting: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let locked = waiting.await;
    metrics::histogram!("carbon_writer_lock_seconds").record(begun.elapsed());
    locked
}

/// Waits for the answer to COMMIT, and tells how long that took.
pub(super) async fn committed<T>(waiting: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let committed = waiting.await;
    metrics::histogram!("carbon_database_commit_seconds").record(begun.elapsed());
    committed
}

/// A batch is run a second time.
pub(super) fn again() {
    metrics::counter!("carbon_writer_batches_again_total").increment(1);
}

/// A batch, and its answers if it was committed.
pub(super) fn batch(commands: usize, took: Duration, answers: Option<&[Result<Outcome, Rejection>]>) {
    metrics::counter!("carbon_writer_batches_total").increment(1);
    metrics::histogram!("carbon_writer_commit_seconds").record(took);
    metrics::histogram!("carbon_writer_batch_commands").record(u32::try_from(commands).unwrap_or(u32::MAX));
    let Some(answers) = answers else {
        return metrics::counter!("carbon_writer_batches_failed_total").increment(1);
    };
    for answer in answers {
        if let Ok(Outcome::Trip(answer)) = answer
            && !answer.replayed
            && let Some(refusal) = &answer.trip.record.refusal
        {
            metrics::counter!("carbon_trips_refused_total", "rule" => refusal.rule.as_str()).increment(1);
        }
    }
}

/// What was committed.
pub(super) fn booked(booked: &Booked) {
    for (figure, (count, micrograms)) in booked {
        metrics::counter!("carbon_ledger_entries_total", "figure" => figure.as_str()).increment(*count);
        metrics::counter!("carbon_ledger_micrograms_total", "figure" => figure.as_str()).increment(*micrograms);
    }
}
