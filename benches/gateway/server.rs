//! The database server that `scripts/bench.sh` starts, and ledgers on it. Where it is stands in `database.url`, as for a gateway.

use super::child::{Child, first_key};
use super::machine::cpu_of;
use super::scratch;
use anyhow::{Context as _, ensure};
use carbon_gateway::config::Loaded;
use carbon_gateway::folder::DataFolder;
use log::LevelFilter;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use std::str::FromStr as _;
use std::time::Duration;

/// Pages that a server always has to write, from its own book-keeping.
const CLEAN: u64 = 100;
/// Pages a second that it may write when it has nothing else to do.
const HURRY: u64 = 20_000;

/// A server on this machine.
pub(crate) struct Server {
    /// Without a database.
    url: String,
    process: u32,
    connections: MySqlPool,
}

impl Server {
    /// The server that the settings name, which must keep what it has committed.
    pub(crate) async fn find() -> anyhow::Result<Self> {
        let config = Loaded::from_process(None)?.config;
        let urls = config
            .database
            .url
            .context("database.url names no server: scripts/bench.sh starts one")?;
        let (url, _) = urls
            .each()
            .next()
            .and_then(|url| url.rsplit_once('/'))
            .context("no database in database.url")?;
        let connections = connect(url, 1).await?;
        let (flush, sync, log, pid_file): (i64, i64, i64, String) = sqlx::query_as(
            "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), CAST(@@sync_binlog AS SIGNED), CAST(@@log_bin AS SIGNED), \
             CAST(@@pid_file AS CHAR)",
        )
        .fetch_one(&connections)
        .await?;
        ensure!(
            (flush, sync, log) == (1, 1, 1),
            "the server must wait for the disk: innodb_flush_log_at_trx_commit=1, log_bin, sync_binlog=1"
        );
        let process = std::fs::read_to_string(&pid_file)
            .with_context(|| format!("{pid_file}: the server must run on this machine"))?;
        Ok(Self {
            url: url.to_owned(),
            process: process.trim().parse()?,
            connections,
        })
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.process)
    }

    /// An empty database; one that is there goes.
    pub(crate) async fn database(&self, name: &str) -> anyhow::Result<Place> {
        self.run(format!("DROP DATABASE IF EXISTS {name}")).await?;
        self.run(format!("CREATE DATABASE {name}")).await?;
        let (scratch, folder) = scratch()?;
        Ok(Place {
            url: format!("{}/{name}", self.url),
            folder,
            _scratch: scratch,
        })
    }

    /// Forgets the binary logs that have been filled: nobody follows this server.
    pub(crate) async fn forget_logs(&self) -> anyhow::Result<()> {
        self.run("FLUSH BINARY LOGS".to_owned()).await?;
        self.run("PURGE BINARY LOGS BEFORE NOW()".to_owned()).await
    }

    /// Waits until the server has written what it still holds in memory only, as one does that has been left alone.
    pub(crate) async fn put_away(&self) -> anyhow::Result<()> {
        let sql = "SELECT CAST(@@innodb_max_dirty_pages_pct AS DOUBLE), CAST(@@innodb_io_capacity_max AS SIGNED), \
                   CAST(@@innodb_io_capacity AS SIGNED)";
        let (part, most, pace): (f64, i64, i64) = sqlx::query_as(sql).fetch_one(&self.connections).await?;
        self.run("SET GLOBAL innodb_max_dirty_pages_pct = 0".to_owned()).await?;
        // At the pace that it keeps beside its work, it would take half an hour.
        self.run(format!(
            "SET GLOBAL innodb_io_capacity_max = {HURRY}, innodb_io_capacity = {HURRY}"
        ))
        .await?;
        loop {
            let (_, pages): (String, String) =
                sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")
                    .fetch_one(&self.connections)
                    .await?;
            if pages.parse::<u64>()? <= CLEAN {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.run(format!(
            "SET GLOBAL innodb_io_capacity = {pace}, innodb_io_capacity_max = {most}"
        ))
        .await?;
        self.run(format!("SET GLOBAL innodb_max_dirty_pages_pct = {part}"))
            .await
    }

    /// Bytes of a database's tables and indexes, as far as the server knows.
    pub(crate) async fn bytes(&self, place: &Place) -> anyhow::Result<u64> {
        let (_, name) = place.url.rsplit_once('/').context("no name")?;
        let sql = "SELECT CAST(SUM(data_length + index_length) AS SIGNED) FROM information_schema.tables WHERE table_schema = ?";
        let (bytes,): (i64,) = sqlx::query_as(sql).bind(name).fetch_one(&self.connections).await?;
        Ok(u64::try_from(bytes)?)
    }

    async fn run(&self, sql: String) -> anyhow::Result<()> {
        self.connections.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        Ok(())
    }
}

/// A ledger's place: a database, and the folder of its first instance.
pub(crate) struct Place {
    url: String,
    /// Key, and the chain.
    pub(crate) folder: DataFolder,
    _scratch: tempfile::TempDir,
}

impl Place {
    /// The settings that lead there, named as in the environment.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let named = |(name, value): (&str, &str)| (format!("CARBON_GATEWAY__{name}"), value.to_owned());
        self.database().map(named).to_vec()
    }

    fn database(&self) -> [(&'static str, &str); 2] {
        [("DATABASE__KIND", "mysql"), ("DATABASE__URL", &self.url)]
    }

    /// The first instance, with the key that its first start makes.
    pub(crate) fn gateway(&self, settings: &[(&str, &str)]) -> anyhow::Result<(Child, String)> {
        let child = Child::gateway(&self.folder, &[&self.database(), settings].concat())?;
        Ok((child, first_key(&self.folder)?))
    }

    /// A further instance in a folder of its own, while the first has the chain.
    pub(crate) fn beside(&self, settings: &[(&str, &str)]) -> anyhow::Result<(Child, tempfile::TempDir)> {
        let (scratch, folder) = scratch()?;
        let kek = self.folder.kek_file();
        let kek = kek.to_str().context("a folder that is no text")?;
        let own = [("KEYS__KEK_FILE", kek), ("CHAIN__KIND", "elsewhere")];
        let child = Child::gateway(&folder, &[&self.database(), &own[..], settings].concat())?;
        Ok((child, scratch))
    }

    /// Bare sessions, set as the gateway's are.
    pub(crate) async fn sessions(&self, count: u32) -> anyhow::Result<MySqlPool> {
        connect(&self.url, count).await
    }
}

async fn connect(url: &str, count: u32) -> anyhow::Result<MySqlPool> {
    let options = MySqlConnectOptions::from_str(url)?
        .charset("utf8mb4")
        .collation("utf8mb4_bin")
        .statement_cache_capacity(512)
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Off, Duration::MAX);
    let pool = MySqlPoolOptions::new()
        .max_connections(count)
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute(sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"))
                    .await?;
                Ok(())
            })
        });
    Ok(pool.connect_with(options).await?)
}
