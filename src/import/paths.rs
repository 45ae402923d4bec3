//! Paths that stand inside a profile or a network file.

use std::path::{Path, PathBuf};

/// The one variable that is expanded.
const SHARED: &str = "${SHARED_DIR}";

/// Where the paths of one file lead.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The folder of the file: relative paths start there.
    folder: PathBuf,
    /// What the variable stands for.
    shared: PathBuf,
}

impl Paths {
    /// The paths inside `file`.
    pub fn of(file: &Path, shared: &Path) -> Self {
        Self {
            folder: file.parent().map(Path::to_owned).unwrap_or_default(),
            shared: shared.to_owned(),
        }
    }

    /// The path as the system knows it; `Err` says what is wrong with it.
    pub fn expand(&self, text: &str) -> Result<PathBuf, String> {
        if let Some(rest) = text.strip_prefix(SHARED) {
            let inside = rest.strip_prefix('/').filter(|inside| !inside.contains("${"));
            return inside
                .map(|inside| self.shared.join(inside))
                .ok_or_else(|| format!("{text:?} must go on with a slash after {SHARED}"));
        }
        if text.contains("${") {
            return Err(format!("{text:?}: only {SHARED} at the start is expanded"));
        }
        Ok(self.folder.join(text))
    }

    /// The folder that the variable stands for.
    pub fn shared(&self) -> &Path {
        &self.shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_and_paths_beside_the_file() {
        let paths = Paths::of(Path::new("/etc/profiles/a.toml"), Path::new("/srv/shared"));
        let cases = [
            ("b.csv", "/etc/profiles/b.csv"),
            ("../b.csv", "/etc/profiles/../b.csv"),
            ("/b.csv", "/b.csv"),
            ("${SHARED_DIR}/data/b.csv", "/srv/shared/data/b.csv"),
        ];
        for (text, path) in cases {
            assert_eq!(paths.expand(text), Ok(PathBuf::from(path)), "{text}");
        }
        for text in [
            "${HOME}/b.csv",
            "a/${SHARED_DIR}/b",
            "${SHARED_DIR}b",
            "${SHARED_DIR}/${A}",
        ] {
            assert!(paths.expand(text).is_err(), "{text}");
        }
    }
}
