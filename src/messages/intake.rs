//! Trips in. A message is acknowledged after its trip is on the disk, or after it lies in the queue for what cannot be taken, with the
//! reason; in between the broker keeps it, whatever happens here. A rider's trips are queued for their writer in the order in which they
//! come; trips share commits.

use super::broker::{Broker, Talk, confirming, patient, queue_of_trips};
use super::line::{Lines, Turn};
use super::{SessionError, letter, publish};
use crate::api::problem::{Code, Problem};
use crate::api::{Judged, Taken, TripDesk};
use crate::backoff::Backoff;
use crate::telemetry::traces;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use serde_json::Value;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// What the gateway is called among the consumers of a queue.
const TAG: &str = "carbon-gateway";

/// Takes trips from a queue.
pub struct TripsIn {
    /// Where.
    pub broker: Broker,
    /// Who books them.
    pub desk: TripDesk,
    /// The queue.
    pub queue: String,
    /// Messages that are in work at most.
    pub prefetch: u16,
    /// When no more are taken; those in work are brought to their end.
    pub stop: CancellationToken,
}

/// A message with the id under which it is booked and told of.
struct Message {
    request_id: String,
    delivery: Delivery,
}

/// What became of a message.
enum Fate {
    /// Its trip is stored: as a request is answered, and whether it was before.
    Booked(Value, bool),
    /// It will never be taken.
    Refused(Problem),
    /// The stop came first: the broker keeps it for another.
    Left,
}

/// A connection with its two channels: what is acknowledged does not wait behind what is sent.
struct Session {
    connection: Connection,
    coming: Channel,
    going: Channel,
    aside: String,
}

impl Talk for TripsIn {
    async fn session(&self) -> Result<(), SessionError> {
        let connection = self.broker.connect("trips").await?;
        let aside = format!("{}.dead", self.queue);
        queue_of_trips(&connection, &self.queue, &aside).await?;
        let coming = patient(connection.create_channel()).await?;
        let going = confirming(&connection).await?;
        patient(coming.basic_qos(self.prefetch, BasicQosOptions::default())).await?;
        let session = Session {
            connection,
            coming,
            going,
            aside,
        };
        metrics::gauge!("carbon_broker_up", "for" => "trips").set(1.0);
        self.take(&session).await?;
        patient(session.connection.close(200, "".into())).await
    }
}

impl TripsIn {
    /// Takes trips until the stop.
    pub async fn run(self) {
        for outcome in ["created", "replayed", "refused"] {
            metrics::counter!("carbon_intake_messages_total", "outcome" => outcome).increment(0);
        }
        self.broker.sessions("trips", &self.stop, &self).await;
    }

    /// Takes messages until the stop, and ends when those in work have ended.
    async fn take(&self, session: &Session) -> Result<(), SessionError> {
        let options = BasicConsumeOptions::default();
        let consuming =
            session
                .coming
                .basic_consume(self.queue.as_str().into(), TAG.into(), options, FieldTable::default());
        let mut messages = patient(consuming).await?;
        let (mut judging, mut in_work) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut lines = Lines::default();
        let mut stopping = false;
        loop {
            tokio::select! {
                Some(ended) = in_work.next() => ended?,
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    patient(session.coming.basic_cancel(TAG.into(), BasicCancelOptions::default())).await?;
                }
                // One at a time, so that they are lined up in the order in which they come.
                message = messages.next(), if !stopping && judging.is_empty() => {
                    let delivery = message.ok_or(SessionError::Ended)??;
                    let message = Message {
                        request_id: letter::request_id(&delivery),
                        delivery,
                    };
                    judging.push(async move {
                        let span = self.span(&message);
                        let judged = self.judge(&message).instrument(span.clone()).await;
                        (message, judged, span)
                    });
                }
                Some((message, judged, span)) = judging.next() => {
                    let turn = judged.as_ref().ok().map(|judged| lines.join(judged.shard()));
                    in_work.push(self.bring_to_an_end(session, message, (judged, turn)).instrument(span));
                }
                else => return Ok(()),
            }
        }
    }

    /// What is done about a message, in its sender's trace.
    fn span(&self, message: &Message) -> Span {
        let request_id = &message.request_id;
        let span = tracing::error_span!("message", otel.kind = "consumer", %request_id, outcome = Empty);
        traces::join(&span, |name| letter::header(&message.delivery, name));
        if traces::is_told(&span) {
            traces::name(&span, format!("process {}", self.queue));
            traces::note(&span, "messaging.system", "rabbitmq");
        }
        span
    }

    /// Judges a trip.
    async fn judge(&self, message: &Message) -> Result<Judged, Problem> {
        let Message { request_id, delivery } = message;
        let client = letter::client(delivery).ok_or_else(|| {
            let detail = "the property user_id is missing: set it to the user who is connected to the broker";
            Problem::new(Code::Unauthorized, detail)
        })?;
        self.desk.judge(client, request_id, &delivery.data).await
    }

    /// Waits for the commit, and tells broker and sender.
    async fn bring_to_an_end(
        &self,
        session: &Session,
        message: Message,
        begun: (Result<Judged, Problem>, Option<Turn>),
    ) -> Result<(), SessionError> {
        let ended = self.fate(&message, begun).await;
        let Message { request_id, delivery } = message;
        let outcome = match ended {
            Fate::Left => return Ok(()),
            Fate::Booked(document, replayed) => {
                session
                    .answer(&delivery, if replayed { 200 } else { 201 }, &document)
                    .await?;
                if replayed { "replayed" } else { "created" }
            }
            Fate::Refused(problem) => {
                session.put_aside(&delivery, &problem, &request_id).await?;
                let document = problem.document(&request_id);
                session.answer(&delivery, problem.code.status(), &document).await?;
                "refused"
            }
        };
        patient(delivery.ack(BasicAckOptions::default())).await?;
        metrics::counter!("carbon_intake_messages_total", "outcome" => outcome).increment(1);
        Span::current().record("outcome", outcome);
        Ok(())
    }

    /// What becomes of a message: what cannot be stored now is tried until it can.
    async fn fate(&self, message: &Message, (mut judged, mut turn): (Result<Judged, Problem>, Option<Turn>)) -> Fate {
        let mut backoff = Backoff::default();
        loop {
            let queueing = queued(judged, turn.take());
            let ended = match self.stop.run_until_cancelled(queueing).await {
                None => return Fate::Left,
                Some(Ok(taken)) => taken.booked().await,
                Some(Err(problem)) => Err(problem),
            };
            let problem = match ended {
                Ok((document, replayed)) => return Fate::Booked(document, replayed),
                Err(problem) if !problem.code.passes() => return Fate::Refused(problem),
                Err(problem) => problem,
            };
            let asked = problem.retry_after_ms.map(Duration::from_millis);
            let wait = backoff.next(rand::random(), asked);
            if self.stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return Fate::Left;
            }
            judged = self.judge(message).await;
        }
    }
}

/// Queues a trip when its turn has come; while its writer has no room, what comes behind it for the same shard waits too.
async fn queued(judged: Result<Judged, Problem>, turn: Option<Turn>) -> Result<Taken, Problem> {
    let judged = judged?;
    let _until_queued = match turn {
        Some(turn) => Some(turn.come().await),
        None => None,
    };
    judged.queued().await
}

impl Session {
    /// Puts a message into the queue for what cannot be taken, and waits until it is there.
    async fn put_aside(&self, delivery: &Delivery, problem: &Problem, request_id: &str) -> Result<(), SessionError> {
        tracing::warn!(%problem, queue = self.aside, "a message cannot be taken");
        let properties = letter::put_aside(delivery, problem, request_id);
        let way = ("", self.aside.as_str());
        let sent = publish::send(&self.going, way, "a dead letter", (properties, &delivery.data)).await?;
        sent.taken().await
    }

    /// Answers a sender that wants to know.
    async fn answer(&self, delivery: &Delivery, status: u16, document: &Value) -> Result<(), SessionError> {
        let Some((to, properties, body)) = letter::answer(delivery, status, document) else {
            return Ok(());
        };
        publish::send_loosely(&self.going, &to, (properties, &body)).await
    }
}
