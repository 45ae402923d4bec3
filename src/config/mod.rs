//! Settings: the embedded defaults, then a file, then the environment, key by key. Unknown keys are refused, all mistakes
//! are told at once, each with the place its value came from. The only room that reads the environment.

mod bounds;
mod folders;
mod sections;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::{env, fmt, fs, io};

use serde::Deserialize;
use thiserror::Error;
use toml::{Table, Value};

pub use bounds::{
    AMQP, Bind, Bounded, BoundsError, DatabaseUrls, FilePath, LogFilter, OTLP, Organisation, QueueName, REDIS,
    ServerUrl, ZoneName,
};
pub use folders::shared_dir;
pub use sections::{
    ChainConfig, ChainKind, DatabaseConfig, DatabaseKind, DispatchConfig, Environment, HttpConfig, JobsConfig,
    KeysConfig, LedgerConfig, LimitsConfig, LogConfig, LogFormat, MethodologyConfig, NetworkConfig, ProgrammeConfig,
    RabbitMqConfig, RedisConfig, ShutdownConfig, Synchronous, TracesConfig, WriterConfig,
};

const DEFAULTS: &str = include_str!("default.toml");
const PREFIX: &str = "CARBON_GATEWAY__";
/// Settings that have no default: without them the matter stands as the section says.
const OPTIONAL: [&str; 8] = [
    "database.url",
    "keys.kek_file",
    "methodology.dir",
    "network.dir",
    "programme.dir",
    "rabbitmq.url",
    "redis.url",
    "traces.url",
];
/// Writers that a server has when nobody says otherwise.
const WRITERS_OF_A_SERVER: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);
const SECTIONS: [&str; 17] = [
    "chain",
    "database",
    "dispatch",
    "http",
    "jobs",
    "keys",
    "ledger",
    "limits",
    "log",
    "methodology",
    "network",
    "programme",
    "rabbitmq",
    "redis",
    "shutdown",
    "traces",
    "writer",
];

/// The settings of one process, sound in themselves. It is taken apart at the start: each component keeps its section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What this installation is for.
    pub environment: Environment,
    /// How requests come in.
    pub http: HttpConfig,
    /// Where the ledger lies.
    pub database: DatabaseConfig,
    /// Where transactions go.
    pub chain: ChainConfig,
    /// What takes transactions there.
    pub dispatch: DispatchConfig,
    /// What the ledger counts its days by.
    pub ledger: LedgerConfig,
    /// The group commit.
    pub writer: WriterConfig,
    /// What instances share besides the database.
    pub redis: RedisConfig,
    /// How often callers may ask.
    pub limits: LimitsConfig,
    /// Trips in and events out by a broker.
    pub rabbitmq: RabbitMqConfig,
    /// What is done by the clock.
    pub jobs: JobsConfig,
    /// The times of the orderly stop.
    pub shutdown: ShutdownConfig,
    /// What is told, and how.
    pub log: LogConfig,
    /// Where the time of requests is told.
    pub traces: TracesConfig,
    /// Rules beyond those compiled in.
    #[serde(default)]
    pub methodology: MethodologyConfig,
    /// Networks of stations.
    #[serde(default)]
    pub network: NetworkConfig,
    /// Programmes beyond the built-in one.
    #[serde(default)]
    pub programme: ProgrammeConfig,
    /// What seals keys and evidence at rest, and how keys and certificates are made.
    pub keys: KeysConfig,
}

impl Config {
    /// Tasks that write, with 0 resolved to what suits the database; at least one.
    pub fn writer_count(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.writer.count.to_usize()).unwrap_or(match self.database.kind {
            DatabaseKind::Sqlite => NonZeroUsize::MIN,
            DatabaseKind::MySql => WRITERS_OF_A_SERVER,
        })
    }
}

/// Settings together with where each came from, for `check-config`.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    settings: BTreeMap<String, Setting>,
}

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is not there or may not be read.
    #[error("the settings cannot be read from {file}")]
    Unreadable {
        /// The file as it was named.
        file: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{file} is no TOML")]
    Syntax {
        /// The file as it was named.
        file: String,
        /// Where, and why.
        #[source]
        source: toml::de::Error,
    },
    /// Everything that is wrong with what was read.
    #[error("{0}")]
    Mistakes(Mistakes),
}

/// All mistakes of one set of settings, so that they are mended in one go.
#[derive(Debug)]
pub struct Mistakes(Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} in the settings:",
            if self.0.len() == 1 { "a mistake" } else { "mistakes" }
        )?;
        self.0.iter().try_for_each(|mistake| write!(out, "\n- {mistake}"))
    }
}

#[derive(Clone, Debug)]
struct Setting {
    value: Value,
    origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Default,
    File(String),
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File(path) => write!(out, "file {path}"),
            Self::Variable(name) => write!(out, "environment variable {name}"),
        }
    }
}

impl Loaded {
    /// Reads the settings as a command does: `file` if one is named, then the environment of this process.
    pub fn from_process(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::read(file, process_variables()?)
    }

    /// As [`from_process`](Self::from_process), with `variables` (name, text) in place of the environment; those without
    /// our prefix are passed over.
    pub fn read(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let defaults = settings_of(DEFAULTS, &Origin::Default)?;
        let mut given = match file {
            Some(path) => file_settings(path)?,
            None => BTreeMap::new(),
        };
        given.extend(
            variables
                .into_iter()
                .filter_map(|(name, text)| variable_setting(name, text)),
        );

        let mut mistakes = Vec::new();
        let mut settings = defaults.clone();
        for (key, setting) in given {
            match understood(&key, setting, &defaults) {
                Ok(setting) => drop(settings.insert(key, setting)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        let whole = Config::deserialize(Value::Table(table(&settings)));
        match whole {
            Ok(config) if mistakes.is_empty() => {
                mistakes.extend(contradictions(&config, &settings));
                if mistakes.is_empty() {
                    return Ok(Self { config, settings });
                }
            }
            Err(error) if mistakes.is_empty() => mistakes.push(error.message().to_owned()),
            _ => {}
        }
        Err(ConfigError::Mistakes(Mistakes(mistakes)))
    }

    /// Whether nobody has set `key` (`section.key`).
    pub fn is_default(&self, key: &str) -> bool {
        let setting = self.settings.get(key);
        setting.is_none_or(|setting| setting.origin == Origin::Default)
    }

    /// The merged settings as TOML, each line with the place its value came from, secrets blotted out.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        let mut section = "";
        let mut keys: Vec<&str> = self.settings.keys().map(String::as_str).chain(OPTIONAL).collect();
        // Keys without a section stand first, as TOML wants it.
        keys.sort_by_key(|key| (key.contains('.'), *key));
        keys.dedup();
        for key in keys {
            let (room, name) = key.rsplit_once('.').unwrap_or(("", key));
            if room != section {
                let _ = write!(out, "\n[{room}]\n");
                section = room;
            }
            let _ = match self.settings.get(key) {
                Some(Setting { origin, .. }) if is_secret(key) => writeln!(out, "{name} = \"***\" # {origin}"),
                Some(Setting { value, origin }) => writeln!(out, "{name} = {value} # {origin}"),
                None => writeln!(out, "# {name} is not set"),
            };
        }
        out
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn process_variables() -> Result<Vec<(String, String)>, ConfigError> {
    let ours = env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(PREFIX));
    ours.map(|(name, text)| {
        let name = name.to_string_lossy().into_owned();
        text.into_string().map(|text| (name.clone(), text)).map_err(|_| {
            ConfigError::Mistakes(Mistakes(vec![format!(
                "environment variable {name} is not valid UTF-8"
            )]))
        })
    })
    .collect()
}

fn file_settings(path: &Path) -> Result<BTreeMap<String, Setting>, ConfigError> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        file: file.clone(),
        source,
    })?;
    settings_of(&text, &Origin::File(file))
}

/// The settings of one TOML text, each under its dotted key.
fn settings_of(text: &str, origin: &Origin) -> Result<BTreeMap<String, Setting>, ConfigError> {
    let layer = text.parse().map_err(|source| ConfigError::Syntax {
        file: origin.to_string(),
        source,
    })?;
    let mut settings = BTreeMap::new();
    flatten("", layer, origin, &mut settings);
    Ok(settings)
}

/// An empty section stays as a setting of its own, so that a section nobody knows is refused too.
fn flatten(prefix: &str, layer: Table, origin: &Origin, settings: &mut BTreeMap<String, Setting>) {
    for (name, value) in layer {
        let key = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Table(inner) if inner.is_empty() && SECTIONS.contains(&key.as_str()) => {}
            Value::Table(inner) if !inner.is_empty() => flatten(&key, inner, origin, settings),
            value => drop(settings.insert(
                key,
                Setting {
                    value,
                    origin: origin.clone(),
                },
            )),
        }
    }
}

fn variable_setting(name: String, text: String) -> Option<(String, Setting)> {
    let key = name.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
    Some((
        key,
        Setting {
            value: Value::String(text),
            origin: Origin::Variable(name),
        },
    ))
}

/// One setting as it will be used, or what is wrong with it. It is tried alone on top of the defaults: so every mistake is
/// found, not only the first of its section.
fn understood(key: &str, mut given: Setting, defaults: &BTreeMap<String, Setting>) -> Result<Setting, String> {
    let default = defaults.get(key).map(|setting| &setting.value);
    if default.is_none() && !OPTIONAL.contains(&key) {
        return Err(format!(
            "unknown key `{key}` ({}){}",
            given.origin,
            known_beside(key, defaults)
        ));
    }
    // A variable is always text; where the default is a number, the text must be one.
    if let (Origin::Variable(_), Some(Value::Integer(_)), Value::String(text)) = (&given.origin, default, &given.value)
        && let Ok(number) = text.trim().parse()
    {
        given.value = Value::Integer(number);
    }
    let mut alone = defaults.clone();
    alone.insert(key.to_owned(), given.clone());
    match Config::deserialize(Value::Table(table(&alone))) {
        Ok(_) => Ok(given),
        Err(_) if is_secret(key) => Err(format!("`{key}` ({}): not a value it can have", given.origin)),
        Err(error) => Err(format!("`{key}` ({}): {}", given.origin, error.message())),
    }
}

fn known_beside(key: &str, defaults: &BTreeMap<String, Setting>) -> String {
    let Some((section, _)) = key.split_once('.') else {
        return String::new();
    };
    let known = defaults.keys().map(String::as_str).chain(OPTIONAL);
    let names: Vec<&str> = known
        .filter_map(|other| other.strip_prefix(section)?.strip_prefix('.'))
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("; `{section}` has {}", names.join(", "))
    }
}

/// Rules that look at more than one setting.
fn contradictions(config: &Config, settings: &BTreeMap<String, Setting>) -> Vec<String> {
    let (http, keys) = (&config.http, &config.keys);
    let origin = |key| settings.get(key).map_or(&Origin::Default, |setting| &setting.origin);
    let mut found = Vec::new();
    if http.max_batch_bytes.get() < http.max_body_bytes.get() {
        found.push(format!(
            "`http.max_batch_bytes` ({}) is below `http.max_body_bytes` ({}): a batch may be at least as large as a trip",
            origin("http.max_batch_bytes"),
            origin("http.max_body_bytes"),
        ));
    }
    if config.environment == Environment::Production && config.chain.fault_percent.get() > 0 {
        found.push(format!(
            "`chain.fault_percent` ({}) is for the demo environment: no chain fails on purpose in production",
            origin("chain.fault_percent"),
        ));
    }
    match (config.database.kind, &config.database.url) {
        (DatabaseKind::MySql, None) => found.push(format!(
            "`database.kind` ({}) is mysql, and `database.url` says no server: mysql://user:password@host:port/name",
            origin("database.kind"),
        )),
        (DatabaseKind::Sqlite, Some(_)) => found.push(format!(
            "`database.url` ({}) names a server, but `database.kind` ({}) is sqlite: a file has no address",
            origin("database.url"),
            origin("database.kind"),
        )),
        _ => {}
    }
    if config.database.kind == DatabaseKind::Sqlite && config.chain.kind == ChainKind::Elsewhere {
        found.push(format!(
            "`chain.kind` ({}) is elsewhere, but `database.kind` ({}) is sqlite: a file is one instance's, and so is its chain",
            origin("chain.kind"),
            origin("database.kind"),
        ));
    }
    if config.database.kind == DatabaseKind::Sqlite && config.writer.count.get() > 1 {
        found.push(format!(
            "`writer.count` ({}) is above 1, but `database.kind` ({}) is sqlite: a file has one writer",
            origin("writer.count"),
            origin("database.kind"),
        ));
    }
    let days = [
        ("keys.issuer_days", keys.issuer_days),
        ("keys.rider_days", keys.rider_days),
    ];
    for (name, days) in days {
        if days.get() > keys.authority_days.get() {
            found.push(format!(
                "`{name}` ({}) is above `keys.authority_days` ({}): no certificate outlives its authority's",
                origin(name),
                origin("keys.authority_days"),
            ));
        }
    }
    found
}

fn table(settings: &BTreeMap<String, Setting>) -> Table {
    let mut root = Table::new();
    for (key, setting) in settings {
        match key.split_once('.') {
            None => drop(root.insert(key.clone(), setting.value.clone())),
            Some((section, name)) => {
                let inner = root.entry(section).or_insert_with(|| Value::Table(Table::new()));
                if let Some(inner) = inner.as_table_mut() {
                    inner.insert(name.to_owned(), setting.value.clone());
                }
            }
        }
    }
    root
}

/// Whether a key's value must not be shown, by the last word of its name; a `_file` only says where a secret lies.
fn is_secret(key: &str) -> bool {
    let last = key.rsplit(['.', '_']).next().unwrap_or(key);
    matches!(last, "password" | "secret" | "token" | "key" | "kek" | "url")
}
