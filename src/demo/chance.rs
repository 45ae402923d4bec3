//! Chance that can be repeated: the generator `SplitMix64`, whose numbers are the same in every release and on every machine.

/// A stream of numbers that its seed determines.
pub(super) struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both of them possible; `low` where there is nothing between.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u128::try_from(i128::from(high) - i128::from(low) + 1).unwrap_or(1);
        // The high half of a product spreads evenly enough, and needs no division.
        let drawn = (u128::from(self.next()) * span) >> 64;
        low.saturating_add(i64::try_from(drawn).unwrap_or(0))
    }

    /// Whether something happens that does so `percent` times in a hundred.
    pub(super) fn happens(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of several.
    pub(super) fn one_of<'a, T>(&mut self, several: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(several.len()).unwrap_or(i64::MAX) - 1;
        several.get(usize::try_from(self.between(0, last)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_that_of_the_published_generator() {
        let mut chance = Chance::new(1_234_567);
        let first: [u64; 3] = std::array::from_fn(|_| chance.next());
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn both_ends_are_possible_and_nothing_beyond() {
        let mut chance = Chance::new(7);
        let mut seen = [0_u32; 3];
        for _ in 0..300 {
            let drawn = chance.between(-1, 1);
            seen[usize::try_from(drawn + 1).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        assert_eq!(chance.one_of::<u8>(&[]), None);
    }
}
