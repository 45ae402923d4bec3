//! Profiles: how the columns of somebody's files become trips. A profile is TOML, read once and then only asked.

mod parse;
pub mod template;
pub mod time;
mod way;

use crate::ledger::ids::Name;
use crate::methodology::programme::Mistake;
use jiff::tz::TimeZone;
use std::path::PathBuf;

use template::{Part, Template};
use time::TimeForm;

/// How columns become trips.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Whose riders and trip ids these are.
    pub client: Name,
    /// The programme's word for how they travelled.
    pub mode: String,
    /// Rides or steps of a row, for methodologies that count instead of measure.
    pub events: Option<u64>,
    /// The trip id.
    pub trip_id: Template,
    /// Columns that must hold whole numbers, whatever else is made of them.
    pub whole_numbers: Vec<String>,
    /// The shape of the file.
    pub file: FileShape,
    /// Who rode.
    pub rider: Rider,
    /// When.
    pub time: Times,
    /// How far, unless events alone count.
    pub distance: Option<Distance>,
    /// Only rows that pass all of these are trips.
    pub keep: Vec<Keep>,
}

/// The shape of a file of rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileShape {
    /// Between two fields.
    pub delimiter: u8,
    /// What its bytes mean.
    pub encoding: Encoding,
    /// Lines before the header or the first row.
    pub preamble_lines: u64,
    /// Where the columns' names come from.
    pub columns: Columns,
}

/// What bytes mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// UTF-8, strictly.
    Utf8,
    /// ISO 8859-1: each byte is the character of that number.
    Latin1,
}

/// Where the columns' names come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Columns {
    /// The first line names them.
    Header,
    /// There are so many, named `1`, `2`, … in order.
    Numbered(usize),
}

/// Who rode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rider {
    /// The column.
    pub column: String,
    /// How its text becomes a user id.
    pub id: RiderId,
}

/// How a rider's text becomes a user id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RiderId {
    /// It is the number itself.
    Number,
    /// The first 63 bits of SHA-256 over client, colon and text.
    Hashed,
}

/// When a ride began and ended.
#[derive(Clone, Debug)]
pub struct Times {
    /// Where the clock hangs that the columns were read off.
    pub zone: TimeZone,
    /// Forms that a time may have; the first that fits counts.
    pub forms: Vec<TimeForm>,
    /// The column of the start.
    pub start: String,
    /// The column of the end; the same for an event.
    pub end: String,
}

/// How far a ride went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Distance {
    /// Metres stand in a column, as a decimal.
    Column {
        /// The column.
        metres: String,
    },
    /// A great circle between coordinates in columns.
    Coordinates {
        /// Columns of latitude and longitude of the start.
        from: Point,
        /// Those of the end.
        to: Point,
    },
    /// A great circle between places, by their ids in columns.
    Places {
        /// Columns of the two ends.
        ends: Ends,
        /// Where the places are listed.
        list: PlaceList,
    },
    /// The shortest way between two stations of a network.
    Network {
        /// Columns of the two ends.
        ends: Ends,
        /// The network, or a description of how one is made.
        file: PathBuf,
        /// What the columns say of a station.
        stations: StationWord,
    },
    /// As many stretches as lie between two numbered stations, each of one length.
    Hops {
        /// Columns of the two ends.
        ends: Ends,
        /// A square of numbers without header; other than 0 is a stretch.
        adjacency: PathBuf,
        /// Metres of a stretch.
        metres_per_hop: u64,
    },
}

/// Two columns with the ends of a ride.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ends {
    /// Where it began.
    pub from: String,
    /// Where it ended.
    pub to: String,
}

/// Two columns with coordinates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// Latitude.
    pub lat: String,
    /// Longitude.
    pub lon: String,
}

/// A file of places with their coordinates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaceList {
    /// The file.
    pub path: PathBuf,
    /// Its shape.
    pub shape: FileShape,
    /// The column of the id.
    pub id: String,
    /// The columns of the coordinates.
    pub point: Point,
}

/// What a column says of a station.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StationWord {
    /// Its name, in any spelling that the network takes.
    Name,
    /// Its id.
    Id,
}

/// A row is a trip only if a column has one of these values; any other is skipped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keep {
    /// The column.
    pub column: String,
    /// The values.
    pub values: Vec<String>,
}

/// Everything that is wrong with a profile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .mistakes.iter().map(|mistake| format!("\n- {mistake}")).collect::<Vec<_>>().concat())]
pub struct ProfileError {
    /// The mistakes, in the order of the keys as they are read.
    pub mistakes: Vec<Mistake>,
}

impl Profile {
    /// Whether a service date must come from outside, one for each file.
    pub fn needs_date(&self) -> bool {
        self.time.forms.contains(&TimeForm::MinuteOfDay) || self.trip_id.parts().contains(&Part::Date)
    }

    /// The columns that must not be empty, in no order and some perhaps twice.
    pub fn used_columns(&self) -> Vec<&str> {
        let mut used: Vec<&str> = self.whole_numbers.iter().map(String::as_str).collect();
        used.extend([
            self.rider.column.as_str(),
            self.time.start.as_str(),
            self.time.end.as_str(),
        ]);
        used.extend(self.trip_id.parts().iter().filter_map(|part| match part {
            Part::Column(column) | Part::Number(column) => Some(column.as_str()),
            Part::Text(_) | Part::Date | Part::Start | Part::End => None,
        }));
        match &self.distance {
            None => {}
            Some(Distance::Column { metres }) => used.push(metres),
            Some(Distance::Coordinates { from, to }) => used.extend([&*from.lat, &*from.lon, &*to.lat, &*to.lon]),
            Some(Distance::Places { ends, .. } | Distance::Network { ends, .. } | Distance::Hops { ends, .. }) => {
                used.extend([ends.from.as_str(), ends.to.as_str()]);
            }
        }
        used
    }
}

#[cfg(test)]
mod tests;
