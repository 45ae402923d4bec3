//! Canonical bytes (docs/formats.md 1), read by hand: no code of the gateway or of its contract.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(super) type Hash = [u8; 32];
/// The step that does not hold.
pub(super) type Fault = &'static str;

/// A document, read from the front.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn document(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Self(bytes);
        step(reader.u8()? == 1, "a document's version")?;
        Ok(reader)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("a document's length")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self, width: usize) -> Result<u64, Fault> {
        let digits = self.take(width)?;
        Ok(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }

    pub(super) fn u8(&mut self) -> Result<u64, Fault> {
        self.number(1)
    }

    pub(super) fn u16(&mut self) -> Result<u64, Fault> {
        self.number(2)
    }

    pub(super) fn u32(&mut self) -> Result<u64, Fault> {
        self.number(4)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Fault> {
        Ok(self.number(8)?.cast_signed())
    }

    pub(super) fn hash(&mut self) -> Result<Hash, Fault> {
        self.take(32)?.try_into().map_err(|_| "a hash")
    }

    pub(super) fn text(&mut self) -> Result<String, Fault> {
        let length = self.u16()?;
        let bytes = self.take(usize::try_from(length).unwrap())?.to_vec();
        String::from_utf8(bytes).map_err(|_| "a text")
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.u32()?;
        self.take(usize::try_from(length).unwrap())
    }

    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        (0..self.u16()?).map(|_| item(self)).collect()
    }

    pub(super) fn opt<T>(&mut self, item: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
        match self.u8()? {
            0 => Ok(None),
            1 => item(self).map(Some),
            _ => Err("an option"),
        }
    }

    pub(super) fn end(&self) -> Result<(), Fault> {
        step(self.0.is_empty(), "the end of a document")
    }
}

pub(super) fn step(holds: bool, name: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(name) }
}

pub(super) fn digest(tag: &str, content: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([u8::try_from(tag.len()).unwrap()]);
    hasher.update(tag);
    hasher.update(content);
    hasher.finalize().into()
}

/// With its length before it.
pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length, bytes].concat()
}

pub(super) fn bytes(value: &Value) -> Result<Vec<u8>, Fault> {
    let digits = value.as_str().ok_or("digits")?;
    let value = |digit: u8| "0123456789abcdef".bytes().position(|known| known == digit);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(value(*high)? * 16 + value(*low)?).ok(),
        _ => None,
    };
    digits
        .as_bytes()
        .chunks(2)
        .map(byte)
        .collect::<Option<_>>()
        .ok_or("digits")
}

pub(super) fn hash(value: &Value) -> Result<Hash, Fault> {
    bytes(value)?.try_into().map_err(|_| "a hash")
}
