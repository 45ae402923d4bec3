//! Who asks. A key is looked up by its digest; a hit is kept for less than a second, so that a revoked key fails within one
//! and a new key works at once. While the database that holds the keys is away, those that were valid go on: nobody can revoke one there,
//! and riders who are at home in another database notice nothing.

use super::ApiState;
use super::keys::{KEY_PREFIX, Right, Rights, key_digest};
use super::problem::{Code, Problem};
use crate::ledger::ids::{Hash, Name};
use crate::store::clients::{self, ClientKey};
use crate::store::db::StoreError;
use actix_web::HttpRequest;
use actix_web::http::header;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a hit is believed.
const KEPT: Duration = Duration::from_millis(900);
/// How long a hit is believed while the database cannot be asked.
const KEPT_WHILE_AWAY: Duration = Duration::from_mins(5);
/// Hits that are kept.
const MOST_KEPT: usize = 10_000;
/// No key is longer.
const LONGEST_KEY: usize = 200;

/// A client with a valid key.
#[derive(Debug)]
pub(super) struct Caller {
    /// The calling system.
    pub(super) client: Name,
    rights: Rights,
    programmes: Vec<String>,
    expires_ms: Option<i64>,
}

/// Keys that were valid a moment ago.
#[derive(Debug, Default)]
pub(super) struct KeyCache(Mutex<HashMap<Hash, Hit>>);

#[derive(Clone, Debug)]
struct Hit {
    /// When the database was asked last, answer or not.
    asked: Instant,
    /// When it last said that the key is valid.
    confirmed: Instant,
    caller: Arc<Caller>,
}

impl Caller {
    /// Whether the key has the right.
    pub(super) fn holds(&self, right: Right) -> bool {
        self.rights.holds(right)
    }

    /// Insists on one of some rights.
    pub(super) fn require(&self, rights: &[Right]) -> Result<(), Problem> {
        if rights.iter().any(|right| self.holds(*right)) {
            return Ok(());
        }
        let words: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
        Err(Problem::new(
            Code::Forbidden,
            format!("the key has not the right {}", words.join(" or ")),
        ))
    }

    /// Whether the key is good for a programme.
    pub(super) fn may_use(&self, programme: &str) -> bool {
        self.programmes.is_empty() || self.programmes.iter().any(|own| own == programme)
    }

    /// Insists on a programme.
    pub(super) fn require_programme(&self, programme: &str) -> Result<(), Problem> {
        if self.may_use(programme) {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, "the key is limited to other programmes"))
    }

    /// Insists on a key that is not limited to programmes.
    pub(super) fn require_all_programmes(&self) -> Result<(), Problem> {
        if self.programmes.is_empty() {
            return Ok(());
        }
        let words = "the key is limited to programmes: name one with `programme`";
        Err(Problem::new(Code::Forbidden, words))
    }

    fn from_row(row: &ClientKey) -> Option<Self> {
        let programmes = row.programmes.split(',').filter(|programme| !programme.is_empty());
        Some(Self {
            client: Name::parse(row.name.as_str()).ok()?,
            rights: Rights::parse(&row.rights).ok()?,
            programmes: programmes.map(str::to_owned).collect(),
            expires_ms: row.expires_ms,
        })
    }
}

impl KeyCache {
    fn get(&self, digest: &Hash) -> Option<Hit> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(digest).cloned()
    }

    fn put(&self, digest: Hash, hit: Hit) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(digest, hit);
    }
}

/// The caller behind the request's key.
pub(super) async fn authenticate(request: &HttpRequest, state: &ApiState) -> Result<Arc<Caller>, Problem> {
    let refused = |detail: &str| Problem::new(Code::Unauthorized, detail);
    let key =
        bearer(request).ok_or_else(|| refused("the header Authorization: Bearer cgk_… is missing or malformed"))?;
    let digest = key_digest(key);
    let known = state.keys.get(&digest);
    let caller = match known {
        Some(hit) if hit.asked.elapsed() < KEPT => hit.caller,
        known => ask(state, digest, known)
            .await?
            .ok_or_else(|| refused("the key is unknown or revoked"))?,
    };
    if caller
        .expires_ms
        .is_some_and(|expires_ms| expires_ms <= state.clock.now_ms())
    {
        return Err(refused("the key has expired"));
    }
    Ok(caller)
}

/// The client behind a digest, if the key is valid; what was known of it counts where nobody answers.
async fn ask(state: &ApiState, digest: Hash, known: Option<Hit>) -> Result<Option<Arc<Caller>>, Problem> {
    // The age of a hit counts from before the read: what is revoked while it runs is not believed any longer.
    let asked = Instant::now();
    let hit = match clients::find(&state.readers, &digest).await {
        Ok(row) => {
            let row = row.filter(|row| row.revoked_ms.is_none());
            let Some(caller) = row.as_ref().and_then(Caller::from_row) else {
                return Ok(None);
            };
            let (confirmed, caller) = (asked, Arc::new(caller));
            Hit {
                asked,
                confirmed,
                caller,
            }
        }
        Err(StoreError::Unavailable(error)) => match known {
            // The next question waits its turn from now on, so that callers do not wait for a database that hangs.
            Some(hit) if hit.confirmed.elapsed() < KEPT_WHILE_AWAY => Hit {
                asked: Instant::now(),
                ..hit
            },
            _ => return Err(StoreError::Unavailable(error).into()),
        },
        Err(error) => return Err(error.into()),
    };
    state.keys.put(digest, hit.clone());
    Ok(Some(hit.caller))
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    let sound = scheme.eq_ignore_ascii_case("bearer") && key.starts_with(KEY_PREFIX) && key.len() <= LONGEST_KEY;
    sound.then_some(key)
}
