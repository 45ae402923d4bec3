//! `keys certificates`: what was certified, and revocation, beside a running server: one row in a short transaction.

use crate::cli::{CommandError, Setting, output};
use crate::clock::Clock;
use crate::identity::certificate::{Certificate, Serial};
use crate::ledger::ids::{Hash, ShardId};
use crate::store::db::{Connection, Homes, StoreError};
use crate::store::keys;

const PIECE: i64 = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List certificates: the authority's and the issuer's, then those of riders and sinks.
    List,
    /// Revoke a certificate at once, named by the serial number that `list` shows. Its owner gets another key with the next transaction.
    Revoke {
        /// 32 hexadecimal digits.
        serial: String,
    },
}

/// One line of the list.
struct Line {
    owner: String,
    serial: Serial,
    key_id: Hash,
    not_after_ms: i64,
    revoked_ms: Option<i64>,
}

/// Runs one action.
pub(super) async fn act(setting: &Setting, action: Action) -> Result<(), CommandError> {
    let _ledger = setting.existing().await?;
    let mut connections = setting.homes().await?.connect().await?;
    let now_ms = Clock::System.now_ms();
    match action {
        Action::List => list(&mut connections, setting.json, now_ms).await?,
        Action::Revoke { serial } => {
            let wrong = || CommandError::Use("the serial number must be 32 lower-case hexadecimal digits".to_owned());
            let serial = Serial::parse(&serial).ok_or_else(wrong)?;
            if !revoke(&mut connections, &serial, now_ms).await? {
                return Err(CommandError::Use(
                    "no valid certificate has that serial number".to_owned(),
                ));
            }
            output::line(&format!("{serial} is revoked"));
        }
    }
    connections.close().await?;
    Ok(())
}

/// Whose it is only its row says, and the issuer's is in the main database.
async fn revoke(connections: &mut Homes<Connection>, serial: &Serial, now_ms: i64) -> Result<bool, StoreError> {
    for connection in connections.each_mut() {
        if keys::revoke(connection, serial, now_ms).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One JSON object a line, since there may be as many certificates as riders.
async fn list(connections: &mut Homes<Connection>, as_json: bool, now_ms: i64) -> Result<(), CommandError> {
    for row in keys::authorities(connections.main_mut()).await? {
        let certificate = Certificate::parse(&row.certificate)
            .map_err(|error| CommandError::Use(format!("the certificate of {} {}: {error}", row.name, row.number)))?;
        let line = Line {
            owner: row.name,
            serial: certificate.serial,
            key_id: row.key_id,
            not_after_ms: certificate.not_after_ms,
            revoked_ms: row.revoked_ms,
        };
        tell(as_json, now_ms, &line);
    }
    for shard in ShardId::all() {
        let mut after = None;
        loop {
            let rows = keys::certificates(connections.of_mut(shard), shard, after, PIECE).await?;
            let Some(last) = rows.last() else { break };
            after = Some((last.user, last.serial));
            for row in rows {
                let line = Line {
                    owner: row.user.to_string(),
                    serial: row.serial,
                    key_id: row.key_id,
                    not_after_ms: row.not_after_ms,
                    revoked_ms: row.revoked_ms,
                };
                tell(as_json, now_ms, &line);
            }
        }
    }
    Ok(())
}

fn tell(as_json: bool, now_ms: i64, line: &Line) {
    let state = match line.revoked_ms {
        Some(_) => "revoked",
        None if line.not_after_ms < now_ms => "expired",
        None => "valid",
    };
    let Line {
        owner, serial, key_id, ..
    } = line;
    if as_json {
        return output::json(&serde_json::json!({
            "owner": owner, "serial": serial.to_string(), "key_id": key_id.to_string(), "state": state,
            "not_after_ms": line.not_after_ms, "revoked_ms": line.revoked_ms,
        }));
    }
    output::line(&format!("{serial}  {state:<8} {owner:<20} {key_id}"));
}
