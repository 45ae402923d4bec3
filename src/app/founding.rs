//! The databases of a ledger, opened for writing; and what they are given at the first start: deployment, key-encryption key and secrets,
//! and the first API key.

use super::{AppError, kek_file, locations, signing};
use crate::api::keys::{KeyOrder, Rights, new_key};
use crate::clock::Clock;
use crate::config::Config;
use crate::folder::DataFolder;
use crate::identity::chain_secret::ChainSecret;
use crate::identity::kek::Kek;
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::Name;
use crate::ledger::page::Deployment;
use crate::store::databases::{self, Database};
use crate::store::db::{Connection, Homes, Location};
use crate::store::deployment::Founded;
use crate::store::{clients, keys};
use zeroize::Zeroizing;

/// The ledger of a data folder, open.
pub(super) struct Opened {
    pub(super) locations: Homes<Location>,
    /// Each holds its database's lock against others who found or migrate.
    pub(super) connections: Homes<Connection>,
    pub(super) founded: Founded,
    pub(super) kek: Kek,
}

/// Opens databases, tables, deployment and authority; makes what is missing from a ledger that is new.
pub(super) async fn open(config: &Config, folder: &DataFolder, clock: &Clock) -> Result<Opened, AppError> {
    let mut databases = open_locked(config, folder, clock).await?;
    let (founded, kek) = open_deployment(&mut databases, config, folder, clock).await?;
    let databases = databases::arranged(databases).await?;
    let locations = databases.map(|database| database.location.clone());
    let mut connections = databases.into_map(|database| database.connection);
    signing::open_authority(&mut connections, config, &kek, clock.now_ms()).await?;
    Ok(Opened {
        locations,
        connections,
        founded,
        kek,
    })
}

/// The databases of a data folder with all their tables. Until these connections end, or say so, no other instance founds or migrates them.
pub async fn open_locked(config: &Config, folder: &DataFolder, clock: &Clock) -> Result<Vec<Database>, AppError> {
    let mut databases = databases::connect(locations(config, folder)?).await?;
    databases::alone(&mut databases).await?;
    databases::migrate(&mut databases, clock.now_ms()).await?;
    Ok(databases)
}

/// The deployment of a ledger and its key. Both are made for an empty one only: a ledger that is there expects its key.
pub async fn open_deployment(
    databases: &mut [Database],
    config: &Config,
    folder: &DataFolder,
    clock: &Clock,
) -> Result<(Founded, Kek), AppError> {
    let file = kek_file(config, folder);
    for database in &mut *databases {
        if let Some(id) = keys::change_underway(&mut database.connection).await? {
            return Err(AppError::KekChange(id));
        }
    }
    if let Some(founded) = databases::founded(databases).await? {
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
    databases::found(databases, &founded).await?;
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
