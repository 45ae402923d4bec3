//! Makes blocks: takes what waits, judges it once more at the block's own time, lets the contract run, and writes block, results
//! and state in one commit. What does not hold any more at the block's time is dropped in silence, as real chains do.

use super::block::{Header, Writes, block_hash, leaf};
use super::execute::{Call, execute};
use super::file::{self, BlockRow, FileError, Tip, TxRow};
use super::mempool::{Bounds, Waiting};
use super::state::{BlockState, likely_keys};
use super::{Inner, Life, merkle};
use crate::crash::{self, Point};
use carbon_contract::Hash;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::select;
use tokio_util::sync::CancellationToken;

/// Waits between attempts while blocks cannot be written: from the first, doubled, to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// After the stop has begun the chain stays until nobody can send any more, or nobody has sent anything for so long.
const LINGER: Duration = Duration::from_millis(500);
/// How often it looks whether somebody can.
const LOOK: Duration = Duration::from_millis(10);

/// A block that was made but not written.
struct Made {
    block: BlockRow,
    tip: Tip,
    transactions: Vec<TxRow>,
    writes: Writes,
    revoked: Vec<Hash>,
}

/// Works until the stop, then until nothing waits and nobody sends.
pub(super) async fn run(inner: Arc<Inner>, mut connection: Option<SqliteConnection>, soft: CancellationToken) {
    loop {
        select! {
            () = inner.wake.notified() => {}
            () = lingered(&inner, &soft) => if inner.end() { break },
        }
        tokio::time::sleep(inner.settings.block_delay).await;
        let mut wait = FIRST_WAIT;
        while inner.pool().has_waiting() {
            match step(&inner, &mut connection).await {
                Ok(()) => {
                    inner.turn(Life::Working);
                    wait = FIRST_WAIT;
                }
                Err(error) => {
                    connection = None;
                    inner.turn(Life::NotWriting);
                    tell(&error);
                    if soft.is_cancelled() {
                        // What waits is lost with the process, as any pool: its senders find the ids absent.
                        inner.turn(Life::Ended);
                        return;
                    }
                    tokio::time::sleep(wait).await;
                    wait = LONGEST_WAIT.min(wait.saturating_mul(2));
                }
            }
        }
    }
    if let Some(connection) = connection {
        file::close(connection).await;
    }
}

/// Until the stop has begun, and then until this is the last handle or the time is up.
async fn lingered(inner: &Arc<Inner>, soft: &CancellationToken) {
    soft.cancelled().await;
    let alone = async {
        while Arc::strong_count(inner) > 1 {
            tokio::time::sleep(LOOK).await;
        }
    };
    select! {
        () = alone => {}
        () = tokio::time::sleep(LINGER) => {}
    }
}

fn tell(error: &FileError) {
    let error: &(dyn std::error::Error + 'static) = error;
    tracing::error!(error, "a block could not be written");
}

/// One block, or none if nothing that waited holds any more.
async fn step(inner: &Arc<Inner>, connection: &mut Option<SqliteConnection>) -> Result<(), FileError> {
    let open = match connection.take() {
        Some(open) => open,
        // After a failure nobody knows how far it came: the file says it.
        None => inner.reopen().await?,
    };
    let mut batch = inner.pool().take(Bounds {
        count: inner.settings.most_in_block,
        bytes: inner.settings.most_block_bytes,
    });
    if inner.faults().reversed() {
        batch.reverse();
    }
    match attempt(inner, open, &batch).await {
        Ok((open, revoked)) => {
            *connection = Some(open);
            if !revoked.is_empty() {
                inner.revoke(revoked);
            }
            inner.pool().settle(&batch);
            Ok(())
        }
        Err(error) => {
            inner.pool().give_back(batch);
            Err(error)
        }
    }
}

async fn attempt(
    inner: &Arc<Inner>,
    mut open: SqliteConnection,
    batch: &[Arc<Waiting>],
) -> Result<(SqliteConnection, Vec<Hash>), FileError> {
    let ids: Vec<Hash> = batch.iter().map(|waiting| waiting.payload.tx_id).collect();
    let committed: BTreeSet<Vec<u8>> = file::committed(&mut open, &ids).await?.into_iter().collect();
    let fresh = batch
        .iter()
        .filter(|waiting| !committed.contains(waiting.payload.tx_id.as_bytes().as_slice()));
    let fresh: Vec<Arc<Waiting>> = fresh.map(Arc::clone).collect();
    let keys = likely_keys(fresh.iter().map(|waiting| &waiting.payload));
    let mut read: HashMap<_, _> = keys.iter().map(|key| (*key, None)).collect();
    for (key, value) in file::values(&mut open, &keys).await? {
        let key = key
            .try_into()
            .map_err(|_| FileError::row("state", "state_key", "not 33 bytes"))?;
        read.insert(key, Some(value));
    }
    let (runtime, maker) = (Handle::current(), Arc::clone(inner));
    let executed = tokio::task::spawn_blocking(move || {
        let made = make(&maker, BlockState::new(read, &mut open, runtime), &fresh);
        (open, made)
    });
    let (mut open, made) = executed.await.map_err(|_| FileError::BrokenOff)?;
    let Some(made) = made? else {
        return Ok((open, Vec::new()));
    };
    file::write_block(&mut open, (&made.block, &made.transactions), &made.writes).await?;
    crash::point(Point::AfterBlock);
    inner.move_to(made.tip);
    Ok((open, made.revoked))
}

/// Executes what still holds, in order.
fn make(inner: &Inner, mut state: BlockState<'_>, batch: &[Arc<Waiting>]) -> Result<Option<Made>, FileError> {
    let below = *inner.tip.borrow();
    let at_ms = inner.chain_ms();
    let height = below.height.saturating_add(1);
    let row_height = i64::try_from(height).map_err(|error| FileError::row("block", "height", error))?;
    let mut revoked_before = inner.revoked();
    let mut revoked = Vec::new();
    let mut transactions = Vec::new();
    let mut leaves = Vec::new();
    for waiting in batch {
        let Waiting {
            payload,
            member,
            request,
        } = waiting.as_ref();
        let holds = inner.genesis.takes(payload, at_ms)
            && member.at(at_ms).is_ok()
            && !revoked_before.contains(&member.certificate);
        if !holds {
            tracing::warn!(tx_id = %payload.tx_id, "dropped: it does not hold at the block's time");
            continue;
        }
        let call = Call {
            genesis: &inner.genesis,
            member,
            payload,
            height,
        };
        let executed = execute(&state, &call).map_err(|error| FileError::row("state", "value", error))?;
        let result = executed
            .result
            .encode()
            .map_err(|error| FileError::row("chain_tx", "result", error))?;
        state.apply(executed.writes);
        Arc::make_mut(&mut revoked_before).extend(executed.revoked.iter().copied());
        revoked.extend(executed.revoked);
        leaves.push(leaf(request, &result));
        transactions.push(TxRow {
            tx_id: payload.tx_id.as_bytes().to_vec(),
            height: row_height,
            position: i64::try_from(transactions.len()).unwrap_or(i64::MAX),
            request: request.clone(),
            result,
        });
    }
    let Some(root) = merkle::root(&leaves) else {
        return Ok(None);
    };
    let header = Header {
        chain_id: inner.genesis.chain_id.clone(),
        height,
        at_ms,
        previous: below.hash,
        count: u32::try_from(leaves.len()).unwrap_or(u32::MAX),
        root,
    };
    let header = header
        .encode()
        .map_err(|error| FileError::row("block", "header", error))?;
    let hash = block_hash(&header);
    Ok(Some(Made {
        block: BlockRow {
            height: row_height,
            header,
            hash: hash.as_bytes().to_vec(),
        },
        tip: Tip { height, at_ms, hash },
        transactions,
        writes: state.into_writes(),
        revoked,
    }))
}

impl Inner {
    /// Opens the file for writing again, and believes what it says.
    async fn reopen(&self) -> Result<SqliteConnection, FileError> {
        let mut open = self.settings.file().connect().await?;
        let (tip, revoked) = self.read_end(&mut open).await?;
        self.move_to(tip);
        self.revoke(revoked);
        Ok(open)
    }
}
