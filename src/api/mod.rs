//! HTTP: the wire on one side, commands and reads on the other. Request and response shapes live here and nowhere else.
//!
//! This room knows no SQL and decides nothing about amounts. A handler that is dropped, because its client hung up, drops
//! an answer and never a transaction: what was queued is carried out by the writer.

mod asked;
mod auth;
mod balance;
mod body;
mod chain;
mod claims;
mod credits;
mod desk;
mod due;
pub mod events;
mod fields;
mod frame;
mod health;
mod keyed;
pub mod keys;
mod list;
mod methodologies;
mod networks;
pub mod openapi;
pub mod problem;
mod programmes;
mod quantify;
mod query;
mod reference;
mod reports;
mod routes;
pub mod transactions;
mod trips;
mod written;

pub use credits::trace;
pub use desk::{Judged, Taken, TripDesk};

use crate::chain::ChainClient;
use crate::clock::Clock;
use crate::config::HttpConfig;
use crate::distance::Network;
use crate::identity::kek::Kek;
use crate::ledger::ground::SourceSecret;
use crate::lifecycle::Lifecycle;
use crate::methodology::library::Library;
use crate::methodology::programme::Programme;
use crate::redis::Redis;
use crate::redis::limits::Limits;
use crate::store::db::Readers;
use crate::store::writer::Ledger;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use jiff::tz::TimeZone;
use metrics_exporter_prometheus::PrometheusHandle;
use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// How long a client may take to send the head of a request.
const HEAD_BUDGET: Duration = Duration::from_secs(10);

/// What the handlers work with, from the composition root.
pub struct ApiParts {
    /// The way to the writer.
    pub ledger: Ledger,
    /// Connections for reads.
    pub readers: Readers,
    /// The chain.
    pub chain: ChainClient,
    /// Wraps the data keys of new accounts.
    pub kek: Arc<Kek>,
    /// The time.
    pub clock: Clock,
    /// Active programmes by id.
    pub programmes: Arc<BTreeMap<String, Arc<Programme>>>,
    /// Networks of stations by id.
    pub networks: Arc<BTreeMap<String, Arc<Network>>>,
    /// All parameter sets.
    pub library: Arc<Library>,
    /// The ledger's own zone.
    pub zone: TimeZone,
    /// Names trips as issues do.
    pub source_secret: SourceSecret,
    /// Says when the gateway stops.
    pub lifecycle: Lifecycle,
    /// Renders the figures.
    pub metrics: PrometheusHandle,
    /// What instances share, if they share anything.
    pub redis: Option<Redis>,
    /// How often callers may ask.
    pub limits: Arc<Limits>,
    /// The section `http`.
    pub config: HttpConfig,
}

/// The same, with what the handlers keep among themselves.
struct ApiState {
    ledger: Ledger,
    readers: Readers,
    chain: ChainClient,
    kek: Arc<Kek>,
    clock: Clock,
    programmes: Arc<BTreeMap<String, Arc<Programme>>>,
    networks: Arc<BTreeMap<String, Arc<Network>>>,
    library: Arc<Library>,
    zone: TimeZone,
    source_secret: SourceSecret,
    lifecycle: Lifecycle,
    metrics: PrometheusHandle,
    redis: Option<Redis>,
    limits: Arc<Limits>,
    max_body: usize,
    max_batch: usize,
    keys: auth::KeyCache,
    asked: asked::Asked,
}

/// What answers requests, and takes trips that come by other ways.
#[derive(Clone)]
pub struct Api(web::Data<ApiState>);

impl Api {
    /// Of these parts.
    pub fn new(parts: ApiParts) -> Self {
        Self(web::Data::new(ApiState {
            ledger: parts.ledger,
            readers: parts.readers,
            chain: parts.chain,
            kek: parts.kek,
            clock: parts.clock,
            programmes: parts.programmes,
            networks: parts.networks,
            library: parts.library,
            zone: parts.zone,
            source_secret: parts.source_secret,
            lifecycle: parts.lifecycle,
            metrics: parts.metrics,
            redis: parts.redis,
            limits: parts.limits,
            max_body: parts.config.max_body_bytes.to_usize(),
            max_batch: parts.config.max_batch_bytes.to_usize(),
            keys: auth::KeyCache::default(),
            asked: asked::Asked::new(),
        }))
    }

    /// Where trips are taken that come by a queue.
    pub fn desk(&self) -> TripDesk {
        TripDesk::new(self.0.clone())
    }

    /// Waits until nobody asks, a second at most: from the beginning of the stop on whoever asks is told to go elsewhere.
    pub async fn quiet(&self) {
        self.0.asked.quiet().await;
    }

    /// The server on a listener that is already bound; it must be awaited, and stopped by its handle. It leaves signals to the
    /// lifecycle, and after `stop(true)` gives open requests `grace` to end.
    pub fn server(&self, config: &HttpConfig, listener: TcpListener, grace: Duration) -> io::Result<Server> {
        let workers = config.worker_count();
        let state = self.0.clone();
        let app = move || {
            App::new()
                .app_data(state.clone())
                .wrap(from_fn(frame::frame))
                .configure(routes::configure)
        };
        let server = HttpServer::new(app)
            .workers(workers)
            .max_connections(config.max_connections.to_usize().div_ceil(workers))
            .keep_alive(config.keep_alive_s.seconds())
            .client_request_timeout(HEAD_BUDGET)
            .shutdown_timeout(grace.as_secs())
            .disable_signals()
            .listen(listener)?
            .run();
        Ok(server)
    }
}
