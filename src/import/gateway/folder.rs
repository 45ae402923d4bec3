//! The ledger of a data folder, which this process alone writes.

use super::{Answer, Booking, Order, SendError};
use crate::identity::fresh::fresh;
use crate::identity::kek::Kek;
use crate::import::ride::Ride;
use crate::ledger::command::{Command, Meta, Rejection, SubmitTrip};
use crate::ledger::evidence::Places;
use crate::ledger::ids::trip_key;
use crate::ledger::trip::TripRecord;
use crate::methodology::programme::Programme;
use crate::methodology::trip::{Distance, DistanceFrom, InputError, Leg, Trip};
use crate::methodology::units::Amount;
use crate::store::writer::{Ledger, Pending, SubmitError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ledger and what its trips have in common.
pub struct Folder {
    /// The way to the writer.
    pub ledger: Ledger,
    /// Wraps the data keys of new accounts.
    pub kek: Arc<Kek>,
    /// Who asks, for the journal.
    pub meta: Meta,
    /// Judges the trips.
    pub programme: Arc<Programme>,
    /// The programme's word for how they travelled.
    pub mode: String,
    /// Rides or steps of a trip.
    pub events: Option<u64>,
}

/// A trip that is queued, or its answer already.
enum Sent {
    Queued(Pending),
    Answered(Answer),
}

impl Folder {
    pub(super) async fn send(&self, orders: &[Order]) -> Result<Vec<Answer>, SendError> {
        let mut sent = Vec::with_capacity(orders.len());
        let mut full = false;
        for order in orders {
            // What comes after a trip that found no room waits too, or it would be judged first.
            sent.push(if full {
                Sent::Answered(Answer::Busy)
            } else {
                self.queue(&order.ride)?
            });
            full = full || matches!(sent.last(), Some(Sent::Answered(Answer::Busy)));
        }
        let mut answers = Vec::with_capacity(sent.len());
        for sent in sent {
            answers.push(match sent {
                Sent::Answered(answer) => answer,
                Sent::Queued(pending) => match pending.trip().await {
                    Ok(answer) => booked(&answer.trip.record, answer.replayed)?,
                    Err(error) => refusal(error)?,
                },
            });
        }
        Ok(answers)
    }

    fn queue(&self, ride: &Ride) -> Result<Sent, SendError> {
        let trip = Trip {
            legs: vec![self.leg(ride)],
            has_evidence: false,
        };
        let assessment = match self.programme.assess(&trip) {
            Ok(assessment) => assessment,
            Err(errors) => return Ok(Sent::Answered(unfit(&errors))),
        };
        let client = &self.meta.client;
        let command = SubmitTrip {
            meta: self.meta.clone(),
            user: ride.user,
            trip_key: trip_key(client, ride.user, &ride.trip_id),
            trip_id: ride.trip_id.clone(),
            programme: Arc::clone(&self.programme),
            trip,
            assessment,
            proof: None,
            places: vec![Places::None],
            fresh: fresh(&self.kek, ride.user, self.programme.id())
                .map_err(|error| SendError::Refused(format!("a data key cannot be wrapped: {error}")))?,
        };
        match self.ledger.enqueue(Command::SubmitTrip(Arc::new(command))) {
            Ok(pending) => Ok(Sent::Queued(pending)),
            Err(error) => refusal(error).map(Sent::Answered),
        }
    }

    fn leg(&self, ride: &Ride) -> Leg {
        Leg {
            mode: self.mode.clone(),
            started_s: ride.started_s,
            ended_s: ride.ended_s,
            distance: ride.metres.map(|metres| Distance {
                metres,
                from: DistanceFrom::Given,
            }),
            energy_wh: None,
            events: self.events,
            region: None,
            grid_year: None,
            replace: BTreeMap::new(),
        }
    }
}

fn booked(record: &TripRecord, replayed: bool) -> Result<Answer, SendError> {
    let sum = |amount: Option<Amount>| amount.ok_or_else(|| SendError::Refused("a stored trip has no sum".to_owned()));
    Ok(Answer::Booked(Booking {
        replayed,
        refused: record.refusal.as_ref().map(|refusal| refusal.rule.as_str().to_owned()),
        quantified: sum(record.quantified())?,
        capped: sum(record.capped())?,
    }))
}

fn unfit(errors: &[InputError]) -> Answer {
    Answer::Unfit(
        errors
            .first()
            .map_or("invalid_field", |error| error.code.as_str())
            .to_owned(),
    )
}

/// The same as over HTTP: what may be sent again, what is another's, what no trip can be, and what ends the work.
fn refusal(error: SubmitError) -> Result<Answer, SendError> {
    match error {
        SubmitError::Overloaded | SubmitError::Unavailable | SubmitError::OutcomeUnknown => Ok(Answer::Busy),
        SubmitError::Unstorable => Err(SendError::Refused(error.to_string())),
        SubmitError::Draining => Err(SendError::Refused("the ledger takes no more".to_owned())),
        SubmitError::Rejected(Rejection::TripConflict { fields }) => Ok(Answer::Conflict(fields.join(", "))),
        SubmitError::Rejected(Rejection::AmountOverflow | Rejection::TooLong) => {
            Ok(Answer::Unfit("invalid_field".to_owned()))
        }
        SubmitError::Rejected(other) => Err(SendError::Refused(other.to_string())),
    }
}
