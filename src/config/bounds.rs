//! Types that hold only sensible values, so that no user of a setting checks it again.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// A whole number from `MIN` to `MAX`; the setting's name says its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// The number itself.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number as a count of things in memory.
    pub fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The number as so many seconds, for settings that end in `_s`.
    pub fn seconds(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }

    /// The number as so many milliseconds, for settings that end in `_ms`.
    pub fn milliseconds(self) -> Duration {
        Duration::from_millis(u64::from(self.0))
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<i64> for Bounded<MIN, MAX> {
    type Error = BoundsError;

    fn try_from(value: i64) -> Result<Self, BoundsError> {
        match u32::try_from(value) {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            _ => Err(BoundsError::Number {
                value,
                min: MIN,
                max: MAX,
            }),
        }
    }
}

/// Where to listen, as `host:port`; the host may be a name, which is looked up when listening begins. Port 0 takes a free
/// one, for tests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bind(String);

impl Bind {
    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for Bind {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        let sound = text.rsplit_once(':').is_some_and(|(host, port)| {
            let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
            let plain = !host.is_empty() && !host.contains([':', '[', ']', ' ', '/']);
            (bracketed || plain) && port.parse::<u16>().is_ok()
        });
        if sound {
            Ok(Self(text))
        } else {
            Err(BoundsError::Bind(text))
        }
    }
}

/// What the log shall hold: a level, or a list of `target=level` directives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LogFilter {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        if !text.is_empty() && EnvFilter::try_new(&text).is_ok() {
            Ok(Self(text))
        } else {
            Err(BoundsError::Log(text))
        }
    }
}

/// A path that is not empty: an empty environment variable is a mistake of whoever set it, not "no file".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FilePath(PathBuf);

impl FilePath {
    /// The path, relative to the working directory unless absolute.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<String> for FilePath {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        if text.trim().is_empty() {
            Err(BoundsError::EmptyPath)
        } else {
            Ok(Self(PathBuf::from(text)))
        }
    }
}

/// An IANA time zone that the bundled zone data knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ZoneName(String);

impl ZoneName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ZoneName {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        if jiff::tz::TimeZone::get(&text).is_ok() {
            Ok(Self(text))
        } else {
            Err(BoundsError::Zone(text))
        }
    }
}

/// One for each shard.
const MOST_DATABASES: usize = 30;

/// Databases on servers, each as `mysql://user:password@host:port/name`, one to thirty, with blanks between them.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrls(Vec<String>);

impl DatabaseUrls {
    /// The addresses as they were given, passwords and all.
    pub fn each(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Debug for DatabaseUrls {
    /// Without what stands in it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl TryFrom<String> for DatabaseUrls {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        let urls: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let mut places = BTreeSet::new();
        let apart = urls
            .iter()
            .all(|url| place(url).is_some_and(|place| places.insert(place)));
        if apart && (1..=MOST_DATABASES).contains(&urls.len()) {
            Ok(Self(urls))
        } else {
            Err(BoundsError::DatabaseUrl)
        }
    }
}

/// Server and name of a database's address, if both are there.
fn place(url: &str) -> Option<(&str, &str)> {
    let (server, name) = url.strip_prefix("mysql://")?.split_once('/')?;
    let host = server.rsplit('@').next().unwrap_or(server);
    let name = name.split('?').next().unwrap_or(name);
    (!host.is_empty() && !name.is_empty() && !name.contains('/')).then_some((host, name))
}

/// Marks the address of a Redis server, see [`ServerUrl`].
pub const REDIS: u8 = 0;
/// Marks the address of an AMQP broker, see [`ServerUrl`].
pub const AMQP: u8 = 1;
/// Marks the address of a collector of traces, see [`ServerUrl`].
pub const OTLP: u8 = 2;
/// The forms in which each kind of address begins.
const SCHEMES: [&[&str]; 3] = [&["redis://"], &["amqp://", "amqps://"], &["http://", "https://"]];

/// The address of a server, `scheme://user:password@host:port/…`, of the `KIND` that [`REDIS`], [`AMQP`] or [`OTLP`] names.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUrl<const KIND: u8>(String);

impl<const KIND: u8> ServerUrl<KIND> {
    /// The address as it was given, password and all.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const KIND: u8> fmt::Debug for ServerUrl<KIND> {
    /// Without what stands in it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl<const KIND: u8> TryFrom<String> for ServerUrl<KIND> {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        let schemes = SCHEMES.get(usize::from(KIND)).copied().unwrap_or_default();
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or(rest));
        let host = host.map(|host| host.rsplit('@').next().unwrap_or(host));
        if host.is_some_and(|host| !host.is_empty() && !host.starts_with(':')) && !text.contains(char::is_whitespace) {
            Ok(Self(text))
        } else {
            Err(BoundsError::ServerUrl(schemes.join("host or ")))
        }
    }
}

/// The name of a queue or an exchange: up to 200 letters, digits, dots, hyphens and underscores; empty for none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct QueueName(String);

impl QueueName {
    /// The name, unless there is none.
    pub fn get(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_str())
    }
}

impl TryFrom<String> for QueueName {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if text.len() <= 200 && text.chars().all(sound) && !text.starts_with("amq.") {
            Ok(Self(text))
        } else {
            Err(BoundsError::QueueName(text))
        }
    }
}

/// The name of an organisation as certificates and chains write it: 1 … 61 letters, digits, dots, hyphens, underscores, so that
/// `ca.` before it still fits a common name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Organisation(String);

impl Organisation {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Organisation {
    type Error = BoundsError;

    fn try_from(text: String) -> Result<Self, BoundsError> {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if (1..=61).contains(&text.len()) && text.chars().all(sound) {
            Ok(Self(text))
        } else {
            Err(BoundsError::Organisation(text))
        }
    }
}

/// Why a value is not taken.
#[derive(Debug, Error)]
pub enum BoundsError {
    /// A number outside its range.
    #[error("{value} is out of bounds ({min} … {max})")]
    Number {
        /// The number as it was given.
        value: i64,
        /// The smallest that is taken.
        min: u32,
        /// The largest that is taken.
        max: u32,
    },
    /// Not an address to listen on.
    #[error("`{0}` is not `host:port`")]
    Bind(String),
    /// Not addresses of databases; they may hold passwords, so they are not repeated.
    #[error(
        "it is not of the form mysql://user:password@host:port/name, or several such (at most 30, each once) with blanks between"
    )]
    DatabaseUrl,
    /// Not the address of such a server; it may hold a password, so it is not repeated.
    #[error("it is not of the form {0}host")]
    ServerUrl(String),
    /// Not a queue.
    #[error(
        "`{0}` is no name of a queue: at most 200 letters, digits, dots, hyphens and underscores, and not `amq.` first"
    )]
    QueueName(String),
    /// Not a log filter.
    #[error("`{0}` is neither a log level nor a list of `target=level`")]
    Log(String),
    /// Not a time zone.
    #[error("`{0}` is no IANA time zone, such as Asia/Shanghai")]
    Zone(String),
    /// Not the name of an organisation.
    #[error("`{0}` is no organisation: 1 to 61 letters, digits, dots, hyphens and underscores")]
    Organisation(String),
    /// A path without a character.
    #[error("the path is empty")]
    EmptyPath,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_themselves_pass() {
        for (value, sound) in [
            (-1, false),
            (0, false),
            (1, true),
            (60, true),
            (61, false),
            (i64::MAX, false),
        ] {
            assert_eq!(Bounded::<1, 60>::try_from(value).is_ok(), sound, "{value}");
        }
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for text in ["127.0.0.1:8080", "localhost:0", "[::1]:80", "0.0.0.0:65535"] {
            assert!(Bind::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in [
            "",
            ":80",
            "8080",
            "localhost",
            "localhost:",
            "a:65536",
            "::1:80",
            "http://a:80",
            "[]:80",
        ] {
            assert!(Bind::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_has_a_server_and_a_name() {
        for text in [
            "mysql://root@127.0.0.1:3306/carbon",
            "mysql://u:p@db/carbon?ssl-mode=VERIFY_CA",
            "mysql://db/carbon",
            "mysql://db/carbon mysql://db/carbon2 mysql://other/carbon",
        ] {
            let urls = DatabaseUrls::try_from(text.to_owned()).unwrap();
            let each: Vec<&str> = urls.each().collect();
            assert_eq!((each.join(" ").as_str(), format!("{urls:?}").as_str()), (text, "***"));
        }
        for text in [
            "",
            "carbon",
            "mysql://",
            "mysql://u:p@db",
            "mysql://u:p@db/",
            "mysql:///carbon",
            "postgres://db/x",
            "mysql://db/x carbon",
            "mysql://db/x mysql://root@db/x",
        ] {
            assert!(DatabaseUrls::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_has_its_scheme_and_a_host() {
        for text in ["redis://127.0.0.1", "redis://u:p@cache:6379/2"] {
            let url = ServerUrl::<REDIS>::try_from(text.to_owned()).unwrap();
            assert_eq!((url.as_str(), format!("{url:?}").as_str()), (text, "***"));
        }
        for text in ["amqp://guest:guest@127.0.0.1:5672/%2f", "amqps://broker"] {
            assert!(ServerUrl::<AMQP>::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for (text, sound) in [
            ("http://127.0.0.1:4317", true),
            ("https://collector", true),
            ("grpc://a", false),
        ] {
            assert_eq!(ServerUrl::<OTLP>::try_from(text.to_owned()).is_ok(), sound, "{text}");
        }
        for text in [
            "",
            "redis://",
            "redis://:6379",
            "redis://u:p@",
            "amqp://a",
            "redis://a b",
            "cache:6379",
        ] {
            assert!(ServerUrl::<REDIS>::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_queue_has_a_plain_name_or_none() {
        let name = |text: &str| QueueName::try_from(text.to_owned());
        assert_eq!(name("carbon.trips").unwrap().get(), Some("carbon.trips"));
        assert_eq!(name("").unwrap().get(), None);
        for text in ["a b", "amq.topic", "行程", &"x".repeat(201)] {
            assert!(name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_organisation_fits_a_certificate() {
        for text in ["wx-org1.chainmaker.org", "Org1MSP", "a", &"x".repeat(61)] {
            assert!(Organisation::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "a b", "O=a", "组织", &"x".repeat(62)] {
            assert!(Organisation::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn filters_are_read_before_they_are_used() {
        assert!(LogFilter::try_from("warn,carbon_gateway=debug".to_owned()).is_ok());
        assert!(LogFilter::try_from("carbon_gateway=loud".to_owned()).is_err());
        assert!(LogFilter::try_from(String::new()).is_err());
    }
}
