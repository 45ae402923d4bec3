//! The composition root: settings in, a running gateway out. The only room that knows every other.

pub mod chain;
pub mod dispatching;
mod founding;
pub mod in_force;
mod messaging;
pub mod sharing;
pub mod signing;

use crate::api::{Api, ApiParts};
use crate::chain::embedded::{FileError, Surroundings};
use crate::chain::{ChainClient, ChainError};
use crate::clock::Clock;
use crate::config::{Config, Synchronous};
use crate::dispatch::Sweeper;
use crate::distance::NetworkError;
use crate::folder::{DataFolder, FolderError, FolderLock};
use crate::identity::found::FoundError;
use crate::identity::kek::{Kek, KekError, KekId};
use crate::import::ways::DescribedError;
use crate::jobs;
use crate::jobs::Turns;
use crate::jobs::settle_due::Settling;
use crate::ledger::ground::{Ground, SourceSecret};
use crate::ledger::ids::ShardId;
use crate::lifecycle::Lifecycle;
use crate::methodology::{Library, LibraryError, Programme, ProgrammeError};
use crate::redis::AddressError;
use crate::store::activations;
use crate::store::databases::HomesError;
use crate::store::db::{Connection, Homes, Location, MySqlServer, SqliteFile, StoreError};
use crate::store::hints::hints;
use crate::store::writer::{Ledger, Writer, WriterParts};
use crate::telemetry::install_metrics;
use actix_web::dev::Server;
use jiff::tz::TimeZone;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use founding::{open_deployment, open_locked};

use dispatching::{Outgoing, Standing};
use founding::{Opened, first_key};
use in_force::{InForce, environment};
use sharing::Sharing;

/// Riders whose dues one commit books, while callers wait behind them.
const SETTLED_AT_ONCE: i64 = 32;
/// Connections for reads.
const READERS: u32 = 4;
/// How long a server keeps a session, and with it the locks of its transaction, of which it hears nothing: an instance that freezes inside
/// of a batch holds its shards up no longer.
const SESSION_IDLE: Duration = Duration::from_secs(10);

/// What a gateway is made of.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// Where its data lies.
    pub folder: DataFolder,
    /// The time of day.
    pub clock: Clock,
}

/// A data folder open for writing: what serving and every other work on the ledger stand on. Its writer ends when every way to
/// the ledger is gone.
pub struct Core {
    /// The settings.
    pub config: Config,
    /// The time of day.
    pub clock: Clock,
    /// All parameter sets.
    pub library: Library,
    /// Where the ledger is.
    pub locations: Homes<Location>,
    /// Connections beside the writers'.
    pub connections: Homes<Connection>,
    /// Wraps the data keys of accounts.
    pub kek: Arc<Kek>,
    /// The ledger's own zone.
    pub zone: TimeZone,
    /// Names trips as issues do.
    pub source_secret: SourceSecret,
    /// The deployment's id.
    pub deployment: [u8; 16],
    /// The way to the writer.
    pub ledger: Ledger,
    /// What trips are judged by.
    pub in_force: InForce,
    /// What goes to the chain.
    pub outgoing: Outgoing,
}

/// A running gateway; it ends with its lifecycle.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// The first API key, if this start made it.
    pub first_key: Option<String>,
    /// The way to its chain, which waits a while after the stop for whoever holds one.
    pub chain: ChainClient,
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
    /// The databases are not one ledger.
    #[error("the ledger cannot be opened")]
    Homes(#[from] HomesError),
    /// The key-encryption key.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// The key-encryption key is being changed.
    #[error("the key-encryption key is being changed to {0}: finish it with `carbon-gateway keys rotate`")]
    KekChange(KekId),
    /// The authority's or the issuer's key and certificate.
    #[error(transparent)]
    Found(#[from] FoundError),
    /// Users have keys or certificates, but there is no authority.
    #[error("the authority or the issuer is missing from a data folder whose users have keys")]
    AuthorityMissing,
    /// The threads that sign.
    #[error("the signing threads cannot be started")]
    Threads(#[source] std::io::Error),
    /// The chain's file.
    #[error("the chain cannot be opened")]
    Chain(#[from] FileError),
    /// The chain's height.
    #[error("the chain cannot be asked")]
    ChainSilent(#[from] ChainError),
    /// The command waits for the chain, which another instance has.
    #[error(
        "this command waits until the chain has confirmed everything: run it in the data folder that holds the chain, or with --to"
    )]
    ChainElsewhere,
    /// The chain in the folder is empty, though it has confirmed things.
    #[error(
        "transactions of shard {shard} are confirmed, but the chain in {file} has no block: start in the data folder that holds the chain, \
         or say `chain.kind = elsewhere` where another instance has it"
    )]
    ChainMissing {
        /// The first shard with something confirmed.
        shard: ShardId,
        /// The file.
        file: PathBuf,
    },
    /// A parameter set.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A programme.
    #[error(transparent)]
    Programme(#[from] ProgrammeError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The description of a network.
    #[error(transparent)]
    Described(#[from] DescribedError),
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
    /// The address of Redis.
    #[error(transparent)]
    Redis(#[from] AddressError),
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
        // What is counted before there is a recorder is lost.
        let metrics = install_metrics();
        let Core {
            config,
            clock,
            library,
            locations,
            mut connections,
            kek,
            zone,
            source_secret,
            deployment,
            ledger,
            in_force,
            outgoing,
        } = Core::open(parts, lifecycle).await?;
        let sharing = Sharing::start(&config.redis, (&deployment, &source_secret), lifecycle).await?;
        let first_key = first_key(connections.main_mut(), &clock).await?;
        connections.close().await?;
        let readers = locations.readers(READERS).await?;
        let (listener, address) = listen(&config)?;
        let programmes = Arc::new(in_force.programmes);
        let settling = Settling {
            ledger: ledger.clone(),
            readers: readers.clone(),
            clock: clock.clone(),
            programmes: Arc::clone(&programmes),
            at_once: SETTLED_AT_ONCE,
        };
        let chain = outgoing.chain.clone();
        let on = Standing {
            ledger: &ledger,
            locations: &locations,
            readers: &readers,
            kek: &kek,
            clock: &clock,
            config: &config,
        };
        let sweeper = sharing.dispatch(outgoing, &on, lifecycle)?;
        let every = config.jobs.settle_due_s.seconds();
        let turns = sharing.turns(locations.main(), every);
        spawn_jobs((settling, turns, every), sweeper, lifecycle);
        let api = Api::new(ApiParts {
            ledger: ledger.clone(),
            readers: readers.clone(),
            chain: chain.clone(),
            kek: Arc::clone(&kek),
            clock: clock.clone(),
            programmes,
            networks: Arc::new(in_force.networks),
            library: Arc::new(library),
            zone,
            source_secret,
            lifecycle: lifecycle.clone(),
            metrics,
            redis: sharing.redis(),
            limits: sharing.limits(config.limits, lifecycle),
            config: config.http.clone(),
        });
        messaging::start(&on, api.desk(), &deployment, lifecycle);
        let server = api
            .server(&config.http, listener, config.shutdown.soft_s.seconds())
            .map_err(not_listening(&config))?;
        spawn_server(server, api, lifecycle);
        Ok(Self {
            address,
            first_key,
            chain,
        })
    }
}

fn listen(config: &Config) -> Result<(TcpListener, SocketAddr), AppError> {
    let listener = TcpListener::bind(config.http.bind.as_str()).map_err(not_listening(config))?;
    let address = listener.local_addr().map_err(not_listening(config))?;
    Ok((listener, address))
}

fn not_listening(config: &Config) -> impl FnOnce(std::io::Error) -> AppError {
    let address = config.http.bind.as_str().to_owned();
    |source| AppError::Listen { address, source }
}

fn spawn_jobs(settling: (Settling, Turns, Duration), sweeper: Option<Sweeper>, lifecycle: &Lifecycle) {
    let soft = lifecycle.soft();
    lifecycle.spawn("jobs", async move {
        if let Err(error) = jobs::run(settling, sweeper, soft).await {
            tracing::error!(%error, "the scheduler of jobs failed");
        }
    });
}

fn spawn_writers(writers: Vec<Writer>, lock: &Arc<FolderLock>, lifecycle: &Lifecycle) {
    for writer in writers {
        let lock = Arc::clone(lock);
        lifecycle.spawn("writer", async move {
            writer.run().await;
            // The folder is free for another process only when the last commit is done, and the last block.
            drop(lock);
        });
    }
}

fn spawn_server(server: Server, api: Api, lifecycle: &Lifecycle) {
    let (handle, soft) = (server.handle(), lifecycle.soft());
    lifecycle.spawn("http", async move {
        let stop = async {
            soft.cancelled().await;
            // It listens as long as somebody asks, for the answer is where to go: the port alone can only break off what is being sent.
            api.quiet().await;
            drop(api);
            handle.stop(true).await;
        };
        let (ended, ()) = tokio::join!(server, stop);
        if let Err(error) = ended {
            tracing::error!(%error, "the HTTP server ended with an error");
        }
    });
}

impl Core {
    /// Opens the data folder, starts its writer, and has the ledger record what the settings want in force.
    pub async fn open(parts: Parts, lifecycle: &Lifecycle) -> Result<Self, AppError> {
        let Parts { config, folder, clock } = parts;
        let lock = Arc::new(folder.lock()?);
        let library = library(&config)?;
        let wanted = in_force::wanted(&config)?;
        let Opened {
            locations,
            mut connections,
            founded,
            kek,
        } = founding::open(&config, &folder, &clock).await?;
        let deployment = founded.deployment;
        let deployment_id = deployment.id;
        let chain_secret = kek.unwrap_chain(&founded.chain_secret, &deployment.id)?;
        let genesis = chain::genesis(connections.main_mut(), &deployment).await?;
        let surroundings = Surroundings {
            clock: clock.clone(),
            lifecycle,
            faults: chain::faults(&config),
            held: Some(Arc::clone(&lock) as _),
        };
        let chain = chain::start(&config, &folder, genesis, surroundings).await?;
        chain::is_of_the_ledger(&chain, &mut connections, &folder).await?;
        let ground = Ground {
            zone: jiff::tz::TimeZone::get(&deployment.zone).map_err(|_| AppError::Zone(deployment.zone.clone()))?,
            source_secret: kek.unwrap_source(&founded.source_secret, &deployment.id)?,
        };
        let (kek, zone) = (Arc::new(kek), ground.zone.clone());
        let (hints, hinted) = hints();
        let source_secret = ground.source_secret.clone();
        let (ledger, writers) = Ledger::new(&WriterParts {
            locations: locations.clone(),
            clock: clock.clone(),
            kek: Arc::clone(&kek),
            deployment,
            ground: Arc::new(ground),
            hints: hints.clone(),
            queue: config.writer.queue.to_usize(),
            batch_max: config.writer.batch_max.to_usize(),
            count: config.writer_count(),
        });
        spawn_writers(writers, &lock, lifecycle);
        in_force::activate(&ledger, wanted).await?;
        let recorded = activations::in_force(connections.main_mut()).await?;
        for connection in connections.each_mut() {
            connection.no_longer_alone().await?;
        }
        let in_force = InForce::build(&recorded, environment(&config))?;
        Ok(Self {
            config,
            clock,
            library,
            locations,
            connections,
            kek,
            zone,
            source_secret,
            deployment: deployment_id,
            ledger,
            in_force,
            outgoing: Outgoing {
                chain,
                secret: chain_secret,
                hints,
                hinted,
            },
        })
    }

    /// Puts a programme from outside in force; the same bytes again change nothing, others under its id replace it.
    pub async fn activate_programme(&mut self, bytes: &[u8], confirmed_by: &str) -> Result<Arc<Programme>, AppError> {
        let environment = environment(&self.config);
        let programme = Programme::parse(bytes, &self.library, environment)?;
        let mut wanted = self.in_force.clone();
        wanted
            .programmes
            .insert(programme.id().to_owned(), Arc::new(programme.clone()));
        wanted.check_networks()?;
        in_force::activate(&self.ledger, in_force::wanted_by(&programme, confirmed_by)).await?;
        let recorded = activations::in_force(self.connections.main_mut()).await?;
        self.in_force = InForce::build(&recorded, environment)?;
        let active = self.in_force.programmes.get(programme.id()).map(Arc::clone);
        active.ok_or_else(|| AppError::Activation(programme.id().to_owned()))
    }
}

/// The parameter sets compiled in, and those of the folder that the settings name.
pub fn library(config: &Config) -> Result<Library, AppError> {
    Ok(Library::builtin()?.load_dir(in_force::files(config.methodology.dir.as_ref(), "json")?)?)
}

/// Where the ledger of a folder is: in it, or on the servers that the settings name.
pub fn locations(config: &Config, folder: &DataFolder) -> Result<Vec<Location>, AppError> {
    let lock_wait = config.database.busy_timeout_ms.milliseconds();
    let Some(urls) = &config.database.url else {
        return Ok(vec![Location::Sqlite(SqliteFile {
            file: folder.ledger_file(),
            busy_timeout: lock_wait,
            durable: matches!(config.database.synchronous, Synchronous::Full),
        })]);
    };
    let server = |url| Ok(Location::MySql(MySqlServer::new(url, lock_wait, SESSION_IDLE)?));
    urls.each().map(server).collect()
}

/// Where the key-encryption key of a folder is.
pub fn kek_file(config: &Config, folder: &DataFolder) -> PathBuf {
    config
        .keys
        .kek_file
        .as_ref()
        .map_or_else(|| folder.kek_file(), |file| file.as_path().to_owned())
}
