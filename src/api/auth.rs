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
use tokio::time::timeout;

/// How long a hit is believed.
const KEPT: Duration = Duration::from_millis(900);
/// How long a hit is believed while the database cannot be asked.
const KEPT_WHILE_AWAY: Duration = Duration::from_mins(5);
/// How long a caller who was known a moment ago waits for the database to say so again: one that is away may take long to show it.
const ASKED: Duration = Duration::from_secs(1);
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

    /// Good for the programmes of another key too.
    fn widened(mut self, other: Self) -> Self {
        if self.programmes.is_empty() || other.programmes.is_empty() {
            self.programmes.clear();
        } else {
            self.programmes.extend(other.programmes);
        }
        self
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

/// The caller behind the request's key, if the client may ask again already.
pub(super) async fn authenticate(request: &HttpRequest, state: &ApiState) -> Result<Arc<Caller>, Problem> {
    let caller = identify(request, state).await?;
    state.limits.admit(&caller.client, None).await?;
    Ok(caller)
}

/// The same, not counted yet.
pub(super) async fn identify(request: &HttpRequest, state: &ApiState) -> Result<Arc<Caller>, Problem> {
    let refused = |detail: &str| Problem::new(Code::Unauthorized, detail);
    let key =
        bearer(request).ok_or_else(|| refused("the header Authorization: Bearer cgk_… is missing or malformed"))?;
    let digest = key_digest(key);
    let find = async {
        let row = clients::find(&state.readers, &digest).await?;
        let row = row.filter(|row| row.revoked_ms.is_none());
        Ok(row.as_ref().and_then(Caller::from_row))
    };
    let caller = remembered(state, digest, find).await?;
    let caller = caller.ok_or_else(|| refused("the key is unknown or revoked"))?;
    if caller
        .expires_ms
        .is_some_and(|expires_ms| expires_ms <= state.clock.now_ms())
    {
        return Err(refused("the key has expired"));
    }
    Ok(caller)
}

/// The caller of a name that somebody else vouches for, as far as its valid keys have a right: for the programmes of those keys.
pub(super) async fn vouched_for(state: &ApiState, client: &str, right: Right) -> Result<Arc<Caller>, Problem> {
    let now_ms = state.clock.now_ms();
    let valid =
        |key: &ClientKey| key.revoked_ms.is_none() && key.expires_ms.is_none_or(|expires_ms| expires_ms > now_ms);
    let find = async {
        let keys = clients::named(&state.readers, client).await?;
        let callers = keys.iter().filter(|key| valid(key)).filter_map(Caller::from_row);
        Ok(callers.filter(|caller| caller.holds(right)).reduce(Caller::widened))
    };
    // No key has this digest, for none has a blank in it.
    let digest = key_digest(&format!("{} {client}", right.as_str()));
    remembered(state, digest, find).await?.ok_or_else(|| {
        let detail = format!("no valid key of a client {client:?} has the right {}", right.as_str());
        Problem::new(Code::Forbidden, detail)
    })
}

/// The caller under a digest: as it was found a moment ago, or as it is found now, or, where nobody answers, as it was last found.
async fn remembered(
    state: &ApiState,
    digest: Hash,
    find: impl Future<Output = Result<Option<Caller>, StoreError>>,
) -> Result<Option<Arc<Caller>>, Problem> {
    let known = state.keys.get(&digest);
    if let Some(hit) = known.as_ref().filter(|hit| hit.asked.elapsed() < KEPT) {
        return Ok(Some(Arc::clone(&hit.caller)));
    }
    // The age of a hit counts from before the read: what is revoked while it runs is not believed any longer.
    let asked = Instant::now();
    let known = known.filter(|hit| hit.confirmed.elapsed() < KEPT_WHILE_AWAY);
    let found = match known {
        Some(_) => timeout(ASKED, find).await.ok(),
        None => Some(find.await),
    };
    let hit = match (found, known) {
        (Some(Ok(None)), _) => return Ok(None),
        (Some(Ok(Some(caller))), _) => Hit {
            asked,
            confirmed: asked,
            caller: Arc::new(caller),
        },
        // The next question waits its turn from now on, so that callers do not wait for a database that hangs.
        (None | Some(Err(StoreError::Unavailable(_))), Some(hit)) => Hit {
            asked: Instant::now(),
            ..hit
        },
        (Some(Err(error)), _) => return Err(error.into()),
        (None, None) => return Err(Problem::storage_unavailable()),
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
