//! Makes an envelope of transactions: the riders sign what they order, the sender signs the chain's payload, on the signer's threads.

use super::Way;
use super::pack::Member;
use crate::chain::{ChainError, Order, Request};
use crate::identity::signer::{Sender, SignerError};
use crate::ledger::ids::Hash;
use crate::ledger::settle;
use crate::ledger::transaction::Kind;
use crate::store::keys::KeysError;
use carbon_contract::codec::CodecError;
use carbon_contract::envelope::{self, Envelope, envelope_digest};
use carbon_contract::signature::{PublicPoint, RiderSignature};

/// An envelope, signed.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) chain_tx_id: Hash,
    pub(super) request: Request,
    pub(super) kind: &'static str,
    pub(super) created_ms: i64,
    pub(super) expires_ms: i64,
    pub(super) members: Vec<Hash>,
}

/// Why an envelope cannot be signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    /// The keys.
    #[error(transparent)]
    Signer(#[from] SignerError<KeysError>),
    /// The bytes.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The chain's own part of the payload.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl SealError {
    /// Whether the same again may succeed soon; else it is this transaction that cannot be signed.
    pub(super) const fn passes(&self) -> bool {
        matches!(
            self,
            Self::Signer(SignerError::Rows(_) | SignerError::Stopped(_) | SignerError::KeyChanged)
        )
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
    /// The rider's order within an issue, or the bytes of a spend.
    pub(super) async fn sign_order(&self, member: &Member) -> Result<envelope::Order, SealError> {
        let signed = self.signer.sign_content(member.user, member.content_id).await?;
        Ok(envelope::Order {
            transaction: member.body.clone(),
            point: PublicPoint::new(*signed.point.as_bytes()),
            signature: RiderSignature::new(*signed.signature.as_bytes()),
        })
    }

    /// Seals issues with their riders' signatures, sent by the issuer.
    pub(super) async fn seal_issues(&self, signed: Vec<(&Member, envelope::Order)>) -> Result<Sealed, SealError> {
        let members = signed.iter().map(|(member, _)| member.content_id).collect();
        let attempt = next_attempt(signed.iter().map(|(member, _)| *member));
        let orders = signed.into_iter().map(|(_, order)| order).collect();
        self.seal(&Envelope::Issue(orders), (Sender::Issuer, attempt), members)
            .await
    }

    /// Seals a spend, sent by its owner, or what the issuer sends alone.
    pub(super) async fn seal_alone(&self, member: &Member) -> Result<Sealed, SealError> {
        let (envelope, sender) = match member.kind {
            Kind::Anchor | Kind::Attest => (Envelope::Attest(member.body.clone()), Sender::Issuer),
            _ => (Envelope::Spend(member.body.clone()), Sender::User(member.user)),
        };
        let attempt = next_attempt([member].into_iter());
        self.seal(&envelope, (sender, attempt), vec![member.content_id]).await
    }

    /// Seals any envelope.
    pub(super) async fn seal(
        &self,
        envelope: &Envelope,
        (sender, attempt): (Sender, u32),
        members: Vec<Hash>,
    ) -> Result<Sealed, SealError> {
        let bytes = envelope.encode()?;
        let tx_id = self.chain_secret.tx_id(&envelope_digest(&bytes), attempt);
        let identity = self.signer.identify(sender).await?;
        // A clock that was set back would sign for a window that has passed on the chain, again and again.
        let created_ms = self.clock.now_ms().max(self.chain.time_ms());
        let order = Order {
            tx_id,
            envelope: &bytes,
            now_ms: created_ms,
        };
        let unsigned = self.chain.unsigned(&order)?;
        let signature = self.signer.sign_payload(&identity, unsigned.payload.clone()).await?;
        Ok(Sealed {
            chain_tx_id: tx_id,
            request: Request {
                payload: unsigned.payload,
                certificate: identity.certificate.der,
                signature: *signature.as_bytes(),
            },
            kind: envelope.method(),
            created_ms,
            expires_ms: unsigned.expires_ms,
            members,
        })
    }
}

/// An id on the chain is used once: the envelope counts on from whoever in it has travelled most.
fn next_attempt<'m>(members: impl Iterator<Item = &'m Member>) -> u32 {
    members
        .map(|member| member.attempt)
        .max()
        .unwrap_or(0)
        .saturating_add(1)
}
