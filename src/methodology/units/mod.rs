//! The two plain quantities of this room: an amount of carbon dioxide and a calendar day.
//!
//! Exact fractions live in [`crate::methodology::ratio`]; they become an [`Amount`] once per leg and never again.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use crate::methodology::ratio::{Ratio, RatioError, RoundingMode};

/// Micrograms of CO2 or `CO2e` (the methodology's `gas` says which), in 64 bits, every sum checked.
///
/// The largest value is 9.2 million tonnes: enough for any one result, not for a registry's lifetime, so totals over
/// many users are added in 128 bits elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Amount(i64);

/// Why a text is not an amount in grams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point between digits; signs other than a leading minus and exponents are refused.
    #[error("not a decimal number of grams such as \"400.14\"")]
    Malformed,
    /// Finer than a microgram, which could only be kept by rounding.
    #[error("more than six decimals of a gram")]
    TooFine,
    /// Beyond 2^63 - 1 micrograms.
    #[error("beyond 2^63 - 1 micrograms")]
    TooLarge,
}

impl Amount {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// The amount of so many micrograms.
    pub const fn from_micrograms(micrograms: i64) -> Self {
        Self(micrograms)
    }

    /// The amount in micrograms.
    pub const fn micrograms(self) -> i64 {
        self.0
    }

    /// The sum, or nothing beyond 64 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing beyond 64 bits. It may be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Reads decimal grams: digits, at most six decimals, no exponent, no plus sign. A leading minus is read, since
    /// differences are written too; whoever needs a value above zero compares with [`Amount::ZERO`].
    pub fn parse_grams(text: &str) -> Result<Self, AmountError> {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(AmountError::Malformed),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountError::Malformed);
        }
        if fraction.len() > 6 {
            return Err(AmountError::TooFine);
        }
        // Only digits are left, so the one way to fail is to be too long.
        format!("{sign}{whole}{fraction:0<6}")
            .parse()
            .map(Self)
            .map_err(|_| AmountError::TooLarge)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        write_grams(out, self.0 < 0, (magnitude / 1_000_000, magnitude % 1_000_000))
    }
}

/// Micrograms as decimal grams in their shortest form; sums over many may leave the range of an [`Amount`].
pub fn grams(micrograms: i128) -> String {
    let magnitude = micrograms.unsigned_abs();
    let beyond = u64::try_from(magnitude % 1_000_000).unwrap_or_default();
    let mut text = String::new();
    let _never_fails = write_grams(&mut text, micrograms < 0, (magnitude / 1_000_000, beyond));
    text
}

/// Whole grams and the micrograms beyond them, without trailing zeros.
fn write_grams(
    out: &mut impl fmt::Write,
    negative: bool,
    (whole, mut beyond): (impl fmt::Display, u64),
) -> fmt::Result {
    let sign = if negative { "-" } else { "" };
    write!(out, "{sign}{whole}")?;
    if beyond == 0 {
        return Ok(());
    }
    let mut digits = 6_usize;
    while beyond.is_multiple_of(10) {
        beyond /= 10;
        digits = digits.saturating_sub(1);
    }
    write!(out, ".{beyond:0digits$}")
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_grams(&text).map_err(de::Error::custom)
    }
}

/// A calendar day, as days since 1970-01-01. In which zone is the programme's affair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(i32);

/// The text is no day of the form `YYYY-MM-DD` in the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a day of the form YYYY-MM-DD")]
pub struct DayError;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);
const SECONDS_PER_DAY: i64 = 86_400;

impl Day {
    /// The day so many days after 1970-01-01.
    pub const fn from_epoch_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn epoch_days(self) -> i32 {
        self.0
    }

    /// The day that an instant (Unix seconds) falls on in a zone; nothing for instants outside the years ±9999.
    pub fn of(instant_s: i64, zone: &TimeZone) -> Option<Self> {
        let timestamp = jiff::Timestamp::from_second(instant_s).ok()?;
        let local_s = instant_s.checked_add(i64::from(zone.to_offset(timestamp).seconds()))?;
        let days = local_s.checked_div_euclid(SECONDS_PER_DAY)?;
        i32::try_from(days).ok().map(Self)
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, DayError> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return Err(DayError);
        }
        let date: Date = text.parse().map_err(|_| DayError)?;
        let days = date.duration_since(EPOCH).as_secs() / SECONDS_PER_DAY;
        i32::try_from(days).map(Self).map_err(|_| DayError)
    }

    /// The year of the day: the vintage of what was earned on it.
    pub fn year(self) -> Option<i16> {
        self.date().map(Date::year)
    }

    fn date(self) -> Option<Date> {
        let span = jiff::Span::new().try_days(self.0).ok()?;
        EPOCH.checked_add(span).ok()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => write!(out, "{date}"),
            None => write!(out, "day {}", self.0),
        }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
