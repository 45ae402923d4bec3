//! Redis: what instances share besides the database. It only saves asking and waiting. Nothing is true because Redis says so, whatever it
//! says may be wrong or gone, and nobody waits for it longer than the settings say.
//!
//! One connection serves all questions, each answered in its turn. When a question brings no answer, Redis is away: the connection is put
//! aside, whoever asks from then on hears at once that nobody answers, and a task that keeps the connection looks every second whether
//! Redis is there again. So an outage costs those who were waiting when it began, and nobody after them.

pub mod booked;
pub mod holders;
pub mod limits;
pub mod seen;
pub mod space;

use crate::config::RedisConfig;
use crate::lifecycle::Lifecycle;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{self, AsyncConnectionConfig, Client, RedisError, RedisResult};
use deadpool_redis::{Manager, Pool, PoolError, Runtime};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long Redis is left alone after a failure.
const ALONE: Duration = Duration::from_secs(1);
/// How often a connection that nobody complains of is tested.
const CALM: Duration = Duration::from_secs(5);

/// The way to Redis; clones are the same one.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    client: Client,
    /// Makes the connection, tests it, and makes another where the test fails.
    pool: Pool,
    patience: Duration,
    connection: Mutex<Kept>,
    lost: Notify,
}

/// The connection, none while Redis is away.
#[derive(Default)]
struct Kept {
    current: Option<MultiplexedConnection>,
    /// Counts connections: a complaint about an earlier one says nothing of this.
    number: u64,
    /// Whether it was told that Redis is away.
    told: bool,
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`redis.url` is no address of a Redis")]
pub struct AddressError(#[source] RedisError);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It took longer than the settings allow.
    #[error("there was no answer in time")]
    Late,
    /// Redis does not do this, or not for us.
    #[error(transparent)]
    Refused(#[from] RedisError),
    /// There is no connection.
    #[error(transparent)]
    Unreachable(#[from] PoolError),
}

impl Redis {
    /// The Redis that the settings name, if they name one, and a task that keeps the connection until the stop. One that is away
    /// hinders no start.
    pub async fn start(config: &RedisConfig, lifecycle: &Lifecycle) -> Result<Option<Self>, AddressError> {
        let Some(url) = &config.url else {
            return Ok(None);
        };
        metrics::counter!("carbon_redis_failures_total").increment(0);
        let redis = Self::new(url.as_str(), config.timeout_ms.milliseconds()).map_err(AddressError)?;
        Box::pin(redis.look()).await;
        lifecycle.spawn("redis", redis.clone().keep(lifecycle.soft()));
        Ok(Some(redis))
    }

    fn new(url: &str, patience: Duration) -> RedisResult<Self> {
        let bounds = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        let pool = Pool::builder(Manager::new_with_config(url, bounds)?)
            .max_size(1)
            .wait_timeout(Some(patience))
            .create_timeout(Some(patience))
            .recycle_timeout(Some(patience))
            .runtime(Runtime::Tokio1)
            .build();
        Ok(Self(Arc::new(Shared {
            client: Client::open(url)?,
            // A pool lacks nothing but a runtime for its timeouts, which it was given.
            pool: pool.map_err(|_| RedisError::from((redis::ErrorKind::InvalidClientConfig, "no runtime")))?,
            patience,
            connection: Mutex::default(),
            lost: Notify::new(),
        })))
    }

    /// Whether Redis answered when it was asked last.
    pub fn is_up(&self) -> bool {
        self.kept(|kept| kept.current.is_some())
    }

    /// The answer to a question, or none: at once while Redis is away, and after the time that the settings give it in any case.
    pub async fn ask<T, F>(&self, question: impl FnOnce(MultiplexedConnection) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (connection, number) = self.kept(|kept| Some((kept.current.clone()?, kept.number)))?;
        match self.in_time(question(connection)).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.failed(number, &error);
                None
            }
        }
    }

    async fn in_time<T, E>(&self, answer: impl Future<Output = Result<T, E>>) -> Result<T, NoAnswer>
    where
        NoAnswer: From<E>,
    {
        Ok(timeout(self.0.patience, answer).await.map_err(|_| NoAnswer::Late)??)
    }

    /// Keeps the connection: tests it from time to time, and looks for another where it was lost.
    async fn keep(self, stop: CancellationToken) {
        loop {
            let lost = timeout(CALM, self.0.lost.notified());
            let Some(calm) = stop.run_until_cancelled(lost).await.map(|lost| lost.is_err()) else {
                return;
            };
            if !calm && stop.run_until_cancelled(sleep(ALONE)).await.is_none() {
                return;
            }
            // One that takes connections and answers no question comes and goes: it is back when it has stayed for a while.
            if self.look().await && calm && self.kept(|kept| std::mem::take(&mut kept.told)) {
                tracing::info!("Redis answers again");
            }
        }
    }

    /// Tests the connection, or makes another; answers whether there is one.
    async fn look(&self) -> bool {
        match self.sound().await {
            Ok(connection) => {
                metrics::gauge!("carbon_redis_up").set(1);
                self.kept(|kept| {
                    kept.number = kept.number.wrapping_add(1);
                    kept.current = Some(connection);
                });
                true
            }
            Err(error) => {
                self.failed(self.kept(|kept| kept.number), &error);
                false
            }
        }
    }

    /// A connection over which Redis answers.
    async fn sound(&self) -> Result<MultiplexedConnection, NoAnswer> {
        let sound = async {
            let mut connection = self.0.pool.get().await?;
            redis::cmd("PING").query_async::<()>(&mut *connection).await?;
            Ok::<_, NoAnswer>(MultiplexedConnection::clone(&connection))
        };
        self.in_time(sound).await
    }

    /// Puts the connection aside, unless another has taken its place.
    fn failed(&self, number: u64, error: &NoAnswer) {
        metrics::counter!("carbon_redis_failures_total").increment(1);
        let told = self.kept(|kept| {
            if kept.number != number {
                return true;
            }
            kept.current = None;
            std::mem::replace(&mut kept.told, true)
        });
        if !self.is_up() {
            metrics::gauge!("carbon_redis_up").set(0);
            self.0.lost.notify_one();
        }
        if !told {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "Redis is away: this instance goes on by itself");
        }
    }

    fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
