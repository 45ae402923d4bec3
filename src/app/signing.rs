//! The authority and the issuer of a data folder, and the signer over them.

use super::AppError;
use crate::clock::Clock;
use crate::config::{Config, KeysConfig};
use crate::identity::certificate::{Certificate, CertificateError, Expected, Role};
use crate::identity::found::{self, Draw, FoundError, Founding};
use crate::identity::kek::Kek;
use crate::identity::rows::{AuthorityRow, CA, ISSUER};
use crate::identity::signer::{Signer, SignerParts, SignerSetting};
use crate::identity::signing_threads::SigningThreads;
use crate::store::db::{Connection, Homes, Location, Readers};
use crate::store::keys::{self, Keys, KeysWriter};
use std::sync::Arc;

/// Signatures that may wait, for each thread.
const WAITING_PER_THREAD: usize = 64;

/// The authority and the issuer of a data folder.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// The authority's certificate.
    pub ca: Certificate,
    /// The issuer's latest certificate.
    pub issuer: Certificate,
    /// Whether they were made just now.
    pub made: bool,
}

/// Opens authority and issuer, so that a key that does not fit is found at the start; made where no user has a key yet.
pub async fn open_authority(
    connections: &mut Homes<Connection>,
    config: &Config,
    kek: &Kek,
    now_ms: i64,
) -> Result<Authorities, AppError> {
    let mut rows = keys::authorities(connections.main_mut()).await?;
    let made = rows.is_empty();
    if made {
        for connection in connections.each_mut() {
            if keys::any(connection).await? {
                return Err(AppError::AuthorityMissing);
            }
        }
        let founding = Founding {
            organisation: config.keys.organisation.as_str(),
            now_ms,
            authority_days: config.keys.authority_days.get(),
            issuer_days: config.keys.issuer_days.get(),
        };
        let pair = found::make(kek, founding, Draw::random(), &Draw::random())?;
        rows = keys::found(connections.main_mut(), pair).await?;
    }
    let last = |name: &str| {
        rows.iter()
            .rfind(|row| row.name == name)
            .ok_or(AppError::AuthorityMissing)
    };
    let (ca, issuer) = (opened(kek, last(CA)?)?, opened(kek, last(ISSUER)?)?);
    // Judged at its first instant: one that has ended is renewed when it is needed.
    let expected = Expected {
        at_ms: issuer.not_before_ms,
        role: Some(Role::Issuer),
        key_id: None,
        revoked_ms: &|_| None,
    };
    issuer.check(&ca, &expected).map_err(|source| wrong(ISSUER, source))?;
    Ok(Authorities { ca, issuer, made })
}

/// The signer of a gateway and the tasks that keep its rows, which must be spawned and end with the signer.
pub fn signer(
    (locations, readers): (&Homes<Location>, Readers),
    kek: Arc<Kek>,
    clock: Clock,
    config: &KeysConfig,
) -> Result<(Signer<Keys>, Vec<KeysWriter>), AppError> {
    let count = config.thread_count();
    let waiting = count.saturating_mul(WAITING_PER_THREAD);
    let threads = SigningThreads::start(count, waiting).map_err(AppError::Threads)?;
    let (rows, writers) = Keys::new(locations, readers);
    let setting = SignerSetting {
        cached_keys: config.cached_keys.to_usize(),
        fresh_ms: i64::from(config.cache_s.get()).saturating_mul(1_000),
        rider_days: config.rider_days.get(),
        issuer_days: config.issuer_days.get(),
    };
    let parts = SignerParts {
        rows,
        kek,
        clock,
        threads,
        setting,
    };
    Ok((Signer::new(parts), writers))
}

fn opened(kek: &Kek, row: &AuthorityRow) -> Result<Certificate, FoundError> {
    drop(found::open_key(kek, row)?);
    found::certificate_of(row)
}

fn wrong(name: &str, source: CertificateError) -> FoundError {
    let name = name.to_owned();
    FoundError::Certificate { name, source }
}
