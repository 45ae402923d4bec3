//! What is to be imported: a profile and files, checked as far as can be before anything is booked.

use super::paths::Paths;
use super::profile::time::ServiceDate;
use super::profile::{Profile, ProfileError};
use super::ride::Plan;
use super::rows::{OpenError, Records, open};
use super::table::{ColumnsError, Table};
use super::ways::{Way, WayError};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A profile with the files that it reads.
pub struct Job {
    /// The profile.
    pub profile: Profile,
    /// The files, in the order given.
    pub files: Vec<DataFile>,
    shared: PathBuf,
}

/// A file of rows.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is called in lists: its name, or, where two have the same, its path.
    pub name: String,
    /// The service date of its rows.
    pub date: Option<ServiceDate>,
}

/// Why nothing can be imported.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The profile cannot be read.
    #[error("the profile {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The profile is wrong.
    #[error("the profile {path}:{source}")]
    Profile {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        source: ProfileError,
    },
    /// A file that the profile names cannot be used.
    #[error("the profile {path} names a file that cannot be used")]
    Way {
        /// The profile.
        path: PathBuf,
        /// Which, and why.
        source: WayError,
    },
    /// Dates that do not go with the files.
    #[error("--date: {0}")]
    Dates(String),
    /// A file cannot be opened.
    #[error("a file cannot be opened")]
    Open(#[from] OpenError),
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file lacks a column.
    #[error("{path} does not fit the profile")]
    Columns {
        /// The file.
        path: PathBuf,
        /// Which column.
        source: ColumnsError,
    },
}

impl Job {
    /// Reads the profile, opens every file and finds its columns. `dates` are service dates, one for each file.
    pub fn prepare(profile: &Path, files: &[PathBuf], dates: &[String], shared: &Path) -> Result<Self, JobError> {
        let path = || profile.to_owned();
        let bytes = std::fs::read(profile).map_err(|source| JobError::Unreadable { path: path(), source })?;
        let parsed = Profile::parse(&bytes, &Paths::of(profile, shared));
        let parsed = parsed.map_err(|source| JobError::Profile { path: path(), source })?;
        let dates = service_dates(&parsed, files, dates)?;
        let names: Vec<String> = files.iter().map(|file| base_name(file)).collect();
        let unique = names.iter().collect::<BTreeSet<_>>().len() == names.len();
        let files = files.iter().zip(names).zip(dates).map(|((path, name), date)| DataFile {
            path: path.clone(),
            name: if unique { name } else { path.display().to_string() },
            date,
        });
        let job = Self {
            files: files.collect(),
            profile: parsed,
            shared: shared.to_owned(),
        };
        job.way().map_err(|source| JobError::Way { path: path(), source })?;
        for file in &job.files {
            let read = |source| JobError::Read {
                path: file.path.clone(),
                source,
            };
            let shape = &job.profile.file;
            let input = open(&file.path, Arc::default())?;
            let mut records = Records::new(input, shape.delimiter, shape.preamble_lines).map_err(read)?;
            let table = Table::of(&mut records, shape).map_err(read)?;
            Plan::new(&job.profile, &table, None).map_err(|source| JobError::Columns {
                path: file.path.clone(),
                source,
            })?;
        }
        Ok(job)
    }

    /// What says how far, if the profile has it.
    pub fn way(&self) -> Result<Option<Way>, WayError> {
        let distance = self.profile.distance.as_ref();
        distance.map(|distance| Way::load(distance, &self.shared)).transpose()
    }

    /// The names of the files, in their order.
    pub fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.clone()).collect()
    }

    /// Bytes of all files, as they lie on the disk.
    pub fn size(&self) -> u64 {
        let sizes = self.files.iter().filter_map(|file| std::fs::metadata(&file.path).ok());
        sizes.map(|metadata| metadata.len()).sum()
    }
}

fn service_dates(profile: &Profile, files: &[PathBuf], dates: &[String]) -> Result<Vec<Option<ServiceDate>>, JobError> {
    if !profile.needs_date() {
        if dates.is_empty() {
            return Ok(vec![None; files.len()]);
        }
        return Err(JobError::Dates(
            "the profile takes no service date; leave it out".to_owned(),
        ));
    }
    if dates.len() != files.len() {
        return Err(JobError::Dates(format!(
            "the profile takes the service date from outside, once for each file in order; {} for {} files",
            dates.len(),
            files.len()
        )));
    }
    let dates = dates.iter().map(|text| {
        let date = ServiceDate::parse(text, &profile.time.zone);
        date.map(Some)
            .ok_or_else(|| JobError::Dates(format!("{text:?} must be a day such as 2016-02-29")))
    });
    dates.collect()
}

fn base_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
