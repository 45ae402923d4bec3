//! `keys rotate`: the change of the key-encryption key. It holds the folder's lock: a running gateway knows one key only.

use crate::app::AppError;
use crate::cli::{CommandError, Setting, output};
use crate::clock::Clock;
use crate::identity::kek::Kek;
use crate::store::db::{Connection, Homes, StoreError};
use crate::store::keys::{RotateError, Rotated};
use crate::store::{deployment, keys, migrate};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Sessions of an instance that has just stopped are not gone at once: how often, and how far apart, is looked.
const LOOKS: u32 = 12;
const LOOK: Duration = Duration::from_millis(250);

/// Wraps everything under the key in `to`, then brings that key to where the folder's key lies, unless settings say where that is.
pub(super) async fn rotate(setting: &Setting, to: &Path) -> Result<(), CommandError> {
    let folder = setting.existing().await?;
    let _lock = folder.lock()?;
    let kek_file = setting.kek_file();
    if same_file(to, &kek_file) {
        let text = "--to must name another file than the one that holds the present key";
        return Err(CommandError::Use(text.to_owned()));
    }
    let mut connections = setting.homes().await?.connect().await?;
    let mut others = other_sessions(&mut connections).await?;
    for _ in 0..LOOKS {
        if others == 0 {
            break;
        }
        tokio::time::sleep(LOOK).await;
        others = other_sessions(&mut connections).await?;
    }
    if others > 0 {
        let text = format!(
            "{others} other sessions are open on the database: stop every instance first, for each goes on with the present key"
        );
        return Err(CommandError::Use(text));
    }
    let now_ms = Clock::System.now_ms();
    for connection in connections.each_mut() {
        migrate::migrate(connection, now_ms, usize::MAX).await?;
    }
    let founded = deployment::find(connections.main_mut())
        .await?
        .ok_or(RotateError::Empty)?;
    let next = Kek::load_or_create(to, &Zeroizing::new(rand::random()))?;
    let rotated = if founded.kek_id == next.id() {
        // Killed between the commit and the file: only the file is left to do.
        Rotated::default()
    } else {
        let present = Kek::load(&kek_file, founded.kek_id)?;
        keys::rotate(&mut connections, (&present, &next), rand::random, now_ms, usize::MAX).await?
    };
    connections.close().await?;
    let own_file = setting.config.keys.kek_file.is_none();
    if own_file {
        Kek::install(to, &kek_file).map_err(AppError::from)?;
    }
    tell(
        setting.json,
        &next,
        rotated,
        if own_file { &kek_file } else { to },
        own_file,
    );
    Ok(())
}

async fn other_sessions(connections: &mut Homes<Connection>) -> Result<i64, StoreError> {
    let mut others = 0_i64;
    for connection in connections.each_mut() {
        others = others.saturating_add(connection.other_sessions().await?);
    }
    Ok(others)
}

fn tell(as_json: bool, next: &Kek, rotated: Rotated, file: &Path, installed: bool) {
    let id = next.id().to_string();
    if as_json {
        output::json(&serde_json::json!({
            "kek_id": id, "wrapped": rotated.wrapped, "proved": rotated.proved, "file": file.display().to_string(),
            "installed": installed,
        }));
        return;
    }
    let Rotated { wrapped, proved } = rotated;
    output::line(&format!(
        "{wrapped} keys wrapped under {id}; all {proved} open under it, none is left under another"
    ));
    if installed {
        output::line(&format!("{} holds it now", file.display()));
    } else {
        output::line(&format!(
            "set keys.kek_file to {} before the next start",
            file.display()
        ));
    }
}

/// Whether two paths are one file; a file that is missing is no other's.
fn same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
