//! Where the demo plays: a data folder that holds nothing yet, and an address that is free.

use super::super::{CommandError, output};
use crate::config::{Bind, Config};
use crate::folder::DataFolder;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Any port that is free.
const ANY_PORT: &str = "127.0.0.1:0";

/// The data folder of a demo.
pub(super) struct Scratch {
    /// Where.
    pub(super) root: PathBuf,
    /// Whether it goes with the demo.
    pub(super) is_temporary: bool,
}

impl Scratch {
    /// The folder that was given, which must hold nothing, or a new one among the system's temporary files.
    pub(super) fn new(given: Option<PathBuf>) -> Result<Self, CommandError> {
        if let Some(root) = given {
            return match fs::read_dir(&root).map(|mut entries| entries.next().is_none()) {
                Ok(true) => Ok(Self::kept(root)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::kept(root)),
                Ok(false) => Err(CommandError::Use(format!(
                    "--data {}: the folder is not empty; the demo adds up a day from its beginning, so name a new or empty folder, \
                     or none for a temporary one",
                    root.display()
                ))),
                Err(error) => Err(CommandError::Use(format!("--data {}: {error}", root.display()))),
            };
        }
        let root = std::env::temp_dir().join(format!("carbon-gateway-demo-{:08x}", rand::random::<u32>()));
        let mut builder = fs::DirBuilder::new();
        builder.mode(0o700).create(&root).map_err(|source| CommandError::Io {
            action: "making a temporary folder",
            source,
        })?;
        Ok(Self {
            root,
            is_temporary: true,
        })
    }

    const fn kept(root: PathBuf) -> Self {
        Self {
            root,
            is_temporary: false,
        }
    }

    /// The same as a data folder.
    pub(super) fn folder(&self) -> DataFolder {
        DataFolder::new(&self.root)
    }

    /// Ends the folder, unless somebody shall look into it.
    pub(super) fn end(self, is_wanted: bool) {
        if !self.is_temporary {
            return;
        }
        if is_wanted {
            output::note(&format!("the data is left in {}", self.root.display()));
        } else if let Err(error) = fs::remove_dir_all(&self.root) {
            output::note(&format!("the folder {} was not removed: {error}", self.root.display()));
        }
    }
}

/// Takes another port where somebody listens on the one that is set, and says so.
pub(super) fn free_address(config: &mut Config) {
    let taken = TcpListener::bind(config.http.bind.as_str());
    if taken.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
        && let Ok(bind) = Bind::try_from(ANY_PORT.to_owned())
    {
        output::note(&format!(
            "{} is taken, so the demo serves on a port that is free",
            config.http.bind
        ));
        config.http.bind = bind;
    }
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if is_plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
