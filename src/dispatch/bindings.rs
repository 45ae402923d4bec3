//! Binds addresses to keys: what an address owns can be spent by the key that the chain has for it (formats.md 6). A rider's first key
//! is bound by the rider's first issue. The issuer binds a sink, which receives and never issues, and a rider whose key was replaced.

use super::Way;
use super::carry::Carried;
use super::pack::Member;
use super::seal::{Draft, SealError};
use crate::identity::signer::Sender;
use crate::ledger::command::Command;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::{Fate, Record};
use carbon_contract::envelope::{Envelope, Rebind};
use carbon_contract::record::Binding;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Rebinds that are tried under ids of their own before somebody has to look.
const MOST_ATTEMPTS: u32 = 16;

/// A user's key, as far as the chain must know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    pub(super) id: Hash,
    /// Which of the user's keys.
    pub(super) number: u32,
}

/// Addresses known to be bound, with the key: at most one for each shard and programme, and one for each rider with a second key.
#[derive(Default)]
pub(super) struct Bindings(Mutex<BTreeMap<Hash, Hash>>);

impl Bindings {
    fn knows(&self, address: &Hash, key_id: &Hash) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(address) == Some(key_id)
    }

    fn learn(&self, address: Hash, key_id: Hash) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address, key_id);
    }
}

impl Way {
    /// Whether the chain obeys this key for the orderer's address; if not, it is told to, and what waits for that comes again.
    pub(super) async fn is_bound(&self, shard: ShardId, member: &Member, key: Key) -> Result<bool, SealError> {
        let by_issue = key.number == 1 && !member.user.is_system();
        if by_issue || self.bindings.knows(&member.orderer, &key.id) {
            return Ok(true);
        }
        let binding = match self.call(self.chain.read::<Binding>(&member.orderer)).await {
            Ok(binding) => binding,
            Err(error) => {
                tracing::debug!(%error, "a binding cannot be read");
                return Ok(false);
            }
        };
        let bound = match binding {
            Some(binding) if binding.identity.key_id == key.id => true,
            before => {
                let rebind = Rebind {
                    address: member.orderer,
                    number: before.map_or(0, |binding| binding.number).saturating_add(1),
                    key_id: key.id,
                };
                self.bind(shard, rebind).await?
            }
        };
        if bound {
            self.bindings.learn(member.orderer, key.id);
        }
        Ok(bound)
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
            if self.ledger.submit(Command::Record(Arc::new(record))).await.is_ok() {
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
