//! Taking requests: whatever can be judged without the state is judged here, once; the block only asks again what time may have
//! changed. Signatures are proved on threads that may wait.

use super::mempool::{Offered, Waiting};
use super::{EmbeddedChain, Fault, Inner, Life, file, unreadable};
use crate::chain::outcome::{Accepted, ChainError, Permanent, Transient, Unknown};
use crate::chain::payload::{Payload, Request};
use carbon_contract::Hash;
use std::sync::Arc;

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
        let tx_id = payload.tx_id;
        if self.0.is_committed(&tx_id).await? {
            return Err(Unknown::AlreadyCommitted.into());
        }
        let waiting = self.believe(request, payload).await?;
        let offered = {
            let mut pool = self.0.pool();
            // Under the pool's lock, so that nothing comes in after the end.
            match self.0.life() {
                Life::Working => pool.offer(Arc::new(waiting)),
                Life::NotWriting if pool.contains(&tx_id) => Offered::Repeat,
                Life::NotWriting => return Err(Transient::NotWriting.into()),
                Life::Ended => return Err(Transient::Away.into()),
            }
        };
        match offered {
            Offered::Full => Err(Transient::PoolFull.into()),
            Offered::Taken | Offered::Repeat => {
                self.0.wake.notify_one();
                Ok(Accepted { tx_id })
            }
        }
    }

    /// Certificate and signature, once for each request.
    async fn believe(&self, request: Request, payload: Payload) -> Result<Waiting, ChainError> {
        let closed = |_| Transient::Away;
        let _permit = self.0.provers.acquire().await.map_err(closed)?;
        let inner = Arc::clone(&self.0);
        let proved = tokio::task::spawn_blocking(move || inner.believe(&request, payload));
        proved.await.map_err(|_| Transient::Away)?
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

    async fn is_committed(&self, tx_id: &Hash) -> Result<bool, ChainError> {
        let reader = self.readers.acquire().await;
        let mut reader = reader.map_err(|error| Transient::NotReading(Box::new(error)))?;
        file::is_committed(&mut reader, tx_id).await.map_err(unreadable)
    }

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
