//! Cuts a file into records and numbers their lines. The first line is 1; an empty line is no record but keeps its number.
//!
//! A field in quotes may hold line breaks, within bounds: a quote that is not closed soon spoils its own line and no other.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};

/// The longest line that is kept; what is longer is no row of a table.
const LONGEST_LINE: usize = 1024 * 1024;
/// How far a quote is looked for that closes an open one.
const LONGEST_QUOTE: usize = 64 * 1024;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The records of one file.
pub struct Records<R> {
    input: R,
    parser: csv_core::Reader,
    delimiter: u8,
    line: u64,
    /// Lines that an open quote had swallowed and that are to be read again.
    again: VecDeque<(u64, Vec<u8>)>,
}

/// A record: its line, its text as it stands, its fields.
#[derive(Debug, Default)]
pub struct Record {
    /// Number of its first line.
    pub line: u64,
    /// As it stands in the file, without the line's end.
    pub text: Vec<u8>,
    /// It cannot be taken apart: too long, or a quote that is not closed.
    pub broken: bool,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Record {
    /// How many fields.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A field without the spaces round it.
    pub fn field(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(..self.count)?.get(index)?;
        let start = match index.checked_sub(1) {
            None => 0,
            Some(before) => *self.ends.get(before)?,
        };
        self.fields.get(start..end).map(trimmed)
    }
}

impl<R: BufRead> Records<R> {
    /// The records of `input`, whose first lines are no rows. A byte order mark is dropped.
    pub fn new(input: R, delimiter: u8, preamble_lines: u64) -> io::Result<Self> {
        let mut records = Self {
            input,
            parser: parser(delimiter),
            delimiter,
            line: 0,
            again: VecDeque::new(),
        };
        for _ in 0..preamble_lines {
            if records.read_line()?.is_none() {
                break;
            }
        }
        Ok(records)
    }

    /// Reads the next record; `false` at the end of the file.
    pub fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        let (line, text, whole) = loop {
            match self.read_line()? {
                None => return Ok(false),
                Some((_, text, _)) if text.is_empty() => {}
                Some(found) => break found,
            }
        };
        record.line = line;
        record.count = 0;
        record.broken = !whole;
        record.text = text;
        if !whole || self.take_apart(record) {
            return Ok(true);
        }
        self.follow_quote(record)?;
        Ok(true)
    }

    /// An open quote: the record goes on in the next lines, unless they do not close it.
    fn follow_quote(&mut self, record: &mut Record) -> io::Result<()> {
        let first = record.text.len();
        let mut swallowed = VecDeque::new();
        while record.text.len() <= LONGEST_QUOTE
            && let Some((line, text, whole)) = self.read_line()?
        {
            if whole {
                record.text.push(b'\n');
                record.text.extend_from_slice(&text);
                // Only a quote can close a quote; looking again after every line would take the square of the time.
                let may_close = text.contains(&b'"');
                swallowed.push_back((line, text));
                if may_close {
                    self.parser = parser(self.delimiter);
                    if self.take_apart(record) {
                        return Ok(());
                    }
                }
            } else {
                swallowed.push_back((line, text));
                break;
            }
        }
        swallowed.append(&mut self.again);
        self.again = swallowed;
        self.parser = parser(self.delimiter);
        record.text.truncate(first);
        record.count = 0;
        record.broken = true;
        Ok(())
    }

    /// Takes the text apart; `false` if it ends inside a quote.
    fn take_apart(&mut self, record: &mut Record) -> bool {
        record.fields.resize(record.text.len() + 1, 0);
        record.ends.resize(record.ends.len().max(32), 0);
        let (mut read, mut written, mut fields) = (0, 0, 0);
        loop {
            let rest = record.text.get(read..).unwrap_or_default();
            let rest = if rest.is_empty() { b"\n" } else { rest };
            let output = record.fields.get_mut(written..).unwrap_or_default();
            let ends = record.ends.get_mut(fields..).unwrap_or_default();
            let (result, more_read, more_written, more_fields) = self.parser.read_record(rest, output, ends);
            read += more_read;
            written += more_written;
            fields += more_fields;
            match result {
                csv_core::ReadRecordResult::InputEmpty if read > record.text.len() => return false,
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::OutputFull => record.fields.resize(record.fields.len() * 2, 0),
                csv_core::ReadRecordResult::OutputEndsFull => record.ends.resize(record.ends.len() * 2, 0),
                csv_core::ReadRecordResult::Record | csv_core::ReadRecordResult::End => {
                    record.count = fields;
                    return true;
                }
            }
        }
    }

    /// The next line without its end: number, text, and whether it is kept whole.
    fn read_line(&mut self) -> io::Result<Option<(u64, Vec<u8>, bool)>> {
        if let Some((line, text)) = self.again.pop_front() {
            let whole = text.len() < LONGEST_LINE;
            return Ok(Some((line, text, whole)));
        }
        let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        let mut text = Vec::new();
        if self.input.by_ref().take(limit).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let whole = text.len() < LONGEST_LINE || text.ends_with(b"\n");
        if !whole {
            self.skip_line()?;
        }
        if text.ends_with(b"\n") {
            text.pop();
            if text.ends_with(b"\r") {
                text.pop();
            }
        }
        if self.line == 1 && text.starts_with(BOM) {
            text.drain(..BOM.len());
        }
        Ok(Some((self.line, text, whole)))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let found = buffer.iter().position(|byte| *byte == b'\n');
            let (used, done) = match found {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(used);
            if done {
                return Ok(());
            }
        }
    }
}

fn parser(delimiter: u8) -> csv_core::Reader {
    csv_core::ReaderBuilder::new()
        .delimiter(delimiter)
        .terminator(csv_core::Terminator::Any(b'\n'))
        .build()
}

fn trimmed(mut field: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = field {
        field = rest;
    }
    field
}

#[cfg(test)]
mod tests;
