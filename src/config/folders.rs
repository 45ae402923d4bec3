//! The one folder that files of ours may name by a variable: data that several installations share.

use std::env;
use std::path::PathBuf;

/// Where `${SHARED_DIR}` leads: the environment variable of that name, else `../shared` from the working directory.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here, on behalf of the files that name the variable"
)]
pub fn shared_dir() -> PathBuf {
    match env::var_os("SHARED_DIR") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from("../shared"),
    }
}
