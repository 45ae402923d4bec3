//! The key-encryption key, what it opens, the authority and the issuer with their certificates, and the API keys of callers.

use super::certificates;
use super::look::Look;
use super::report::{Findings, Level, Part};
use super::words::{cause, day, many, some};
use crate::config::Environment;
use crate::identity::kek::{Kek, KekError};
use crate::store::clients::{self, ClientKey};
use crate::store::db::StoreError;
use crate::store::deployment::Founded;
use crate::store::keys;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// So long before its end a caller's key is told: time enough to hand over another.
const SOON_MS: i64 = 14 * super::words::DAY_MS;

pub(super) async fn examine(look: &mut Look<'_>, say: &mut Findings) {
    let file = look.kek_file();
    say.of(Part::Keys, Some(file.display().to_string()));
    let is_there = rights(&file, (look.founded.is_some(), look.is_partial()), say);
    let kek = match &look.founded {
        Some((_, founded)) if is_there => opened(&file, founded, say),
        _ => None,
    };
    say.of(Part::Keys, None);
    if look.founded.is_none() {
        if look.is_partial() {
            let saw = "which keys the ledger expects cannot be told while its database is not seen";
            say.warn("not_seen", saw, "mend what stands above under `database` first");
        }
        return;
    }
    let is_changing = changing(look, say).await;
    let now_ms = look.clock.now_ms();
    let result = certificates::examine(look, (kek.as_ref(), is_changing), say).await;
    told(result, say);
    let result = callers(look, now_ms, say).await;
    told(result, say);
    left_over(look, say);
}

fn told(result: Result<(), StoreError>, say: &mut Findings) {
    if let Err(error) = result {
        say.wrong(
            "unreadable",
            format!("keys cannot be read: {}", cause(&error)),
            "see `database` above; restore a backup if its rows are damaged",
        );
    }
}

/// Whether the file is there and for nobody else; answers whether it is to be read.
fn rights(file: &Path, (is_founded, is_partial): (bool, bool), say: &mut Findings) -> bool {
    let found = match std::fs::metadata(file) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            missing((is_founded, is_partial), say);
            return false;
        }
        Err(error) => {
            let saw = format!("the key-encryption key cannot be looked at: {error}");
            say.wrong(
                "kek_unreadable",
                saw,
                "its folder must be open to the user of the gateway, and this command run as that user",
            );
            return false;
        }
    };
    let mode = found.permissions().mode() & 0o777;
    let level = match mode {
        _ if mode & 0o007 != 0 => Level::Wrong,
        _ if mode & 0o070 != 0 => Level::Warning,
        _ => {
            say.ok(
                "kek_mode",
                format!("the key-encryption key is its owner's alone (mode {mode:04o})"),
            );
            return true;
        }
    };
    let who = if level == Level::Wrong {
        "everybody"
    } else {
        "its group"
    };
    let saw = format!(
        "the key-encryption key is open to {who} on this machine (mode {mode:04o}): who has it opens every rider's key"
    );
    say.bad(
        level,
        "kek_mode",
        saw,
        format!(
            "chmod 600 {}; of a mounted secret, set its mode to 0400",
            file.display()
        ),
    );
    true
}

fn missing((is_founded, is_partial): (bool, bool), say: &mut Findings) {
    let advice = "mount or restore the file, or mend `keys.kek_file`; it cannot be made again, so look for its backup";
    match (is_founded, is_partial) {
        (true, _) => {
            let saw = "the key-encryption key is not there: without it no gateway starts, and no key and no evidence can be opened";
            say.wrong("kek_missing", saw, advice);
        }
        (false, true) => {
            let saw = "there is no key-encryption key; whether a ledger expects one cannot be told now";
            say.warn("kek_missing", saw, advice);
        }
        (false, false) => say.ok(
            "kek_none",
            "there is no key-encryption key yet; the first start makes one",
        ),
    }
}

/// Whether it is the key that the ledger expects, and opens what it should.
fn opened(file: &Path, founded: &Founded, say: &mut Findings) -> Option<Kek> {
    let kek = match Kek::load(file, founded.kek_id) {
        Ok(kek) => kek,
        Err(error @ KekError::Different { .. }) => {
            let advice = "put the key that is expected in its place: its backup, or the file named to the last `keys rotate --to`";
            say.wrong("kek_different", error.to_string(), advice);
            return None;
        }
        Err(error @ KekError::Malformed { .. }) => {
            say.wrong(
                "kek_malformed",
                error.to_string(),
                "the file is damaged, or not the right one: restore it",
            );
            return None;
        }
        Err(error) => {
            say.wrong(
                "kek_unreadable",
                error.to_string(),
                "give the file to the user of the gateway, and run this command as that user",
            );
            return None;
        }
    };
    let deployment = &founded.deployment.id;
    let source = kek.unwrap_source(&founded.source_secret, deployment);
    if source.is_err() || kek.unwrap_chain(&founded.chain_secret, deployment).is_err() {
        let saw =
            "it is the key expected, but the deployment's own secrets do not open under it: their row has been changed";
        say.wrong(
            "secrets_broken",
            saw,
            "restore the database's row `deployment` from a backup",
        );
        return None;
    }
    say.ok(
        "kek",
        format!(
            "it is the key that the ledger expects, {}, and opens its secrets",
            kek.id()
        ),
    );
    Some(kek)
}

/// Whether the key-encryption key is being changed.
async fn changing(look: &mut Look<'_>, say: &mut Findings) -> bool {
    for database in &mut look.databases {
        let (Ok(connection), true) = (&mut database.opened, database.holding.is_some()) else {
            continue;
        };
        if let Ok(Some(id)) = keys::change_underway(connection).await {
            let saw =
                format!("the key-encryption key is being changed to {id}: the change was interrupted, or is at work");
            say.wrong("kek_change", saw, "until it is finished no gateway starts: `carbon-gateway keys rotate --to FILE` goes on, FILE being the one with that key");
            return true;
        }
    }
    false
}

/// The keys that back ends call with.
async fn callers(look: &mut Look<'_>, now_ms: i64, say: &mut Findings) -> Result<(), StoreError> {
    if let Some((connection, _)) = look.main() {
        judge_callers(&clients::list(connection).await?, now_ms, say);
    }
    Ok(())
}

/// The first key, which a start without a terminal leaves in a file.
fn left_over(look: &Look<'_>, say: &mut Findings) {
    let file = look.folder.first_key_file();
    if look.config.environment == Environment::Production && file.exists() {
        let saw = format!("the first API key, with all rights, still lies in {}", file.display());
        say.warn(
            "api_first",
            saw,
            "hand it over and remove the file, or revoke it with `carbon-gateway keys revoke`",
        );
    }
}

fn judge_callers(rows: &[ClientKey], now_ms: i64, say: &mut Findings) {
    let mut last: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    let mut valid = 0_usize;
    for key in rows.iter().filter(|key| key.revoked_ms.is_none()) {
        // A key without an end outlasts any.
        let ends = key.expires_ms.unwrap_or(i64::MAX);
        valid = valid.saturating_add(usize::from(ends > now_ms));
        let latest = last.entry(&key.name).or_default();
        *latest = (*latest).max(Some(ends));
    }
    let make =
        "make another with `carbon-gateway keys create` and hand it over; keys are made beside a serving gateway";
    if valid == 0 {
        let saw = "no API key is valid: nobody can call this gateway";
        return say.warn("api_none", saw, make);
    }
    let within = |from: i64, to: i64| {
        let ending = last
            .iter()
            .filter_map(|(name, ends)| ends.filter(|ends| (from..to).contains(ends)).map(|ends| (*name, ends)));
        ending
            .map(|(name, ends)| format!("{name} ({})", day(ends)))
            .collect::<Vec<_>>()
    };
    let (ended, ending) = (
        within(i64::MIN, now_ms.saturating_add(1)),
        within(now_ms.saturating_add(1), now_ms.saturating_add(SOON_MS)),
    );
    if !ended.is_empty() {
        let saw = format!(
            "the last API key has ended of {}: these callers get 401",
            some(&ended, 3)
        );
        let advice = format!("{make}; of a caller who is gone revoke the old one (`keys list`, `keys revoke`)");
        say.warn("api_ended", saw, advice);
    }
    if !ending.is_empty() {
        let saw = format!("the last API key ends within two weeks of {}", some(&ending, 3));
        say.warn("api_ending", saw, make);
    }
    let callers = last.values().filter(|ends| **ends > Some(now_ms)).count();
    let saw = format!("{} valid, of {}", many(valid, "API key"), many(callers, "caller"));
    say.ok("api", saw);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ids::Hash;

    fn key(name: &str, expires_ms: Option<i64>, revoked_ms: Option<i64>) -> ClientKey {
        ClientKey {
            key_digest: Hash::new([0; 32]),
            name: name.to_owned(),
            rights: "all".to_owned(),
            programmes: String::new(),
            created_ms: 0,
            expires_ms,
            revoked_ms,
        }
    }

    #[test]
    fn callers_whose_last_key_ends_are_named() {
        const NOW_MS: i64 = 1_795_176_000_000;
        let judged = |rows: &[ClientKey]| {
            let mut say = Findings::new();
            judge_callers(rows, NOW_MS, &mut say);
            say.codes()
        };
        assert_eq!(judged(&[]), [("api_none", Level::Warning)]);
        assert_eq!(judged(&[key("a", None, Some(1))]), [("api_none", Level::Warning)]);
        assert_eq!(
            judged(&[key("a", None, None), key("a", Some(1), None)]),
            [("api", Level::Ok)]
        );
        let ending = [
            key("a", None, None),
            key("b", Some(NOW_MS), None),
            key("c", Some(NOW_MS + SOON_MS - 1), None),
        ];
        let expected = [
            ("api_ended", Level::Warning),
            ("api_ending", Level::Warning),
            ("api", Level::Ok),
        ];
        assert_eq!(judged(&ending), expected);
    }
}
