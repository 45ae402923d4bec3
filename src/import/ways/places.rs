//! A list of places with their coordinates: how far it is from one to another as the crow flies.

use crate::distance::Coordinates;
use crate::import::profile::PlaceList;
use crate::import::rows::{OpenError, Record, Records, open, text};
use crate::import::table::{ColumnsError, Table};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Places by id.
pub(super) struct Places(HashMap<String, Coordinates>);

/// Why a list of places cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// It cannot be opened.
    #[error("the list of places")]
    Open(#[from] OpenError),
    /// It lacks a column.
    #[error("the list of places {path}")]
    Columns {
        /// The file.
        path: PathBuf,
        /// Which.
        source: ColumnsError,
    },
    /// It cannot be read to its end.
    #[error("the list of places {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A line makes no sense.
    #[error("the list of places {path}, line {line}: {detail}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong.
        detail: String,
    },
}

impl Places {
    /// Reads the list. Ids are texts; one that comes twice must lie at one place.
    pub(super) fn load(list: &PlaceList) -> Result<Self, PlacesError> {
        let path = || list.path.clone();
        let read = |source| PlacesError::Read { path: path(), source };
        let input = open(&list.path, Arc::default())?;
        let shape = &list.shape;
        let mut records = Records::new(input, shape.delimiter, shape.preamble_lines).map_err(read)?;
        let table = Table::of(&mut records, shape).map_err(read)?;
        let columns = |source| PlacesError::Columns { path: path(), source };
        let wanted = [&*list.id, &*list.point.lat, &*list.point.lon];
        let [id, lat, lon] = table.columns(wanted).map_err(columns)?;
        let mut places = HashMap::new();
        let mut record = Record::default();
        while records.next(&mut record).map_err(read)? {
            let field = |index| record.field(index).and_then(|bytes| text(bytes, shape.encoding));
            let wrong = |detail: String| line(&list.path, record.line, detail);
            if record.broken || record.len() != table.width() {
                return Err(wrong(format!(
                    "{} fields, the header has {}",
                    record.len(),
                    table.width()
                )));
            }
            let (Some(id), Some(lat), Some(lon)) = (field(id), field(lat), field(lon)) else {
                return Err(wrong("a field is not in the encoding of the profile".to_owned()));
            };
            let point = Coordinates::parse(&lat, &lon).map_err(|error| wrong(error.to_string()))?;
            if let Some(other) = places.insert(id.clone().into_owned(), point)
                && other != point
            {
                return Err(wrong(format!("the place {id:?} was at {other} before")));
            }
        }
        Ok(Self(places))
    }

    /// Whole metres; `None` if one of the two is not listed.
    pub(super) fn between(&self, from: &str, to: &str) -> Option<u64> {
        Some(self.0.get(from)?.metres_to(*self.0.get(to)?))
    }
}

fn line(path: &Path, line: u64, detail: String) -> PlacesError {
    PlacesError::Line {
        path: path.to_owned(),
        line,
        detail,
    }
}
