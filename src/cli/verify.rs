//! `verify`: recomputes a data folder beside a serving gateway and says, check by check, whether it holds.

use super::{CommandError, Setting, output};
use crate::app;
use crate::identity::kek::Kek;
use crate::store::deployment;
use crate::verify::{ChainLook, Options, Report, verify};
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Quantify every trip again from its recorded digests.
    #[arg(long)]
    recompute: bool,
}

impl Arguments {
    /// Everything that can be checked.
    pub(super) const fn recomputing() -> Self {
        Self { recompute: true }
    }
}

/// Prints each check with its figures; exit 0 only if all hold.
pub(super) async fn run(setting: Setting, arguments: Arguments) -> ExitCode {
    match examine(&setting, &arguments).await {
        Ok(report) => {
            output::end_progress();
            if setting.json {
                output::json(&report);
            } else {
                print(&report);
            }
            if report.ok {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(1)
            }
        }
        Err(error) => output::fail(&error),
    }
}

/// Checks a data folder; a person who watches sees how far it is, until [`output::end_progress`].
pub(super) async fn examine(setting: &Setting, arguments: &Arguments) -> Result<Report, CommandError> {
    let _ledger = setting.existing().await?;
    // Before the ledger: a transaction is stored before it is sent, so what stands on the chain by now the ledger has.
    let chain = ChainLook::take(app::chain::file(&setting.config, &setting.folder)).await;
    let mut snapshots = setting.homes().await?.snapshot().await?;
    let kek = match deployment::find(snapshots.main_mut()).await {
        Ok(Some(founded)) => Kek::load(&setting.kek_file(), founded.kek_id).map_err(|error| error.to_string()),
        Ok(None) | Err(_) => Err("the deployment row cannot be read".to_owned()),
    };
    let options = Options {
        recompute: arguments.recompute,
    };
    // A person watching sees one line change; a log is spared thirty.
    let watched = std::io::stderr().is_terminal();
    if watched {
        output::progress("replaying the chain");
    }
    let mut progress = |shard| {
        if watched {
            output::progress(&format!("verifying shard {shard} of 30"));
        }
    };
    Ok(verify(
        &mut snapshots,
        chain,
        kek.as_ref().map_err(Clone::clone),
        options,
        &mut progress,
    )
    .await?)
}

fn print(report: &Report) {
    for check in &report.checks {
        let verdict = if check.ok { "holds" } else { "FAILS" };
        output::line(&format!(
            "{:>2}  {verdict}  {:<44} {:>10} checked  {}",
            check.id, check.name, check.checked, check.detail
        ));
    }
    output::line(if report.ok {
        "everything holds"
    } else {
        "something is wrong, see above"
    });
}
