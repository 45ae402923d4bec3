//! Certificates of who sends: read each time, made for whoever has none, renewed in the last third of their life.

use super::{Answer, Identity, Sender, Signer, SignerError, Unfit};
use crate::identity::authority::Validity;
use crate::identity::certificate::{Certificate, CertificateError, Role, Serial};
use crate::identity::found::{self, FoundError};
use crate::identity::rows::{AuthorityRow, CA, CertificateRow, ISSUER, KeyRows};
use crate::identity::user_key::PublicPoint;
use crate::ledger::ids::UserId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Users with certificates, or why one has none.
type Identified = BTreeMap<UserId, Result<Arc<Identity>, Unfit>>;

/// A certificate to be made.
struct Wanted {
    user: UserId,
    point: PublicPoint,
    /// Which of the user's keys.
    number: u32,
    /// When the one before ends.
    ends_ms: i64,
}

impl<R: KeyRows> Signer<R> {
    /// The certificates of users' keys that count, valid now and not revoked.
    pub(super) async fn identify_users(&self, users: &[UserId]) -> Answer<Identified, R> {
        let opened = self.open_users(users.iter().copied()).await?;
        let now_ms = self.clock.now_ms();
        let keys = opened
            .iter()
            .filter_map(|(user, open)| Some((*user, open.as_ref().ok()?.key_id)));
        let rows = self.rows.certificates(&keys.collect::<Vec<_>>()).await;
        let mut rows: BTreeMap<UserId, CertificateRow> = rows
            .map_err(SignerError::Rows)?
            .into_iter()
            .map(|row| (row.user, row))
            .collect();
        let mut identified = Identified::new();
        let mut wanted = Vec::new();
        for (user, open) in opened {
            let judged = open.and_then(|open| {
                let known = rows.remove(&user).map(|row| open.certificate(&row)).transpose()?;
                Ok((open, known))
            });
            match judged {
                Err(unfit) => drop(identified.insert(user, Err(unfit))),
                Ok((open, Some(known))) if !known.is_ending(now_ms) => {
                    identified.insert(user, Ok(identity(user, known, open.number)));
                }
                Ok((open, known)) => wanted.push(Wanted {
                    user,
                    point: open.point,
                    number: open.number,
                    ends_ms: known.map_or(i64::MIN, |known| known.not_after_ms),
                }),
            }
        }
        if !wanted.is_empty() {
            identified.extend(self.certify(wanted, now_ms).await?);
        }
        Ok(identified)
    }

    /// Makes certificates; whoever was first with one has made the one that stands.
    async fn certify(&self, wanted: Vec<Wanted>, now_ms: i64) -> Answer<Identified, R> {
        let ca = self.authority(CA).await?;
        let (kek, days) = (Arc::clone(&self.kek), self.setting.rider_days);
        let numbers: BTreeMap<UserId, u32> = wanted.iter().map(|wanted| (wanted.user, wanted.number)).collect();
        let certify = move || {
            let authority = found::open_authority(&kek, &ca)?;
            let each = |wanted: Wanted| {
                let role = if wanted.user.is_system() {
                    Role::Sink
                } else {
                    Role::Rider
                };
                let serial = Serial::new(rand::random());
                let made = authority.certify(&wanted.point, role, &serial, Validity::days(now_ms, days))?;
                Ok((row_of(wanted.user, made), wanted.ends_ms))
            };
            wanted.into_iter().map(each).collect::<Result<Vec<_>, FoundError>>()
        };
        let rows = match self.threads.run(certify).await? {
            Ok(rows) => rows,
            Err(error) => {
                let unfit = Unfit::NotCertified(Arc::new(error));
                return Ok(numbers.into_keys().map(|user| (user, Err(unfit.clone()))).collect());
            }
        };
        let kept = self.rows.keep_certificates(rows).await.map_err(SignerError::Rows)?;
        let read = |row: &CertificateRow| {
            let number = numbers.get(&row.user).copied().ok_or(Unfit::KeyChanged);
            let read = number.and_then(|number| Ok(identity(row.user, Arc::new(row.judged()?), number)));
            (row.user, read)
        };
        Ok(kept.iter().map(read).collect())
    }

    /// The issuer with a certificate that is valid now and not revoked.
    pub(super) async fn identify_issuer(&self) -> Answer<Identity, R> {
        Ok(Identity {
            sender: Sender::Issuer,
            certificate: Arc::new(self.issuer_certificate().await?),
            number: 1,
        })
    }

    /// The issuer's certificate, renewed if it is ending.
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

fn identity(user: UserId, certificate: Arc<Certificate>, number: u32) -> Arc<Identity> {
    Arc::new(Identity {
        sender: Sender::User(user),
        certificate,
        number,
    })
}

fn row_of(user: UserId, certificate: Certificate) -> CertificateRow {
    CertificateRow {
        user,
        serial: certificate.serial,
        key_id: certificate.key_id,
        not_before_ms: certificate.not_before_ms,
        not_after_ms: certificate.not_after_ms,
        der: certificate.der,
        revoked_ms: None,
    }
}

impl CertificateRow {
    /// Reads it; a revoked one is refused.
    pub(in crate::identity) fn judged(&self) -> Result<Certificate, Unfit> {
        if self.revoked_ms.is_some() {
            let (serial, key_id) = (self.serial, self.key_id);
            return Err(Unfit::Revoked { serial, key_id });
        }
        let certificate = Certificate::parse(&self.der)?;
        if certificate.key_id == self.key_id {
            return Ok(certificate);
        }
        let (expected, found) = (self.key_id, certificate.key_id);
        Err(CertificateError::KeyId { expected, found }.into())
    }
}

fn judged_authority<E: std::error::Error + 'static>(row: &AuthorityRow) -> Result<Certificate, SignerError<E>> {
    let certificate = found::certificate_of(row)?;
    if row.revoked_ms.is_some() {
        let (serial, key_id) = (certificate.serial, certificate.key_id);
        return Err(Unfit::Revoked { serial, key_id }.into());
    }
    Ok(certificate)
}
