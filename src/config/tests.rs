//! Precedence, refusals and the rendering of settings.

use std::error::Error as _;
use std::fs;
use std::io::Write as _;

use tempfile::NamedTempFile;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn mistakes(file_text: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let file = file(file_text);
    let path = file.path().display().to_string();
    match Loaded::read(Some(file.path()), variables(pairs)) {
        Err(ConfigError::Mistakes(Mistakes(list))) => list.iter().map(|text| text.replace(&path, "F")).collect(),
        other => panic!("no mistakes but {other:?}"),
    }
}

#[test]
fn nothing_configured_is_a_demo_on_this_machine() {
    let config = Loaded::read(None, []).unwrap().config;
    assert_eq!(config.environment, Environment::Demo);
    assert_eq!(config.http.bind.as_str(), "127.0.0.1:8080");
    assert_eq!(config.http.max_body_bytes.get(), 1 << 20);
    assert_eq!(config.http.max_batch_bytes.get(), 8 << 20);
    assert!(config.http.worker_count() >= 1);
    assert_eq!(config.database.kind, DatabaseKind::Sqlite);
    assert_eq!(config.database.synchronous, Synchronous::Full);
    assert_eq!(config.chain.kind, ChainKind::Embedded);
    assert_eq!(config.chain.block_delay_ms.milliseconds().as_millis(), 10);
    assert_eq!(config.chain.pool.to_usize(), 10_000);
    assert_eq!(config.writer.batch_max.to_usize(), 256);
    assert_eq!(config.shutdown.soft_s.seconds().as_secs(), 30);
    assert_eq!(config.shutdown.notice_s.get(), 0);
    assert_eq!(config.keys.kek_file, None);
    assert_eq!(
        (config.redis.url, config.rabbitmq.url, config.traces.url),
        (None, None, None)
    );
    assert_eq!(config.limits.client_per_s.get(), 0);
}

#[test]
fn the_environment_stands_over_the_file_and_the_file_over_the_defaults() {
    let file = file("environment = 'production'\n[http]\nbind = 'a:1'\nkeep_alive_s = 5\n[writer]\n[keys]\n");
    let given = variables(&[
        ("CARBON_GATEWAY__HTTP__BIND", "b:2"),
        ("CARBON_GATEWAY__WRITER__QUEUE", "12"),
        ("CARBON_GATEWAY__KEYS__KEK_FILE", "keys/kek"),
        ("HTTP__BIND", "c:3"),
    ]);
    let config = Loaded::read(Some(file.path()), given).unwrap().config;
    assert_eq!(config.environment, Environment::Production);
    assert_eq!(config.http.bind.as_str(), "b:2");
    assert_eq!(config.http.keep_alive_s.get(), 5);
    assert_eq!(config.writer.queue.get(), 12);
    assert_eq!(config.writer.batch_max.get(), 256);
    assert_eq!(config.keys.kek_file.unwrap().as_path(), Path::new("keys/kek"));
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let list = mistakes(
        "colour = 'blue'\n[http]\nbindd = 'a:1'\nworkers = 5000\nkeep_alive_s = 1.5\n[logs]\n",
        &[
            ("CARBON_GATEWAY__HTTP__MAX_CONNECTIONS", "many"),
            ("CARBON_GATEWAY__ENVIRONMENT", "live"),
            ("CARBON_GATEWAY__DATABASE__KIND", "oracle"),
            ("CARBON_GATEWAY__CHAIN__KIND", "fabric"),
            ("CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS", "10001"),
            ("CARBON_GATEWAY__CHAIN__POOL", "0"),
            ("CARBON_GATEWAY__LOG__LEVEL", "carbon_gateway=loud"),
            ("CARBON_GATEWAY__LOG__COLOUR", "red"),
            ("CARBON_GATEWAY__KEYS__KEK_FILE", ""),
        ],
    );
    let expected = [
        "`chain.block_delay_ms` (environment variable CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS): 10001 is out of bounds (0 … 10000)",
        "`chain.kind` (environment variable CARBON_GATEWAY__CHAIN__KIND): unknown variant `fabric`",
        "`chain.pool` (environment variable CARBON_GATEWAY__CHAIN__POOL): 0 is out of bounds (1 … 1000000)",
        "unknown key `colour` (file F)",
        "`database.kind` (environment variable CARBON_GATEWAY__DATABASE__KIND): unknown variant `oracle`",
        "`environment` (environment variable CARBON_GATEWAY__ENVIRONMENT): unknown variant `live`",
        "unknown key `http.bindd` (file F); `http` has bind, keep_alive_s",
        "`http.keep_alive_s` (file F): invalid type: floating point `1.5`",
        "`http.max_connections` (environment variable CARBON_GATEWAY__HTTP__MAX_CONNECTIONS): invalid type: string \"many\"",
        "`http.workers` (file F): 5000 is out of bounds (0 … 1024)",
        "`keys.kek_file` (environment variable CARBON_GATEWAY__KEYS__KEK_FILE): the path is empty",
        "unknown key `log.colour` (environment variable CARBON_GATEWAY__LOG__COLOUR); `log` has format, level",
        "`log.level` (environment variable CARBON_GATEWAY__LOG__LEVEL): `carbon_gateway=loud` is neither",
        "unknown key `logs` (file F)",
    ];
    assert_eq!(list.len(), expected.len(), "{list:#?}");
    for (told, start) in list.iter().zip(expected) {
        assert!(told.starts_with(start), "{told}\n{start}");
    }
}

#[test]
fn a_section_is_no_value_and_a_value_no_section() {
    assert_eq!(
        mistakes("", &[("CARBON_GATEWAY__HTTP", "a:1")]),
        ["unknown key `http` (environment variable CARBON_GATEWAY__HTTP)"]
    );
    assert!(mistakes("[http.bind]\nport = 1\n", &[])[0].starts_with("unknown key `http.bind.port` (file F)"));
}

#[test]
fn a_number_in_the_wrong_dress_is_refused() {
    assert!(mistakes("[http]\nworkers = '4'\n", &[])[0].contains("invalid type: string"));
    assert!(mistakes("[http]\nworkers = true\n", &[])[0].contains("invalid type: boolean"));
}

#[test]
fn contradictions_name_both_sides() {
    let list = mistakes("[http]\nmax_body_bytes = 9000000\n", &[]);
    assert_eq!(list.len(), 1);
    assert!(
        list[0].starts_with("`http.max_batch_bytes` (default) is below `http.max_body_bytes` (file F)"),
        "{list:?}"
    );
}

#[test]
fn no_certificate_outlives_its_authority() {
    let list = mistakes("[keys]\nauthority_days = 730\n", &[]);
    let expected = "`keys.issuer_days` (default) is above `keys.authority_days` (file F)";
    assert!(list.len() == 1 && list[0].starts_with(expected), "{list:?}");
}

#[test]
fn no_chain_fails_on_purpose_in_production() {
    let faults = "[chain]\nfault_percent = 5\nfault_seed = 7\n";
    let list = mistakes(&format!("environment = 'production'\n{faults}"), &[]);
    let expected = "`chain.fault_percent` (file F) is for the demo environment";
    assert!(list.len() == 1 && list[0].starts_with(expected), "{list:?}");
    let file = file(faults);
    let config = Loaded::read(Some(file.path()), []).unwrap().config;
    assert_eq!(
        (config.chain.fault_percent.get(), config.chain.fault_seed.get()),
        (5, 7)
    );
}

#[test]
fn a_missing_or_broken_file_is_named() {
    let missing = Loaded::read(Some(Path::new("no/such/file.toml")), []).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the settings cannot be read from no/such/file.toml"
    );
    let broken = file("[http\n");
    let error = Loaded::read(Some(broken.path()), []).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("file {} is no TOML", broken.path().display())),
        "{error}"
    );
    assert!(error.source().unwrap().to_string().contains("line 1"), "{error:?}");
}

#[test]
fn the_rendering_says_where_values_came_from_and_reads_back_the_same() {
    let pairs = variables(&[
        ("CARBON_GATEWAY__HTTP__BIND", "b:2"),
        ("CARBON_GATEWAY__METHODOLOGY__DIR", "m \"1\""),
    ]);
    let text = Loaded::read(None, pairs).unwrap().to_toml();
    assert!(
        text.starts_with("environment = \"demo\" # default\n\n[chain]\nblock_delay_ms = 10 # default\nfault_percent = 0 # default\nfault_seed = 0 # default\nkind = \"embedded\" # default\npool = 10000 # default\n\n[database]\n"),
        "{text}"
    );
    assert!(
        text.contains("\nbind = \"b:2\" # environment variable CARBON_GATEWAY__HTTP__BIND\n"),
        "{text}"
    );
    assert!(
        text.contains("\ncache_s = 60 # default\ncached_keys = 10000 # default\nissuer_days = 1825 # default\n# kek_file is not set\n"),
        "{text}"
    );
    let again = file("");
    fs::write(again.path(), &text).unwrap();
    let config = Loaded::read(Some(again.path()), []).unwrap().config;
    assert_eq!(config.http.bind.as_str(), "b:2");
    assert_eq!(config.methodology.dir.unwrap().as_path(), Path::new("m \"1\""));
}

#[test]
fn secrets_are_known_by_the_last_word_of_their_name() {
    for (key, secret) in [
        ("redis.password", true),
        ("a.api_token", true),
        ("b.url", true),
        ("keys.kek_file", false),
    ] {
        assert_eq!(is_secret(key), secret, "{key}");
    }
}
