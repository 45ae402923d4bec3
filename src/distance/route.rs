//! The shortest way through a network: Dijkstra's algorithm from one place to another.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::network::Network;

/// Why there is no distance between two stations.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RouteError {
    /// No such station.
    #[error("unknown station {0:?}")]
    UnknownStation(String),
    /// Several stations of different full names fit.
    #[error("station {name:?} may be {}", candidates.join(" or "))]
    AmbiguousStation {
        /// The name looked for.
        name: String,
        /// Full names that fit.
        candidates: Vec<String>,
    },
    /// The stations stand in parts of the network that are not linked.
    #[error("no way leads from {from:?} to {to:?}")]
    NoRoute {
        /// Where the way should begin.
        from: String,
        /// Where it should end.
        to: String,
    },
}

impl Network {
    /// Metres of the shortest way between two station ids.
    pub fn metres_between(&self, from: &str, to: &str) -> Result<u64, RouteError> {
        let (start, goal) = (self.index_of(from)?, self.index_of(to)?);
        self.shortest(&[start], &[goal]).ok_or_else(|| no_route(from, to))
    }

    /// Metres of the shortest way between two stations by name, see [`Network::find`]. Platforms of one full name are
    /// one place: the way may begin and end at any of them.
    pub fn metres_between_names(&self, from: &str, to: &str) -> Result<u64, RouteError> {
        let (start, goal) = (self.find(from)?, self.find(to)?);
        let (starts, goals) = (self.indices_of_name(&start.name), self.indices_of_name(&goal.name));
        self.shortest(starts, goals).ok_or_else(|| no_route(from, to))
    }

    fn shortest(&self, starts: &[usize], goals: &[usize]) -> Option<u64> {
        let mut reached = vec![u64::MAX; self.stations().len()];
        let mut next = BinaryHeap::new();
        for start in starts {
            *reached.get_mut(*start)? = 0;
            next.push(Reverse((0_u64, *start)));
        }
        while let Some(Reverse((metres, here))) = next.pop() {
            if goals.contains(&here) {
                return Some(metres);
            }
            // A shorter way here was found after this one was noted.
            if *reached.get(here)? < metres {
                continue;
            }
            for (neighbour, step) in self.neighbours(here) {
                let further = metres.saturating_add(step);
                let known = reached.get_mut(neighbour)?;
                if further < *known {
                    *known = further;
                    next.push(Reverse((further, neighbour)));
                }
            }
        }
        None
    }
}

fn no_route(from: &str, to: &str) -> RouteError {
    RouteError::NoRoute {
        from: from.to_owned(),
        to: to.to_owned(),
    }
}
