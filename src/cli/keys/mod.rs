//! `keys`: API keys, made and revoked beside a running server; only digests are stored, so a key is shown once. And the signing
//! side: the first keys of a folder, the change of the key-encryption key, certificates.

mod certificates;
mod init;
mod rotate;

use super::{CommandError, Setting, output};
use crate::api::keys::{KeyOrder, Rights, new_key};
use crate::clock::Clock;
use crate::ledger::ids::{Hash, Name};
use crate::store::clients::{self, ClientKey};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `keys`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key and print it, once, as JSON.
    Create {
        /// The calling system; a client may own several keys.
        #[arg(long)]
        client: String,
        /// Comma-separated: trips:write, credits:read, credits:spend, reports:read, admin; or all.
        #[arg(long)]
        rights: String,
        /// Comma-separated programmes that the key is limited to.
        #[arg(long, value_delimiter = ',')]
        programmes: Vec<String>,
        /// Last day on which it is valid, YYYY-MM-DD, in UTC.
        #[arg(long, value_name = "DATE")]
        expires: Option<String>,
    },
    /// List keys by the digests that are stored.
    List,
    /// Revoke a key, named by the digest that `list` shows.
    Revoke {
        /// 64 hexadecimal digits.
        digest: String,
    },
    /// Make the key-encryption key, the certificate authority and the issuer of an empty data folder.
    Init,
    /// Wrap every stored key under another key-encryption key, and prove that none is left under the old one. The gateway must be
    /// stopped; run it again if it was interrupted.
    Rotate {
        /// The file of the next key; made if it is missing.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// List and revoke certificates.
    #[command(subcommand)]
    Certificates(certificates::Action),
}

/// Runs one action.
pub(super) async fn run(setting: Setting, arguments: Arguments) -> ExitCode {
    match act(&setting, arguments.action).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(&error),
    }
}

async fn act(setting: &Setting, action: Action) -> Result<(), CommandError> {
    match action {
        Action::Init => init::init(setting).await,
        Action::Rotate { to } => rotate::rotate(setting, &to).await,
        Action::Certificates(action) => certificates::act(setting, action).await,
        other => act_on_api_keys(setting, other).await,
    }
}

async fn act_on_api_keys(setting: &Setting, action: Action) -> Result<(), CommandError> {
    let _ledger = setting.existing().await?;
    let mut connection = setting.homes().await?.main().connect().await?;
    let now_ms = Clock::System.now_ms();
    match action {
        Action::Create {
            client,
            rights,
            programmes,
            expires,
        } => {
            let client = Name::parse(client).map_err(|error| CommandError::Use(format!("--client {error}")))?;
            let rights = Rights::parse(&rights).map_err(|error| CommandError::Use(format!("--rights: {error}")))?;
            let expires_ms = expires.as_deref().map(end_of_day_ms).transpose()?;
            let order = KeyOrder {
                client,
                rights,
                programmes,
                expires_ms,
            };
            let (text, key) = new_key(&order, rand::random(), now_ms);
            clients::insert(&mut connection, &key).await?;
            output::json(&serde_json::json!({ "client": order.client.as_str(), "key": text }));
        }
        Action::List => list(setting.json, &clients::list(&mut connection).await?),
        Action::Revoke { digest } => {
            let digest = Hash::parse(&digest).map_err(|error| CommandError::Use(format!("the digest {error}")))?;
            if !clients::revoke(&mut connection, &digest, now_ms).await? {
                return Err(CommandError::Use("no valid key has that digest".to_owned()));
            }
            output::line(&format!("{digest} is revoked"));
        }
        Action::Init | Action::Rotate { .. } | Action::Certificates(_) => {}
    }
    connection.close().await?;
    Ok(())
}

fn list(as_json: bool, keys: &[ClientKey]) {
    let rows: Vec<_> = keys.iter().map(row).collect();
    if as_json {
        return output::json(&serde_json::json!({ "keys": rows }));
    }
    for (key, row) in std::iter::zip(keys, &rows) {
        let state = row.get("state").and_then(|state| state.as_str()).unwrap_or_default();
        output::line(&format!(
            "{}  {state:<8} {:<24} {}",
            key.key_digest, key.name, key.rights
        ));
    }
}

fn row(key: &ClientKey) -> serde_json::Value {
    let state = if key.revoked_ms.is_some() {
        "revoked"
    } else if key.expires_ms.is_some_and(|at| at <= Clock::System.now_ms()) {
        "expired"
    } else {
        "valid"
    };
    serde_json::json!({
        "digest": key.key_digest.to_string(), "client": key.name, "rights": key.rights, "programmes": key.programmes,
        "created_ms": key.created_ms, "expires_ms": key.expires_ms, "state": state,
    })
}

/// The first instant after a day in UTC, Unix milliseconds.
fn end_of_day_ms(day: &str) -> Result<i64, CommandError> {
    let wrong = || CommandError::Use(format!("--expires {day}: must be a date such as 2027-12-31"));
    let date: jiff::civil::Date = day.parse().map_err(|_| wrong())?;
    let next = date
        .tomorrow()
        .and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| wrong())?;
    Ok(next.timestamp().as_millisecond())
}
