//! Taking requests: whatever can be judged without the state is judged here, once; the block only asks again what time may have
//! changed. Ids are looked up and signatures proved for many at once, on threads that may wait.

use super::file::{self, FileError};
use super::mempool::{Offered, Waiting};
use super::{EmbeddedChain, Fault, Inner, Life};
use crate::chain::outcome::{Accepted, ChainError, Permanent, Transient, Unknown};
use crate::chain::payload::{Payload, Request};
use carbon_contract::Hash;
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Requests that a prover takes at once.
const AT_ONCE: usize = 32;

impl EmbeddedChain {
    /// Takes a request into the pool, or says why not. `OK` proves nothing: another payload may wait under the id, and a pool may
    /// be lost.
    pub async fn submit(&self, request: Request) -> Result<Accepted, ChainError> {
        let fault = self.0.faults().submission();
        match fault {
            Some(Fault::Refuse) => return Err(Permanent::Planned.into()),
            Some(Fault::Full) => return Err(Transient::PoolFull.into()),
            Some(Fault::Away(_)) => return Err(Transient::Away.into()),
            Some(Fault::LoseRequest) => return Err(Unknown::NoReply.into()),
            Some(Fault::Forget) => return self.forget(&request),
            Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
            Some(Fault::LoseReply | Fault::Reorder) | None => {}
        }
        let accepted = self.accept(request).await?;
        if fault == Some(Fault::LoseReply) {
            return Err(Unknown::NoReply.into());
        }
        Ok(accepted)
    }

    /// What a pool that is lost afterwards would have answered.
    fn forget(&self, request: &Request) -> Result<Accepted, ChainError> {
        let payload = self.0.read(request)?;
        Ok(Accepted { tx_id: payload.tx_id })
    }

    async fn accept(&self, request: Request) -> Result<Accepted, ChainError> {
        let payload = self.0.read(&request)?;
        let (reply, answer) = oneshot::channel();
        let knock = Knock {
            request,
            payload,
            reply,
        };
        if self.0.door().let_in(knock) {
            let (inner, runtime) = (Arc::clone(&self.0), Handle::current());
            tokio::task::spawn_blocking(move || inner.serve(&runtime));
        }
        // A prover that broke off has told nobody how far it came.
        answer.await.map_err(|_| Unknown::NoReply)?
    }
}

/// A request that waits to be proved.
struct Knock {
    request: Request,
    payload: Payload,
    reply: oneshot::Sender<Result<Accepted, ChainError>>,
}

/// Requests that wait, and how many threads prove. A thread takes what has come while it was busy with what came before, so that
/// the more there is to prove, the less of it is spent on waking somebody.
pub(super) struct Door {
    waiting: VecDeque<Knock>,
    proving: usize,
    most: usize,
}

impl Door {
    /// A door with as many provers as there are cores.
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            proving: 0,
            most: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    /// Whether one more must prove.
    fn let_in(&mut self, knock: Knock) -> bool {
        self.waiting.push_back(knock);
        let more = self.proving < self.most;
        self.proving = self.proving.saturating_add(usize::from(more));
        more
    }

    /// The next to prove; none ends the prover.
    fn next(&mut self) -> Vec<Knock> {
        let count = self.waiting.len().min(AT_ONCE);
        if count == 0 {
            self.proving = self.proving.saturating_sub(1);
        }
        self.waiting.drain(..count).collect()
    }
}

impl Inner {
    /// What the bytes alone and the time say.
    fn read(&self, request: &Request) -> Result<Payload, ChainError> {
        match self.life() {
            Life::Working | Life::NotWriting => {}
            Life::Ended => return Err(Transient::Away.into()),
        }
        let size = request.payload.len().saturating_add(request.certificate.len());
        if size > self.settings.most_block_bytes {
            return Err(Permanent::TooLarge(size).into());
        }
        let payload = Payload::decode(&request.payload).map_err(Permanent::NotCanonical)?;
        if payload.chain_id != self.genesis.chain_id {
            return Err(Permanent::OtherChain(payload.chain_id).into());
        }
        self.genesis.lifetime(&payload).map_err(Permanent::Lifetime)?;
        let chain_ms = self.chain_ms();
        if !self.genesis.takes(&payload, chain_ms) {
            return Err(Unknown::OutsideWindow { chain_ms }.into());
        }
        let pool = self.pool();
        if pool.is_full() && !pool.contains(&payload.tx_id) {
            return Err(Transient::PoolFull.into());
        }
        Ok(payload)
    }

    /// Proves until nothing waits. Runs on a thread that may wait.
    fn serve(&self, runtime: &Handle) {
        loop {
            let knocks = self.door().next();
            if knocks.is_empty() {
                return;
            }
            let ids: Vec<Hash> = knocks.iter().map(|knock| knock.payload.tx_id).collect();
            match runtime.block_on(self.committed(&ids)) {
                Ok(committed) => knocks.into_iter().for_each(|knock| self.answer(knock, &committed)),
                Err(error) => {
                    let error = Arc::new(error);
                    for knock in knocks {
                        let unread = Transient::NotReading(Box::new(Arc::clone(&error)));
                        let _gone = knock.reply.send(Err(unread.into()));
                    }
                }
            }
        }
    }

    async fn committed(&self, ids: &[Hash]) -> Result<BTreeSet<Vec<u8>>, FileError> {
        let mut reader = self.readers.acquire().await?;
        Ok(file::committed(&mut reader, ids).await?.into_iter().collect())
    }

    /// A panic over a request must not take the prover away from the others.
    fn answer(&self, knock: Knock, committed: &BTreeSet<Vec<u8>>) {
        let Knock {
            request,
            payload,
            reply,
        } = knock;
        let taken = catch_unwind(AssertUnwindSafe(|| {
            if committed.contains(payload.tx_id.as_bytes().as_slice()) {
                return Err(Unknown::AlreadyCommitted.into());
            }
            self.offer(self.believe(&request, payload)?)
        }));
        if let Ok(answer) = taken {
            let _gone = reply.send(answer);
        }
    }

    fn offer(&self, waiting: Waiting) -> Result<Accepted, ChainError> {
        let tx_id = waiting.payload.tx_id;
        let offered = {
            let mut pool = self.pool();
            // Under the pool's lock, so that nothing comes in after the end.
            match self.life() {
                Life::Working => pool.offer(Arc::new(waiting)),
                Life::NotWriting if pool.contains(&tx_id) => Offered::Repeat,
                Life::NotWriting => return Err(Transient::NotWriting.into()),
                Life::Ended => return Err(Transient::Away.into()),
            }
        };
        match offered {
            Offered::Full => Err(Transient::PoolFull.into()),
            Offered::Taken | Offered::Repeat => {
                self.wake.notify_one();
                Ok(Accepted { tx_id })
            }
        }
    }

    /// Certificate and signature, once for each request.
    fn believe(&self, request: &Request, payload: Payload) -> Result<Waiting, ChainError> {
        let checked = self.members.check(&request.certificate, self.chain_ms());
        let member = checked.map_err(Permanent::Member)?;
        if self.revoked().contains(&member.certificate) {
            return Err(Permanent::Revoked(member.certificate).into());
        }
        if !request.is_signed_by(&member.key) {
            return Err(Permanent::Signature.into());
        }
        Ok(Waiting {
            payload,
            member,
            request: request.encode().map_err(Permanent::NotCanonical)?,
        })
    }
}
