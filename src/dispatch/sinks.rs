//! Binds sinks: an address that receives before it issues belongs to no key on the chain until the issuer says so, and until then
//! nobody can spend what it owns (formats.md 6). Riders are bound by their first issue.

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
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Rebinds that are tried under ids of their own before somebody has to look.
const MOST_ATTEMPTS: u32 = 16;

/// Sinks known to be bound: at most one a shard and programme.
#[derive(Default)]
pub(super) struct Sinks(Mutex<BTreeSet<Hash>>);

impl Sinks {
    fn knows(&self, address: &Hash) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(address)
    }

    fn learn(&self, address: Hash) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address);
    }
}

impl Way {
    /// Whether what the orderer of a spend owns can be spent; a sink is bound first.
    pub(super) async fn is_bound(&self, shard: ShardId, member: &Member) -> Result<bool, SealError> {
        if !member.user.is_system() || self.sinks.knows(&member.orderer) {
            return Ok(true);
        }
        let bound = match self.call(self.chain.read::<Binding>(&member.orderer)).await {
            Ok(binding) => binding.is_some(),
            Err(error) => {
                tracing::debug!(%error, "a binding cannot be read");
                return Ok(false);
            }
        };
        let bound = bound || self.bind(shard, member).await?;
        if bound {
            self.sinks.learn(member.orderer);
        }
        Ok(bound)
    }

    async fn bind(&self, shard: ShardId, member: &Member) -> Result<bool, SealError> {
        let signed = self.signer.sign_content(member.user, member.content_id).await?;
        let envelope = Envelope::Rebind(Rebind {
            address: member.orderer,
            number: 1,
            key_id: signed.key_id,
        });
        for attempt in 1..=MOST_ATTEMPTS {
            let draft = Draft {
                envelope: envelope.clone(),
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
