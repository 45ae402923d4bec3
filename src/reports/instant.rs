//! An instant: how far each of the thirty journals had come. It names a state of the whole ledger for ever.

use crate::ledger::ids::{SHARDS, ShardId};
use std::fmt;

/// Thirty positions, shard 0 first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instant(Vec<i64>);

/// Not an instant of this ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InstantError {
    /// Not what a report said.
    #[error("must be what a report said in `at`")]
    Malformed,
    /// It names entries that are not there.
    #[error("lies in the future of this ledger")]
    Future,
}

impl Instant {
    const PREFIX: &'static str = "v1";

    /// From one position a shard, in order.
    pub fn new(positions: Vec<i64>) -> Result<Self, InstantError> {
        let all = positions.len() == usize::from(SHARDS) && positions.iter().all(|seq| *seq >= 0);
        all.then_some(Self(positions)).ok_or(InstantError::Malformed)
    }

    /// From its text.
    pub fn parse(text: &str) -> Result<Self, InstantError> {
        let numbers = text.strip_prefix(Self::PREFIX).and_then(|rest| rest.strip_prefix('.'));
        let position = |text: &str| {
            let seq: i64 = text.parse().ok()?;
            // One spelling for one instant, so that the same `at` comes back.
            (seq >= 0 && seq.to_string() == text).then_some(seq)
        };
        let positions = numbers.and_then(|numbers| numbers.split('.').map(position).collect());
        Self::new(positions.ok_or(InstantError::Malformed)?)
    }

    /// Position of a shard.
    pub fn of(&self, shard: ShardId) -> i64 {
        self.0.get(usize::from(shard.index())).copied().unwrap_or(0)
    }

    /// Whether every shard had come at least as far at `other`.
    pub fn is_before_or_at(&self, other: &Self) -> bool {
        std::iter::zip(&self.0, &other.0).all(|(own, other)| own <= other)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|seq| write!(f, ".{seq}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_one_spelling() {
        let positions: Vec<i64> = (0..30).collect();
        let instant = Instant::new(positions.clone()).unwrap();
        assert_eq!(Instant::parse(&instant.to_string()), Ok(instant.clone()));
        let text = instant.to_string();
        let wrong = [
            text.replace("v1.", "v2."),
            text.replace(".7.", ".07."),
            text.replace(".7.", ".-7."),
            text.replace(".7.", ".+7."),
            format!("{text}.30"),
            text.replace(".29", ""),
            String::new(),
        ];
        for wrong in wrong {
            assert_eq!(Instant::parse(&wrong), Err(InstantError::Malformed), "{wrong}");
        }
        let mut later = positions;
        later[3] += 1;
        let later = Instant::new(later).unwrap();
        assert!(instant.is_before_or_at(&later) && !later.is_before_or_at(&instant));
    }
}
