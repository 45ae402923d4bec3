//! The single writer of its shards: a task with a bounded queue and a connection of its own. It takes whatever has queued until its shards
//! are locked, commits it as one batch and only then answers.

use super::waiting::Waiting;
use super::{Queued, SubmitError, WriterParts, told};
use crate::clock::Clock;
use crate::crash::{self, Point};
use crate::ledger::command::{Command, Outcome, Rejection};
use crate::ledger::ids::ShardId;
use crate::store::batch::{Flushed, Heads, Setting, lock, run, stands};
use crate::store::db::{Connection, Location, StoreError, with};
use crate::store::hints::Hints;
use crate::store::load::Search;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tracing::{Instrument as _, debug_span};

/// How long a writer whose database failed waits before it tries it again by itself.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// How long a database may take to lock the shards of a batch, to do the batch, and to commit it, until it is taken for away: far longer than
/// any wait for another's locks, for a disk that is slow is no reason to send everybody away.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long, and how often, a database is asked what became of a commit whose reply is lost.
const ASK_FOR: Duration = Duration::from_secs(2);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Commands of a batch from which on the next waits for company.
const COMPANY: usize = 8;
/// The part of the last batch's time that the next waits, and the most.
const PART: u32 = 8;
const LONGEST_GATHERING: Duration = Duration::from_millis(2);

/// The task; it ends when every [`Ledger`](super::Ledger) is gone and the queue is empty.
pub struct Writer {
    location: Location,
    /// Its shards, ascending.
    own: Vec<ShardId>,
    clock: Clock,
    setting: Arc<Setting>,
    hints: Hints,
    waiting: Waiting,
    healthy: Arc<AtomicBool>,
    connection: Option<Connection>,
    /// Commands of the last batch, and how long it took.
    last: (usize, Duration),
}

impl Writer {
    /// One that serves the queue of these shards, all of them in one database.
    pub(super) fn new(
        parts: &WriterParts,
        (location, own): (Location, Vec<ShardId>),
        setting: &Arc<Setting>,
        waiting: Waiting,
        healthy: Arc<AtomicBool>,
    ) -> Self {
        Self {
            location,
            own,
            clock: parts.clock.clone(),
            setting: Arc::clone(setting),
            hints: parts.hints.clone(),
            waiting,
            healthy,
            connection: None,
            last: (0, Duration::ZERO),
        }
    }

    /// Serves the queue until nobody can fill it any more.
    pub async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            if !batch.is_empty() {
                self.carry_out(batch).await;
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the writer's connection did not close cleanly");
        }
    }

    /// The next commands; empty after a probe of a database that had failed; `None` when the queue has ended.
    async fn next_batch(&mut self) -> Option<Vec<Queued>> {
        let first = self.waiting.first();
        let mut batch = if self.healthy.load(Ordering::Relaxed) {
            first.await
        } else if let Ok(batch) = tokio::time::timeout(PROBE_EVERY, first).await {
            batch
        } else {
            self.probe().await;
            return Some(Vec::new());
        };
        if batch.is_empty() {
            return None;
        }
        self.gather(&mut batch).await;
        Some(batch)
    }

    /// Whoever was answered by a large batch comes again at once, just too late for the next: waiting a little for them makes one batch
    /// of what would go on as two halves for ever. A caller who is alone never waits.
    async fn gather(&mut self, batch: &mut Vec<Queued>) {
        let (commands, lasted) = self.last;
        if commands < COMPANY || self.waiting.is_full(batch) {
            return;
        }
        tokio::time::sleep((lasted / PART).min(LONGEST_GATHERING)).await;
        self.waiting.join(batch, |_| true);
    }

    /// Splits a batch of which some command cannot be carried out until that stands alone.
    async fn carry_out(&mut self, batch: Vec<Queued>) {
        let (mut parts, mut whole) = (vec![batch], true);
        while let Some(mut part) = parts.pop() {
            // Nothing may overtake what waits in a later part, or keep company with poison.
            match self.commit(&mut part, std::mem::take(&mut whole)).await {
                Ok(answers) => {
                    self.healthy.store(true, Ordering::Relaxed);
                    for (queued, answer) in std::iter::zip(part, answers) {
                        // A caller that has gone away does not undo what is committed.
                        let _gone = queued.reply.send(answer.map_err(SubmitError::Rejected));
                    }
                }
                Err(error) if part.len() > 1 && is_of_one(&error) => {
                    let later = part.split_off(part.len() / 2);
                    parts.extend([later, part]);
                }
                Err(error) => {
                    let alone = is_of_one(&error);
                    self.healthy.store(alone, Ordering::Relaxed);
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        commands = part.len(),
                        "a batch was not committed"
                    );
                    refuse(part, || match &error {
                        StoreError::Data(_) | StoreError::Row { .. } => SubmitError::Unstorable,
                        StoreError::OutcomeUnknown(_) => SubmitError::OutcomeUnknown,
                        _ => SubmitError::Unavailable,
                    });
                    if !alone {
                        // What has just been refused will be sent again: nothing that came behind it may overtake it.
                        parts.drain(..).rev().for_each(not_taken);
                        self.refuse_waiting();
                    }
                }
            }
        }
    }

    /// Refuses whatever waits in the queue at this moment.
    fn refuse_waiting(&mut self) {
        not_taken(self.waiting.all());
    }

    /// One batch, tried once more where that may help: a lock held elsewhere, a commit of which nothing is to be found, or data that the
    /// tables refuse, which may be a trip whose identity another has that it was not held against. What comes for its shards until they are
    /// locked joins a batch that `may_grow`: where several processes write them, that is a long time.
    async fn commit(
        &mut self,
        batch: &mut Vec<Queued>,
        may_grow: bool,
    ) -> Result<Vec<Result<Outcome, Rejection>>, StoreError> {
        let started = Instant::now();
        let result = match self.attempt(batch, (Search::Near, may_grow)).await {
            Err(StoreError::Busy(_) | StoreError::NotCommitted(_) | StoreError::Data(_)) => {
                told::again();
                self.attempt(batch, (Search::Everywhere, may_grow)).await
            }
            other => other,
        };
        if result.is_err() {
            // Whatever the transaction was, it ends with its connection.
            self.connection = None;
        }
        self.last = (batch.len(), started.elapsed());
        told::batch(batch.len(), started.elapsed(), result.as_deref().ok());
        result
    }

    async fn attempt(
        &mut self,
        batch: &mut Vec<Queued>,
        (search, may_grow): (Search, bool),
    ) -> Result<Vec<Result<Outcome, Rejection>>, StoreError> {
        let locking = told::locking(batch);
        let locked = async {
            let mut connection = self.location.begin(self.connection.take()).await?;
            let shards: BTreeSet<ShardId> = batch.iter().map(|queued| queued.command.shard()).collect();
            let heads = answered(lock(&mut connection, &shards)).await?;
            Ok::<_, StoreError>((connection, shards, heads))
        };
        let (connection, shards, heads) = told::locked(locked).instrument(locking).await?;
        if may_grow {
            self.waiting.join(batch, |shard| shards.contains(&shard));
        }
        let span = told::batch_span(batch);
        let commands: Vec<&Command> = batch.iter().map(|queued| &queued.command).collect();
        self.write((connection, heads), search, &commands)
            .instrument(span)
            .await
    }

    async fn write(
        &mut self,
        (mut connection, heads): (Connection, Heads),
        search: Search,
        commands: &[&Command],
    ) -> Result<Vec<Result<Outcome, Rejection>>, StoreError> {
        let now_ms = self.clock.now_ms();
        let own = (self.own.as_slice(), heads);
        let running = run(&mut connection, &self.setting, own, (now_ms, search), commands);
        let flushed = answered(running).await?;
        if flushed.changed {
            crash::point(Point::AfterFlush);
            let commit = told::committed(connection.execute("COMMIT")).instrument(debug_span!("commit"));
            if let Err(error) = answered(commit).await {
                connection = self.settle_commit(connection, &flushed, error).await?;
            }
            crash::point(Point::AfterCommit);
        } else {
            connection.execute("ROLLBACK").await?;
        }
        self.connection = Some(connection);
        told::booked(&flushed.booked);
        flushed.ready.iter().for_each(|shard| self.hints.give(*shard));
        Ok(flushed.answers)
    }

    /// The reply to COMMIT is lost: on a new connection the batch's own seal tells what happened.
    async fn settle_commit(
        &self,
        lost: Connection,
        flushed: &Flushed,
        error: StoreError,
    ) -> Result<Connection, StoreError> {
        drop(lost);
        let begun = Instant::now();
        loop {
            let looking = async {
                let mut connection = self.location.connect().await?;
                Ok::<_, StoreError>((stands(&mut connection, flushed).await?, connection))
            };
            match answered(looking).await {
                Ok((true, connection)) => return Ok(connection),
                Ok((false, _)) => return Err(StoreError::NotCommitted(Box::new(error))),
                Err(_) if begun.elapsed() < ASK_FOR => tokio::time::sleep(ASK_EVERY).await,
                Err(away) => return Err(StoreError::OutcomeUnknown(Box::new(away))),
            }
        }
    }

    /// Whether a write reaches the disk again; heads' epochs only count what was written, so raising one says nothing else.
    async fn probe(&mut self) {
        let result = async {
            let mut connection = self.location.begin(None).await?;
            // Any of its shards will do.
            let shard = self.own.first().map(|shard| i64::from(shard.index()));
            with!(&mut connection, |c| sqlx::query(
                "UPDATE shard_head SET epoch = epoch + 1 WHERE shard = ?"
            )
            .bind(shard)
            .execute(&mut *c)
            .await
            .map(|_| ()))?;
            connection.execute("COMMIT").await?;
            Ok::<_, StoreError>(connection)
        };
        if let Ok(connection) = result.await {
            self.connection = Some(connection);
            self.healthy.store(true, Ordering::Relaxed);
            tracing::info!("the database takes writes again");
        }
    }
}

/// What a database answers, unless it has fallen silent: then the connection is of no more use, and what was open in it ends with it.
async fn answered<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let silent = |_| StoreError::Unavailable(sqlx::Error::PoolTimedOut);
    tokio::time::timeout(PATIENCE, answer).await.map_err(silent)?
}

/// Whether an error may be that of one command, because of its data or its shard: others of the batch may be carried out.
fn is_of_one(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Data(_) | StoreError::Row { .. } | StoreError::NotHome { .. }
    )
}

/// Tells callers that their commands were not carried out.
fn not_taken(part: Vec<Queued>) {
    refuse(part, || SubmitError::Unavailable);
}

/// Tells callers what became of their commands.
fn refuse(part: Vec<Queued>, error: impl Fn() -> SubmitError) {
    for queued in part {
        let _gone = queued.reply.send(Err(error()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::kek::Kek;
    use crate::ledger::command::{Meta, SettleDue};
    use crate::ledger::ground::{Ground, SourceSecret};
    use crate::ledger::ids::{Name, UserId};
    use crate::ledger::page::Deployment;
    use crate::store::db::{Homes, SqliteFile};
    use crate::store::writer::Ledger;
    use std::num::NonZeroUsize;

    /// A writer of single commands whose database has no tables.
    fn broken(folder: &std::path::Path) -> (Ledger, Writer) {
        let (ledger, writers) = Ledger::new(&WriterParts {
            locations: Homes::one(Location::Sqlite(SqliteFile {
                file: folder.join("ledger.db"),
                busy_timeout: Duration::from_millis(10),
                durable: false,
            })),
            clock: Clock::System,
            kek: Arc::new(Kek::new(&[7; 32])),
            deployment: Deployment {
                id: [1; 16],
                zone: "UTC".to_owned(),
                created_ms: 0,
            },
            ground: Arc::new(Ground {
                zone: jiff::tz::TimeZone::UTC,
                source_secret: SourceSecret::new([1; 32]),
            }),
            hints: crate::store::hints::hints().0,
            queue: 10,
            batch_max: 1,
            count: NonZeroUsize::MIN,
        });
        (ledger, writers.into_iter().next().unwrap())
    }

    fn settle(user: i64) -> Command {
        Command::SettleDue(Arc::new(SettleDue {
            meta: Meta {
                client: Name::parse("test").unwrap(),
                request_id: "r".to_owned(),
            },
            user: UserId::from_stored(user),
            programmes: Arc::default(),
        }))
    }

    #[tokio::test]
    async fn nothing_overtakes_what_the_database_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, mut writer) = broken(folder.path());
        let pending = [1, 2, 3].map(|user| ledger.enqueue(settle(user)).unwrap());
        let batch = writer.next_batch().await.unwrap();
        assert_eq!(batch.len(), 1);
        writer.carry_out(batch).await;
        for mut pending in pending {
            assert!(matches!(pending.0.try_recv(), Ok(Err(SubmitError::Unavailable))));
        }
        assert_eq!(ledger.depth(), 0);
        assert!(!ledger.healthy());
    }
}
