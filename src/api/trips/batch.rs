//! `POST /v1/trips/batch`: many trips in one request, each on its own. All are queued before the first is waited for, so that
//! they share commits; answers come in the order sent.

use super::super::ApiState;
use super::super::auth::Caller;
use super::super::body::rider;
use super::super::fields::{Mistakes, Object};
use super::super::problem::{Code, Problem};
use super::answer::{self, Named};
use super::order::order;
use crate::ledger::command::{Command, SubmitTrip, TripAnswer};
use crate::ledger::ids::{Name, ShardId};
use crate::store::writer::{Pending, SubmitError};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Trips in one batch.
const MOST_TRIPS: usize = 1_000;
/// How long the trips of a batch may wait for room, until those that have found none are busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// What became of a batch.
#[derive(Default)]
pub(super) struct Answers {
    results: Vec<Told>,
    summary: Summary,
    /// The last entry of each shard that was written to.
    pub(super) positions: BTreeMap<ShardId, i64>,
}

/// What became of one of its trips.
enum Told {
    Booked(Arc<SubmitTrip>, TripAnswer),
    Failed(Problem),
}

/// The answer.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    client: &'a str,
    results: Vec<Item<'a>>,
    summary: &'a Summary,
}

#[derive(Serialize)]
struct Item<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    trip: Option<answer::Document<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
}

#[derive(Default, Serialize)]
struct Summary {
    created: u32,
    replayed: u32,
    refused: u32,
    failed: u32,
    busy: u32,
}

enum Order {
    Queued(Arc<SubmitTrip>, Pending),
    Failed(Problem),
}

/// The trips of a batch.
pub(super) fn trips(value: &Value) -> Result<&[Value], Problem> {
    let mut mistakes = Mistakes::default();
    let mut object = Object::new(value, "", &mut mistakes);
    let trips = object
        .needed_list("trips", &mut mistakes)
        .map_or(&[][..], Vec::as_slice);
    object.close(&mut mistakes);
    if !mistakes.0.is_empty() {
        return Err(Problem::fields(mistakes.0));
    }
    if trips.len() > MOST_TRIPS {
        let detail = format!("{} trips, at most {MOST_TRIPS}", trips.len());
        return Err(Problem::new(Code::BatchTooLarge, detail));
    }
    Ok(trips)
}

/// Books the trips and waits for all of them. Each counts for its rider.
pub(super) async fn book(state: &ApiState, caller: &Caller, request_id: &str, trips: &[Value]) -> Answers {
    let riders: Vec<_> = trips.iter().map(rider).collect();
    let refused = state.limits.admit_each(&riders).await;
    let until = Instant::now() + PATIENCE;
    let mut orders = Vec::with_capacity(trips.len());
    let mut by_shard: BTreeMap<ShardId, Vec<(usize, Arc<SubmitTrip>)>> = BTreeMap::new();
    for (place, (value, refused)) in std::iter::zip(trips, refused).enumerate() {
        let ordered = match refused {
            Some(refused) => Err(refused.into()),
            None => order(state, caller, request_id, value),
        };
        match ordered {
            Ok(command) => {
                let of_shard = by_shard.entry(command.user.shard()).or_default();
                of_shard.push((place, Arc::new(command)));
            }
            Err(problem) => orders.push((place, Order::Failed(problem))),
        }
    }
    // No shard waits for another's room: while one has none, the batches of the others would be half empty.
    let queued = join_all(by_shard.into_values().map(|trips| queue(state, trips, until))).await;
    orders.extend(queued.into_iter().flatten());
    orders.sort_unstable_by_key(|(place, _)| *place);
    let mut answers = Answers::default();
    for (_, order) in orders {
        match order {
            Order::Failed(problem) => answers.fail(problem),
            Order::Queued(command, pending) => match pending.trip().await {
                Ok(answer) => answers.take(command, answer),
                Err(error) => answers.fail(error.into()),
            },
        }
    }
    answers
}

/// Queues trips of a shard, each of which may wait for room. Once there was none, the later ones wait too: they are counted in the order sent.
async fn queue(state: &ApiState, trips: Vec<(usize, Arc<SubmitTrip>)>, until: Instant) -> Vec<(usize, Order)> {
    let mut orders = Vec::with_capacity(trips.len());
    let mut has_room = true;
    for (place, command) in trips {
        let trip = Command::SubmitTrip(Arc::clone(&command));
        let queued = if has_room {
            state.ledger.enqueue_until(trip, until).await
        } else {
            Err(SubmitError::Overloaded)
        };
        has_room = queued.is_ok();
        orders.push((
            place,
            match queued {
                Ok(pending) => Order::Queued(command, pending),
                Err(error) => Order::Failed(error.into()),
            },
        ));
    }
    orders
}

impl Answers {
    /// The document at this instant. It names the client, so that a caller can learn from an empty batch whose key it holds.
    pub(super) fn document<'a>(&'a self, client: &'a Name, (request_id, now_ms): (&str, i64)) -> Document<'a> {
        let item = |told: &'a Told| match told {
            Told::Booked(command, answer) => {
                let named = Named {
                    client: command.meta.client.as_str(),
                    user: command.user,
                    trip_id: Some(command.trip_id.as_str()),
                };
                Item {
                    status: if answer.replayed { 200 } else { 201 },
                    trip: Some(answer::trip(&answer.trip, &named, now_ms)),
                    problem: None,
                }
            }
            Told::Failed(problem) => Item {
                status: problem.code.status(),
                trip: None,
                problem: Some(problem.document(request_id)),
            },
        };
        Document {
            client: client.as_str(),
            results: self.results.iter().map(item).collect(),
            summary: &self.summary,
        }
    }

    fn take(&mut self, command: Arc<SubmitTrip>, answer: TripAnswer) {
        let position = self.positions.entry(command.user.shard()).or_insert(answer.trip.seq);
        *position = answer.trip.seq.max(*position);
        if answer.replayed {
            self.summary.replayed += 1;
        } else {
            self.summary.created += 1;
            self.summary.refused += u32::from(answer.trip.record.refusal.is_some());
        }
        self.results.push(Told::Booked(command, answer));
    }

    fn fail(&mut self, problem: Problem) {
        if problem.code.passes() {
            self.summary.busy += 1;
        } else {
            self.summary.failed += 1;
        }
        self.results.push(Told::Failed(problem));
    }
}
