//! Trips that come by a queue instead of a request: the same document, judged and booked in the same way. Who sends is vouched for by
//! whoever keeps the queue; what the sender may do is what its API keys allow.

use super::ApiState;
use super::auth;
use super::body::parse;
use super::frame;
use super::keys::Right;
use super::problem::{Code, Problem};
use super::trips;
use crate::ledger::command::{Command, SubmitTrip};
use crate::ledger::ids::ShardId;
use crate::store::writer::Pending;
use actix_web::web;
use serde_json::{Value, json};
use std::sync::Arc;

/// Takes trips.
#[derive(Clone)]
pub struct TripDesk(web::Data<ApiState>);

/// A trip that may be booked.
pub struct Judged {
    state: web::Data<ApiState>,
    command: Arc<SubmitTrip>,
}

/// A trip that waits for its commit.
pub struct Taken {
    state: web::Data<ApiState>,
    command: Arc<SubmitTrip>,
    pending: Pending,
}

impl TripDesk {
    pub(super) const fn new(state: web::Data<ApiState>) -> Self {
        Self(state)
    }

    /// The id under which a message is booked and told of: the sender's own, if it can stand in a log, or a fresh one.
    pub fn request_id(own: Option<&str>) -> String {
        frame::own_or_fresh(own)
    }

    /// Judges the document of a trip.
    ///
    /// # Errors
    /// What a request with this body would be answered.
    pub async fn judge(&self, client: &str, request_id: &str, body: &[u8]) -> Result<Judged, Problem> {
        if body.len() > self.0.max_body {
            let detail = format!("the body is larger than {} bytes", self.0.max_body);
            return Err(Problem::new(Code::BodyTooLarge, detail));
        }
        let caller = auth::vouched_for(&self.0, client, Right::TripsWrite).await?;
        let command = Arc::new(trips::order(&self.0, &caller, request_id, &parse(body)?)?);
        Ok(Judged {
            state: self.0.clone(),
            command,
        })
    }
}

impl Judged {
    /// Where its rider is at home.
    pub fn shard(&self) -> ShardId {
        self.command.user.shard()
    }

    /// Queues it for its shard's writer, behind callers, who cannot wait: that may take long.
    pub async fn queued(self) -> Result<Taken, Problem> {
        let Self { state, command } = self;
        let order = Command::SubmitTrip(Arc::clone(&command));
        let pending = state.ledger.enqueue_patiently(order).await?;
        Ok(Taken {
            state,
            command,
            pending,
        })
    }
}

impl Taken {
    /// Waits for the commit; the trip as a request is answered, and whether it was booked before.
    pub async fn booked(self) -> Result<(Value, bool), Problem> {
        let booked = self.pending.trip().await?;
        let named = trips::Named {
            client: self.command.meta.client.as_str(),
            user: self.command.user,
            trip_id: Some(self.command.trip_id.as_str()),
        };
        let document = json!(trips::trip(&booked.trip, &named, self.state.clock.now_ms()));
        Ok((document, booked.replayed))
    }
}
