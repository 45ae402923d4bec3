//! 32 bytes, and their one spelling.

use std::fmt;

/// 32 bytes: a digest, an address, a trip key, the name of a credit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// Not the spelling of a hash.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("must be 64 lower-case hexadecimal digits")]
pub struct HashError;

impl Hash {
    /// From raw bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From a stored column; `None` unless 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(HashError);
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| HashError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HashError)?;
        }
        Ok(Self(bytes))
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        push_digits(&self.0, &mut text);
        f.write_str(&text)
    }
}

/// Adds bytes to a text as lower-case hexadecimal digits.
pub fn push_digits(bytes: &[u8], text: &mut String) {
    text.reserve(bytes.len().saturating_mul(2));
    // In pieces: character by character each is looked at as one that may be long.
    for piece in bytes.chunks(PIECE) {
        let mut digits = [[0; 2]; PIECE];
        for (pair, byte) in digits.iter_mut().zip(piece) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        let written = digits.get(..piece.len()).unwrap_or_default().as_flattened();
        text.push_str(str::from_utf8(written).unwrap_or_default());
    }
}

/// Bytes whose digits are put down together.
const PIECE: usize = 32;

const fn digit(half: u8) -> u8 {
    let first = if half < 10 { b'0' } else { b'a'.wrapping_sub(10) };
    first.wrapping_add(half)
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_have_one_spelling() {
        let text = "00ff".repeat(16);
        assert_eq!(Hash::parse(&text).map(|h| h.to_string()), Ok(text.clone()));
        assert_eq!(Hash::parse(&text.to_uppercase()), Err(HashError));
        assert_eq!(Hash::parse(&text[1..]), Err(HashError));
    }

    #[test]
    fn digits_of_any_number_of_bytes_are_added() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in [0, 1, 31, 32, 33, 64, 256] {
            let mut text = "-".to_owned();
            push_digits(&bytes[..length], &mut text);
            let each = |text: String, byte: &u8| format!("{text}{byte:02x}");
            assert_eq!(text, bytes[..length].iter().fold("-".to_owned(), each));
        }
    }
}
