//! A row becomes a ride, or says why it does not. Nothing here reads a file: fields in, a ride out.

use super::profile::template::Part;
use super::profile::time::{ServiceDate, local_text, whole_number};
use super::profile::{Distance, Encoding, Profile, RiderId};
use super::rows::{Record, text};
use super::table::{ColumnsError, Table};
use super::ways::Way;
use crate::ledger::ids::{Name, UserId};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// What a row says: one ride of one rider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ride {
    /// The rider.
    pub user: UserId,
    /// The trip's id.
    pub trip_id: Name,
    /// Start, whole Unix seconds.
    pub started_s: i64,
    /// End, whole Unix seconds.
    pub ended_s: i64,
    /// How far, if the profile says.
    pub metres: Option<u64>,
}

/// What became of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Row {
    /// A ride.
    Ride(Ride),
    /// Not a trip, as the profile says.
    Skipped,
    /// Not to be read.
    Malformed(Reason),
}

/// Why a row cannot be read; the first that applies counts, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Not as many fields as there are columns.
    FieldCount,
    /// A column that the profile uses is empty.
    EmptyField,
    /// A number or a time is not of its form, not in its range, not in the calendar, or skipped by the clock.
    UnreadableValue,
    /// No such station.
    UnknownStation,
    /// Several stations fit.
    AmbiguousStation,
    /// No way leads from the one to the other.
    NoRoute,
    /// It ends earlier than it starts.
    EndsBeforeStart,
}

impl Reason {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FieldCount => "field_count",
            Self::EmptyField => "empty_field",
            Self::UnreadableValue => "unreadable_value",
            Self::UnknownStation => "unknown_station",
            Self::AmbiguousStation => "ambiguous_station",
            Self::NoRoute => "no_route",
            Self::EndsBeforeStart => "ends_before_start",
        }
    }
}

/// A profile bound to the columns of one file.
#[derive(Debug)]
pub struct Plan<'p> {
    profile: &'p Profile,
    date: Option<ServiceDate>,
    width: usize,
    used: Vec<usize>,
    keep: Vec<(usize, &'p [String])>,
    whole_numbers: Vec<usize>,
    rider: usize,
    start: usize,
    end: usize,
    ends: Vec<usize>,
    trip_id: Vec<Piece<'p>>,
}

#[derive(Debug)]
enum Piece<'p> {
    Text(Cow<'p, str>),
    Column(usize),
    Number(usize),
    Start,
    End,
}

impl<'p> Plan<'p> {
    /// Finds the profile's columns in a file; all that are missing are told at once.
    pub fn new(profile: &'p Profile, table: &Table, date: Option<ServiceDate>) -> Result<Self, ColumnsError> {
        let mut names = profile.used_columns();
        let mut used = Vec::new();
        names.extend(profile.keep.iter().map(|keep| keep.column.as_str()));
        table.require(&names)?;
        for name in profile.used_columns() {
            let column = table.column(name)?;
            if !used.contains(&column) {
                used.push(column);
            }
        }
        let find = |name: &String| table.column(name);
        let keep = profile.keep.iter();
        let keep = keep.map(|keep| Ok((table.column(&keep.column)?, keep.values.as_slice())));
        let pieces = profile.trip_id.parts().iter().map(|part| {
            Ok(match part {
                Part::Text(text) => Piece::Text(Cow::Borrowed(text)),
                Part::Column(column) => Piece::Column(find(column)?),
                Part::Number(column) => Piece::Number(find(column)?),
                Part::Date => Piece::Text(date.as_ref().map(ServiceDate::text).unwrap_or_default().into()),
                Part::Start => Piece::Start,
                Part::End => Piece::End,
            })
        });
        Ok(Self {
            profile,
            width: table.width(),
            used,
            keep: keep.collect::<Result<_, _>>()?,
            whole_numbers: profile.whole_numbers.iter().map(find).collect::<Result<_, _>>()?,
            rider: find(&profile.rider.column)?,
            start: find(&profile.time.start)?,
            end: find(&profile.time.end)?,
            ends: distance_columns(profile)
                .into_iter()
                .map(find)
                .collect::<Result<_, _>>()?,
            trip_id: pieces.collect::<Result<_, _>>()?,
            date,
        })
    }

    /// Reads a row; `way` is the profile's, and there is none if it says no distance.
    pub fn row(&self, record: &Record, way: Option<&mut Way>) -> Row {
        if record.broken || record.len() != self.width {
            return Row::Malformed(Reason::FieldCount);
        }
        for (column, values) in &self.keep {
            let field = self.field(record, *column);
            if !field.is_ok_and(|field| values.iter().any(|value| *value == field)) {
                return Row::Skipped;
            }
        }
        match self.ride(record, way) {
            Ok(ride) => Row::Ride(ride),
            Err(reason) => Row::Malformed(reason),
        }
    }

    fn ride(&self, record: &Record, way: Option<&mut Way>) -> Result<Ride, Reason> {
        if self
            .used
            .iter()
            .any(|column| record.field(*column).is_none_or(<[u8]>::is_empty))
        {
            return Err(Reason::EmptyField);
        }
        let unreadable = Reason::UnreadableValue;
        for column in &self.whole_numbers {
            whole_number(&self.field(record, *column)?).ok_or(unreadable)?;
        }
        let user = self.user(&self.field(record, self.rider)?)?;
        let started_s = self.second(&self.field(record, self.start)?)?;
        let ended_s = self.second(&self.field(record, self.end)?)?;
        let trip_id = self.trip_id(record, started_s, ended_s)?;
        let metres = match way {
            None => None,
            Some(way) => {
                let fields = self.ends.iter().map(|column| self.field(record, *column));
                let fields = fields.collect::<Result<Vec<_>, _>>()?;
                let said = way.read(&fields.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
                Some(way.metres(said)?)
            }
        };
        if ended_s < started_s {
            return Err(Reason::EndsBeforeStart);
        }
        Ok(Ride {
            user,
            trip_id,
            started_s,
            ended_s,
            metres,
        })
    }

    fn field<'r>(&self, record: &'r Record, column: usize) -> Result<Cow<'r, str>, Reason> {
        let bytes = record.field(column).ok_or(Reason::FieldCount)?;
        text(bytes, self.encoding()).ok_or(Reason::UnreadableValue)
    }

    fn encoding(&self) -> Encoding {
        self.profile.file.encoding
    }

    fn user(&self, rider: &str) -> Result<UserId, Reason> {
        match self.profile.rider.id {
            RiderId::Number => {
                let number = whole_number(rider).and_then(|number| UserId::new(number).ok());
                number.ok_or(Reason::UnreadableValue)
            }
            RiderId::Hashed => Ok(hashed(&self.profile.client, rider)),
        }
    }

    fn second(&self, text: &str) -> Result<i64, Reason> {
        let time = &self.profile.time;
        let read = time
            .forms
            .iter()
            .find_map(|form| form.read(text, &time.zone, self.date.as_ref()));
        read.ok_or(Reason::UnreadableValue)
    }

    fn trip_id(&self, record: &Record, started_s: i64, ended_s: i64) -> Result<Name, Reason> {
        let unreadable = Reason::UnreadableValue;
        let zone = &self.profile.time.zone;
        let mut id = String::new();
        for piece in &self.trip_id {
            match piece {
                Piece::Text(text) => id.push_str(text),
                Piece::Column(column) => id.push_str(&self.field(record, *column)?),
                Piece::Number(column) => {
                    let number = whole_number(&self.field(record, *column)?).ok_or(unreadable)?;
                    id.push_str(&number.to_string());
                }
                Piece::Start => id.push_str(&local_text(started_s, zone).ok_or(unreadable)?),
                Piece::End => id.push_str(&local_text(ended_s, zone).ok_or(unreadable)?),
            }
        }
        Name::parse(id).map_err(|_| unreadable)
    }
}

/// The columns that say how far, in the order in which [`Way::read`] wants them.
fn distance_columns(profile: &Profile) -> Vec<&String> {
    match &profile.distance {
        None => Vec::new(),
        Some(Distance::Column { metres }) => vec![metres],
        Some(Distance::Coordinates { from, to }) => vec![&from.lat, &from.lon, &to.lat, &to.lon],
        Some(Distance::Places { ends, .. } | Distance::Network { ends, .. } | Distance::Hops { ends, .. }) => {
            vec![&ends.from, &ends.to]
        }
    }
}

/// The first 8 bytes of SHA-256 over `client:rider`, big-endian, with the top bit cleared.
fn hashed(client: &Name, rider: &str) -> UserId {
    let digest = Sha256::digest(format!("{client}:{rider}").as_bytes());
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    UserId::from_stored(i64::from_be_bytes(first) & i64::MAX)
}

#[cfg(test)]
mod tests;
