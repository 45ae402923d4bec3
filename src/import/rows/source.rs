//! Opens a file, gzipped or not, and counts what has been read of it.

use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const BUFFER: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How far the files have been read, for whoever watches.
#[derive(Debug, Default)]
pub struct Meter {
    /// Bytes, as they lie on the disk.
    pub bytes: AtomicU64,
    /// Rows.
    pub rows: AtomicU64,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there or may not be read.
    #[error("{path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Its name promises what it is not.
    #[error("{path} is named .gz but is not gzipped; rename it, or gzip it")]
    NotGzip {
        /// The file.
        path: PathBuf,
    },
}

/// Opens a file. What begins like gzip is unpacked, whatever its name; what is named `.gz` must be.
pub fn open(path: &Path, meter: Arc<Meter>) -> Result<Box<dyn BufRead + Send>, OpenError> {
    let io = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(io(io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes = BufReader::with_capacity(BUFFER, Counted { file, meter });
    let gzipped = bytes.fill_buf().map_err(io)?.starts_with(&GZIP_MAGIC);
    if gzipped {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(bytes))));
    }
    if path.extension().is_some_and(|extension| extension == "gz") {
        return Err(OpenError::NotGzip { path: path.to_owned() });
    }
    Ok(Box::new(bytes))
}

struct Counted {
    file: File,
    meter: Arc<Meter>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let more = u64::try_from(count).unwrap_or(u64::MAX);
        self.meter.bytes.fetch_add(more, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_told_by_its_bytes_and_members_follow_each_other() {
        let bytes = [gzip("a\n"), gzip("b\n")].concat();
        for name in ["a.csv.gz", "a.csv"] {
            let (_folder, path) = written(name, &bytes);
            let meter = Arc::new(Meter::default());
            let mut text = String::new();
            open(&path, Arc::clone(&meter))
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "a\nb\n");
            assert_eq!(meter.bytes.load(Ordering::Relaxed), bytes.len() as u64);
        }
        let (_folder, path) = written("a.gz", b"a\n");
        assert!(matches!(open(&path, Arc::default()), Err(OpenError::NotGzip { .. })));
        let (_folder, path) = written("a.gz", &bytes[..bytes.len() - 6]);
        assert!(
            open(&path, Arc::default())
                .unwrap()
                .read_to_end(&mut Vec::new())
                .is_err()
        );
        assert!(matches!(
            open(&path.join("none"), Arc::default()),
            Err(OpenError::Io { .. })
        ));
    }
}
