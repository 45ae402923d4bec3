//! The composition root: settings in, a running gateway out. The only room that knows every other.

pub mod in_force;

use crate::api::keys::{KeyOrder, Rights, new_key};
use crate::api::{self, ApiParts};
use crate::clock::Clock;
use crate::config::{Config, Synchronous};
use crate::distance::NetworkError;
use crate::folder::{DataFolder, FolderError};
use crate::identity::kek::{Kek, KekError};
use crate::ledger::ground::{Ground, SourceSecret};
use crate::ledger::ids::Name;
use crate::ledger::page::Deployment;
use crate::lifecycle::Lifecycle;
use crate::methodology::{Library, LibraryError, ProgrammeError};
use crate::store::db::{Connection, Location, StoreError};
use crate::store::deployment::Founded;
use crate::store::writer::{Writer, WriterParts};
use crate::store::{activations, clients, deployment, migrate};
use crate::telemetry::install_metrics;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

use in_force::{InForce, environment};

/// Connections for reads.
const READERS: u32 = 4;

/// What a gateway is made of.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// Where its data lies.
    pub folder: DataFolder,
    /// The time of day.
    pub clock: Clock,
}

/// A running gateway; it ends with its lifecycle.
#[derive(Debug)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// The first API key, if this start made it.
    pub first_key: Option<String>,
}

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database.
    #[error("the ledger cannot be opened")]
    Store(#[from] StoreError),
    /// The key-encryption key.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// A parameter set.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A programme.
    #[error(transparent)]
    Programme(#[from] ProgrammeError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A programme names a network that is not there.
    #[error(
        "programme {programme}, mode {mode}: there is no network {network}; `network.dir` names a folder of networks"
    )]
    NetworkMissing {
        /// The programme.
        programme: String,
        /// Its mode.
        mode: String,
        /// The network it names.
        network: String,
    },
    /// The ledger did not record what is to be in force.
    #[error("not put in force: {0}")]
    Activation(String),
    /// A folder that the settings name.
    #[error("the folder {folder}")]
    SettingsFolder {
        /// The folder.
        folder: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The zone recorded at the first start is not in the zone data any more.
    #[error("the ledger's zone {0} is unknown")]
    Zone(String),
    /// The address to listen on.
    #[error("cannot listen on {address}")]
    Listen {
        /// As configured.
        address: String,
        /// The system's word.
        source: std::io::Error,
    },
}

impl App {
    /// Opens the data folder, starts writer and server, and answers when requests are taken.
    pub async fn start(parts: Parts, lifecycle: &Lifecycle) -> Result<Self, AppError> {
        let Parts { config, folder, clock } = parts;
        let lock = folder.lock()?;
        let library = library(&config)?;
        let wanted = in_force::wanted(&config)?;
        let location = location(&config, &folder);
        let mut connection = location.connect().await?;
        migrate::migrate(&mut connection, clock.now_ms(), usize::MAX).await?;
        let (founded, kek) = open_deployment(&mut connection, &config, &folder, &clock).await?;
        let first_key = first_key(&mut connection, &clock).await?;

        let deployment = founded.deployment;
        let ground = Ground {
            zone: jiff::tz::TimeZone::get(&deployment.zone).map_err(|_| AppError::Zone(deployment.zone.clone()))?,
            source_secret: kek.unwrap_source(&founded.source_secret, &deployment.id)?,
        };
        let (kek, zone) = (Arc::new(kek), ground.zone.clone());
        let readers = location.readers(READERS).await?;
        let (ledger, writer) = Writer::new(WriterParts {
            location,
            clock: clock.clone(),
            kek: Arc::clone(&kek),
            deployment,
            ground: Arc::new(ground),
            queue: config.writer.queue.to_usize(),
            batch_max: config.writer.batch_max.to_usize(),
        });
        lifecycle.spawn("writer", async move {
            writer.run().await;
            // The folder is free for another process only when the last commit is done.
            drop(lock);
        });
        in_force::activate(&ledger, wanted).await?;
        let recorded = activations::in_force(&mut connection).await?;
        connection.close().await?;
        let in_force = InForce::build(&recorded, environment(&config))?;
        let bind = config.http.bind.as_str();
        let listen = |source| AppError::Listen {
            address: bind.to_owned(),
            source,
        };
        let listener = TcpListener::bind(bind).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let parts = ApiParts {
            ledger,
            readers,
            kek,
            clock,
            programmes: Arc::new(in_force.programmes),
            networks: Arc::new(in_force.networks),
            library: Arc::new(library),
            zone,
            lifecycle: lifecycle.clone(),
            metrics: install_metrics(),
            config: config.http.clone(),
        };
        let server = api::server(parts, listener, config.shutdown.soft_s.seconds()).map_err(listen)?;
        let (handle, soft) = (server.handle(), lifecycle.soft());
        lifecycle.spawn("http", async move {
            let stop = async {
                soft.cancelled().await;
                handle.stop(true).await;
            };
            let (ended, ()) = tokio::join!(server, stop);
            if let Err(error) = ended {
                tracing::error!(%error, "the HTTP server ended with an error");
            }
        });
        Ok(Self { address, first_key })
    }
}

/// The parameter sets compiled in, and those of the folder that the settings name.
pub fn library(config: &Config) -> Result<Library, AppError> {
    Ok(Library::builtin()?.load_dir(in_force::files(config.methodology.dir.as_ref(), "json")?)?)
}

/// Where the ledger of a folder is.
pub fn location(config: &Config, folder: &DataFolder) -> Location {
    Location {
        file: folder.ledger_file(),
        busy_timeout: config.database.busy_timeout_ms.milliseconds(),
        durable: matches!(config.database.synchronous, Synchronous::Full),
    }
}

/// Where the key-encryption key of a folder is.
pub fn kek_file(config: &Config, folder: &DataFolder) -> PathBuf {
    config
        .keys
        .kek_file
        .as_ref()
        .map_or_else(|| folder.kek_file(), |file| file.as_path().to_owned())
}

/// The deployment of a data folder and its key. Both are made on an empty folder only: a ledger that is there expects its key.
async fn open_deployment(
    connection: &mut Connection,
    config: &Config,
    folder: &DataFolder,
    clock: &Clock,
) -> Result<(Founded, Kek), AppError> {
    let file = kek_file(config, folder);
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
    let secret = SourceSecret::new(rand::random());
    let founded = Founded {
        source_secret: kek.wrap_source(&secret, rand::random(), &deployment.id)?,
        deployment,
        kek_id: kek.id(),
    };
    deployment::found(connection, &founded).await?;
    Ok((founded, kek))
}

/// Makes the first API key of a deployment that has none.
async fn first_key(connection: &mut Connection, clock: &Clock) -> Result<Option<String>, AppError> {
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
