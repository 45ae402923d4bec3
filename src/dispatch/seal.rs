//! Makes envelopes of transactions: the riders sign what they order, the senders sign the chain's payloads, all of a pack in one go.

use super::Way;
use super::bindings::Key;
use super::pack::Member;
use crate::chain::{ChainError, Order, Request};
use crate::identity::signer::{Identity, Sender, SignerError, Unfit};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle;
use crate::store::keys::KeysError;
use carbon_contract::codec::CodecError;
use carbon_contract::envelope::{self, Envelope, envelope_digest};
use carbon_contract::signature::{PublicPoint, RiderSignature};
use std::sync::Arc;

/// An envelope before it is signed.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) envelope: Envelope,
    /// Which attempt it is.
    pub(super) attempt: u32,
    pub(super) members: Vec<Hash>,
    /// Keys of the chain's state that it writes.
    pub(super) state_keys: u32,
}

/// An envelope, signed.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) chain_tx_id: Hash,
    pub(super) request: Request,
    pub(super) kind: &'static str,
    pub(super) created_ms: i64,
    pub(super) expires_ms: i64,
    pub(super) members: Vec<Hash>,
    pub(super) state_keys: u32,
}

/// What came of signing: envelopes, and transactions that cannot be signed, which hold nobody else back.
#[derive(Default)]
pub(super) struct Signed<'m> {
    pub(super) sealed: Vec<Sealed>,
    pub(super) unfit: Vec<(&'m Member, SealError)>,
}

/// Why an envelope cannot be signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    /// Keys: nobody's own.
    #[error(transparent)]
    Signer(#[from] SignerError<KeysError>),
    /// One user's key or certificate.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The bytes.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The chain's own part of the payload.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl<'m> Signed<'m> {
    /// What came of a member; one that is unfit is put aside.
    fn fit<T>(&mut self, member: &'m Member, came: Result<T, impl Into<SealError>>) -> Option<T> {
        came.map_err(|error| self.unfit.push((member, error.into()))).ok()
    }
}

impl SealError {
    /// Whether the same again may succeed soon; else it is this transaction that cannot be signed.
    pub(super) const fn passes(&self) -> bool {
        match self {
            Self::Signer(error) => error.passes(),
            Self::Unfit(unfit) => unfit.passes(),
            Self::Codec(_) | Self::Chain(_) => false,
        }
    }
}

impl Sealed {
    /// As it is stored.
    pub(super) fn row(&self, lease_ms: i64) -> Result<settle::Envelope, CodecError> {
        Ok(settle::Envelope {
            chain_tx_id: self.chain_tx_id,
            kind: self.kind,
            request: self.request.encode()?,
            created_ms: self.created_ms,
            expires_ms: self.expires_ms,
            lease_ms,
        })
    }
}

impl Way {
    /// Seals issues with their riders' signatures in one envelope, sent by the issuer.
    pub(super) async fn seal_issues<'m>(
        self: &Arc<Self>,
        shard: ShardId,
        members: &'m [Member],
    ) -> Result<Signed<'m>, SealError> {
        let mut signed = Signed::default();
        let wanted = members.iter().map(|member| (member.user, member.content_id)).collect();
        let (mut orders, mut ordered) = (Vec::new(), Vec::new());
        for (member, content) in members.iter().zip(self.signer.sign_contents(wanted).await?) {
            let Some(content) = signed.fit(member, content) else {
                continue;
            };
            let key = Key {
                id: content.key_id,
                number: content.number,
            };
            if self.is_bound(shard, member, key) {
                ordered.push(member);
                orders.push(envelope::Order {
                    transaction: member.body.clone(),
                    point: PublicPoint::new(*content.point.as_bytes()),
                    signature: RiderSignature::new(*content.signature.as_bytes()),
                });
            }
        }
        if !ordered.is_empty() {
            let issuer = self.signer.identify(Sender::Issuer).await?;
            let draft = Draft::of(Envelope::Issue(orders), &ordered);
            signed.sealed.push(self.seal(draft, issuer).await?);
        }
        Ok(signed)
    }

    /// Seals spends, each sent by its owner, and what the issuer sends alone.
    pub(super) async fn seal_alone<'m>(
        self: &Arc<Self>,
        shard: ShardId,
        members: &'m [Member],
    ) -> Result<Signed<'m>, SealError> {
        let mut signed = Signed::default();
        let senders: Vec<Sender> = members.iter().map(Member::sender).collect();
        let identities = self.signer.identify_all(&senders).await?;
        let (mut sent, mut drafts) = (Vec::new(), Vec::new());
        for (member, identity) in members.iter().zip(identities) {
            let Some(identity) = signed.fit(member, identity) else {
                continue;
            };
            let key = Key {
                id: identity.certificate.key_id,
                number: identity.number,
            };
            let envelope = match identity.sender {
                Sender::Issuer => Envelope::Attest(member.body.clone()),
                Sender::User(_) if self.is_bound(shard, member, key) => Envelope::Spend(member.body.clone()),
                Sender::User(_) => continue,
            };
            sent.push(member);
            drafts.push((Draft::of(envelope, &[member]), identity));
        }
        for (member, sealed) in sent.into_iter().zip(self.seal_all(drafts).await?) {
            let sealed = signed.fit(member, sealed);
            signed.sealed.extend(sealed);
        }
        Ok(signed)
    }

    /// Seals one envelope.
    pub(super) async fn seal(&self, draft: Draft, sender: Identity) -> Result<Sealed, SealError> {
        let sealed = self.seal_all(vec![(draft, sender)]).await?;
        sealed.into_iter().next().unwrap_or(Err(Unfit::KeyChanged.into()))
    }

    /// Seals envelopes, their senders' signatures made in one go; one answer for each, in order.
    async fn seal_all(&self, drafts: Vec<(Draft, Identity)>) -> Result<Vec<Result<Sealed, SealError>>, SealError> {
        // A clock that was set back would sign for a window that has passed on the chain, again and again.
        let created_ms = self.clock.now_ms().max(self.chain.time_ms());
        let (mut unsigned, mut payloads) = (Vec::new(), Vec::new());
        for (draft, sender) in drafts {
            let written = self.unsigned(draft, &sender, created_ms);
            payloads.extend(
                written
                    .iter()
                    .map(|sealed| (sender.clone(), sealed.request.payload.clone())),
            );
            unsigned.push(written);
        }
        let mut signatures = self.signer.sign_payloads(payloads).await?.into_iter();
        let sign = |written: Result<Sealed, SealError>| {
            let mut sealed = written?;
            let signature = signatures.next().unwrap_or(Err(Unfit::KeyChanged))?;
            sealed.request.signature = *signature.as_bytes();
            Ok(sealed)
        };
        Ok(unsigned.into_iter().map(sign).collect())
    }

    /// All of it but the signature.
    fn unsigned(&self, draft: Draft, sender: &Identity, created_ms: i64) -> Result<Sealed, SealError> {
        let bytes = draft.envelope.encode()?;
        let tx_id = self.chain_secret.tx_id(&envelope_digest(&bytes), draft.attempt);
        let order = Order {
            tx_id,
            envelope: &bytes,
            now_ms: created_ms,
        };
        let unsigned = self.chain.unsigned(&order)?;
        Ok(Sealed {
            chain_tx_id: tx_id,
            request: Request {
                payload: unsigned.payload,
                certificate: sender.certificate.der.clone(),
                signature: [0; 64],
            },
            kind: draft.envelope.method(),
            created_ms,
            expires_ms: unsigned.expires_ms,
            members: draft.members,
            state_keys: draft.state_keys,
        })
    }
}

impl Draft {
    /// Of transactions. An id on the chain is used once: the envelope counts on from whoever in it has travelled most.
    fn of(envelope: Envelope, members: &[&Member]) -> Self {
        let travelled = members.iter().map(|member| member.attempt).max();
        Self {
            envelope,
            attempt: travelled.unwrap_or(0).saturating_add(1),
            members: members.iter().map(|member| member.content_id).collect(),
            state_keys: members.iter().map(|member| member.state_keys).sum(),
        }
    }
}
