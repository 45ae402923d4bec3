//! Networks of stations from files: our own format, or a description (TOML) of how somebody else's JSON becomes one.

use crate::distance::{Coordinates, Network, NetworkBuilder, NetworkError, Station};
use crate::import::paths::Paths;
use crate::methodology::programme::{Mistake, Section};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum DescribedError {
    /// A file is not there or may not be read.
    #[error("the network file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The description is wrong.
    #[error("the network file {path}:{}", .mistakes.iter().map(|mistake| format!("\n- {mistake}")).collect::<Vec<_>>().concat())]
    Description {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        mistakes: Vec<Mistake>,
    },
    /// The described file is no JSON.
    #[error("{path} is no JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        source: serde_json::Error,
    },
    /// The described file is not as described.
    #[error("{path} is not as it is described: {detail}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The network makes no sense.
    #[error("the network of {path}")]
    Network {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NetworkError,
    },
}

/// How a JSON file becomes a network.
#[derive(Debug)]
struct Description {
    id: String,
    version: String,
    source: PathBuf,
    stations: Stations,
    lines: Vec<Lines>,
    links: Vec<Links>,
}

/// A list of stations and the keys of each.
#[derive(Debug)]
struct Stations {
    list: String,
    id: String,
    name: String,
    point: Option<(String, String)>,
}

/// A list of lines; every two stations that follow each other are linked, as far as the crow flies.
#[derive(Debug)]
struct Lines {
    list: String,
    stations: String,
}

/// A list of links with their metres.
#[derive(Debug)]
struct Links {
    list: String,
    from: String,
    to: String,
    metres: String,
}

/// Reads a network: a `.toml` file describes one, any other is one.
pub fn read_network(path: &Path, shared: &Path) -> Result<Network, DescribedError> {
    let bytes = read(path)?;
    let of = |path: &Path, source| DescribedError::Network {
        path: path.to_owned(),
        source,
    };
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Network::parse(&bytes).map_err(|source| of(path, source));
    }
    let description = Description::parse(&bytes, &Paths::of(path, shared));
    let description = description.map_err(|mistakes| DescribedError::Description {
        path: path.to_owned(),
        mistakes,
    })?;
    let source = &description.source;
    let json = serde_json::from_slice(&read(source)?).map_err(|error| DescribedError::Json {
        path: source.clone(),
        source: error,
    })?;
    let builder = description.builder(&json).map_err(|detail| DescribedError::Content {
        path: source.clone(),
        detail,
    })?;
    builder.build().map_err(|error| of(source, error))
}

fn read(path: &Path) -> Result<Vec<u8>, DescribedError> {
    std::fs::read(path).map_err(|source| DescribedError::Io {
        path: path.to_owned(),
        source,
    })
}

impl Description {
    fn parse(bytes: &[u8], paths: &Paths) -> Result<Self, Vec<Mistake>> {
        let mut root = Section::parse(bytes).map_err(|mistake| vec![mistake])?;
        let mut mistakes = Vec::new();
        let id = root.expected_text("id", "the network's name", &mut mistakes);
        let version = root.expected_text("version", "the network's version, such as \"2025-01\"", &mut mistakes);
        let source = root.expected_text("source", "the JSON file", &mut mistakes);
        let source = source.and_then(|text| {
            let path = paths.expand(&text);
            path.map_err(|error| root.mistake("source", error, &mut mistakes)).ok()
        });
        let stations = stations(root.section("stations", &mut mistakes), &mut mistakes);
        let sections = root.tables("lines", &mut mistakes).into_iter();
        let lines: Vec<Lines> = sections
            .filter_map(|section| lines_of(section, &mut mistakes))
            .collect();
        let sections = root.tables("links", &mut mistakes).into_iter();
        let stretches: Vec<Links> = sections
            .filter_map(|section| links_of(section, &mut mistakes))
            .collect();
        if mistakes.is_empty() && lines.is_empty() && stretches.is_empty() {
            root.mistake(
                "lines",
                "is missing; stations are linked by [[lines]] or [[links]]",
                &mut mistakes,
            );
        }
        if mistakes.is_empty()
            && !lines.is_empty()
            && stations.as_ref().is_some_and(|stations| stations.point.is_none())
        {
            root.mistake(
                "stations.lat",
                "is missing; [[lines]] measure between coordinates",
                &mut mistakes,
            );
        }
        root.close(&mut mistakes);
        match (id, version, source, stations) {
            (Some(id), Some(version), Some(source), Some(stations)) if mistakes.is_empty() => Ok(Self {
                id,
                version,
                source,
                stations,
                lines,
                links: stretches,
            }),
            _ => Err(mistakes),
        }
    }

    fn builder(&self, json: &Value) -> Result<NetworkBuilder, String> {
        let mut builder = NetworkBuilder::new(&self.id, &self.version);
        let mut places = HashMap::new();
        for (place, object) in list(json, &self.stations.list)? {
            let id = word(object, &self.stations.id, &place)?;
            let name = word(object, &self.stations.name, &place)?;
            let point = match &self.stations.point {
                None => None,
                Some((lat, lon)) => Some((word(object, lat, &place)?, word(object, lon, &place)?)),
            };
            if let Some((lat, lon)) = &point {
                let point = Coordinates::parse(lat, lon).map_err(|error| format!("{place}: {error}"))?;
                places.insert(id.clone(), point);
            }
            let (lat, lon) = point.unzip();
            builder.station(Station { id, name, lat, lon });
        }
        for lines in &self.lines {
            for (place, line) in list(json, &lines.list)? {
                let stations = list(line, &lines.stations).map_err(|error| format!("{place}: {error}"))?;
                let ids = stations.into_iter().map(|(inside, id)| {
                    let id = plain(id).ok_or_else(|| format!("{place}.{inside} is no id"))?;
                    let point = places.get(&id).copied();
                    let point = point.ok_or_else(|| format!("{place}.{inside}: there is no station {id:?}"))?;
                    Ok((id, point))
                });
                let ids = ids.collect::<Result<Vec<_>, String>>()?;
                for pair in ids.windows(2) {
                    if let [(from, here), (to, there)] = pair {
                        builder.edge(from, to, here.metres_to(*there));
                    }
                }
            }
        }
        for links in &self.links {
            for (place, link) in list(json, &links.list)? {
                let metres = link.get(&links.metres).and_then(Value::as_u64);
                let metres = metres.ok_or_else(|| format!("{place}.{} is no number of whole metres", links.metres))?;
                builder.edge(word(link, &links.from, &place)?, word(link, &links.to, &place)?, metres);
            }
        }
        Ok(builder)
    }
}

/// A list inside an object, each element with its place.
fn list<'v>(object: &'v Value, key: &str) -> Result<Vec<(String, &'v Value)>, String> {
    let elements = object.get(key).and_then(Value::as_array);
    let elements = elements.ok_or_else(|| format!("there is no list {key:?}"))?;
    let numbered = elements.iter().enumerate();
    Ok(numbered
        .map(|(index, element)| (format!("{key}[{index}]"), element))
        .collect())
}

/// A text or a number as it is written.
fn word(object: &Value, key: &str, place: &str) -> Result<String, String> {
    let word = object.get(key).and_then(plain);
    word.ok_or_else(|| format!("{place}.{key} is neither text nor number"))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn stations(mut section: Section, mistakes: &mut Vec<Mistake>) -> Option<Stations> {
    let list = section.expected_text("list", "the key of the list of stations", mistakes);
    let id = section.expected_text("id", "the key of a station's id", mistakes);
    let name = section.expected_text("name", "the key of a station's name", mistakes);
    let (lat, lon) = (section.text("lat", mistakes), section.text("lon", mistakes));
    if lat.is_some() != lon.is_some() {
        section.mistake("lat", "and lon go together", mistakes);
    }
    section.close(mistakes);
    Some(Stations {
        list: list?,
        id: id?,
        name: name?,
        point: lat.zip(lon),
    })
}

fn lines_of(mut section: Section, mistakes: &mut Vec<Mistake>) -> Option<Lines> {
    let list = section.expected_text("list", "the key of the list of lines", mistakes);
    let stations = section.expected_text(
        "stations",
        "the key of a line's list of station ids, in running order",
        mistakes,
    );
    section.close(mistakes);
    Some(Lines {
        list: list?,
        stations: stations?,
    })
}

fn links_of(mut section: Section, mistakes: &mut Vec<Mistake>) -> Option<Links> {
    let list = section.expected_text("list", "the key of the list of links", mistakes);
    let from = section.expected_text("from", "the key of a link's one station id", mistakes);
    let to = section.expected_text("to", "the key of its other station id", mistakes);
    let metres = section.expected_text("metres", "the key of its length in whole metres", mistakes);
    section.close(mistakes);
    Some(Links {
        list: list?,
        from: from?,
        to: to?,
        metres: metres?,
    })
}
