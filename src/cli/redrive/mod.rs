//! `redrive`: an operator sends to the chain again what it has refused or lost too often, once the cause is mended: in the data folder
//! itself, or in a running gateway over HTTP.

mod folder;
mod http;

use super::{CommandError, Setting, output};
use crate::api::transactions::transaction_reference;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `redrive`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A running gateway, such as `http://127.0.0.1:8080`; without it the work is done in the data folder.
    #[arg(long, value_name = "URL", requires = "key_file")]
    to: Option<String>,
    /// A file with an API key that has the right `admin`.
    #[arg(long, value_name = "FILE", requires = "to")]
    key_file: Option<PathBuf>,
    /// Everything that is refused or dead.
    #[arg(long, conflicts_with = "transactions")]
    all: bool,
    /// Transactions by their references, such as `tx_07_…`.
    #[arg(required_unless_present = "all", value_name = "TRANSACTION")]
    transactions: Vec<String>,
}

/// What became of one.
struct Driven {
    /// As it was named.
    transaction: String,
    /// How far it has come, or why nothing was done.
    status: String,
    /// Why the chain refuses it.
    reason: Option<String>,
    /// It is not refused and not dead any more.
    is_well: bool,
}

/// Redrives; exit 0 if nothing of what was named is refused or dead any more, else 1.
pub(super) async fn run(setting: Setting, arguments: Arguments) -> ExitCode {
    let json = setting.json;
    for text in &arguments.transactions {
        if let Err(problem) = transaction_reference(text) {
            return output::fail(&CommandError::Use(format!("{text}: {}", problem.detail)));
        }
    }
    let done = match (&arguments.to, &arguments.key_file) {
        (Some(address), Some(key_file)) => http::redrive(address, key_file, &arguments.transactions).await,
        _ => folder::redrive(setting, &arguments.transactions).await,
    };
    match done {
        Ok(driven) => {
            tell(json, &driven);
            ExitCode::from(u8::from(!driven.iter().all(|one| one.is_well)))
        }
        Err(error) => output::fail(&error),
    }
}

fn tell(json: bool, driven: &[Driven]) {
    if json {
        let one = |one: &Driven| serde_json::json!({"transaction_id": one.transaction, "status": one.status, "reason": one.reason});
        let items: Vec<_> = driven.iter().map(one).collect();
        return output::json(&serde_json::json!({"transactions": items}));
    }
    for one in driven {
        let reason = one
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        output::line(&format!("{}  {}{reason}", one.transaction, one.status));
    }
    if driven.is_empty() {
        output::line("nothing is refused or dead");
    }
}
