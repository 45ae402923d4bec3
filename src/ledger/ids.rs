//! Identities: users, shards, hashes, and the names that callers choose. Every one is parsed, so a value in hand is valid.

use super::encode::digest;
pub use carbon_contract::Hash;
use std::fmt;

/// Number of shards, for ever.
pub const SHARDS: u8 = 30;

/// A rider in the caller's own numbering, `0 … 2^63 − 1`; the system account of a shard has `−(shard + 1)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserId(i64);

/// One of the thirty shards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ShardId(u8);

/// An identity that was refused, with what would be right.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// Not a decimal integer in range.
    #[error("must be a decimal integer from 0 to 9223372036854775807")]
    User,
    /// Empty, too long, or with control characters.
    #[error("must be 1 to 128 characters (at most 512 bytes) without control characters")]
    Name,
}

impl UserId {
    /// A rider's id from a non-negative integer.
    pub fn new(value: i64) -> Result<Self, IdError> {
        if value >= 0 {
            Ok(Self(value))
        } else {
            Err(IdError::User)
        }
    }

    /// A rider's id from ASCII digits; leading zeros count for nothing.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() || text.len() > 40 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(IdError::User);
        }
        text.parse().map(Self).map_err(|_| IdError::User)
    }

    /// What a row holds: any integer, system accounts included.
    pub const fn from_stored(value: i64) -> Self {
        Self(value)
    }

    /// The system account of a shard: the sink of its redemptions.
    pub fn system(shard: ShardId) -> Self {
        Self(i64::from(shard.index()).saturating_add(1).saturating_neg())
    }

    /// Whether it is a shard's own, and no rider's.
    pub const fn is_system(self) -> bool {
        self.0 < 0
    }

    /// The integer.
    pub const fn value(self) -> i64 {
        self.0
    }

    /// `user_id mod 30`: the only modulo in the program.
    pub fn shard(self) -> ShardId {
        let index = if self.0 >= 0 {
            self.0.rem_euclid(i64::from(SHARDS))
        } else {
            self.0.saturating_add(1).saturating_neg()
        };
        ShardId(u8::try_from(index).unwrap_or(0))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl ShardId {
    /// The first shard: it keeps the deployment's own entries too.
    pub const FIRST: Self = Self(0);

    /// All thirty, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// The shard of that number, if there is one.
    pub fn new(index: u8) -> Option<Self> {
        (index < SHARDS).then_some(Self(index))
    }

    /// 0 … 29.
    pub const fn index(self) -> u8 {
        self.0
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// A text that a caller chose: a trip id, a client's name, a reference. 1 … 128 characters, at most 512 bytes, no control
/// characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(String);

impl Name {
    /// Checks the bounds.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let characters = text.chars().count();
        if characters == 0 || characters > 128 || text.len() > 512 || text.chars().any(char::is_control) {
            return Err(IdError::Name);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a trip: formats.md 2.
pub fn trip_key(client: &Name, user: UserId, trip_id: &Name) -> Hash {
    digest("carbon/trip-key/1", |e| {
        e.text(client.as_str());
        e.i64(user.value());
        e.text(trip_id.as_str());
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_belongs_to_one_of_thirty_shards() {
        assert_eq!(UserId::parse("550675018015175203").map(|u| u.shard().index()), Ok(13));
        assert_eq!(UserId::parse("9223372036854775807").map(UserId::value), Ok(i64::MAX));
        assert_eq!(UserId::from_stored(-30).shard().index(), 29);
        assert!(
            ShardId::all().all(|shard| UserId::system(shard).is_system() && UserId::system(shard).shard() == shard)
        );
        for wrong in ["", "-1", "+1", "1.0", "9223372036854775808", "1e3", "１"] {
            assert_eq!(UserId::parse(wrong), Err(IdError::User), "{wrong}");
        }
    }

    #[test]
    fn names_are_bounded() {
        assert!(Name::parse("x".repeat(128)).is_ok());
        assert!(Name::parse("江".repeat(128)).is_ok());
        for wrong in [String::new(), "x".repeat(129), "a\u{0}b".into(), "😀".repeat(129)] {
            assert_eq!(Name::parse(wrong), Err(IdError::Name));
        }
    }
}
