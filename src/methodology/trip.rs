//! Activity data: what a caller says a person did, and what may be wrong with it.

use std::collections::BTreeMap;

use crate::methodology::units::Ratio;

/// The most legs of one trip.
pub const MOST_LEGS: usize = 20;

/// The largest number of metres, watt-hours or events of one leg.
pub const LARGEST_INPUT: u64 = 1_000_000_000_000_000;

/// A journey from door to door, as legs in the order they were travelled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trip {
    /// One to twenty legs, in order of time.
    pub legs: Vec<Leg>,
    /// Whether evidence came with the trip; a programme may demand it.
    pub has_evidence: bool,
}

impl Trip {
    /// The earliest start of a leg, Unix seconds. A trip without legs, which no programme takes, answers 0.
    pub fn started_s(&self) -> i64 {
        self.legs.iter().map(|leg| leg.started_s).min().unwrap_or(0)
    }

    /// The latest end of a leg, Unix seconds. A trip without legs, which no programme takes, answers 0.
    pub fn ended_s(&self) -> i64 {
        self.legs.iter().map(|leg| leg.ended_s).max().unwrap_or(0)
    }
}

/// The part of a trip that was travelled in one mode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leg {
    /// The programme's word for the mode.
    pub mode: String,
    /// Start, whole Unix seconds.
    pub started_s: i64,
    /// End, whole Unix seconds; not before the start.
    pub ended_s: i64,
    /// How far, if it is known.
    pub distance: Option<Distance>,
    /// Energy charged, watt-hours.
    pub energy_wh: Option<u64>,
    /// Rides or steps, for formulas that count instead of measure.
    pub events: Option<u64>,
    /// Key of a factor table's row, such as a grid: `CN-SD`.
    pub region: Option<String>,
    /// Data year of the grid factor.
    pub grid_year: Option<i32>,
    /// Values in place of parameters that the methodology lets a trip replace.
    pub replace: BTreeMap<String, Ratio>,
}

/// A length and where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distance {
    /// Whole metres.
    pub metres: u64,
    /// How the metres were found.
    pub from: DistanceFrom,
}

/// Where the metres of a leg come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DistanceFrom {
    /// The caller said them.
    Given,
    /// From two pairs of coordinates.
    Coordinates,
    /// The shortest way through a network of stations.
    Network {
        /// Name of the network.
        id: String,
        /// Version of the network.
        version: String,
        /// SHA-256 of the network file.
        digest: [u8; 32],
    },
}

/// What is wrong with a trip, so that it can be neither credited nor refused by a rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct InputError {
    /// JSON pointer into the trip, such as `/legs/0/distance_m`.
    pub pointer: String,
    /// The kind of mistake.
    pub code: InputCode,
    /// One sentence for a person.
    pub detail: String,
}

impl InputError {
    /// A field that is missing, out of range or of no use here.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code: InputCode::InvalidField,
            detail: detail.into(),
        }
    }

    /// The same mistake, seen from the object that holds `prefix`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

/// The kinds of mistake in a trip.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InputCode {
    /// The programme does not bind the mode.
    UnknownMode,
    /// A field is missing, out of range or of no use here.
    InvalidField,
    /// The network is not loaded.
    UnknownNetwork,
    /// The network has no such station, or several of that name.
    UnknownStation,
    /// No way leads from the one station to the other.
    NoRoute,
}

impl InputCode {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownMode => "unknown_mode",
            Self::InvalidField => "invalid_field",
            Self::UnknownNetwork => "unknown_network",
            Self::UnknownStation => "unknown_station",
            Self::NoRoute => "no_route",
        }
    }
}
