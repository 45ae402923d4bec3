//! Binds addresses to keys: what an address owns can be spent by the key that the chain has for it (formats.md 6). A rider's first key
//! is bound by the rider's first issue. The issuer binds a sink, which receives and never issues, and a rider whose key was replaced.

use super::Way;
use super::carry::{Carried, reason};
use super::pack::Member;
use super::seal::{Draft, SealError};
use crate::identity::signer::Sender;
use crate::ledger::command::Command;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::{Fate, Record};
use carbon_contract::envelope::{Envelope, Rebind};
use carbon_contract::record::Binding;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rebinds that are tried under ids of their own before somebody has to look.
const MOST_ATTEMPTS: u32 = 16;

/// A user's key, as far as the chain must know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    pub(super) id: Hash,
    /// Which of the user's keys.
    pub(super) number: u32,
}

/// What is known of addresses: at most one for each shard and programme, and one for each rider with a second key.
#[derive(Default)]
pub(super) struct Bindings(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The key that the chain has for an address.
    bound: BTreeMap<Hash, Hash>,
    /// Addresses that somebody is seeing to.
    asked: BTreeSet<Hash>,
}

impl Bindings {
    fn knows(&self, address: &Hash, key_id: &Hash) -> bool {
        self.known().bound.get(address) == Some(key_id)
    }

    /// Whether nobody sees to it yet.
    fn ask(&self, address: Hash) -> bool {
        self.known().asked.insert(address)
    }

    fn answer(&self, address: Hash, bound: Option<Hash>) {
        let mut known = self.known();
        known.asked.remove(&address);
        if let Some(key_id) = bound {
            known.bound.insert(address, key_id);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    /// Whether the chain is known to obey this key for the orderer's address. If it is not, somebody sees to it, nobody waits for that,
    /// and the shard is looked at again.
    pub(super) fn is_bound(self: &Arc<Self>, shard: ShardId, member: &Member, key: Key) -> bool {
        let by_issue = key.number == 1 && !member.user.is_system();
        let address = member.orderer;
        if by_issue || self.bindings.knows(&address, &key.id) {
            return true;
        }
        if self.bindings.ask(address) {
            let way = Arc::clone(self);
            drop(self.lifecycle.spawn_job("binding", async move {
                let bound = way.see_to(shard, address, key).await.unwrap_or_else(|error| {
                    tracing::error!(%shard, error = reason(&error), "an address cannot be bound");
                    false
                });
                way.bindings.answer(address, bound.then_some(key.id));
                if bound {
                    way.wake(shard);
                }
            }));
        }
        false
    }

    /// Has the chain obey this key for an address, unless it does.
    async fn see_to(&self, shard: ShardId, address: Hash, key: Key) -> Result<bool, SealError> {
        let before = match self.call(self.chain.read::<Binding>(&address)).await {
            Ok(before) => before,
            Err(error) => {
                tracing::debug!(%error, "a binding cannot be read");
                return Ok(false);
            }
        };
        if before.as_ref().is_some_and(|binding| binding.identity.key_id == key.id) {
            return Ok(true);
        }
        let rebind = Rebind {
            address,
            number: before.map_or(0, |binding| binding.number).saturating_add(1),
            key_id: key.id,
        };
        self.bind(shard, rebind).await
    }

    async fn bind(&self, shard: ShardId, rebind: Rebind) -> Result<bool, SealError> {
        for attempt in 1..=MOST_ATTEMPTS {
            let draft = Draft {
                envelope: Envelope::Rebind(rebind),
                attempt,
                members: Vec::new(),
                state_keys: 1,
            };
            let issuer = self.signer.identify(Sender::Issuer).await?;
            let sealed = self.seal(draft, issuer).await?;
            let lease_ms = self.lease_ms();
            let record = Record {
                shard,
                envelope: sealed.row(lease_ms)?,
                members: Vec::new(),
            };
            // An id that is taken belongs to an attempt before, which is on its way or has lapsed.
            if self.book(Command::Record(Arc::new(record))).await.is_ok() {
                let carried = Carried::fresh(shard, sealed, lease_ms);
                let fate = self.carry_out(carried).await;
                return Ok(matches!(fate, Some(Fate::Confirmed(_))));
            }
            if self.follower.cares_for(&sealed.chain_tx_id) {
                return Ok(false);
            }
        }
        Ok(false)
    }
}
