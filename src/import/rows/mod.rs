//! Files of rows: opened, unpacked, cut into records. One record is in memory at a time, whatever the file holds.

mod records;
mod source;

pub use records::{Record, Records};
pub use source::{Meter, OpenError, open};

use super::profile::Encoding;
use std::borrow::Cow;

/// A field as text; `None` if the bytes mean nothing in the encoding.
pub fn text(bytes: &[u8], encoding: Encoding) -> Option<Cow<'_, str>> {
    match encoding {
        Encoding::Utf8 => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Encoding::Latin1 if bytes.is_ascii() => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Encoding::Latin1 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}
