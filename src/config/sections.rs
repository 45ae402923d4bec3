//! One struct for each section of the settings. A component receives its own, by value, and sees no other.

use std::thread;

use serde::Deserialize;

use super::bounds::{
    AMQP, Bind, Bounded, DatabaseUrls, FilePath, LogFilter, OTLP, Organisation, QueueName, REDIS, ServerUrl, ZoneName,
};

/// What this installation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Trying out: programmes from files, back-testing, keys in the data folder.
    Demo,
    /// Real riders: none of that.
    Production,
}

/// Section `http`: how requests come in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen.
    pub bind: Bind,
    /// Threads that serve requests; 0 stands for one a core, see [`worker_count`](Self::worker_count).
    pub workers: Bounded<0, 1024>,
    /// Largest body of one request, in bytes.
    pub max_body_bytes: Bounded<1_024, 67_108_864>,
    /// Largest body of a batch, in bytes.
    pub max_batch_bytes: Bounded<1_024, 268_435_456>,
    /// Open connections at most, over all threads.
    pub max_connections: Bounded<1, 1_000_000>,
    /// How long an idle connection is kept, in seconds.
    pub keep_alive_s: Bounded<1, 3_600>,
}

impl HttpConfig {
    /// Threads that serve requests, with 0 resolved; at least one.
    pub fn worker_count(&self) -> usize {
        match self.workers.to_usize() {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        }
    }
}

/// Section `database`: where the ledger lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Which database.
    pub kind: DatabaseKind,
    /// The servers' databases, with user and password; none where the kind is a file.
    pub url: Option<DatabaseUrls>,
    /// How long a statement waits for another process's lock, in milliseconds.
    pub busy_timeout_ms: Bounded<1, 60_000>,
    /// What a commit survives.
    pub synchronous: Synchronous,
}

/// The databases that ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// A file in the data folder.
    Sqlite,
    /// A MySQL or MariaDB server.
    MySql,
}

/// What a commit survives; the trade is against the cost of one flush to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// A power cut.
    Full,
    /// The end of the process, but not a power cut.
    Normal,
}

/// Section `chain`: where transactions go. How long a payload may live is no setting: it stands in the chain's genesis, for ever.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// Which chain.
    pub kind: ChainKind,
    /// How long a block of the embedded chain waits for company, in milliseconds.
    pub block_delay_ms: Bounded<0, 10_000>,
    /// Transactions that may wait for a block of the embedded chain.
    pub pool: Bounded<1, 1_000_000>,
    /// Of a hundred sendings to the embedded chain, how many it lets fail or go astray; none but in the demo environment.
    pub fault_percent: Bounded<0, 90>,
    /// Which of them: the same seed lets the same ones.
    pub fault_seed: Bounded<0, { u32::MAX }>,
}

/// The chains that ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// The ledger of our own, in this process.
    Embedded,
    /// The same, in another process that shares the database.
    Elsewhere,
}

impl ChainKind {
    /// Word in answers: what kind of chain it is.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded | Self::Elsewhere => "embedded",
        }
    }
}

/// Section `ledger`: what booked days are counted by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// The ledger's own zone; fixed when the data folder is made.
    pub zone: ZoneName,
}

/// Section `dispatch`: what takes transactions to the chain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchConfig {
    /// Tasks that form envelopes.
    pub workers: Bounded<1, 30>,
    /// Keys of the chain's state that envelopes on their way may write.
    pub state_keys: Bounded<512, 1_000_000>,
    /// How long an envelope is one process's, in seconds.
    pub lease_s: Bounded<1, 600>,
}

/// Section `writer`: the group commit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriterConfig {
    /// Commands that may wait; beyond it the caller is told to come back.
    pub queue: Bounded<1, 1_000_000>,
    /// Commands that share one commit.
    pub batch_max: Bounded<1, 256>,
    /// Tasks that share the shards; 0 stands for what suits the database.
    pub count: Bounded<0, 30>,
}

/// Section `redis`: what instances share besides the database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// The server; without it each instance keeps to itself.
    pub url: Option<ServerUrl<REDIS>>,
    /// How long an answer is waited for, in milliseconds.
    pub timeout_ms: Bounded<1, 10_000>,
}

/// Section `limits`: how often callers may ask; 0 stands for any number.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests of a client in a second.
    pub client_per_s: Bounded<0, 1_000_000>,
    /// Orders of a rider in a second.
    pub user_per_s: Bounded<0, 1_000_000>,
}

/// Section `rabbitmq`: trips in, events out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitMqConfig {
    /// The broker; without it nothing is taken or sent.
    pub url: Option<ServerUrl<AMQP>>,
    /// The queue of trips; empty for none.
    pub trips: QueueName,
    /// Trips in work at most.
    pub prefetch: Bounded<1, 65_535>,
    /// The exchange of events, and their queue; empty for none.
    pub events: QueueName,
}

/// Section `jobs`: what the gateway does by the clock.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsConfig {
    /// How often what time alone has done is booked, in seconds.
    pub settle_due_s: Bounded<1, 3_600>,
}

/// Section `shutdown`: the times of the orderly stop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownConfig {
    /// How long everything goes on after the first signal, while readiness says no, in seconds.
    pub notice_s: Bounded<0, 600>,
    /// How long phase 1 may last, in seconds.
    pub soft_s: Bounded<0, 3_600>,
}

/// Section `log`: what is told, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// What is told.
    pub level: LogFilter,
    /// For whom.
    pub format: LogFormat,
}

/// Who reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A person.
    Text,
    /// A collector: one JSON object a line.
    Json,
}

/// Section `traces`: where the time of requests is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesConfig {
    /// The collector; without it there are no traces.
    pub url: Option<ServerUrl<OTLP>>,
    /// Of how many traces that begin here one is told.
    pub one_in: Bounded<1, 1_000_000>,
}

/// Section `methodology`: rules beyond those compiled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodologyConfig {
    /// A folder of further parameter sets.
    pub dir: Option<FilePath>,
}

/// Section `programme`: programmes beyond the built-in one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgrammeConfig {
    /// A folder of programmes (`*.toml`), put in force at the start.
    pub dir: Option<FilePath>,
}

/// Section `network`: networks of stations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// A folder of networks (`*.json`), put in force at the start.
    pub dir: Option<FilePath>,
}

/// Section `keys`: what seals the keys and evidence at rest, and how users' keys and certificates are made and held.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// The file with the key-encryption key; without it the data folder's own is used.
    pub kek_file: Option<FilePath>,
    /// The organisation of every certificate; fixed when the data folder is made.
    pub organisation: Organisation,
    /// Days that the authority's own certificate lasts.
    pub authority_days: Bounded<30, 18_250>,
    /// Days that a certificate of the issuer lasts.
    pub issuer_days: Bounded<1, 18_250>,
    /// Days that a certificate of a rider or a sink lasts.
    pub rider_days: Bounded<1, 18_250>,
    /// Clear keys held in memory at most.
    pub cached_keys: Bounded<2, 1_000_000>,
    /// How long a key read from the database is believed to be its user's current one, in seconds.
    pub cache_s: Bounded<1, 3_600>,
    /// Threads that compute signatures; 0 stands for one a core, see [`thread_count`](Self::thread_count).
    pub signing_threads: Bounded<0, 256>,
}

impl KeysConfig {
    /// Threads that compute signatures, with 0 resolved; at least one.
    pub fn thread_count(&self) -> usize {
        match self.signing_threads.to_usize() {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        }
    }
}
