//! The authority's and the issuer's certificates: there, under the key-encryption key, and how long they last.

use super::look::Look;
use super::report::Findings;
use super::words::{cause, day, span};
use crate::identity::certificate::{Certificate, Expected, Role};
use crate::identity::found;
use crate::identity::kek::Kek;
use crate::identity::rows::{AuthorityRow, CA, ISSUER};
use crate::store::db::StoreError;
use crate::store::keys;

/// What is done about a certificate of the issuer.
const RENEWED: &str = "a serving gateway renews it with its next issue; if it does not, its log says why";
/// What is done about the authority's.
const FOR_EVER: &str = "the authority's certificate stands in the chain's first block, so there is no renewal: plan the move to a new ledger while it lasts";

pub(super) async fn examine(
    look: &mut Look<'_>,
    (kek, is_changing): (Option<&Kek>, bool),
    say: &mut Findings,
) -> Result<(), StoreError> {
    let (now_ms, wanted) = (look.clock.now_ms(), look.config.keys.organisation.as_str());
    let Some((connection, _)) = look.main() else {
        return Ok(());
    };
    let rows = keys::authorities(connection).await?;
    let last = |name: &str| rows.iter().rfind(|row| row.name == name);
    let (Some(authority), Some(issuer)) = (last(CA), last(ISSUER)) else {
        if rows.is_empty() && !any_user_key(look).await? {
            say.ok(
                "authority_none",
                "authority and issuer are not made yet; the next start makes them",
            );
        } else {
            let saw = "the authority or the issuer is missing from a ledger whose riders have keys: no gateway starts";
            say.wrong("authority_missing", saw, "restore the table `authority` from a backup");
        }
        return Ok(());
    };
    // While the key is being changed some rows are under the next one already.
    if let Some(kek) = kek.filter(|_| !is_changing) {
        wrapped(kek, [authority, issuer], say);
    }
    let read = |row: &AuthorityRow| found::certificate_of(row).map_err(|error| cause(&error));
    match (read(authority), read(issuer)) {
        (Ok(authority), Ok(certificate)) => {
            pair(&authority, &certificate, say);
            lasting(&authority, now_ms, say);
            lasting(&certificate, now_ms, say);
            if issuer.revoked_ms.is_some() {
                say.wrong(
                    "issuer_revoked",
                    "the issuer's certificate is revoked: nothing is issued to the chain",
                    RENEWED,
                );
            }
            if authority.organisation != wanted {
                let saw = format!(
                    "the settings name the organisation {wanted}, but this ledger was made for {}",
                    authority.organisation
                );
                say.warn(
                    "organisation",
                    saw,
                    "it is fixed for ever: mend `keys.organisation`, or look whether this is the right ledger",
                );
            }
        }
        (Err(told), _) | (_, Err(told)) => {
            say.wrong(
                "certificate_broken",
                format!("a certificate of the authority or the issuer cannot be used: {told}"),
                "restore the table `authority` from a backup",
            );
        }
    }
    Ok(())
}

async fn any_user_key(look: &mut Look<'_>) -> Result<bool, StoreError> {
    for database in &mut look.databases {
        if let Some((connection, _)) = database.shards()
            && keys::any(connection).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn wrapped(kek: &Kek, rows: [&AuthorityRow; 2], say: &mut Findings) {
    for row in rows {
        if found::open_key(kek, row).is_err() {
            let saw = format!(
                "the private key of `{}` does not open under the key-encryption key: its row has been changed",
                row.name
            );
            say.wrong("authority_broken", saw, "restore the table `authority` from a backup");
        }
    }
}

/// Whether the one was made by the other.
fn pair(authority: &Certificate, issuer: &Certificate, say: &mut Findings) {
    let expected = Expected {
        at_ms: issuer.not_before_ms,
        role: Some(Role::Issuer),
        key_id: None,
        revoked_ms: &|_| None,
    };
    if let Err(error) = issuer.check(authority, &expected) {
        let saw = format!("the issuer's certificate is not one of this authority: {error}");
        say.wrong("certificate_broken", saw, "restore the table `authority` from a backup");
    }
}

/// How long a certificate lasts; whose it is, its role says.
fn lasting(certificate: &Certificate, now_ms: i64, say: &mut Findings) {
    let left_ms = certificate.not_after_ms.saturating_sub(now_ms);
    let end = day(certificate.not_after_ms);
    let (who, advice, codes) = match certificate.role {
        None => (
            "authority",
            FOR_EVER,
            ["authority_ended", "authority_ending", "authority", "authority_early"],
        ),
        Some(_) => (
            "issuer",
            RENEWED,
            ["issuer_ended", "issuer_ending", "issuer", "issuer_early"],
        ),
    };
    let [ended, ending, lasts, early] = codes;
    if now_ms < certificate.not_before_ms {
        let saw = format!(
            "the {who}'s certificate is valid from {} on, which lies ahead of this machine's clock",
            day(certificate.not_before_ms)
        );
        say.wrong(early, saw, "set this machine's clock; see `clock` below");
    } else if left_ms < 0 {
        let saw = format!("the {who}'s certificate ended on {end}: the chain takes nothing under it");
        say.wrong(ended, saw, advice);
    } else if certificate.is_ending(now_ms) {
        say.warn(
            ending,
            format!("the {who}'s certificate ends in {}, on {end}", span(left_ms)),
            advice,
        );
    } else {
        say.ok(lasts, format!("the {who}'s certificate lasts until {end}"));
    }
}
