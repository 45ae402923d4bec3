//! How far a ride went: what a profile says about it, with the files it names, ready to be asked row by row.

mod hops;
mod network;
mod places;

pub use hops::HopsError;
pub use network::{DescribedError, read_network};
pub use places::PlacesError;

use super::profile::time::whole_number;
use super::profile::{Distance, StationWord};
use super::ride::Reason;
use crate::distance::{Coordinates, Network, RouteError, metres_of_decimal};
use crate::methodology::trip::LARGEST_INPUT;
use hops::Hops;
use places::Places;
use std::collections::HashMap;
use std::path::Path;

/// Pairs of stations whose distance is kept.
const MOST_KEPT: usize = 65_536;

/// Answers how far, from the fields that a profile names for it.
pub struct Way {
    kind: Kind,
    known: HashMap<(String, String), Result<u64, Reason>>,
}

enum Kind {
    Column,
    Coordinates,
    Places(Places),
    Network(Box<Network>, StationWord),
    Hops(Hops, u64),
}

/// What the fields of a row say, read but not looked up yet.
#[derive(Clone, Debug)]
pub enum Said {
    /// So many metres.
    Metres(u64),
    /// From one place to another.
    Between(String, String),
}

/// Why the files that a profile names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// The list of places.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// The network.
    #[error(transparent)]
    Network(#[from] DescribedError),
    /// The square of stretches.
    #[error(transparent)]
    Hops(#[from] HopsError),
}

impl Way {
    /// Reads the files that the profile names.
    pub fn load(distance: &Distance, shared: &Path) -> Result<Self, WayError> {
        let kind = match distance {
            Distance::Column { .. } => Kind::Column,
            Distance::Coordinates { .. } => Kind::Coordinates,
            Distance::Places { list, .. } => Kind::Places(Places::load(list)?),
            Distance::Network { file, stations, .. } => Kind::Network(Box::new(read_network(file, shared)?), *stations),
            Distance::Hops {
                adjacency,
                metres_per_hop,
                ..
            } => Kind::Hops(Hops::load(adjacency)?, *metres_per_hop),
        };
        Ok(Self {
            kind,
            known: HashMap::new(),
        })
    }

    /// Reads the fields, in the order in which the profile's table names them: the metres; latitude and longitude of either
    /// end; or the two ends.
    pub fn read(&self, fields: &[&str]) -> Result<Said, Reason> {
        let unreadable = Reason::UnreadableValue;
        match (&self.kind, fields) {
            (Kind::Column, [metres]) => {
                let metres = metres_of_decimal(metres).map_err(|_| unreadable)?;
                (metres <= LARGEST_INPUT)
                    .then_some(Said::Metres(metres))
                    .ok_or(unreadable)
            }
            (Kind::Coordinates, [from_lat, from_lon, to_lat, to_lon]) => {
                let from = Coordinates::parse(from_lat, from_lon).map_err(|_| unreadable)?;
                let to = Coordinates::parse(to_lat, to_lon).map_err(|_| unreadable)?;
                Ok(Said::Metres(from.metres_to(to)))
            }
            (Kind::Hops(..), [from, to]) => {
                let number = |text| whole_number(text).map(|number| number.to_string());
                let ends = number(from).zip(number(to));
                ends.map(|(from, to)| Said::Between(from, to)).ok_or(unreadable)
            }
            (Kind::Places(_) | Kind::Network(..), [from, to]) => {
                Ok(Said::Between((*from).to_owned(), (*to).to_owned()))
            }
            _ => Err(unreadable),
        }
    }

    /// Looks up what was read.
    pub fn metres(&mut self, said: Said) -> Result<u64, Reason> {
        let ends = match said {
            Said::Metres(metres) => return Ok(metres),
            Said::Between(from, to) => (from, to),
        };
        if let Some(known) = self.known.get(&ends) {
            return *known;
        }
        let found = self.kind.between(&ends.0, &ends.1);
        if self.known.len() >= MOST_KEPT {
            self.known.clear();
        }
        self.known.insert(ends, found);
        found
    }
}

impl Kind {
    fn between(&self, from: &str, to: &str) -> Result<u64, Reason> {
        match self {
            Self::Column | Self::Coordinates => Err(Reason::UnreadableValue),
            Self::Places(places) => places.between(from, to).ok_or(Reason::UnknownStation),
            Self::Hops(hops, metres_per_hop) => {
                let count = hops.between(from, to)?;
                count.checked_mul(*metres_per_hop).ok_or(Reason::UnreadableValue)
            }
            Self::Network(network, word) => {
                let metres = match word {
                    StationWord::Id => network.metres_between(from, to),
                    StationWord::Name => named(network, from, to),
                };
                metres.map_err(|error| reason(&error))
            }
        }
    }
}

/// An unknown name at either end outranks an ambiguous one.
fn named(network: &Network, from: &str, to: &str) -> Result<u64, RouteError> {
    let ambiguous = |error: &RouteError| matches!(error, RouteError::AmbiguousStation { .. });
    match (network.find(from), network.find(to)) {
        (Err(first), Err(second)) if ambiguous(&first) && !ambiguous(&second) => Err(second),
        _ => network.metres_between_names(from, to),
    }
}

fn reason(error: &RouteError) -> Reason {
    match error {
        RouteError::UnknownStation(_) => Reason::UnknownStation,
        RouteError::AmbiguousStation { .. } => Reason::AmbiguousStation,
        RouteError::NoRoute { .. } => Reason::NoRoute,
    }
}

#[cfg(test)]
mod tests;
