//! Numbered stations and which of them are neighbours: how many stretches lie between two.

use crate::import::profile::Encoding;
use crate::import::ride::Reason;
use crate::import::rows::{OpenError, Record, Records, open, text};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Stations of one square; the table of distances has the square of it.
const MOST_STATIONS: usize = 5_000;

/// Stretches between every two stations; `None` where no way leads.
pub(super) struct Hops(Vec<Vec<Option<u32>>>);

/// Why a square of stretches cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HopsError {
    /// It cannot be opened.
    #[error("the adjacency")]
    Open(#[from] OpenError),
    /// It cannot be read to its end.
    #[error("the adjacency {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is no square of numbers.
    #[error("the adjacency {path}: {detail}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

impl Hops {
    /// Reads the square: row and column n are station n, other than 0 is a stretch, which is gone both ways.
    pub(super) fn load(path: &Path) -> Result<Self, HopsError> {
        let shape = |detail| HopsError::Shape {
            path: path.to_owned(),
            detail,
        };
        let read = |source| HopsError::Read {
            path: path.to_owned(),
            source,
        };
        let mut records = Records::new(open(path, Arc::default())?, b',', 0).map_err(read)?;
        let mut record = Record::default();
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        let (mut width, mut rows) = (0, 0);
        while records.next(&mut record).map_err(read)? {
            if rows == 0 {
                width = record.len();
            }
            if record.len() != width || rows == width || width > MOST_STATIONS {
                return Err(shape(format!(
                    "line {}: must be a square of at most {MOST_STATIONS} rows; the first has {width} numbers, this one {}",
                    record.line,
                    record.len()
                )));
            }
            for column in 0..width {
                let field = record.field(column).and_then(|bytes| text(bytes, Encoding::Utf8));
                let number: Option<f64> = field.and_then(|field| field.parse().ok());
                match number {
                    Some(0.0) => {}
                    Some(_) => stretches.push((rows, column)),
                    None => {
                        return Err(shape(format!(
                            "line {}, column {}: not a number",
                            record.line,
                            column + 1
                        )));
                    }
                }
            }
            rows += 1;
        }
        if rows != width || rows == 0 {
            return Err(shape(format!("{rows} rows of {width} numbers are no square")));
        }
        Ok(Self::from_stretches(width, &stretches))
    }

    fn from_stretches(stations: usize, stretches: &[(usize, usize)]) -> Self {
        let mut neighbours = vec![Vec::new(); stations];
        for &(one, other) in stretches {
            for (here, there) in [(one, other), (other, one)] {
                if let Some(list) = neighbours.get_mut(here) {
                    list.push(there);
                }
            }
        }
        Self((0..stations).map(|start| reach(start, &neighbours)).collect())
    }

    /// Stretches between two station numbers, from 1 on.
    pub(super) fn between(&self, from: &str, to: &str) -> Result<u64, Reason> {
        let index = |text: &str| {
            let number: Option<usize> = text.parse().ok();
            let index = number.and_then(|number| number.checked_sub(1));
            index
                .filter(|index| *index < self.0.len())
                .ok_or(Reason::UnknownStation)
        };
        let (from, to) = (index(from)?, index(to)?);
        let hops = self.0.get(from).and_then(|row| row.get(to)).copied().flatten();
        hops.map(u64::from).ok_or(Reason::NoRoute)
    }
}

/// Fewest stretches from a station to every other.
fn reach(start: usize, neighbours: &[Vec<usize>]) -> Vec<Option<u32>> {
    let mut reached = vec![None; neighbours.len()];
    let mut next = VecDeque::from([(start, 0_u32)]);
    while let Some((here, hops)) = next.pop_front() {
        match reached.get_mut(here) {
            Some(place @ None) => *place = Some(hops),
            _ => continue,
        }
        let further = neighbours.get(here).into_iter().flatten();
        next.extend(further.map(|there| (*there, hops.saturating_add(1))));
    }
    reached
}
