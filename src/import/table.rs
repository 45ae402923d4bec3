//! Which columns a file has, by name or by number, and where the ones that are wanted stand.

use super::profile::{Columns, FileShape};
use super::rows::{Record, Records, text};
use std::io::{self, BufRead};

/// The columns of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table(Vec<String>);

/// A column that is wanted and not to be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ColumnsError {
    /// None has the name.
    #[error("there is no column {}; there are {}", .missing.join(", "), .present.join(", "))]
    Missing {
        /// Names that were looked for.
        missing: Vec<String>,
        /// Names that there are.
        present: Vec<String>,
    },
    /// Several have it.
    #[error("there are several columns {0}")]
    Twice(String),
}

impl Table {
    /// The columns; where a header names them, it is read.
    pub fn of<R: BufRead>(records: &mut Records<R>, shape: &FileShape) -> io::Result<Self> {
        match shape.columns {
            Columns::Numbered(count) => Ok(Self((1..=count).map(|number| number.to_string()).collect())),
            Columns::Header => {
                let mut header = Record::default();
                if !records.next(&mut header)? {
                    return Ok(Self(Vec::new()));
                }
                let field = |index| header.field(index).and_then(|bytes| text(bytes, shape.encoding));
                let name = |index| field(index).unwrap_or_default().into_owned();
                Ok(Self((0..header.len()).map(name).collect()))
            }
        }
    }

    /// How many columns a row must have.
    pub fn width(&self) -> usize {
        self.0.len()
    }

    /// Where one column stands.
    pub fn column(&self, name: &str) -> Result<usize, ColumnsError> {
        let mut places = self.0.iter().enumerate().filter(|(_, own)| *own == name);
        match (places.next(), places.next()) {
            (Some((index, _)), None) => Ok(index),
            (Some(_), Some(_)) => Err(ColumnsError::Twice(name.to_owned())),
            (None, _) => Err(self.missing([name])),
        }
    }

    /// Where some columns stand; all that are missing are told at once.
    pub fn columns<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N], ColumnsError> {
        self.require(&names)?;
        let mut indexes = [0; N];
        for (index, name) in indexes.iter_mut().zip(names) {
            *index = self.column(name)?;
        }
        Ok(indexes)
    }

    /// Insists on columns.
    pub fn require(&self, names: &[&str]) -> Result<(), ColumnsError> {
        let mut missing: Vec<&str> = Vec::new();
        for name in names {
            if !self.0.iter().any(|own| own == name) && !missing.contains(name) {
                missing.push(name);
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(self.missing(missing))
        }
    }

    fn missing<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> ColumnsError {
        ColumnsError::Missing {
            missing: names.into_iter().map(|name| format!("{name:?}")).collect(),
            present: self.0.iter().map(|name| format!("{name:?}")).collect(),
        }
    }
}
