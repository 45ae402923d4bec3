//! Plays a plan: some callers at once, each with one request at a time, as operators and apps would.

use super::PlayError;
use super::caller::{Answered, Caller, pause};
use super::progress::Meter;
use super::told::{Said, Told};
use crate::demo::Plan;
use crate::demo::trips::{Delivery, Trip};
use crate::demo::wallets::{Ask, Order};
use crate::lifecycle::Lifecycle;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Requests under way at once.
const CALLERS: usize = 12;
/// The programme that is built in.
pub(super) const PROGRAMME: &str = "demo";

/// What one caller does without another's interfering.
enum Errand {
    Deliver(Delivery),
    Orders(Vec<Order>),
}

/// A plan being played.
pub(super) struct Play {
    caller: Caller,
    meter: Arc<Meter>,
    /// Hears the reference of every transaction that an answer named.
    booked: mpsc::Sender<String>,
    told: Mutex<Told>,
}

impl Play {
    /// Plays over HTTP; transactions are told to `booked` as they come.
    pub(super) fn new(caller: Caller, meter: Arc<Meter>, booked: mpsc::Sender<String>) -> Self {
        Self {
            caller,
            meter,
            booked,
            told: Mutex::default(),
        }
    }

    /// Plays to the end and says what was answered.
    pub(super) async fn run(self, plan: Plan, lifecycle: &Lifecycle) -> Result<Told, PlayError> {
        let shared = Arc::new(self);
        let deliveries = |list: Vec<Delivery>| list.into_iter().map(Errand::Deliver).collect();
        let orders = plan.wallets.into_iter().map(Errand::Orders).collect();
        for errands in [deliveries(plan.deliveries), deliveries(plan.afterwards), orders] {
            shared.all(errands, lifecycle).await?;
        }
        let told = std::mem::take(&mut *shared.told());
        Ok(told)
    }

    async fn all(self: &Arc<Self>, errands: Vec<Errand>, lifecycle: &Lifecycle) -> Result<(), PlayError> {
        let (errands, next) = (Arc::new(errands), Arc::new(AtomicUsize::new(0)));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (play, soft) = (Arc::clone(self), lifecycle.soft());
                let (errands, next) = (Arc::clone(&errands), Arc::clone(&next));
                lifecycle.spawn_job("demo caller", async move {
                    while let Some(errand) = errands.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let done = play.run_errand(errand).await;
                        // A gateway that is stopping turns callers away, which is no fault of anybody's.
                        if soft.is_cancelled() {
                            return Err(PlayError::Interrupted);
                        }
                        done?;
                    }
                    Ok(())
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap_or(Err(PlayError::Interrupted))?;
        }
        Ok(())
    }

    async fn run_errand(&self, errand: &Errand) -> Result<(), PlayError> {
        match errand {
            Errand::Deliver(delivery) if delivery.batch => self.batch(&delivery.trips).await,
            Errand::Deliver(delivery) => {
                for trip in &delivery.trips {
                    let answered = self.caller.post("/v1/trips", None, &body(trip)).await?;
                    self.booked_trip(trip, u64::from(answered.status), &answered.body)?;
                    self.meter.request();
                }
                Ok(())
            }
            Errand::Orders(orders) => {
                for order in orders {
                    self.order(order).await?;
                }
                Ok(())
            }
        }
    }

    /// Sends a batch, and again what of it was not taken for lack of room.
    async fn batch(&self, trips: &[Trip]) -> Result<(), PlayError> {
        let mut left: Vec<&Trip> = trips.iter().collect();
        while !left.is_empty() {
            let all: Vec<Value> = left.iter().map(|trip| body(trip)).collect();
            let answered = self
                .caller
                .post("/v1/trips/batch", None, &json!({"trips": all}))
                .await?;
            let results = answered.body["results"].as_array().map_or(&[][..], Vec::as_slice);
            if results.len() != left.len() {
                return Err(strange("the batch", &answered));
            }
            let mut busy = Vec::new();
            for (trip, result) in std::iter::zip(left, results) {
                match result["status"].as_u64() {
                    Some(429 | 503) => busy.push(trip),
                    Some(status @ (200 | 201)) => self.booked_trip(trip, status, &result["trip"])?,
                    status => self.booked_trip(trip, status.unwrap_or_default(), &result["problem"])?,
                }
            }
            if !busy.is_empty() {
                pause(&Value::Null).await;
            }
            left = busy;
        }
        self.meter.request();
        Ok(())
    }

    fn booked_trip(&self, trip: &Trip, status: u64, document: &Value) -> Result<(), PlayError> {
        let status = u16::try_from(status).unwrap_or_default();
        let said = Said::of(status, status == 200, document).ok_or_else(|| PlayError::Strange {
            what: format!("trip {}", trip.trip_id),
            status,
        })?;
        self.told().trip(trip, said, document);
        if status == 201 {
            self.meter.trip();
        }
        Ok(())
    }

    async fn order(&self, order: &Order) -> Result<(), PlayError> {
        let user = order.user;
        let (path, body) = match &order.ask {
            Ask::CollectAll => (
                format!("/v1/users/{user}/claims/collect"),
                json!({"programme": PROGRAMME, "all": true}),
            ),
            Ask::CollectTrip(trip_id) => (
                format!("/v1/users/{user}/claims/collect"),
                json!({"programme": PROGRAMME, "trips": [{"client": self.told().client, "trip_id": trip_id}]}),
            ),
            Ask::Redeem { amount, reference } => (
                "/v1/redemptions".to_owned(),
                json!({"user_id": user.to_string(), "programme": PROGRAMME, "amount": amount, "reference": reference}),
            ),
        };
        let answered = self.caller.post(&path, Some(&order.key), &body).await?;
        let said = Said::of(answered.status, answered.replayed, &answered.body);
        let said = said.ok_or_else(|| strange(&format!("order {}", order.key), &answered))?;
        self.told().order(order, said, &answered.body);
        if let (201, false) = (answered.status, answered.replayed) {
            self.meter.order(matches!(order.ask, Ask::Redeem { .. }));
            if let Some(transaction) = answered.body["transaction_id"].as_str() {
                // Whoever listened is gone only when the demo has ended.
                let _nobody = self.booked.send(transaction.to_owned()).await;
            }
        }
        self.meter.request();
        Ok(())
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn strange(what: &str, answered: &Answered) -> PlayError {
    PlayError::Strange {
        what: what.to_owned(),
        status: answered.status,
    }
}

/// A trip as it goes over the wire.
fn body(trip: &Trip) -> Value {
    let time = |second| jiff::Timestamp::from_second(second).map(|at| at.to_string()).ok();
    let legs: Vec<Value> = trip
        .legs
        .iter()
        .map(|leg| {
            json!({
                "mode": leg.mode.as_str(),
                "started_at": time(leg.started_s),
                "ended_at": time(leg.ended_s),
                "distance_m": leg.metres,
            })
        })
        .collect();
    json!({"programme": PROGRAMME, "trip_id": trip.trip_id, "user_id": trip.user.to_string(), "legs": legs})
}
