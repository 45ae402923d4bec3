//! The file of rows that could not be trips: file, line, reason, text, as CSV.

use super::tally::Place;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The file; rows come from several tasks.
pub struct Rejects {
    files: Vec<String>,
    out: Mutex<BufWriter<File>>,
}

impl Rejects {
    /// Makes the file, in place of one that is there. `files` are the names of the files imported.
    pub fn create(path: &Path, files: Vec<String>) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "file,line,reason,text")?;
        Ok(Self {
            files,
            out: Mutex::new(out),
        })
    }

    /// Writes a row; its text as it stands, a byte that is no UTF-8 as a replacement character.
    pub fn write(&self, place: Place, reason: &str, text: &[u8]) -> io::Result<()> {
        let file = self.files.get(place.file).map_or("", String::as_str);
        let text = String::from_utf8_lossy(text);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(
            out,
            "{},{},{},{}",
            quoted(file),
            place.line,
            quoted(reason),
            quoted(&text)
        )
    }

    /// Hands everything to the system.
    pub fn flush(&self) -> io::Result<()> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_so_that_a_table_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.csv");
        let rejects = Rejects::create(&path, vec!["a.csv".into()]).unwrap();
        rejects
            .write(Place { file: 0, line: 3 }, "field_count", b"1,\"2\"\xff")
            .unwrap();
        rejects.flush().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "file,line,reason,text\na.csv,3,field_count,\"1,\"\"2\"\"\u{fffd}\"\n"
        );
    }
}
