//! The thread that reads: file by file, row by row, rides out in small parcels. It waits when nobody takes them.

use super::gateway::Order;
use super::job::{DataFile, Job};
use super::rejects::Rejects;
use super::ride::{Plan, Row};
use super::rows::{Meter, OpenError, Record, Records, open};
use super::table::{ColumnsError, Table};
use super::tally::{Place, Tally};
use super::ways::{Way, WayError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// Rides in one parcel.
const PARCEL: usize = 256;

/// Why reading ended before its end. What was read until then is booked.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that could be opened before cannot be now.
    #[error("a file cannot be opened any more")]
    Open(#[from] OpenError),
    /// A file that the profile names cannot be used any more.
    #[error("a file that the profile names cannot be used any more")]
    Way(#[from] WayError),
    /// The columns have changed.
    #[error("{path} does not fit the profile any more")]
    Columns {
        /// The file.
        path: PathBuf,
        /// Which column.
        source: ColumnsError,
    },
    /// The file breaks off.
    #[error("{path} cannot be read after line {line}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The last line that was read.
        line: u64,
        /// The system's word.
        source: std::io::Error,
    },
    /// The file of rejected rows cannot be written.
    #[error("the rejects cannot be written")]
    Rejects(#[source] std::io::Error),
}

/// What the thread works with.
pub(super) struct Reader {
    /// The job.
    pub(super) job: Arc<Job>,
    /// Where rides go.
    pub(super) out: mpsc::Sender<Vec<Order>>,
    /// Where malformed rows go.
    pub(super) rejects: Option<Arc<Rejects>>,
    /// Shows how far it is.
    pub(super) meter: Arc<Meter>,
}

impl Reader {
    /// Reads until the end of the last file, or until nobody takes what is read.
    pub(super) fn run(self) -> Result<Tally, ReadError> {
        let mut tally = Tally::default();
        let mut way = self.job.way()?;
        for (index, file) in self.job.files.iter().enumerate() {
            if !self.read_file((index, file), way.as_mut(), &mut tally)? {
                break;
            }
        }
        if let Some(rejects) = &self.rejects {
            rejects.flush().map_err(ReadError::Rejects)?;
        }
        Ok(tally)
    }

    /// `false` if nobody takes what is read.
    fn read_file(
        &self,
        (index, file): (usize, &DataFile),
        mut way: Option<&mut Way>,
        tally: &mut Tally,
    ) -> Result<bool, ReadError> {
        let broken = |line| {
            move |source| ReadError::Broken {
                path: file.path.clone(),
                line,
                source,
            }
        };
        let profile = &self.job.profile;
        let input = open(&file.path, Arc::clone(&self.meter))?;
        let mut records =
            Records::new(input, profile.file.delimiter, profile.file.preamble_lines).map_err(broken(0))?;
        let table = Table::of(&mut records, &profile.file).map_err(broken(0))?;
        let plan = Plan::new(profile, &table, file.date.clone()).map_err(|source| ReadError::Columns {
            path: file.path.clone(),
            source,
        })?;
        let mut record = Record::default();
        let mut parcel = Vec::with_capacity(PARCEL);
        loop {
            let last = record.line;
            let more = records.next(&mut record).map_err(broken(last));
            let more = match more {
                Ok(more) => more,
                Err(error) => {
                    // What was read before the break is booked all the same.
                    let _nobody = self.out.blocking_send(parcel);
                    return Err(error);
                }
            };
            if !more {
                return Ok(self.out.blocking_send(parcel).is_ok());
            }
            tally.read += 1;
            self.meter.rows.fetch_add(1, Ordering::Relaxed);
            let place = Place {
                file: index,
                line: record.line,
            };
            match plan.row(&record, way.as_deref_mut()) {
                Row::Skipped => tally.skipped += 1,
                Row::Malformed(reason) => {
                    tally.malformed(place, reason.as_str());
                    if let Some(rejects) = &self.rejects {
                        let written = rejects.write(place, reason.as_str(), &record.text);
                        written.map_err(ReadError::Rejects)?;
                    }
                }
                Row::Ride(ride) => {
                    let text = self.rejects.as_ref().map(|_| record.text.as_slice().into());
                    parcel.push(Order { ride, place, text });
                }
            }
            if parcel.len() == PARCEL {
                let full = std::mem::replace(&mut parcel, Vec::with_capacity(PARCEL));
                if self.out.blocking_send(full).is_err() {
                    return Ok(false);
                }
            }
        }
    }
}
