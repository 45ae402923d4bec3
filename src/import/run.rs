//! One import from its first row to its last answer.

use super::gateway::Gateway;
use super::job::Job;
use super::lanes::{LaneError, Lanes};
use super::reader::{ReadError, Reader};
use super::rejects::Rejects;
use super::rows::Meter;
use super::tally::Tally;
use crate::lifecycle::Lifecycle;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Parcels between the thread that reads and the lanes.
const PARCELS: usize = 8;

/// What an import works with.
pub struct Import {
    /// What is to be imported.
    pub job: Arc<Job>,
    /// Who takes the trips.
    pub gateway: Arc<Gateway>,
    /// Where malformed rows go.
    pub rejects: Option<Arc<Rejects>>,
    /// Shows how far it is.
    pub meter: Arc<Meter>,
}

/// What an import did, to whatever end it came.
#[derive(Debug)]
pub struct Done {
    /// What it counted. Rows that were read and never answered are in `read` only.
    pub tally: Tally,
    /// Why it is not everything.
    pub error: Option<ImportError>,
}

/// Why an import did not come to its end. What was answered is stored; running it again does the rest.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Reading broke off.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Booking broke off.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// The thread that reads has ended with a fault.
    #[error("the reader broke down")]
    Reader,
    /// The stop was asked for.
    #[error("stopped on request")]
    Stopped,
}

impl ImportError {
    /// Whether running it again does the rest, with nothing mended first.
    pub fn is_work_left(&self) -> bool {
        match self {
            Self::Stopped => true,
            Self::Lane(error) => matches!(error, LaneError::Away(_) | LaneError::Stopped(_)),
            Self::Read(_) | Self::Reader => false,
        }
    }
}

impl Import {
    /// Reads everything and waits for every answer, or for the stop.
    pub async fn run(&self, lifecycle: &Lifecycle) -> Done {
        let (out, mut parcels) = mpsc::channel(PARCELS);
        let reader = Reader {
            job: Arc::clone(&self.job),
            out,
            rejects: self.rejects.clone(),
            meter: Arc::clone(&self.meter),
        };
        let reading = tokio::task::spawn_blocking(move || reader.run());
        let lanes = Lanes::start(&self.gateway, self.rejects.as_ref(), lifecycle);
        let soft = lifecycle.soft();
        let mut stopped = None;
        'parcels: loop {
            let parcel = tokio::select! {
                biased;
                () = soft.cancelled() => {
                    stopped = Some(ImportError::Stopped);
                    break;
                }
                parcel = parcels.recv() => parcel,
            };
            let Some(parcel) = parcel else { break };
            for order in parcel {
                if !lanes.send(order).await {
                    break 'parcels;
                }
            }
        }
        // The thread ends as soon as nobody takes what it reads.
        drop(parcels);
        let (mut tally, lane_error) = lanes.finish().await;
        let read_error = match reading.await {
            Ok(Ok(read)) => {
                tally.add(read);
                None
            }
            Ok(Err(error)) => Some(error.into()),
            Err(_) => Some(ImportError::Reader),
        };
        let flushed = self.rejects.as_ref().map_or(Ok(()), |rejects| rejects.flush());
        let flushed = flushed.err().map(|error| ReadError::Rejects(error).into());
        let lane_error = lane_error.map(ImportError::from);
        Done {
            tally,
            error: lane_error.or(read_error).or(stopped).or(flushed),
        }
    }
}
