//! The library: every parameter set and factor table at hand, each frozen under its id, version and digest.
//!
//! Nothing is read from disk here; the shipped sets are compiled in and others come as bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::methodology::document::Kind;
use crate::methodology::golden::Example;
use crate::methodology::set::Methodology;
use crate::methodology::table::FactorTable;

/// The worked examples of the shipped sets.
pub const EXAMPLES: &str = include_str!("../data/golden.csv");

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => { [$(($name, include_bytes!(concat!("../data/", $name)).as_slice())),+] };
}

/// The shipped files.
const SHIPPED: [(&str, &[u8]); 15] = shipped![
    "cn-bj-travel-2019.json",
    "cn-cq-shared-ebike-2023.json",
    "cn-gz-metro-2015.json",
    "cn-hello-two-wheel-2022.json",
    "cn-jjj-low-carbon-travel-2024.json",
    "cn-sz-public-transport-2021.json",
    "cn-wh-tantan-2021.json",
    "cn-wh-wutan-2023.json",
    "ev-energy-displacement-example.json",
    "generic-be-pe-le.json",
    "table-cn-grid-electricity.json",
    "table-uk-desnz-2023.json",
    "table-uk-desnz-2026.json",
    "uk-modal-shift-2026.json",
    "golden.csv",
];

/// Why a file cannot be taken into the library, or why something is not in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LibraryError {
    /// The file is not of the shape of a set or table.
    #[error("{file}: {path}: {detail}")]
    Malformed {
        /// Name of the file.
        file: String,
        /// Where in the file.
        path: String,
        /// What is wrong there.
        detail: String,
    },
    /// The file has the shape but makes no sense.
    #[error("{file}: {}", mistakes.join("; "))]
    Invalid {
        /// Name of the file.
        file: String,
        /// Everything that is wrong, one sentence each.
        mistakes: Vec<String>,
    },
    /// Something else is in the library under that id and version already.
    #[error("{file}: {id} {version} is frozen and differs; give the changed set a new version")]
    Frozen {
        /// Name of the file.
        file: String,
        /// The id.
        id: String,
        /// The version.
        version: String,
    },
    /// A worked example does not come out as stated.
    #[error("{file}: example {case}: {detail}")]
    Example {
        /// Name of the file.
        file: String,
        /// The example.
        case: String,
        /// What differs.
        detail: String,
    },
    /// Nothing of that id and version.
    #[error("no methodology {id} {version}")]
    Unknown {
        /// The id asked for.
        id: String,
        /// The version asked for.
        version: String,
    },
}

/// All sets and tables by id and version.
#[derive(Clone, Debug, Default)]
pub struct Library {
    methodologies: BTreeMap<(String, String), Arc<Methodology>>,
    tables: BTreeMap<(String, String), Arc<FactorTable>>,
}

impl Library {
    /// The shipped sets and tables, with their worked examples computed again.
    pub fn builtin() -> Result<Self, LibraryError> {
        Self::default().load_dir(SHIPPED)
    }

    /// Takes in the files of a folder: sets and tables (`.json`) and worked examples (`.csv`); other names are passed
    /// over. A file that is in the library already, byte for byte, changes nothing.
    pub fn load_dir<N, B>(mut self, files: impl IntoIterator<Item = (N, B)>) -> Result<Self, LibraryError>
    where
        N: Into<String>,
        B: Into<Vec<u8>>,
    {
        let (mut sets, mut examples) = (Vec::new(), Vec::new());
        for (name, bytes) in files {
            let (file, bytes) = (name.into(), bytes.into());
            match file.rsplit_once('.').map(|(_, extension)| extension) {
                Some("json") => match parse::<Head>(&file, &bytes)?.kind {
                    Kind::FactorTable => self.take_table(&file, bytes)?,
                    Kind::Methodology => sets.push((file, bytes)),
                },
                Some("csv") => examples.push((file, bytes)),
                _ => {}
            }
        }
        // Sets refer to tables and examples to sets, so they wait for each other whatever the order of the files.
        for (file, bytes) in sets {
            self.take_set(&file, bytes)?;
        }
        for (file, bytes) in examples {
            self.check_examples(&file, &bytes)?;
        }
        Ok(self)
    }

    /// The set of that id and version.
    pub fn get(&self, id: &str, version: &str) -> Result<Arc<Methodology>, LibraryError> {
        let found = self.methodologies.get(&(id.to_owned(), version.to_owned()));
        found.cloned().ok_or_else(|| LibraryError::Unknown {
            id: id.to_owned(),
            version: version.to_owned(),
        })
    }

    /// All sets, by id and version.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Methodology>> {
        self.methodologies.values()
    }

    /// All tables, by id and version.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<FactorTable>> {
        self.tables.values()
    }

    fn take_table(&mut self, file: &str, bytes: Vec<u8>) -> Result<(), LibraryError> {
        let digest = Sha256::digest(&bytes).into();
        let table =
            FactorTable::freeze(parse(file, &bytes)?, bytes, digest).map_err(|mistakes| LibraryError::Invalid {
                file: file.to_owned(),
                mistakes,
            })?;
        let key = (table.id().to_owned(), table.version().to_owned());
        match self.tables.get(&key) {
            Some(known) if known.digest() != digest => Err(frozen(file, key)),
            Some(_) => Ok(()),
            None => {
                self.tables.insert(key, Arc::new(table));
                Ok(())
            }
        }
    }

    fn take_set(&mut self, file: &str, bytes: Vec<u8>) -> Result<(), LibraryError> {
        let digest = Sha256::digest(&bytes).into();
        let document = parse(file, &bytes)?;
        let methodology =
            Methodology::freeze(document, bytes, digest, |name| self.find_table(name)).map_err(|mistakes| {
                LibraryError::Invalid {
                    file: file.to_owned(),
                    mistakes,
                }
            })?;
        let key = (methodology.id().to_owned(), methodology.version().to_owned());
        match self.methodologies.get(&key) {
            Some(known) if known.digest() != digest => Err(frozen(file, key)),
            Some(_) => Ok(()),
            None => {
                self.methodologies.insert(key, Arc::new(methodology));
                Ok(())
            }
        }
    }

    /// The table of that `id`, or `id@version`. An id alone must be clear: a set that silently took up a newer table
    /// would give other figures under the same digest.
    fn find_table(&self, name: &str) -> Result<Arc<FactorTable>, String> {
        let (id, version) = name
            .split_once('@')
            .map_or((name, None), |(id, version)| (id, Some(version)));
        let fits =
            |table: &&Arc<FactorTable>| table.id() == id && version.is_none_or(|version| table.version() == version);
        let mut found = self.tables.values().filter(fits);
        match (found.next(), found.next()) {
            (Some(table), None) => Ok(Arc::clone(table)),
            (Some(_), Some(_)) => Err(format!("several versions of table {id}; write {id}@version")),
            (None, _) => Err(format!("no table {name}")),
        }
    }

    fn check_examples(&self, file: &str, bytes: &[u8]) -> Result<(), LibraryError> {
        let malformed = |detail: String| LibraryError::Malformed {
            file: file.to_owned(),
            path: String::new(),
            detail,
        };
        let text = str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        for example in Example::read_all(text).map_err(malformed)? {
            let methodology = self.get(example.field("methodology_id"), example.field("version"))?;
            example.check(&methodology).map_err(|detail| LibraryError::Example {
                file: file.to_owned(),
                case: example.field("case_id").to_owned(),
                detail,
            })?;
        }
        Ok(())
    }
}

/// As much of a file as tells sets from tables.
#[derive(Deserialize)]
struct Head {
    kind: Kind,
}

fn parse<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, LibraryError> {
    let malformed = |path: String, detail: String| LibraryError::Malformed {
        file: file.to_owned(),
        path,
        detail,
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| malformed(error.path().to_string(), error.inner().to_string()))?;
    reader
        .end()
        .map_err(|error| malformed(String::new(), error.to_string()))?;
    Ok(parsed)
}

fn frozen(file: &str, (id, version): (String, String)) -> LibraryError {
    LibraryError::Frozen {
        file: file.to_owned(),
        id,
        version,
    }
}

#[cfg(test)]
mod tests;
