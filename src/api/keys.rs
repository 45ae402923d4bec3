//! Keys and what they allow. Pure: whoever makes a key brings the randomness and the time along.

use crate::ledger::ids::{Hash, Name};
use crate::store::clients::ClientKey;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// What every key begins with.
pub const KEY_PREFIX: &str = "cgk_";

/// What a key may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// Book trips.
    TripsWrite,
    /// Read balances and credits.
    CreditsRead,
    /// Collect and spend.
    CreditsSpend,
    /// Read reports, and what other clients booked.
    ReportsRead,
    /// Run the gateway.
    Admin,
}

/// A set of rights.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rights(Vec<Right>);

/// Why a text is not a set of rights.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{word:?} is not a right; known are {}, or all", Right::ALL.map(Right::as_str).join(", "))]
pub struct RightsError {
    /// The word.
    word: String,
}

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct KeyOrder {
    /// The calling system.
    pub client: Name,
    /// What it may do.
    pub rights: Rights,
    /// Programmes it is limited to; empty for all.
    pub programmes: Vec<String>,
    /// Not valid from then on, Unix milliseconds.
    pub expires_ms: Option<i64>,
}

impl Right {
    /// All rights, in the order in which they are written.
    pub const ALL: [Self; 5] = [
        Self::TripsWrite,
        Self::CreditsRead,
        Self::CreditsSpend,
        Self::ReportsRead,
        Self::Admin,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TripsWrite => "trips:write",
            Self::CreditsRead => "credits:read",
            Self::CreditsSpend => "credits:spend",
            Self::ReportsRead => "reports:read",
            Self::Admin => "admin",
        }
    }

    /// The right of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == word)
    }
}

impl Rights {
    /// All of them.
    pub fn all() -> Self {
        Self(Right::ALL.to_vec())
    }

    /// Reads words with commas between them, or `all`.
    pub fn parse(text: &str) -> Result<Self, RightsError> {
        if text.trim() == "all" {
            return Ok(Self::all());
        }
        let word = |word: &str| {
            Right::parse(word.trim()).ok_or_else(|| RightsError {
                word: word.trim().to_owned(),
            })
        };
        let named = text.split(',').map(word).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(
            Right::ALL.into_iter().filter(|right| named.contains(right)).collect(),
        ))
    }

    /// Whether a right is among them.
    pub fn holds(&self, right: Right) -> bool {
        self.0.contains(&right)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|right| right.as_str()).collect();
        out.write_str(&words.join(","))
    }
}

/// A new key: its text, which is told once, and the row to store, which has only the digest.
pub fn new_key(order: &KeyOrder, random: [u8; 32], now_ms: i64) -> (String, ClientKey) {
    let text = format!("{KEY_PREFIX}{}", Hash::new(random));
    let row = ClientKey {
        key_digest: key_digest(&text),
        name: order.client.as_str().to_owned(),
        rights: order.rights.to_string(),
        programmes: order.programmes.join(","),
        created_ms: now_ms,
        expires_ms: order.expires_ms,
        revoked_ms: None,
    };
    (text, row)
}

/// What is stored of a key.
pub fn key_digest(text: &str) -> Hash {
    Hash::new(Sha256::digest(text.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_written_in_one_order() {
        let text = |given: &str| Rights::parse(given).map(|rights| rights.to_string());
        assert_eq!(text("admin, trips:write"), Ok("trips:write,admin".to_owned()));
        assert_eq!(
            text("all"),
            Ok("trips:write,credits:read,credits:spend,reports:read,admin".to_owned())
        );
        assert!(text("").is_err() && text("trips:read").is_err() && text("admin,all").is_err());
    }

    #[test]
    fn only_the_digest_of_a_key_is_stored() {
        let client = Name::parse("metro-backend").unwrap();
        let order = KeyOrder {
            client,
            rights: Rights::all(),
            programmes: vec!["demo".into()],
            expires_ms: None,
        };
        let (text, row) = new_key(&order, [7; 32], 5);
        assert_eq!(text.len(), 68);
        assert_eq!(row.key_digest, key_digest(&text));
        assert!(!format!("{row:?}").contains(&text[4..]));
    }
}
