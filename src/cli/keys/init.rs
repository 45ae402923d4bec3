//! `keys init`: what the first `serve` would make, made alone, so that an operator can look at it and file it first.

use crate::app::signing::open_authority;
use crate::app::{open_deployment, open_locked};
use crate::cli::{CommandError, Setting, output};
use crate::clock::Clock;
use crate::store::databases;

/// Makes everything in an empty folder and says what it made.
pub(super) async fn init(setting: &Setting) -> Result<(), CommandError> {
    let _lock = setting.folder.lock()?;
    let now_ms = Clock::System.now_ms();
    let mut databases = open_locked(&setting.config, &setting.folder, &Clock::System).await?;
    if databases::founded(&mut databases).await?.is_some() {
        let folder = setting.folder.root().display();
        return Err(CommandError::Use(format!(
            "the data folder {folder} has its keys already"
        )));
    }
    let (_, kek) = open_deployment(&mut databases, &setting.config, &setting.folder, &Clock::System).await?;
    let mut connections = databases::arranged(databases)
        .await?
        .into_map(|database| database.connection);
    let made = open_authority(&mut connections, &setting.config, &kek, now_ms).await?;
    connections.close().await?;
    let kek_file = setting.kek_file().display().to_string();
    if setting.json {
        output::json(&serde_json::json!({
            "kek_file": kek_file, "kek_id": kek.id().to_string(), "organisation": made.ca.organisation,
            "authority_key_id": made.ca.key_id.to_string(), "authority_not_after_ms": made.ca.not_after_ms,
            "issuer_key_id": made.issuer.key_id.to_string(), "issuer_not_after_ms": made.issuer.not_after_ms,
        }));
        return Ok(());
    }
    output::line(&format!("key-encryption key   {}  in {kek_file}", kek.id()));
    output::line(&format!("organisation         {}", made.ca.organisation));
    output::line(&format!("authority, key id    {}", made.ca.key_id));
    output::line(&format!("issuer, key id       {}", made.issuer.key_id));
    Ok(())
}
