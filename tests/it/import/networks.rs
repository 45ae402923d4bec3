//! The shipped descriptions of networks: stations, edges, look-ups and distances against figures computed elsewhere.

use super::example;
use crate::support::shared_dir;
use carbon_gateway::distance::{Network, RouteError};
use carbon_gateway::import::ways::read_network;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const NETWORKS: [&str; 4] = ["qingdao", "shenzhen", "shanghai-lines", "shanghai-track"];

fn reason(error: &RouteError) -> &'static str {
    match error {
        RouteError::UnknownStation(_) => "unknown_station",
        RouteError::AmbiguousStation { .. } => "ambiguous_station",
        RouteError::NoRoute { .. } => "no_route",
    }
}

#[test]
fn described_networks_are_the_expected_ones() {
    let Some(shared) = shared_dir("described_networks_are_the_expected_ones") else {
        return;
    };
    let expected = std::fs::read_to_string(shared.join("data/real/expected/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    for name in NETWORKS {
        let file = example(&format!("networks/{name}.toml"));
        let network = read_network(Path::new(&file), &shared).unwrap();
        let expected = &expected["networks"][name];
        let names: BTreeSet<&str> = network.stations().iter().map(|station| station.name.as_str()).collect();
        let counts = json!({
            "station_ids": network.stations().len(), "names": names.len(),
            "edges": network.edge_count(), "edge_metres": network.edge_metres(),
        });
        for (key, count) in counts.as_object().unwrap() {
            assert_eq!(*count, expected[key], "{name}: {key}");
        }
        for lookup in expected["lookups"].as_array().unwrap() {
            let found = network.find(lookup[0].as_str().unwrap());
            let found = found.map_or_else(|error| reason(&error).to_owned(), |station| station.name.clone());
            assert_eq!(json!(found), lookup[1], "{name}: {}", lookup[0]);
        }
        for pair in expected["pairs"].as_array().unwrap() {
            let metres = network.metres_between_names(pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
            let metres = metres.map_or_else(|error| json!(reason(&error)), |metres| json!(metres));
            assert_eq!(metres, pair[2], "{name}: {} to {}", pair[0], pair[1]);
        }
        // The same description makes the same bytes, or a digest would not hold.
        let again = read_network(Path::new(&file), &shared).unwrap();
        assert_eq!(network.digest(), again.digest());
        assert_eq!(Network::parse(network.bytes()).unwrap(), network);
    }
}
