//! The canonical encoding of formats.md 1: fixed widths, length prefixes, one encoding for one value.

use crate::Hash;
use sha2::{Digest as _, Sha256};

/// Version byte of every document.
pub const VERSION: u8 = 1;

/// Builds canonical bytes. A length that its prefix cannot hold is remembered and refused by [`Encoder::finish`].
pub struct Encoder {
    bytes: Vec<u8>,
    too_long: bool,
}

/// Why bytes are not a canonical document, or a value has no canonical bytes.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum CodecError {
    /// A text, byte string or list is longer than its length prefix can say.
    #[error("a field is longer than its length prefix can say")]
    TooLong,
    /// The bytes end inside a field.
    #[error("the bytes end inside a field")]
    Truncated,
    /// Bytes follow the last field.
    #[error("bytes follow the last field")]
    TrailingBytes,
    /// The first byte is not a known version.
    #[error("unknown version {0}")]
    Version(u8),
    /// A code or `opt` byte that the format does not know.
    #[error("unknown code {0}")]
    Code(u8),
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// A sorted list is not sorted, or repeats a key.
    #[error("a sorted list is out of order")]
    Order,
    /// A number is outside its range.
    #[error("a number is outside its range")]
    Range,
}

/// Bytes that most documents fit into, so that their memory is asked for once.
const ROOM: usize = 512;

impl Default for Encoder {
    fn default() -> Self {
        Self {
            bytes: Vec::with_capacity(ROOM),
            too_long: false,
        }
    }
}

impl Encoder {
    /// An encoder that starts a document with its version byte.
    pub fn document() -> Self {
        let mut encoder = Self::default();
        encoder.u8(VERSION);
        encoder
    }

    /// The bytes, unless something was too long.
    pub fn finish(self) -> Result<Vec<u8>, CodecError> {
        if self.too_long {
            Err(CodecError::TooLong)
        } else {
            Ok(self.bytes)
        }
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// Four bytes, two's complement, big-endian.
    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes, two's complement, big-endian.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// 32 raw bytes.
    pub fn hash(&mut self, value: &Hash) {
        self.raw(value.as_bytes());
    }

    /// Bytes without a prefix.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A `u16` length and UTF-8.
    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.raw(text.as_bytes());
    }

    /// A `u32` length and bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or_else(|_| {
            self.too_long = true;
            u32::MAX
        });
        self.u32(length);
        self.raw(bytes);
    }

    /// `00`, or `01` and the value.
    pub fn opt<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                write(self, value);
            }
        }
    }

    /// A `u16` count and each item.
    pub fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.count(items.len());
        items.for_each(|item| write(self, item));
    }

    fn count(&mut self, length: usize) {
        let length = u16::try_from(length).unwrap_or_else(|_| {
            self.too_long = true;
            u16::MAX
        });
        self.u16(length);
    }
}

/// Reads canonical bytes; every method fails rather than guesses.
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    /// Starts behind the version byte of a document.
    pub fn document(bytes: &'a [u8]) -> Result<Self, CodecError> {
        let mut decoder = Self(bytes);
        match decoder.u8()? {
            VERSION => Ok(decoder),
            other => Err(CodecError::Version(other)),
        }
    }

    /// Starts at the first field of a part whose version its document carries.
    pub const fn part(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Demands that nothing is left.
    pub fn finish(self) -> Result<(), CodecError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CodecError::TrailingBytes)
        }
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, CodecError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, CodecError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Four bytes, signed.
    pub fn i32(&mut self) -> Result<i32, CodecError> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight bytes, signed.
    pub fn i64(&mut self) -> Result<i64, CodecError> {
        self.array().map(i64::from_be_bytes)
    }

    /// 32 raw bytes.
    pub fn hash(&mut self) -> Result<Hash, CodecError> {
        self.array().map(Hash::new)
    }

    /// A text.
    pub fn text(&mut self) -> Result<String, CodecError> {
        let length = self.u16()?;
        let bytes = self.take(usize::from(length))?;
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| CodecError::Utf8)
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = usize::try_from(self.u32()?).map_err(|_| CodecError::Range)?;
        self.take(length)
    }

    /// An optional value.
    pub fn opt<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, CodecError>) -> Result<Option<T>, CodecError> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            other => Err(CodecError::Code(other)),
        }
    }

    /// A list. A hostile count costs nothing: memory grows with the bytes that are there.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, CodecError>) -> Result<Vec<T>, CodecError> {
        let count = self.u16()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(CodecError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// `N` raw bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        self.take(N)?.try_into().map_err(|_| CodecError::Truncated)
    }
}

/// `SHA-256(u8 length of tag ‖ tag ‖ content)`, formats.md 1. Texts written here must come from bounded types.
pub fn digest(tag: &str, write: impl FnOnce(&mut Encoder)) -> Hash {
    let mut encoder = Encoder::default();
    encoder.u8(u8::try_from(tag.len()).unwrap_or(u8::MAX));
    encoder.raw(tag.as_bytes());
    write(&mut encoder);
    Hash::new(Sha256::digest(&encoder.bytes).into())
}
