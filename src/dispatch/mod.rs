//! Dispatch: takes what the ledger has booked to the chain, and tells the ledger what became of it. The rows are the queue of record;
//! hints say where to look, the sweeper finds whatever they lost. Signed bytes are stored before they are sent, only bytes whose
//! record was accepted are sent, and the same bytes are sent again until the chain has answered or their window has passed.

mod bindings;
mod book;
mod carry;
mod follow;
mod pack;
mod seal;
mod sweep;
mod work;

pub use sweep::{Sweeper, Taking};

use crate::chain::{ChainClient, ChainError, RetryClass};
use crate::clock::Clock;
use crate::identity::chain_secret::ChainSecret;
use crate::identity::signer::Signer;
use crate::ledger::ids::ShardId;
use crate::lifecycle::Lifecycle;
use crate::store::db::{Homes, Location, Readers};
use crate::store::hints::{Hinted, Hints};
use crate::store::keys::Keys;
use crate::store::writer::Ledger;
use bindings::Bindings;
use follow::Follower;
use recloser::{AsyncRecloser, Recloser};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Calls by whose failures the breaker judges.
const JUDGED_CALLS: usize = 20;
/// How long the chain is left alone when half of them have failed.
const BREAK: Duration = Duration::from_secs(2);

/// Bounds of dispatch.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Tasks that form envelopes; each has its shards to itself.
    pub workers: usize,
    /// Keys of the chain's state that envelopes on their way may write, all together.
    pub state_keys: u32,
    /// Commands of dispatch that may wait for the writer.
    pub queued: usize,
    /// How long an envelope is cared for by whoever recorded it or took it over.
    pub lease: Duration,
}

/// What dispatch is made of.
pub struct Parts {
    /// The way to the writer.
    pub ledger: Ledger,
    /// Connections for reads.
    pub readers: Readers,
    /// Where leases are taken.
    pub locations: Homes<Location>,
    /// The chain.
    pub chain: ChainClient,
    /// Makes chain tx ids that nobody else can take first.
    pub chain_secret: ChainSecret,
    /// Holds the keys.
    pub signer: Signer<Keys>,
    /// The time.
    pub clock: Clock,
    /// Bounds.
    pub setting: Setting,
    /// Hears of what may leave.
    pub hinted: Hinted,
    /// Says where to look.
    pub hints: Hints,
}

/// What all of dispatch works with.
struct Way {
    ledger: Ledger,
    readers: Readers,
    locations: Homes<Location>,
    chain: ChainClient,
    chain_secret: ChainSecret,
    signer: Signer<Keys>,
    clock: Clock,
    setting: Setting,
    hints: Hints,
    breaker: AsyncRecloser,
    /// What may be in flight, in keys of the chain's state.
    in_flight: Arc<Semaphore>,
    /// Dispatch's places in the writer's queue.
    queued: Semaphore,
    follower: Follower,
    bindings: Bindings,
    lifecycle: Lifecycle,
}

/// Starts dispatch: what lies in the store from before is taken up at once. The sweeper is for the scheduler of jobs.
pub fn start(parts: Parts, lifecycle: &Lifecycle) -> Sweeper {
    let way = Arc::new(Way {
        ledger: parts.ledger,
        readers: parts.readers,
        locations: parts.locations,
        follower: Follower::default(),
        bindings: Bindings::default(),
        breaker: breaker(),
        in_flight: Arc::new(Semaphore::new(
            usize::try_from(parts.setting.state_keys).unwrap_or(usize::MAX),
        )),
        queued: Semaphore::new(parts.setting.queued),
        chain: parts.chain,
        chain_secret: parts.chain_secret,
        signer: parts.signer,
        clock: parts.clock,
        setting: parts.setting,
        hints: parts.hints,
        lifecycle: lifecycle.clone(),
    });
    follow::start(&way);
    work::start(&way, parts.hinted);
    Sweeper::new(way)
}

fn breaker() -> AsyncRecloser {
    let breaker = Recloser::custom()
        .error_rate(0.5)
        .closed_len(JUDGED_CALLS)
        .half_open_len(1)
        .open_wait(BREAK)
        .build();
    AsyncRecloser::from(breaker)
}

/// Why a call of the chain brought nothing.
#[derive(Debug, thiserror::Error)]
enum CallError {
    /// The chain is left alone for a while.
    #[error("the chain is left alone for a while")]
    LeftAlone,
    /// The chain's word.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl CallError {
    const fn class(&self) -> RetryClass {
        match self {
            Self::LeftAlone => RetryClass::Transient,
            Self::Chain(error) => error.class(),
        }
    }
}

impl Way {
    /// Calls the chain, unless it has failed so often that it is left alone. An answer is an answer, be it a refusal.
    async fn call<T>(&self, call: impl Future<Output = Result<T, ChainError>>) -> Result<T, CallError> {
        let is_outage = |error: &ChainError| error.is_outage();
        self.breaker
            .call_with(is_outage, call)
            .await
            .map_err(|error| match error {
                recloser::Error::Rejected => CallError::LeftAlone,
                recloser::Error::Inner(error) => CallError::Chain(error),
            })
    }

    /// Whether the chain answers: nothing is signed for one that is away.
    async fn chain_answers(&self) -> bool {
        self.call(self.chain.height()).await.is_ok()
    }

    /// A moment at most this long from now, by chance: many who wait do not come back together.
    fn soon(&self, longest: Duration) -> i64 {
        let wait = longest.mul_f64(rand::random());
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_ms().saturating_add(wait_ms)
    }

    /// When a lease taken now ends, Unix milliseconds.
    fn lease_ms(&self) -> i64 {
        let lease_ms = i64::try_from(self.setting.lease.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_ms().saturating_add(lease_ms)
    }

    fn wake(&self, shard: ShardId) {
        self.hints.give(shard);
    }
}
