//! The embedded chain: a ledger of its own, in its own file, with the habits of a real one. It answers `OK` to what it has put
//! in its pool, and to a repeat of an id that waits, whatever payload comes with it; it makes blocks when something waits; it keeps
//! failed transactions with their events; an id in a block is used up. Its pool lives in memory and is lost with the process.

mod accept;
mod ask;
pub mod block;
mod execute;
pub mod faults;
pub mod file;
pub mod genesis;
mod looked_at;
mod maker;
mod members;
mod mempool;
pub mod merkle;
mod prove;
mod remembered;
mod settings;
mod state;
pub mod verify;

pub use ask::Proved;
pub use execute::{CERTIFICATES, revocation};
pub use faults::{Fault, FaultPlan};
pub use file::{ChainFile, FileError, Snapshot, Tip};
pub use genesis::{Authority, Genesis};
pub(super) use members::certificate_key;
pub use members::{Member, MemberError, Members, certificate_name};
pub use settings::Settings;

use super::outcome::{ChainError, Permanent, Transient};
use super::payload::Payload;
use super::{Order, Unsigned};
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use accept::Door;
use block::Header;
use carbon_contract::Hash;
use execute::REVOKED_KEYS;
use faults::Faults;
use mempool::{Bounds, Mempool};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Rows of the state that are read at once.
const PAGE: i64 = 1_000;

/// A running embedded chain; clones speak to the same one.
#[derive(Clone)]
pub struct EmbeddedChain(Arc<Inner>);

/// What a chain needs of its process.
pub struct Surroundings<'a> {
    /// The chain's time.
    pub clock: Clock,
    /// Runs the block maker.
    pub lifecycle: &'a Lifecycle,
    /// How it misbehaves.
    pub faults: FaultPlan,
    /// Dropped when the last block is written: whatever keeps others away from the file.
    pub held: Option<Arc<dyn Any + Send + Sync>>,
}

/// Whether blocks are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    Working,
    NotWriting,
    Ended,
}

/// Everything behind a chain's handles.
struct Inner {
    settings: Settings,
    genesis: Genesis,
    members: Members,
    clock: Clock,
    readers: SqlitePool,
    pool: Mutex<Mempool>,
    faults: Mutex<Faults>,
    revoked: Mutex<Arc<BTreeSet<Hash>>>,
    life: Mutex<Life>,
    /// The greatest time shown so far: the chain's time never goes back.
    latest_ms: AtomicI64,
    tip: watch::Sender<Tip>,
    height: watch::Sender<u64>,
    wake: Notify,
    door: Mutex<Door>,
}

impl EmbeddedChain {
    /// Opens the chain, founds it if the file is new, and starts its block maker. A file of another genesis is refused.
    pub async fn start(
        settings: Settings,
        genesis: Genesis,
        surroundings: Surroundings<'_>,
    ) -> Result<Self, FileError> {
        let members = Members::new(&genesis.authorities).map_err(|error| FileError::Genesis(error.to_string()))?;
        let mut connection = settings.file().connect().await?;
        let document = genesis
            .encode()
            .map_err(|error| FileError::Genesis(error.to_string()))?;
        match file::genesis(&mut connection).await? {
            Some(found) if found == document => {}
            Some(found) => {
                let found = genesis::genesis_digest(&found);
                return Err(FileError::OtherGenesis { found });
            }
            None => {
                let state = genesis.state().map_err(|error| FileError::Genesis(error.to_string()))?;
                file::found(&mut connection, &document, &state).await?;
            }
        }
        let readers = settings.file().readers(settings.readers).await?;
        let bounds = Bounds {
            count: settings.most_waiting,
            bytes: settings.most_waiting_bytes,
        };
        let start = Tip {
            height: 0,
            at_ms: genesis.created_ms,
            hash: genesis::genesis_digest(&document),
        };
        let inner = Arc::new(Inner {
            settings,
            genesis,
            members,
            clock: surroundings.clock,
            readers,
            pool: Mutex::new(Mempool::new(bounds)),
            faults: Mutex::new(Faults::new(surroundings.faults)),
            revoked: Mutex::default(),
            life: Mutex::new(Life::Working),
            latest_ms: AtomicI64::new(start.at_ms),
            tip: watch::Sender::new(start),
            height: watch::Sender::new(0),
            wake: Notify::new(),
            door: Mutex::new(Door::new()),
        });
        let (tip, revoked) = inner.read_end(&mut connection).await?;
        inner.move_to(tip);
        inner.revoke(revoked);
        let maker = maker::run(Arc::clone(&inner), Some(connection), surroundings.lifecycle.soft());
        let held = surroundings.held;
        surroundings.lifecycle.spawn("chain", async move {
            maker.await;
            drop(held);
        });
        Ok(Self(inner))
    }

    /// What is signed for an order.
    pub(super) fn unsigned(&self, order: &Order<'_>, method: &str) -> Result<Unsigned, ChainError> {
        let payload = Payload {
            chain_id: self.0.genesis.chain_id.clone(),
            tx_id: order.tx_id,
            timestamp_ms: order.now_ms,
            expires_ms: order.now_ms.saturating_add(self.0.genesis.window_ms),
            contract: self.0.genesis.contract.clone(),
            method: method.to_owned(),
            argument: order.envelope.to_vec(),
            limit: 0,
        };
        Ok(Unsigned {
            expires_ms: payload.expires_ms,
            payload: payload.encode().map_err(Permanent::NotCanonical)?,
        })
    }

    /// What it rests on.
    pub fn genesis(&self) -> &Genesis {
        &self.0.genesis
    }

    /// The last block.
    pub fn tip(&self) -> Tip {
        *self.0.tip.borrow()
    }

    /// The time of its next block, were it made now.
    pub fn time_ms(&self) -> i64 {
        self.0.chain_ms()
    }

    /// The height, whenever it changes.
    pub fn heights(&self) -> watch::Receiver<u64> {
        self.0.height.subscribe()
    }

    /// Whether it takes and commits.
    pub fn is_ready(&self) -> bool {
        self.0.life() == Life::Working
    }

    /// Another fault plan from now on.
    pub fn plan(&self, faults: FaultPlan) {
        self.0.faults().replace(faults);
    }
}

fn read_header(bytes: &[u8]) -> Result<Header, FileError> {
    Header::decode(bytes).map_err(|error| FileError::row("block", "header", error))
}

fn unreadable(error: FileError) -> ChainError {
    Transient::NotReading(Box::new(error)).into()
}

impl Inner {
    /// The chain's time, which never goes back.
    fn chain_ms(&self) -> i64 {
        let now_ms = self.clock.now_ms();
        self.latest_ms.fetch_max(now_ms, Ordering::SeqCst).max(now_ms)
    }

    /// What the file ends with, and every certificate that is revoked.
    async fn read_end(&self, c: &mut SqliteConnection) -> Result<(Tip, Vec<Hash>), FileError> {
        let tip = match file::last_block(c).await? {
            None => *self.tip.borrow(),
            Some(row) => {
                let header = read_header(&row.header)?;
                Tip {
                    height: header.height,
                    at_ms: header.at_ms,
                    hash: block::block_hash(&row.header),
                }
            }
        };
        let (first, below) = REVOKED_KEYS;
        let (mut from, mut revoked) = (first.to_vec(), Vec::new());
        loop {
            let rows = file::state_from(c, (&from, Some(&below)), PAGE).await?;
            let Some((last, _)) = rows.last() else {
                return Ok((tip, revoked));
            };
            from.clone_from(last);
            revoked.extend(rows.iter().filter_map(|(key, _)| Hash::from_slice(key.get(1..)?)));
        }
    }

    /// Stands on another last block.
    fn move_to(&self, tip: Tip) {
        self.latest_ms.fetch_max(tip.at_ms, Ordering::SeqCst);
        self.tip.send_replace(tip);
        self.height.send_replace(tip.height);
    }

    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>, ChainError> {
        self.present()?;
        let reader = self.readers.acquire().await;
        Ok(reader.map_err(|error| Transient::NotReading(Box::new(error)))?)
    }

    /// Fails while the fault plan has it away.
    fn present(&self) -> Result<(), ChainError> {
        if self.faults().is_away() {
            return Err(Transient::Away.into());
        }
        Ok(())
    }

    fn revoke(&self, certificates: Vec<Hash>) {
        Arc::make_mut(&mut lock(&self.revoked)).extend(certificates);
    }

    fn revoked(&self) -> Arc<BTreeSet<Hash>> {
        Arc::clone(&lock(&self.revoked))
    }

    fn pool(&self) -> MutexGuard<'_, Mempool> {
        lock(&self.pool)
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        lock(&self.door)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    fn life(&self) -> Life {
        *lock(&self.life)
    }

    fn turn(&self, life: Life) {
        *lock(&self.life) = life;
    }

    /// Ends if nothing waits; nothing is taken afterwards.
    fn end(&self) -> bool {
        let pool = self.pool();
        let ends = pool.is_empty();
        if ends {
            self.turn(Life::Ended);
        }
        ends
    }
}

/// No holder of these locks leaves anything half done that a panic could show.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
