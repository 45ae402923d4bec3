//! The signer: the only holder of clear keys. It makes a user's key when the first content is signed, and the certificate when the
//! user first sends; it renews certificates in the last third of their life. Signing happens on threads of its own, rows come and
//! go through [`KeyRows`]; no caller's thread computes or blocks.

use super::authority::{AuthorityError, Validity};
use super::cache::{KeyCache, OpenKey};
use super::certificate::{Certificate, CertificateError, Role, Serial};
use super::found::{self, FoundError};
use super::kek::Kek;
use super::rows::{AuthorityRow, CA, CertificateRow, ISSUER, KeyRow, KeyRows};
use super::signing_threads::{SigningThreads, Stopped};
use super::user_key::{KeyError, PrivateKey, PublicPoint, Signature};
use super::wrapping::Row;
use crate::clock::Clock;
use crate::ledger::ids::{Hash, UserId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

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
}

/// Who sends, with the certificate that goes along.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub sender: Sender,
    /// Valid now.
    pub certificate: Certificate,
}

/// Why nothing is signed. `E` is the store's error.
#[derive(Debug, thiserror::Error)]
pub enum SignerError<E: std::error::Error + 'static> {
    /// The rows cannot be had; the same again may succeed.
    #[error("keys cannot be read or kept")]
    Rows(#[source] E),
    /// The threads have ended: the gateway is stopping.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A stored key does not open or fit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A stored certificate is not of the profile.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A certificate cannot be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The authority's or issuer's row.
    #[error(transparent)]
    Found(#[from] FoundError),
    /// The deployment has no authority or no issuer.
    #[error("the deployment has no {0}")]
    NotFounded(&'static str),
    /// The certificate was revoked: the user needs another key, and the chain must be told.
    #[error("the certificate {serial} is revoked")]
    Revoked {
        /// Its number.
        serial: Serial,
    },
    /// The sender has another key since the certificate was handed out: ask for the certificate again.
    #[error("the sender has another key by now")]
    KeyChanged,
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
        let open = self.open_user(user).await?;
        let (point, key_id) = (open.point, open.key_id);
        let signature = self.threads.run(move || open.key.sign_content(&content_id)).await??;
        Ok(SignedContent {
            signature,
            point,
            key_id,
        })
    }

    /// Who sends, with a certificate that is valid now and not revoked: read each time, so that a revocation counts at once; made if
    /// this is the sender's first, renewed if it is ending.
    pub async fn identify(&self, sender: Sender) -> Answer<Identity, R> {
        let certificate = match sender {
            Sender::User(user) => self.user_certificate(user).await?,
            Sender::Issuer => self.issuer_certificate().await?,
        };
        Ok(Identity { sender, certificate })
    }

    /// Signs a chain's payload under the key of an identity, by the payload's SHA-256.
    pub async fn sign_payload(&self, identity: &Identity, payload: Vec<u8>) -> Answer<Signature, R> {
        let open = match identity.sender {
            Sender::User(user) => self.open_user(user).await?,
            Sender::Issuer => self.open_issuer().await?,
        };
        if open.key_id != identity.certificate.key_id {
            return Err(SignerError::KeyChanged);
        }
        Ok(self.threads.run(move || open.key.sign_message(&payload)).await??)
    }

    /// Revokes a certificate at once; answers whether there was one that was valid.
    pub async fn revoke(&self, serial: Serial) -> Answer<bool, R> {
        let now_ms = self.clock.now_ms();
        self.rows.revoke(serial, now_ms).await.map_err(SignerError::Rows)
    }

    /// Gives a user the next key, in place of one that is lost or revoked; answers its id, for the chain's `rebind`.
    pub async fn replace_key(&self, user: UserId) -> Answer<Hash, R> {
        let current = self.rows.key(user).await.map_err(SignerError::Rows)?;
        let number = current.map_or(1, |row| row.number.saturating_add(1));
        let row = self.make_key(user, number).await?;
        self.users().forget(user);
        Ok(row.key_id)
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

    async fn open_user(&self, user: UserId) -> Answer<Arc<OpenKey>, R> {
        let now_ms = self.clock.now_ms();
        let since_ms = now_ms.saturating_sub(self.setting.fresh_ms);
        if let Some(open) = self.users().get(user, since_ms) {
            return Ok(open);
        }
        let row = match self.rows.key(user).await.map_err(SignerError::Rows)? {
            Some(row) => row,
            None => self.make_key(user, 1).await?,
        };
        let kek = Arc::clone(&self.kek);
        let open = self.threads.run(move || open(&kek, &row, now_ms)).await??;
        let mut users = self.users();
        // Of two readings the later key stays: a slower task must not bring the replaced one back.
        match users.get(user, since_ms) {
            Some(known) if known.number > open.number => Ok(known),
            _ => {
                users.insert(user, Arc::clone(&open));
                Ok(open)
            }
        }
    }

    async fn open_issuer(&self) -> Answer<Arc<OpenKey>, R> {
        let now_ms = self.clock.now_ms();
        let since_ms = now_ms.saturating_sub(self.setting.fresh_ms);
        if let Some(open) = self.issuer().as_ref().filter(|open| open.read_ms >= since_ms) {
            return Ok(Arc::clone(open));
        }
        let row = self.authority(ISSUER).await?;
        let kek = Arc::clone(&self.kek);
        let key = self.threads.run(move || {
            let key = found::open_key(&kek, &row)?;
            let (point, key_id, number) = (key.point(), row.key_id, row.number);
            let read_ms = now_ms;
            Ok::<_, FoundError>(Arc::new(OpenKey {
                key,
                point,
                key_id,
                number,
                read_ms,
            }))
        });
        let open = key.await??;
        *self.issuer() = Some(Arc::clone(&open));
        Ok(open)
    }

    async fn make_key(&self, user: UserId, number: u32) -> Answer<KeyRow, R> {
        let (kek, created_ms) = (Arc::clone(&self.kek), self.clock.now_ms());
        let made = self.threads.run(move || {
            let key = PrivateKey::draw(|| Zeroizing::new(rand::random()));
            let key_id = key.point().key_id();
            let row = Row::UserKey {
                user,
                number,
                key_id: &key_id,
                created_ms,
            };
            let wrapped_key = key.wrap(&kek, rand::random(), row)?;
            Ok::<_, KeyError>(KeyRow {
                user,
                number,
                key_id,
                wrapped_key,
                created_ms,
            })
        });
        let row = made.await??;
        self.rows.keep_key(row).await.map_err(SignerError::Rows)
    }

    async fn authority(&self, name: &'static str) -> Answer<AuthorityRow, R> {
        let row = self.rows.authority(name).await.map_err(SignerError::Rows)?;
        row.ok_or(SignerError::NotFounded(name))
    }

    async fn user_certificate(&self, user: UserId) -> Answer<Certificate, R> {
        let open = self.open_user(user).await?;
        let now_ms = self.clock.now_ms();
        let known = self
            .rows
            .certificate(user, open.key_id)
            .await
            .map_err(SignerError::Rows)?;
        let ends_ms = match known.as_ref().map(judged).transpose()? {
            Some(certificate) if !certificate.is_ending(now_ms) => return Ok(certificate),
            Some(certificate) => certificate.not_after_ms,
            None => i64::MIN,
        };
        let ca = self.authority(CA).await?;
        let (kek, point, days) = (Arc::clone(&self.kek), open.point, self.setting.rider_days);
        let role = if user.is_system() { Role::Sink } else { Role::Rider };
        let made = self.threads.run(move || {
            let serial = Serial::new(rand::random());
            let authority = found::open_authority(&kek, &ca)?;
            Ok::<_, FoundError>(authority.certify(&point, role, &serial, Validity::days(now_ms, days))?)
        });
        let certificate = made.await??;
        let row = CertificateRow {
            user,
            serial: certificate.serial,
            key_id: certificate.key_id,
            not_before_ms: certificate.not_before_ms,
            not_after_ms: certificate.not_after_ms,
            der: certificate.der,
            revoked_ms: None,
        };
        judged(
            &self
                .rows
                .keep_certificate(row, ends_ms)
                .await
                .map_err(SignerError::Rows)?,
        )
    }

    async fn issuer_certificate(&self) -> Answer<Certificate, R> {
        let now_ms = self.clock.now_ms();
        let row = self.authority(ISSUER).await?;
        let certificate = judged_authority(&row)?;
        if !certificate.is_ending(now_ms) {
            return Ok(certificate);
        }
        let ca = self.authority(CA).await?;
        let (kek, days) = (Arc::clone(&self.kek), self.setting.issuer_days);
        let chance = (rand::random(), rand::random());
        let renewed = self
            .threads
            .run(move || found::renew_issuer(&kek, (&ca, &row), now_ms, days, chance));
        let row = renewed.await??;
        judged_authority(&self.rows.keep_authority(row).await.map_err(SignerError::Rows)?)
    }
}

fn open(kek: &Kek, row: &KeyRow, read_ms: i64) -> Result<Arc<OpenKey>, KeyError> {
    let key = PrivateKey::unwrap(kek, &row.wrapped_key, row.identity(), &row.key_id)?;
    let (point, key_id, number) = (key.point(), row.key_id, row.number);
    Ok(Arc::new(OpenKey {
        key,
        point,
        key_id,
        number,
        read_ms,
    }))
}

fn judged<E: std::error::Error + 'static>(row: &CertificateRow) -> Result<Certificate, SignerError<E>> {
    if row.revoked_ms.is_some() {
        return Err(SignerError::Revoked { serial: row.serial });
    }
    let certificate = Certificate::parse(&row.der)?;
    if certificate.key_id == row.key_id {
        return Ok(certificate);
    }
    let (expected, found) = (row.key_id, certificate.key_id);
    Err(CertificateError::KeyId { expected, found }.into())
}

fn judged_authority<E: std::error::Error + 'static>(row: &AuthorityRow) -> Result<Certificate, SignerError<E>> {
    let certificate = found::certificate_of(row)?;
    if row.revoked_ms.is_some() {
        let serial = certificate.serial;
        return Err(SignerError::Revoked { serial });
    }
    Ok(certificate)
}
