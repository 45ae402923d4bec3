//! Signing keys and certificates: every key opens under the key-encryption key in its own row and is the one that the row names,
//! and every certificate is one that the authority has made for such a key. What the rows leave open is told in the migrations.

use super::Setting;
use super::findings::{Findings, KEYS, Place, at, digits};
use crate::identity::certificate::{Certificate, CertificateError, Expected, Role};
use crate::identity::kek::KekId;
use crate::identity::rows::{CA, ISSUER};
use crate::identity::user_key::{PrivateKey, PublicPoint};
use crate::identity::wrapping::Row;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::store::audit::{self, NamedKeyRow, PIECE, UserCertificateRow, UserKeyRow};
use crate::store::db::{Connection, Homes, StoreError};
use crate::store::keys;
use std::collections::BTreeSet;

const USER_KEY: &str = "user_key";
const CERTIFICATE: &str = "certificate";
const AUTHORITY: &str = "authority";
const NOT_OPENED: &str =
    "signing keys not opened: without the key-encryption key neither they nor their created_ms are checked";

/// Keys of a shard by user.
type Held = BTreeSet<(i64, Hash)>;

/// What wraps all rows, then authority and issuer, whose certificates everybody's are held against.
pub(super) async fn read_authority(
    connections: &mut Homes<Connection>,
    setting: &mut Setting<'_>,
    findings: &mut Findings,
) {
    match audit::kek_changes(connections.main_mut()).await {
        Ok(changes) => {
            for id in changes {
                let what = "the change to this key-encryption key is not finished";
                findings.add(KEYS, at(None, "kek_change", digits(&id)), what);
            }
        }
        Err(error) => findings.unreadable(KEYS, at(None, "kek_change", "*"), &error),
    }
    let rows = match audit::named_keys(connections.main_mut()).await {
        Ok(rows) => rows,
        Err(error) => return findings.unreadable(KEYS, at(None, AUTHORITY, "*"), &error),
    };
    // Made at the first start that knows of them: until then no user has a key either.
    let mut needed = !rows.is_empty();
    for connection in connections.each_mut() {
        needed = needed || keys::any(connection).await.unwrap_or(true);
    }
    for name in [CA, ISSUER] {
        let mut number = 0;
        for row in rows.iter().filter(|row| row.name == name) {
            let place = |number| at(None, AUTHORITY, named(name, number));
            gap(&mut number, row.number, place, findings);
            check_named(setting, row, findings);
        }
        if needed && number == 0 {
            findings.add(KEYS, at(None, AUTHORITY, named(name, 1)), "the row is missing");
        }
    }
    for row in rows.iter().filter(|row| ![CA, ISSUER].contains(&row.name.as_str())) {
        findings.checked(KEYS, 1);
        let place = at(None, AUTHORITY, named(&row.name, row.number));
        findings.add(KEYS, place, "nobody of this name has a key");
    }
}

/// Keys and certificates of one shard.
pub(super) async fn check(c: &mut Connection, setting: &Setting<'_>, shard: ShardId, findings: &mut Findings) {
    let held = match read_keys(c, setting, shard, findings).await {
        Ok(held) => Some(held),
        Err(error) => {
            findings.unreadable(KEYS, at(shard, USER_KEY, "*"), &error);
            None
        }
    };
    if let Err(error) = read_certificates(c, setting, (shard, held.as_ref()), findings).await {
        findings.unreadable(KEYS, at(shard, CERTIFICATE, "*"), &error);
    }
}

async fn read_keys(
    c: &mut Connection,
    setting: &Setting<'_>,
    shard: ShardId,
    findings: &mut Findings,
) -> Result<Held, StoreError> {
    let mut held = Held::new();
    let (mut user, mut number) = (None, 0);
    let mut from = Some((i64::MIN, i64::MIN));
    while let Some(start) = from {
        let rows = audit::user_keys(c, shard, start, PIECE).await?;
        for row in &rows {
            if user.replace(row.user_id) != Some(row.user_id) {
                number = 0;
            }
            let place = |number| at(shard, USER_KEY, key_name(row.user_id, number));
            gap(&mut number, row.number, place, findings);
            held.extend(Hash::from_slice(&row.key_id).map(|key_id| (row.user_id, key_id)));
        }
        findings.of_each(&rows, |row, found| check_key(setting, shard, row, found));
        from = rows.last().and_then(|last| match last.number.checked_add(1) {
            Some(next) => Some((last.user_id, next)),
            None => last.user_id.checked_add(1).map(|user| (user, i64::MIN)),
        });
    }
    Ok(held)
}

async fn read_certificates(
    c: &mut Connection,
    setting: &Setting<'_>,
    (shard, held): (ShardId, Option<&Held>),
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let (mut user, mut serial) = (i64::MIN, Vec::new());
    loop {
        let rows = audit::user_certificates(c, shard, (user, &serial), PIECE).await?;
        findings.of_each(&rows, |row, found| {
            check_certificate(setting, (shard, held), row, found);
        });
        let Some(last) = rows.last() else { return Ok(()) };
        // The next key in the order of bytes.
        (user, serial) = (last.user_id, [last.serial.as_slice(), &[0]].concat());
    }
}

/// Numbers begin at 1 and leave none out.
fn gap(last: &mut i64, number: i64, place: impl Fn(i64) -> Place, findings: &mut Findings) {
    let due = last.saturating_add(1);
    if number < 1 {
        findings.add(KEYS, place(number), "numbers begin at 1");
    } else if number != due {
        findings.add(
            KEYS,
            place(due),
            format!("the row is missing, though there is number {number}"),
        );
    }
    *last = number.max(*last);
}

fn check_key(setting: &Setting<'_>, shard: ShardId, row: &UserKeyRow, findings: &mut Findings) {
    findings.checked(KEYS, 1);
    let place = || at(shard, USER_KEY, key_name(row.user_id, row.number));
    let user = UserId::from_stored(row.user_id);
    check_user(user, shard, place, findings);
    let Some((number, key_id)) = identity(row.number, &row.key_id) else {
        return findings.add(KEYS, place(), "number or key_id is none");
    };
    let identity = Row::UserKey {
        user,
        number,
        key_id: &key_id,
        created_ms: row.created_ms,
    };
    if let Err(error) = PublicPoint::named(&row.point, &key_id) {
        findings.add(KEYS, place(), format!("point: {error}"));
    }
    open(setting, (&row.wrapped_key, identity, &key_id), place, findings);
}

fn check_certificate(
    setting: &Setting<'_>,
    (shard, held): (ShardId, Option<&Held>),
    row: &UserCertificateRow,
    findings: &mut Findings,
) {
    findings.checked(KEYS, 1);
    let place = || {
        let name = format!("user {}, {}", row.user_id, digits(&row.serial));
        at(shard, CERTIFICATE, name)
    };
    let user = UserId::from_stored(row.user_id);
    check_user(user, shard, place, findings);
    let found = match Certificate::parse(&row.der) {
        Ok(found) => found,
        Err(error) => return findings.add(KEYS, place(), error.to_string()),
    };
    let said = [
        ("serial", row.serial == found.serial.as_bytes()),
        ("key_id", row.key_id == found.key_id.as_bytes()),
        ("not_before_ms", row.not_before_ms == found.not_before_ms),
        ("not_after_ms", row.not_after_ms == found.not_after_ms),
    ];
    findings.differing(KEYS, place(), &said);
    if held.is_some_and(|held| !held.contains(&(row.user_id, found.key_id))) {
        findings.add(KEYS, place(), format!("the user has no key {}", found.key_id));
    }
    let role = if user.is_system() { Role::Sink } else { Role::Rider };
    made_by_authority(setting, (&found, role), place, findings);
}

fn check_named(setting: &mut Setting<'_>, row: &NamedKeyRow, findings: &mut Findings) {
    findings.checked(KEYS, 1);
    let place = || at(None, AUTHORITY, named(&row.name, row.number));
    let Some((number, key_id)) = identity(row.number, &row.key_id) else {
        return findings.add(KEYS, place(), "number or key_id is none");
    };
    let identity = Row::Authority {
        name: &row.name,
        number,
        key_id: &key_id,
        created_ms: row.created_ms,
    };
    open(setting, (&row.wrapped_key, identity, &key_id), place, findings);
    let found = match Certificate::parse(&row.certificate) {
        Ok(found) => found,
        Err(error) => return findings.add(KEYS, place(), error.to_string()),
    };
    findings.differing(KEYS, place(), &[("key_id", key_id == found.key_id)]);
    if row.name == ISSUER {
        setting.issuer.get_or_insert(key_id);
        return made_by_authority(setting, (&found, Role::Issuer), place, findings);
    }
    if row.revoked_ms.is_some() {
        findings.add(KEYS, place(), "an authority is never revoked");
    }
    match found.check_authority(found.not_before_ms) {
        Ok(()) => setting.authorities.push(found),
        Err(error) => findings.add(KEYS, place(), error.to_string()),
    }
}

/// Signed by the authority, in its organisation, for this role: judged at its first instant, since it may have ended by now.
fn made_by_authority(
    setting: &Setting<'_>,
    (found, role): (&Certificate, Role),
    place: impl Fn() -> Place,
    findings: &mut Findings,
) {
    let expected = Expected {
        at_ms: found.not_before_ms,
        role: Some(role),
        key_id: None,
        revoked_ms: &|_| None,
    };
    let judged: Vec<Result<(), CertificateError>> = setting
        .authorities
        .iter()
        .map(|authority| found.check(authority, &expected))
        .collect();
    if judged.iter().any(Result::is_ok) {
        return;
    }
    let what = judged.into_iter().find_map(Result::err);
    let what = what.map_or_else(
        || "there is no authority that has made it".to_owned(),
        |error| error.to_string(),
    );
    findings.add(KEYS, place(), what);
}

/// Under the deployment's key, in this row, and the key that the row names.
fn open(
    setting: &Setting<'_>,
    (wrapped, row, key_id): (&[u8], Row<'_>, &Hash),
    place: impl Fn() -> Place,
    findings: &mut Findings,
) {
    let under = wrapped.get(1..9).and_then(KekId::from_slice);
    if setting.kek_id.is_some() && under != setting.kek_id {
        return findings.add(KEYS, place(), "wrapped_key is not under the deployment's key");
    }
    let Some(kek) = setting.kek else {
        return findings.remark(KEYS, NOT_OPENED);
    };
    if let Err(error) = PrivateKey::proved(kek, wrapped, row, key_id) {
        findings.add(KEYS, place(), error.to_string());
    }
}

fn check_user(user: UserId, shard: ShardId, place: impl Fn() -> Place, findings: &mut Findings) {
    if user.shard() != shard {
        findings.add(KEYS, place(), format!("the user belongs to shard {}", user.shard()));
    }
    if user.is_system() && user != UserId::system(shard) {
        findings.add(KEYS, place(), "no shard has such an account of its own");
    }
}

fn identity(number: i64, key_id: &[u8]) -> Option<(u32, Hash)> {
    Some((u32::try_from(number).ok()?, Hash::from_slice(key_id)?))
}

fn key_name(user: i64, number: i64) -> String {
    format!("user {user}, number {number}")
}

fn named(name: &str, number: i64) -> String {
    format!("{name}, number {number}")
}
