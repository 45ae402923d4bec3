//! Opening keys: from memory while their rows' reading is believed; else the rows are read again, and a key whose row is the same
//! stays open.

use super::{Answer, Signer, SignerError, Unfit};
use crate::identity::cache::OpenKey;
use crate::identity::found::{self, FoundError};
use crate::identity::kek::Kek;
use crate::identity::rows::{AuthorityRow, ISSUER, KeyRow, KeyRows};
use crate::identity::user_key::{KeyError, PrivateKey};
use crate::identity::wrapping::Row;
use crate::ledger::ids::UserId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Users' keys, or why one does not open.
type Opened = BTreeMap<UserId, Result<Arc<OpenKey>, Unfit>>;

impl<R: KeyRows> Signer<R> {
    /// The keys of users; made for whoever has none.
    pub(super) async fn open_users(&self, users: impl Iterator<Item = UserId> + Send) -> Answer<Opened, R> {
        let now_ms = self.clock.now_ms();
        let since_ms = now_ms.saturating_sub(self.setting.fresh_ms);
        let mut opened = Opened::new();
        let mut unread = BTreeSet::new();
        {
            let mut known = self.users();
            for user in users {
                match known.get(user).filter(|open| open.read_ms() >= since_ms) {
                    Some(open) => drop(opened.insert(user, Ok(open))),
                    None => drop(unread.insert(user)),
                }
            }
        }
        let rows = self.rows_of(&unread).await?;
        let mut closed = Vec::new();
        {
            let mut known = self.users();
            for row in rows {
                match known.get(row.user).filter(|open| open.is_of(&row, now_ms)) {
                    Some(open) => drop(opened.insert(row.user, Ok(open))),
                    None => closed.push(row),
                }
            }
        }
        if closed.is_empty() {
            return Ok(opened);
        }
        let kek = Arc::clone(&self.kek);
        let open = move || {
            let each = |row: &KeyRow| (row.user, open(&kek, row, now_ms));
            closed.iter().map(each).collect::<Vec<_>>()
        };
        let just_opened = self.threads.run(open).await?;
        let mut known = self.users();
        for (user, open) in just_opened {
            let open = open.map(|open| known.keep(user, open));
            opened.insert(user, open.map_err(Unfit::from));
        }
        Ok(opened)
    }

    /// The rows of users that sign, made for whoever has none.
    async fn rows_of(&self, users: &BTreeSet<UserId>) -> Answer<Vec<KeyRow>, R> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<UserId> = users.iter().copied().collect();
        let mut rows = self.rows.keys(&asked).await.map_err(SignerError::Rows)?;
        let found: BTreeSet<UserId> = rows.iter().map(|row| row.user).collect();
        let lacking: Vec<(UserId, u32)> = users.difference(&found).map(|user| (*user, 1)).collect();
        if !lacking.is_empty() {
            rows.extend(self.make_keys(lacking).await?);
        }
        Ok(rows)
    }

    /// Makes keys of these numbers; answers the rows that stand, whoever was first.
    pub(super) async fn make_keys(&self, wanted: Vec<(UserId, u32)>) -> Answer<Vec<KeyRow>, R> {
        let (kek, created_ms) = (Arc::clone(&self.kek), self.clock.now_ms());
        let make = move || {
            let each = |(user, number)| draw(&kek, user, number, created_ms);
            wanted.into_iter().map(each).collect::<Result<Vec<_>, _>>()
        };
        let rows = self.threads.run(make).await?.map_err(Unfit::from)?;
        self.rows.keep_keys(rows).await.map_err(SignerError::Rows)
    }

    /// The issuer's key.
    pub(super) async fn open_issuer(&self) -> Answer<Arc<OpenKey>, R> {
        let now_ms = self.clock.now_ms();
        let since_ms = now_ms.saturating_sub(self.setting.fresh_ms);
        if let Some(open) = self.issuer().as_ref().filter(|open| open.read_ms() >= since_ms) {
            return Ok(Arc::clone(open));
        }
        let row = self.authority(ISSUER).await?;
        let kek = Arc::clone(&self.kek);
        let open = self.threads.run(move || {
            let key = found::open_key(&kek, &row)?;
            let point = key.point();
            Ok::<_, FoundError>(Arc::new(OpenKey::new((key, point), row.key_id, row.number, now_ms)))
        });
        let open = open.await??;
        *self.issuer() = Some(Arc::clone(&open));
        Ok(open)
    }

    /// The row of a name that signs.
    pub(super) async fn authority(&self, name: &'static str) -> Answer<AuthorityRow, R> {
        let row = self.rows.authority(name).await.map_err(SignerError::Rows)?;
        row.ok_or(SignerError::NotFounded(name))
    }
}

fn open(kek: &Kek, row: &KeyRow, read_ms: i64) -> Result<Arc<OpenKey>, KeyError> {
    let key = PrivateKey::unwrap(kek, &row.wrapped_key, row.identity())?;
    let key = (key, row.named_point()?);
    Ok(Arc::new(OpenKey::new(key, row.key_id, row.number, read_ms)))
}

fn draw(kek: &Kek, user: UserId, number: u32, created_ms: i64) -> Result<KeyRow, KeyError> {
    let key = PrivateKey::draw(|| Zeroizing::new(rand::random()));
    let point = key.point();
    let key_id = point.key_id();
    let row = Row::UserKey {
        user,
        number,
        key_id: &key_id,
        created_ms,
    };
    let wrapped_key = key.wrap(kek, rand::random(), row)?;
    Ok(KeyRow {
        user,
        number,
        key_id,
        point: point.as_bytes().to_vec(),
        wrapped_key,
        created_ms,
    })
}
