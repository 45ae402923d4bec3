//! What a data folder is given at its first start: deployment, key-encryption key and secrets, and the first API key.

use super::{AppError, kek_file};
use crate::api::keys::{KeyOrder, Rights, new_key};
use crate::clock::Clock;
use crate::config::Config;
use crate::folder::DataFolder;
use crate::identity::chain_secret::ChainSecret;
use crate::identity::kek::Kek;
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::Name;
use crate::ledger::page::Deployment;
use crate::store::db::Connection;
use crate::store::deployment::Founded;
use crate::store::{clients, deployment, keys};
use zeroize::Zeroizing;

/// The deployment of a data folder and its key. Both are made on an empty folder only: a ledger that is there expects its key.
pub async fn open_deployment(
    connection: &mut Connection,
    config: &Config,
    folder: &DataFolder,
    clock: &Clock,
) -> Result<(Founded, Kek), AppError> {
    let file = kek_file(config, folder);
    if let Some(id) = keys::change_underway(connection).await? {
        return Err(AppError::KekChange(id));
    }
    if let Some(founded) = deployment::find(connection).await? {
        let kek = Kek::load(&file, founded.kek_id)?;
        return Ok((founded, kek));
    }
    let kek = Kek::load_or_create(&file, &Zeroizing::new(rand::random()))?;
    let deployment = Deployment {
        id: rand::random(),
        zone: config.ledger.zone.as_str().to_owned(),
        created_ms: clock.now_ms(),
    };
    let source = SourceSecret::new(rand::random());
    let chain = ChainSecret::new(rand::random());
    let founded = Founded {
        source_secret: kek.wrap_source(&source, rand::random(), &deployment.id)?,
        chain_secret: kek.wrap_chain(&chain, rand::random(), &deployment.id)?,
        deployment,
        kek_id: kek.id(),
    };
    deployment::found(connection, &founded).await?;
    Ok((founded, kek))
}

/// Makes the first API key of a deployment that has none.
pub(super) async fn first_key(connection: &mut Connection, clock: &Clock) -> Result<Option<String>, AppError> {
    connection.alone().await?;
    let made = made_if_none(connection, clock).await;
    connection.no_longer_alone().await?;
    made
}

async fn made_if_none(connection: &mut Connection, clock: &Clock) -> Result<Option<String>, AppError> {
    if !clients::list(connection).await?.is_empty() {
        return Ok(None);
    }
    let Ok(client) = Name::parse("first") else {
        return Ok(None);
    };
    let order = KeyOrder {
        client,
        rights: Rights::all(),
        programmes: Vec::new(),
        expires_ms: None,
    };
    let (text, key) = new_key(&order, rand::random(), clock.now_ms());
    clients::insert(connection, &key).await?;
    Ok(Some(text))
}
