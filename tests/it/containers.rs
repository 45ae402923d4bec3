//! `docker-compose.yaml`, `Dockerfile` and `.env.example` speak of the same things as the program: no container runs here, but a setting that
//! nobody knows, a variable that nobody sets and a service that nobody waits for would be found.

use carbon_gateway::config::{Config, DatabaseKind, Loaded};
use std::collections::BTreeMap;
use std::path::Path;

fn text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The keys that stand so deep in a mapping of YAML, each with what follows it: the rest of its line, and the lines that stand deeper. Of
/// YAML it takes what our file is written in: blocks indented by twos, comments on lines of their own.
fn keys(yaml: &str, depth: usize) -> BTreeMap<String, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    let lines = yaml.lines().filter(|line| !line.trim_start().starts_with('#'));
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let indent = line.len() - line.trim_start().len();
        if indent == depth
            && let Some((key, rest)) = line.trim().split_once(':')
        {
            found.push((key.to_owned(), rest.trim().to_owned()));
        } else if let Some((_, below)) = found.last_mut() {
            *below = format!("{below}\n{line}");
        }
    }
    let count = found.len();
    let keys: BTreeMap<_, _> = found.into_iter().collect();
    assert_eq!(keys.len(), count, "a key stands twice");
    keys
}

/// Each service and what it is made of.
fn services() -> BTreeMap<String, BTreeMap<String, String>> {
    let services = &keys(&text("docker-compose.yaml"), 0)["services"];
    let services = keys(services, 2).into_iter();
    services.map(|(name, service)| (name, keys(&service, 4))).collect()
}

/// Every `${NAME…}` of the file with what follows the name: `:-8080`, `:?set it`, or nothing.
fn variables() -> BTreeMap<String, String> {
    let compose = text("docker-compose.yaml");
    let mut variables = BTreeMap::new();
    for rest in compose.split("${").skip(1) {
        let (variable, _) = rest.split_once('}').unwrap();
        let name: String = variable
            .chars()
            .take_while(|c| c.is_ascii_uppercase() || *c == '_')
            .collect();
        let form = variable.strip_prefix(&name).unwrap().to_owned();
        let other = variables.insert(name.clone(), form.clone());
        assert!(
            other.is_none_or(|other| other == form),
            "{name} is asked for in two ways"
        );
    }
    variables
}

/// The part of the Dockerfile that makes the image which runs.
fn image() -> String {
    text("Dockerfile").rsplit("\nFROM ").next().unwrap().to_owned()
}

/// What the gateway's container has in its environment, a word in place of every variable: the image's, and over it the service's.
fn environment() -> BTreeMap<String, String> {
    let image = image();
    let set = image
        .lines()
        .filter_map(|line| line.strip_prefix("ENV ")?.split_once('='));
    let mut environment: BTreeMap<_, _> = set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (name, value) in keys(&services()["gateway"]["environment"], 6) {
        let plain: Vec<&str> = value
            .split("${")
            .map(|part| part.split_once('}').map_or(part, |(_, rest)| rest))
            .collect();
        environment.insert(name, plain.join("word"));
    }
    environment
}

fn config() -> Config {
    Loaded::read(None, environment()).unwrap().config
}

#[test]
fn the_gateway_knows_every_setting_that_it_is_given() {
    let ours: Vec<_> = environment()
        .into_keys()
        .filter(|name| name.starts_with("CARBON_"))
        .collect();
    assert!(ours.len() >= 6, "{ours:?}");
    // A name of ours without the prefix would be passed over in silence.
    assert!(ours.iter().all(|name| name.starts_with("CARBON_GATEWAY__")), "{ours:?}");
    let (config, services) = (config(), services());
    assert_eq!(config.database.kind, DatabaseKind::MySql);
    let database = config.database.url.unwrap();
    let addresses = [
        ("mysql", database.each().next().unwrap().to_owned()),
        ("redis", config.redis.url.unwrap().as_str().to_owned()),
        ("rabbitmq", config.rabbitmq.url.unwrap().as_str().to_owned()),
    ];
    for (service, url) in addresses {
        let place = url.split_once("://").unwrap().1.rsplit('@').next().unwrap();
        let place = place.split('/').next().unwrap();
        let port = place.strip_prefix(&format!("{service}:")).unwrap();
        assert!(
            services[service]["ports"].ends_with(&format!(":{port}\"")),
            "{service} is not at {port}"
        );
    }
}

#[test]
fn the_gateway_listens_where_its_container_is_asked_and_has_its_time_to_stop() {
    let (config, gateway) = (config(), &services()["gateway"]);
    assert_eq!(config.http.bind.as_str(), "0.0.0.0:8080");
    assert!(gateway["ports"].ends_with(":8080\""));
    assert!(gateway["healthcheck"].contains("127.0.0.1/8080") && gateway["healthcheck"].contains("GET /readyz "));
    let grace_s: u32 = gateway["stop_grace_period"].strip_suffix('s').unwrap().parse().unwrap();
    assert!(grace_s > config.shutdown.soft_s.get(), "{grace_s}");
    let image = image();
    assert!(image.contains("\nVOLUME /data\n") && image.contains("\"--data\", \"/data\""));
    assert!(gateway["volumes"].ends_with(":/data"));
}

#[test]
fn every_variable_stands_in_the_example_and_none_else() {
    let example = text(".env.example");
    let set = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='));
    // What has a default says it; what has none must be set, and a start without it says so.
    let form = |value: &str| {
        if value.is_empty() {
            ":?set it in .env".to_owned()
        } else {
            format!(":-{value}")
        }
    };
    let expected: BTreeMap<_, _> = set.map(|(name, value)| (name.to_owned(), form(value))).collect();
    assert_eq!(variables(), expected);
    let is_kept_out = |file: &str| text(file).lines().any(|line| line == ".env");
    assert!(
        is_kept_out(".gitignore") && is_kept_out(".dockerignore"),
        "passwords would be kept"
    );
}

#[test]
fn every_service_says_when_it_is_well_and_the_gateway_waits_for_all() {
    let services = services();
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["gateway", "mysql", "rabbitmq", "redis"]);
    for (name, service) in &services {
        assert!(keys(&service["healthcheck"], 6).contains_key("test"), "{name}");
        assert_eq!(
            service.get("profiles").map(String::as_str),
            (name == "gateway").then_some("[gateway]")
        );
        for port in service["ports"].lines().filter(|line| !line.is_empty()) {
            assert!(
                port.trim().starts_with("- \"127.0.0.1:"),
                "{name} is open to the network: {port}"
            );
        }
        if name != "gateway" {
            let awaited = &keys(&services["gateway"]["depends_on"], 6)[name];
            assert_eq!(awaited.trim(), "condition: service_healthy", "{name}");
        }
        let mounts = service
            .get("volumes")
            .map_or("", String::as_str)
            .lines()
            .filter(|line| !line.is_empty());
        let volumes = keys(&keys(&text("docker-compose.yaml"), 0)["volumes"], 2);
        for line in mounts {
            let volume = line.trim().trim_start_matches("- ").split(':').next().unwrap();
            assert!(
                volumes.contains_key(volume),
                "{name} names a volume that is not there: {volume}"
            );
        }
    }
}

#[test]
fn the_database_is_as_durable_as_the_one_without_containers() {
    let (script, command) = (text("scripts/dev-up.sh"), services()["mysql"]["command"].clone());
    let durable = script
        .split("local durable=(")
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap();
    // MySQL writes a binary log unless it is told not to.
    let flags: Vec<&str> = durable
        .split(' ')
        .filter(|flag| !flag.starts_with("--log-bin="))
        .collect();
    assert!(flags.len() >= 2, "{durable}");
    let given: Vec<&str> = command
        .lines()
        .map(|line| line.trim().trim_start_matches("- "))
        .collect();
    for flag in flags.into_iter().chain(["--character-set-server=utf8mb4"]) {
        assert!(given.contains(&flag), "{flag} is not in {given:?}");
    }
}

#[test]
fn the_image_is_built_by_the_pinned_toolchain_and_trusts_the_public_authorities() {
    let dockerfile = text("Dockerfile");
    let toolchain = text("rust-toolchain.toml");
    let channel = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .unwrap()
        .trim_matches('"');
    assert!(
        dockerfile.contains(&format!("ENV RUSTUP_TOOLCHAIN={channel}\n")),
        "{channel}"
    );
    let (minor, _) = channel.rsplit_once('.').unwrap();
    assert!(dockerfile.contains(&format!("\nFROM rust:{minor}-")), "{minor}");
    assert!(
        image().contains(" ca-certificates"),
        "https and amqps would find no authority"
    );
}
