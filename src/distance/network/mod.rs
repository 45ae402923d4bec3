//! Networks of stations: our own file format, its checks, and looking stations up.
//!
//! A network is JSON: `{"schema": "carbon-network/1", "id", "version", "stations": [{"id", "name", "lat", "lon"}],
//! "edges": [{"from", "to", "metres"}]}`; coordinates are optional, edges run both ways.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::distance::coordinates::Coordinates;
use crate::distance::names::bare;
use crate::distance::route::RouteError;

/// The name of the file's shape.
pub const SCHEMA: &str = "carbon-network/1";

/// The longest edge in metres; longer than any way round the earth is a mistake.
const LONGEST_EDGE_M: u64 = 50_000_000;

/// A station. Several may bear one name: the platforms of an interchange.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Station {
    /// Its id, unique in the network.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Latitude, a decimal number of degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<String>,
    /// Longitude, a decimal number of degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edge {
    from: String,
    to: String,
    metres: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    id: String,
    version: String,
    stations: Vec<Station>,
    edges: Vec<Edge>,
}

/// Why a network cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetworkError {
    /// Not of the shape of a network file.
    #[error("{path}: {detail}")]
    Malformed {
        /// Where in the file.
        path: String,
        /// What is wrong there.
        detail: String,
    },
    /// The shape is right but it makes no sense.
    #[error("{}", mistakes.join("; "))]
    Invalid {
        /// Everything that is wrong, one sentence each.
        mistakes: Vec<String>,
    },
}

/// A network, checked and frozen under its digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Network {
    id: String,
    version: String,
    digest: [u8; 32],
    bytes: Vec<u8>,
    stations: Vec<Station>,
    by_id: BTreeMap<String, usize>,
    by_name: BTreeMap<String, Vec<usize>>,
    by_bare_name: BTreeMap<String, Vec<usize>>,
    /// The shortest edges of each station: neighbour to metres.
    edges: Vec<BTreeMap<usize, u64>>,
}

impl Network {
    /// Reads and checks a network file. All mistakes in its sense are reported together.
    pub fn parse(bytes: &[u8]) -> Result<Self, NetworkError> {
        let malformed = |path: String, detail: String| NetworkError::Malformed { path, detail };
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let document: Document = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| malformed(error.path().to_string(), error.inner().to_string()))?;
        reader
            .end()
            .map_err(|error| malformed(String::new(), error.to_string()))?;
        let mistakes = mistakes_of(&document);
        if !mistakes.is_empty() {
            return Err(NetworkError::Invalid { mistakes });
        }
        let mut network = Self {
            id: document.id,
            version: document.version,
            digest: Sha256::digest(bytes).into(),
            bytes: bytes.to_vec(),
            edges: vec![BTreeMap::new(); document.stations.len()],
            stations: document.stations,
            by_id: BTreeMap::new(),
            by_name: BTreeMap::new(),
            by_bare_name: BTreeMap::new(),
        };
        for (index, station) in network.stations.iter().enumerate() {
            network.by_id.insert(station.id.clone(), index);
            network.by_name.entry(station.name.clone()).or_default().push(index);
            network.by_bare_name.entry(bare(&station.name)).or_default().push(index);
        }
        for edge in document.edges {
            network.connect(&edge);
        }
        Ok(network)
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of its file.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Its file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its stations, in the order of the file.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// How many edges it has, counting both directions as one.
    pub fn edge_count(&self) -> usize {
        self.edges_once().count()
    }

    /// The metres of all edges together.
    pub fn edge_metres(&self) -> u64 {
        self.edges_once()
            .fold(0, |total, (_, _, metres)| total.saturating_add(metres))
    }

    /// The station with that id.
    pub fn station(&self, id: &str) -> Result<&Station, RouteError> {
        let found = self.by_id.get(id).and_then(|index| self.stations.get(*index));
        found.ok_or_else(|| RouteError::UnknownStation(id.to_owned()))
    }

    /// A station by its name: of exactly that name, else of the same bare name. Stations that share one full name are
    /// one place, and any of them will do; bare hits with different full names are ambiguous.
    pub fn find(&self, name: &str) -> Result<&Station, RouteError> {
        let unknown = || RouteError::UnknownStation(name.to_owned());
        let looked_for = bare(name);
        let hits = match self.by_name.get(name) {
            Some(exact) => exact,
            None if looked_for.is_empty() => return Err(unknown()),
            None => self.by_bare_name.get(&looked_for).ok_or_else(unknown)?,
        };
        let mut stations = hits.iter().filter_map(|index| self.stations.get(*index));
        let first = stations.next().ok_or_else(unknown)?;
        let mut names: BTreeSet<&str> = stations.map(|station| station.name.as_str()).collect();
        names.insert(&first.name);
        if names.len() == 1 {
            return Ok(first);
        }
        let candidates = names.into_iter().map(str::to_owned).collect();
        Err(RouteError::AmbiguousStation {
            name: name.to_owned(),
            candidates,
        })
    }

    pub(in crate::distance) fn index_of(&self, id: &str) -> Result<usize, RouteError> {
        self.by_id
            .get(id)
            .copied()
            .ok_or_else(|| RouteError::UnknownStation(id.to_owned()))
    }

    pub(in crate::distance) fn neighbours(&self, index: usize) -> impl Iterator<Item = (usize, u64)> {
        self.edges
            .get(index)
            .into_iter()
            .flatten()
            .map(|(neighbour, metres)| (*neighbour, *metres))
    }

    /// All platforms of the place that a station belongs to.
    pub(in crate::distance) fn indices_of_name(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    fn edges_once(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let all = self.edges.iter().enumerate();
        let all = all.flat_map(|(from, edges)| edges.iter().map(move |(to, metres)| (from, *to, *metres)));
        all.filter(|(from, to, _)| from <= to)
    }

    /// Enters an edge in both directions. Of several edges between two stations the shortest counts.
    fn connect(&mut self, edge: &Edge) {
        let ends = self
            .by_id
            .get(&edge.from)
            .copied()
            .zip(self.by_id.get(&edge.to).copied());
        let Some((from, to)) = ends else { return };
        for (here, there) in [(from, to), (to, from)] {
            if let Some(edges) = self.edges.get_mut(here) {
                let known = edges.entry(there).or_insert(edge.metres);
                *known = edge.metres.min(*known);
            }
        }
    }
}

fn mistakes_of(document: &Document) -> Vec<String> {
    let mut mistakes = Vec::new();
    if document.schema != SCHEMA {
        mistakes.push(format!("schema is {:?}, not {SCHEMA:?}", document.schema));
    }
    for (field, text) in [("id", &document.id), ("version", &document.version)] {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
            mistakes.push(format!(
                "{field} {text:?} is not of letters, digits, '.', '_' and '-', at most 64"
            ));
        }
    }
    let mut ids = BTreeSet::new();
    for station in &document.stations {
        if station.id.is_empty() || station.name.is_empty() {
            mistakes.push(format!("station {:?} {:?} lacks id or name", station.id, station.name));
        }
        if !ids.insert(station.id.as_str()) {
            mistakes.push(format!("two stations have the id {:?}", station.id));
        }
        let reason = match (&station.lat, &station.lon) {
            (None, None) => None,
            (Some(lat), Some(lon)) => Coordinates::parse(lat, lon).err().map(|error| error.to_string()),
            _ => Some("one coordinate without the other".to_owned()),
        };
        mistakes.extend(reason.map(|reason| format!("station {:?}: {reason}", station.id)));
    }
    if document.stations.is_empty() {
        mistakes.push("no stations".to_owned());
    }
    for edge in &document.edges {
        for end in [&edge.from, &edge.to]
            .into_iter()
            .filter(|end| !ids.contains(end.as_str()))
        {
            mistakes.push(format!("an edge names the unknown station {end:?}"));
        }
        if edge.metres > LONGEST_EDGE_M {
            mistakes.push(format!("the edge {:?} to {:?} is too long", edge.from, edge.to));
        }
    }
    mistakes
}

/// Builds a network from stations and edges, for importers of other formats.
#[derive(Clone, Debug)]
pub struct NetworkBuilder {
    id: String,
    version: String,
    stations: Vec<Station>,
    edges: Vec<Edge>,
}

impl NetworkBuilder {
    /// A network without stations.
    pub fn new(id: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            version: version.into(),
            stations: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// Adds a station.
    pub fn station(&mut self, station: Station) -> &mut Self {
        self.stations.push(station);
        self
    }

    /// Adds an edge, both ways, between two station ids.
    pub fn edge(&mut self, from: impl Into<String>, to: impl Into<String>, metres: u64) -> &mut Self {
        self.edges.push(Edge {
            from: from.into(),
            to: to.into(),
            metres,
        });
        self
    }

    /// Writes the network file and checks it. The bytes, and so the digest, depend on what was added in which order
    /// and on nothing else.
    pub fn build(self) -> Result<Network, NetworkError> {
        let Self {
            id,
            version,
            stations,
            edges,
        } = self;
        let document = Document {
            schema: SCHEMA.to_owned(),
            id,
            version,
            stations,
            edges,
        };
        let malformed = |error: serde_json::Error| NetworkError::Malformed {
            path: String::new(),
            detail: error.to_string(),
        };
        Network::parse(&serde_json::to_vec(&document).map_err(malformed)?)
    }
}

#[cfg(test)]
mod tests;
