//! Keys and certificates: reads on the readers, writes by a task of their own that commits whatever has queued as one transaction, so
//! that a thousand first-time riders cost a few commits and no caller that goes away leaves a transaction open.

mod rotate;
mod tables;

use super::db::{Connection, Homes, Location, Readers, StoreError};
use crate::crash::{self, Point};
use crate::identity::certificate::Serial;
use crate::identity::rows::{AuthorityRow, CertificateRow, KeyRow, KeyRows};
use crate::ledger::ids::{Hash, UserId};
pub use rotate::{RotateError, Rotated, change_underway, rotate};
pub use tables::{any, authorities, certificates, found, revoke};
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait, and that share one commit.
const QUEUE: usize = 256;

/// The way to keys and certificates: cheap to clone.
#[derive(Clone)]
pub struct Keys {
    readers: Readers,
    queues: Homes<mpsc::Sender<Queued>>,
}

/// The task that writes to one database; it ends when every [`Keys`] is gone.
pub struct KeysWriter {
    location: Location,
    queue: mpsc::Receiver<Queued>,
    connection: Option<Connection>,
}

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// They cannot be read, or the database refused this one.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database did not take the write; the same again may succeed.
    #[error("the database did not take it")]
    NotKept,
    /// The task has ended.
    #[error("the gateway is stopping")]
    Stopping,
}

#[derive(Clone, Debug)]
enum Write {
    Key(KeyRow),
    Certificate(CertificateRow, i64),
    Revoke(Serial, i64),
    Authority(AuthorityRow),
}

impl Write {
    /// Whose row it is, if it is a user's; the others come first.
    const fn user(&self) -> Option<UserId> {
        match self {
            Self::Key(row) => Some(row.user),
            Self::Certificate(row, _) => Some(row.user),
            Self::Revoke(..) | Self::Authority(_) => None,
        }
    }
}

#[derive(Debug)]
enum Written {
    Key(KeyRow),
    Certificate(CertificateRow),
    Revoked(bool),
    Authority(AuthorityRow),
}

/// What a caller waits for.
type Answer = oneshot::Receiver<Result<Written, KeysError>>;

struct Queued {
    write: Write,
    reply: oneshot::Sender<Result<Written, KeysError>>,
}

impl Keys {
    /// The way in and its tasks, one for each database, all of which must be spawned.
    pub fn new(locations: &Homes<Location>, readers: Readers) -> (Self, Vec<KeysWriter>) {
        let mut writers = Vec::new();
        let queues = locations.map(|location| {
            let (sender, queue) = mpsc::channel(QUEUE);
            writers.push(KeysWriter {
                location: location.clone(),
                queue,
                connection: None,
            });
            sender
        });
        (Self { readers, queues }, writers)
    }

    async fn queued(&self, write: Write) -> Result<Answer, KeysError> {
        let queue = match write.user() {
            Some(user) => self.queues.of(user.shard()),
            None => self.queues.main(),
        };
        queued_on(queue, write).await
    }

    /// Queues all before it waits for any, so that they share a commit.
    async fn write_all<T>(
        &self,
        writes: impl Iterator<Item = Write> + Send,
        read: impl Fn(Written) -> Option<T> + Send,
    ) -> Result<Vec<T>, KeysError> {
        let mut answers = Vec::new();
        for write in writes {
            answers.push(self.queued(write).await?);
        }
        let mut written = Vec::new();
        for answer in answers {
            written.push(read(answered(answer).await?).ok_or(KeysError::NotKept)?);
        }
        Ok(written)
    }
}

async fn queued_on(queue: &mpsc::Sender<Queued>, write: Write) -> Result<Answer, KeysError> {
    let (reply, answer) = oneshot::channel();
    let queued = Queued { write, reply };
    queue.send(queued).await.map_err(|_| KeysError::Stopping)?;
    Ok(answer)
}

async fn answered(answer: Answer) -> Result<Written, KeysError> {
    answer.await.map_err(|_| KeysError::Stopping)?
}

impl KeyRows for Keys {
    type Error = KeysError;

    async fn keys(&self, users: &[UserId]) -> Result<Vec<KeyRow>, KeysError> {
        Ok(tables::keys(&self.readers, users).await?)
    }

    async fn keep_keys(&self, rows: Vec<KeyRow>) -> Result<Vec<KeyRow>, KeysError> {
        let kept = |written| match written {
            Written::Key(row) => Some(row),
            _ => None,
        };
        self.write_all(rows.into_iter().map(Write::Key), kept).await
    }

    async fn certificates(&self, keys: &[(UserId, Hash)]) -> Result<Vec<CertificateRow>, KeysError> {
        Ok(tables::certificates_of(&self.readers, keys).await?)
    }

    async fn keep_certificates(&self, rows: Vec<(CertificateRow, i64)>) -> Result<Vec<CertificateRow>, KeysError> {
        let writes = rows
            .into_iter()
            .map(|(row, unless_after_ms)| Write::Certificate(row, unless_after_ms));
        let kept = |written| match written {
            Written::Certificate(row) => Some(row),
            _ => None,
        };
        self.write_all(writes, kept).await
    }

    async fn revoke(&self, serial: Serial, at_ms: i64) -> Result<bool, KeysError> {
        // Whose it is only its row says, and the issuer's is in the main database.
        for (queue, _) in self.queues.each() {
            match answered(queued_on(queue, Write::Revoke(serial, at_ms)).await?).await? {
                Written::Revoked(true) => return Ok(true),
                Written::Revoked(false) => {}
                _ => return Err(KeysError::NotKept),
            }
        }
        Ok(false)
    }

    async fn authority(&self, name: &'static str) -> Result<Option<AuthorityRow>, KeysError> {
        Ok(tables::authority(&self.readers, name).await?)
    }

    async fn keep_authority(&self, row: AuthorityRow) -> Result<AuthorityRow, KeysError> {
        match answered(self.queued(Write::Authority(row)).await?).await? {
            Written::Authority(row) => Ok(row),
            _ => Err(KeysError::NotKept),
        }
    }
}

impl KeysWriter {
    /// Serves the queue until nobody can fill it any more.
    pub async fn run(mut self) {
        let mut batch = Vec::new();
        while self.queue.recv_many(&mut batch, QUEUE).await > 0 {
            self.carry_out(std::mem::take(&mut batch)).await;
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the connection for keys did not close cleanly");
        }
    }

    /// Splits a batch that the database refuses for its data until the poisonous write stands alone.
    async fn carry_out(&mut self, mut batch: Vec<Queued>) {
        // In one order, so that two instances do not wait for each other's rows.
        batch.sort_by_key(|queued| queued.write.user());
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let writes: Vec<Write> = part.iter().map(|queued| queued.write.clone()).collect();
            match self.commit(&writes).await {
                Ok(written) => {
                    for (queued, written) in std::iter::zip(part, written) {
                        let _gone = queued.reply.send(Ok(written));
                    }
                }
                Err(StoreError::Data(_) | StoreError::Row { .. }) if part.len() > 1 => {
                    let later = part.split_off(part.len() / 2);
                    parts.extend([later, part]);
                }
                Err(error) => {
                    let (error_of, count) = (&error as &dyn std::error::Error, part.len());
                    tracing::error!(error = error_of, writes = count, "keys were not kept");
                    for queued in part {
                        let _gone = queued.reply.send(Err(KeysError::NotKept));
                    }
                }
            }
        }
    }

    /// One transaction, tried once more: another process may hold the lock, or may have been first with a row, which is then read.
    async fn commit(&mut self, writes: &[Write]) -> Result<Vec<Written>, StoreError> {
        match self.attempt(writes).await {
            Err(StoreError::Busy(_) | StoreError::Data(_)) => self.attempt(writes).await,
            other => other,
        }
    }

    /// Every write may be repeated, so a lost reply to COMMIT needs no asking. Whatever fails ends with its connection.
    async fn attempt(&mut self, writes: &[Write]) -> Result<Vec<Written>, StoreError> {
        let mut connection = self.location.begin(self.connection.take()).await?;
        let mut written = Vec::with_capacity(writes.len());
        for write in writes {
            written.push(match write {
                Write::Key(row) => {
                    let kept = tables::keep_key(&mut connection, row).await?;
                    crash::point(Point::InKey);
                    Written::Key(kept)
                }
                Write::Certificate(row, unless_after_ms) => {
                    Written::Certificate(tables::keep_certificate(&mut connection, row, *unless_after_ms).await?)
                }
                Write::Revoke(serial, at_ms) => {
                    Written::Revoked(tables::revoke(&mut connection, serial, *at_ms).await?)
                }
                Write::Authority(row) => Written::Authority(tables::keep_authority(&mut connection, row).await?),
            });
        }
        connection.execute("COMMIT").await?;
        self.connection = Some(connection);
        Ok(written)
    }
}
