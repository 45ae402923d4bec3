//! The signer: the only holder of clear keys. It makes a user's key when the first content is signed, and the certificate when the
//! user first sends; it renews certificates in the last third of their life. Signing happens on threads of its own, rows come and
//! go through [`KeyRows`]; no caller's thread computes or blocks. Whoever has much to sign asks for all of it at once: rows are
//! read in one statement, and one thread computes it in one go.

mod certified;
mod error;
mod opened;

pub use error::{SignerError, Unfit};

use super::cache::{KeyCache, OpenKey};
use super::certificate::{Certificate, Serial};
use super::kek::Kek;
use super::rows::KeyRows;
use super::signing_threads::SigningThreads;
use super::user_key::{PublicPoint, Signature};
use crate::clock::Clock;
use crate::ledger::ids::{Hash, UserId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many keys are held in clear, for how long a reading of their rows is believed, how long certificates last.
#[derive(Clone, Copy, Debug)]
pub struct SignerSetting {
    /// Clear keys in memory at most.
    pub cached_keys: usize,
    /// A key replaced by another process is noticed after this long, in milliseconds.
    pub fresh_ms: i64,
    /// Days that a rider's or a sink's certificate lasts.
    pub rider_days: u32,
    /// Days that the issuer's certificate lasts.
    pub issuer_days: u32,
}

/// What a signer is made of.
pub struct SignerParts<R> {
    /// Keys and certificates.
    pub rows: R,
    /// Opens them.
    pub kek: Arc<Kek>,
    /// The time of day.
    pub clock: Clock,
    /// Where signatures are computed.
    pub threads: SigningThreads,
    /// Bounds.
    pub setting: SignerSetting,
}

/// The signer; one for a process, shared.
pub struct Signer<R> {
    rows: R,
    kek: Arc<Kek>,
    clock: Clock,
    threads: SigningThreads,
    setting: SignerSetting,
    users: Mutex<KeyCache>,
    issuer: Mutex<Option<Arc<OpenKey>>>,
}

/// Who sends to the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sender {
    /// A rider, or a sink for what a shard itself orders.
    User(UserId),
    /// The gateway itself.
    Issuer,
}

/// A content id signed.
#[derive(Clone, Debug)]
pub struct SignedContent {
    /// By the user's key.
    pub signature: Signature,
    /// Its public half.
    pub point: PublicPoint,
    /// Its name.
    pub key_id: Hash,
    /// Which of the user's keys it is, from 1.
    pub number: u32,
}

/// Who sends, with the certificate that goes along.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub sender: Sender,
    /// Valid now.
    pub certificate: Arc<Certificate>,
    /// Which of the sender's keys it certifies, from 1.
    pub number: u32,
}

type Answer<T, R> = Result<T, SignerError<<R as KeyRows>::Error>>;

impl<R: KeyRows> Signer<R> {
    /// A signer with nothing in memory.
    pub fn new(parts: SignerParts<R>) -> Self {
        Self {
            rows: parts.rows,
            kek: parts.kek,
            clock: parts.clock,
            threads: parts.threads,
            users: Mutex::new(KeyCache::new(parts.setting.cached_keys)),
            issuer: Mutex::new(None),
            setting: parts.setting,
        }
    }

    /// Signs a content id under a user's key, which is made if this is the first.
    pub async fn sign_content(&self, user: UserId, content_id: Hash) -> Answer<SignedContent, R> {
        only(self.sign_contents(vec![(user, content_id)]).await?)
    }

    /// Signs content ids under their users' keys; one answer for each, in order.
    pub async fn sign_contents(&self, wanted: Vec<(UserId, Hash)>) -> Answer<Vec<Result<SignedContent, Unfit>>, R> {
        let opened = self.open_users(wanted.iter().map(|(user, _)| *user)).await?;
        let sign = move |(user, content_id): (UserId, Hash)| {
            let open = of_user(&opened, user)?;
            Ok(SignedContent {
                signature: open.key.sign_content(&content_id),
                point: open.point,
                key_id: open.key_id,
                number: open.number,
            })
        };
        let signed = move || wanted.into_iter().map(sign).collect();
        Ok(self.threads.run(signed).await?)
    }

    /// Who sends, with a certificate that is valid now and not revoked: read each time, so that a revocation counts at once; made if
    /// this is the sender's first, renewed if it is ending.
    pub async fn identify(&self, sender: Sender) -> Answer<Identity, R> {
        only(self.identify_all(&[sender]).await?)
    }

    /// The same for many senders: one answer for each, in order.
    pub async fn identify_all(&self, senders: &[Sender]) -> Answer<Vec<Result<Identity, Unfit>>, R> {
        let users: Vec<UserId> = senders.iter().filter_map(|sender| sender.user()).collect();
        let identities = self.identify_users(&users).await?;
        let issuer = if senders.contains(&Sender::Issuer) {
            Some(self.identify_issuer().await?)
        } else {
            None
        };
        let identity = |sender: &Sender| match sender {
            Sender::User(user) => of_user(&identities, *user).map(|identity| identity.as_ref().clone()),
            Sender::Issuer => issuer.clone().ok_or(Unfit::KeyChanged),
        };
        Ok(senders.iter().map(identity).collect())
    }

    /// Signs a chain's payload under the key of an identity, by the payload's SHA-256.
    pub async fn sign_payload(&self, identity: &Identity, payload: Vec<u8>) -> Answer<Signature, R> {
        only(self.sign_payloads(vec![(identity.clone(), payload)]).await?)
    }

    /// Signs payloads under the keys of their identities; one answer for each, in order.
    pub async fn sign_payloads(&self, wanted: Vec<(Identity, Vec<u8>)>) -> Answer<Vec<Result<Signature, Unfit>>, R> {
        let users = wanted.iter().filter_map(|(identity, _)| identity.sender.user());
        let opened = self.open_users(users).await?;
        let issuers = wanted.iter().any(|(identity, _)| identity.sender == Sender::Issuer);
        let issuer = if issuers { Some(self.open_issuer().await?) } else { None };
        let sign = move |(identity, payload): (Identity, Vec<u8>)| {
            let open = match identity.sender {
                Sender::User(user) => of_user(&opened, user)?,
                Sender::Issuer => issuer.clone().ok_or(Unfit::KeyChanged)?,
            };
            if open.key_id != identity.certificate.key_id {
                return Err(Unfit::KeyChanged);
            }
            Ok(open.key.sign_message(&payload))
        };
        let signed = move || wanted.into_iter().map(sign).collect();
        Ok(self.threads.run(signed).await?)
    }

    /// Revokes a certificate at once; answers whether there was one that was valid.
    pub async fn revoke(&self, serial: Serial) -> Answer<bool, R> {
        let now_ms = self.clock.now_ms();
        self.rows.revoke(serial, now_ms).await.map_err(SignerError::Rows)
    }

    /// Gives a user another key in place of a lost or revoked one, unless somebody has already; answers the id of the key that signs
    /// from now on, for the chain's `rebind`.
    pub async fn replace_key(&self, user: UserId, lost: Hash) -> Answer<Hash, R> {
        let rows = self.rows.keys(&[user]).await.map_err(SignerError::Rows)?;
        let current = rows.first().ok_or(Unfit::KeyChanged)?;
        let next = if current.key_id == lost {
            let made = self.make_keys(vec![(user, current.number.saturating_add(1))]).await?;
            made.first().ok_or(Unfit::KeyChanged)?.key_id
        } else {
            current.key_id
        };
        self.users().forget(user);
        Ok(next)
    }

    /// Clear keys in memory now.
    pub fn open_keys(&self) -> usize {
        self.users().len()
    }

    fn users(&self) -> MutexGuard<'_, KeyCache> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issuer(&self) -> MutexGuard<'_, Option<Arc<OpenKey>>> {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    const fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Issuer => None,
        }
    }
}

/// The answer to the only question. An answer that is missing is one to ask for again.
fn only<T, E: std::error::Error + 'static>(answers: Vec<Result<T, Unfit>>) -> Result<T, SignerError<E>> {
    let answer = answers.into_iter().next().unwrap_or(Err(Unfit::KeyChanged));
    Ok(answer?)
}

/// What was found for a user.
fn of_user<T>(found: &BTreeMap<UserId, Result<Arc<T>, Unfit>>, user: UserId) -> Result<Arc<T>, Unfit> {
    found.get(&user).cloned().unwrap_or(Err(Unfit::KeyChanged))
}
