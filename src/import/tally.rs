//! What an import did, counted: rows as they were read, trips as they were answered.

use super::gateway::Booking;
use std::collections::BTreeMap;

/// Rows that are named one by one, of each kind.
pub const FIRST: usize = 10;

/// Where a row stands: the file's place in the order given, and the line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// Index of the file.
    pub file: usize,
    /// Line, from 1 on.
    pub line: u64,
}

/// The first rows of a kind, in the order of the files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct First(Vec<(Place, String)>);

/// Everything that is counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Rows that were read.
    pub read: u64,
    /// Rows that are no trips, as the profile says.
    pub skipped: u64,
    /// Rows that cannot be trips, by reason.
    pub malformed: BTreeMap<String, u64>,
    /// The first of them.
    pub malformed_first: First,
    /// Trips that are stored now and were not before.
    pub created: u64,
    /// Trips that were stored already.
    pub replayed: u64,
    /// Trips whose id is taken by other content.
    pub conflicts: u64,
    /// The first of them.
    pub conflicts_first: First,
    /// Created and credited.
    pub credited: u64,
    /// Created and refused, by rule.
    pub refused: BTreeMap<String, u64>,
    /// Created, and a cap took something.
    pub capped_trips: u64,
    /// Σ quantified of the created, micrograms.
    pub quantified_ug: i128,
    /// Σ capped of the created, micrograms.
    pub capped_ug: i128,
}

impl First {
    /// Notes a row.
    pub fn note(&mut self, place: Place, text: impl Into<String>) {
        let at = self.0.partition_point(|(known, _)| *known <= place);
        if at < FIRST {
            self.0.insert(at, (place, text.into()));
            self.0.truncate(FIRST);
        }
    }

    /// The rows with what there is to say of each.
    pub fn rows(&self) -> impl Iterator<Item = (Place, &str)> {
        self.0.iter().map(|(place, text)| (*place, text.as_str()))
    }
}

impl Tally {
    /// A row that cannot be a trip.
    pub fn malformed(&mut self, place: Place, reason: &str) {
        *self.malformed.entry(reason.to_owned()).or_default() += 1;
        self.malformed_first.note(place, reason);
    }

    /// A trip that is stored.
    pub fn booked(&mut self, booking: &Booking) {
        if booking.replayed {
            self.replayed += 1;
            return;
        }
        self.created += 1;
        match &booking.refused {
            Some(rule) => *self.refused.entry(rule.clone()).or_default() += 1,
            None => self.credited += 1,
        }
        let (quantified, capped) = (booking.quantified.micrograms(), booking.capped.micrograms());
        self.capped_trips += u64::from(capped > 0);
        self.quantified_ug += i128::from(quantified);
        self.capped_ug += i128::from(capped);
    }

    /// A trip whose id is taken by other content.
    pub fn conflict(&mut self, place: Place, detail: &str) {
        self.conflicts += 1;
        self.conflicts_first.note(place, detail);
    }

    /// How many rows cannot be trips.
    pub fn malformed_count(&self) -> u64 {
        self.malformed.values().sum()
    }

    /// What the created trips earned, micrograms.
    pub fn amount_ug(&self) -> i128 {
        self.quantified_ug - self.capped_ug
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: Self) {
        self.read += other.read;
        self.skipped += other.skipped;
        self.created += other.created;
        self.replayed += other.replayed;
        self.conflicts += other.conflicts;
        self.credited += other.credited;
        self.capped_trips += other.capped_trips;
        self.quantified_ug += other.quantified_ug;
        self.capped_ug += other.capped_ug;
        for (sums, more) in [
            (&mut self.malformed, other.malformed),
            (&mut self.refused, other.refused),
        ] {
            for (word, count) in more {
                *sums.entry(word).or_default() += count;
            }
        }
        for (first, more) in [
            (&mut self.malformed_first, other.malformed_first),
            (&mut self.conflicts_first, other.conflicts_first),
        ] {
            for (place, text) in more.0 {
                first.note(place, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methodology::units::Amount;

    fn place(file: usize, line: u64) -> Place {
        Place { file, line }
    }

    #[test]
    fn the_first_rows_are_the_first_of_the_files_whoever_counted_them() {
        let (mut one, mut other) = (Tally::default(), Tally::default());
        for line in (1..40).rev() {
            let tally = if line % 3 == 0 { &mut one } else { &mut other };
            tally.malformed(place(1, line), "field_count");
            tally.conflict(place(0, line), "distance_m");
        }
        one.add(other);
        assert_eq!((one.malformed_count(), one.conflicts), (39, 39));
        let lines: Vec<u64> = one.malformed_first.rows().map(|(place, _)| place.line).collect();
        assert_eq!(lines, (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn sums_are_of_what_was_created() {
        let mut tally = Tally::default();
        let mut booking = Booking {
            replayed: false,
            refused: None,
            quantified: Amount::from_micrograms(i64::MAX),
            capped: Amount::from_micrograms(1),
        };
        tally.booked(&booking);
        tally.booked(&booking);
        booking.replayed = true;
        tally.booked(&booking);
        assert_eq!((tally.created, tally.replayed, tally.capped_trips), (2, 1, 2));
        assert_eq!(tally.amount_ug(), 2 * (i128::from(i64::MAX) - 1));
    }
}
