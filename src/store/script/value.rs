//! Values of a statement.

use crate::ledger::ids::{Hash, UserId};
use crate::methodology::units::{Amount, Day};
use std::borrow::Cow;

/// A value as tables know them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value<'v> {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// Words.
    Text(Cow<'v, str>),
    /// Bytes.
    Bytes(Cow<'v, [u8]>),
}

impl Value<'_> {
    /// Bytes of words, or bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 0,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Amount> for Value<'_> {
    fn from(amount: Amount) -> Self {
        Self::Int(amount.micrograms())
    }
}

impl From<Day> for Value<'_> {
    fn from(day: Day) -> Self {
        Self::Int(day.epoch_days().into())
    }
}

impl From<UserId> for Value<'_> {
    fn from(user: UserId) -> Self {
        Self::Int(user.value())
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(bytes: &'v [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}

impl<'v> From<&'v Hash> for Value<'v> {
    fn from(hash: &'v Hash) -> Self {
        Self::from(hash.as_bytes().as_slice())
    }
}

impl From<Hash> for Value<'_> {
    fn from(hash: Hash) -> Self {
        Self::from(hash.as_bytes().to_vec())
    }
}

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
