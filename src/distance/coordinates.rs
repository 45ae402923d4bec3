//! Points on the earth and the great circles between them.
//!
//! Haversine on the mean earth radius of 6,371,008.8 m, rounded half up to whole metres. Coordinates are taken as they
//! are written; no shift between reference systems is undone.

use std::fmt;

/// The mean radius of the earth in metres: (2a + b) / 3 of the WGS 84 ellipsoid.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Longest text that is read as a number.
const LONGEST_TEXT: usize = 64;

/// A point, in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

/// Which coordinate cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CoordinatesError {
    /// Not a decimal within ±90.
    #[error("the latitude is not a decimal number within 90 degrees")]
    Latitude,
    /// Not a decimal within ±180.
    #[error("the longitude is not a decimal number within 180 degrees")]
    Longitude,
}

/// The text is no decimal number of metres of at least zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a decimal number of metres")]
pub struct DecimalError;

impl Coordinates {
    /// Reads both coordinates: digits with an optional minus in front and an optional point and more digits.
    pub fn parse(latitude: &str, longitude: &str) -> Result<Self, CoordinatesError> {
        Ok(Self {
            latitude: degrees(latitude, 90.0).ok_or(CoordinatesError::Latitude)?,
            longitude: degrees(longitude, 180.0).ok_or(CoordinatesError::Longitude)?,
        })
    }

    /// Whole metres to another point along the great circle, rounded half up.
    pub fn metres_to(self, other: Self) -> u64 {
        whole_metres(self.exact_metres_to(other))
    }

    fn exact_metres_to(self, other: Self) -> f64 {
        let (here, there) = (self.latitude.to_radians(), other.latitude.to_radians());
        let north = libm::sin((other.latitude - self.latitude).to_radians() / 2.0);
        let east = libm::sin((other.longitude - self.longitude).to_radians() / 2.0);
        let square = north * north + libm::cos(here) * libm::cos(there) * east * east;
        2.0 * EARTH_RADIUS_M * libm::asin(libm::sqrt(square).min(1.0))
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, {}", self.latitude, self.longitude)
    }
}

/// The length of a way over several points: the exact steps are added in order and rounded once at the end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Track {
    last: Coordinates,
    metres: f64,
}

impl Track {
    /// A way that begins here.
    pub const fn from(start: Coordinates) -> Self {
        Self {
            last: start,
            metres: 0.0,
        }
    }

    /// The point reached so far.
    pub const fn last(&self) -> Coordinates {
        self.last
    }

    /// Goes on to the next point.
    pub fn go_to(&mut self, next: Coordinates) {
        self.metres += self.last.exact_metres_to(next);
        self.last = next;
    }

    /// Whole metres so far, rounded half up.
    pub fn metres(&self) -> u64 {
        whole_metres(self.metres)
    }
}

/// A decimal number of metres as it is written (`523.5`), rounded half up to whole metres without going by way of a
/// float.
pub fn metres_of_decimal(text: &str) -> Result<u64, DecimalError> {
    let (whole, fraction) = parts(text).ok_or(DecimalError)?;
    let metres: u64 = whole.parse().map_err(|_| DecimalError)?;
    let up = fraction.as_bytes().first().is_some_and(|digit| *digit >= b'5');
    metres.checked_add(u64::from(up)).ok_or(DecimalError)
}

fn degrees(text: &str, most: f64) -> Option<f64> {
    parts(text.strip_prefix('-').unwrap_or(text))?;
    text.parse().ok().filter(|degrees: &f64| degrees.abs() <= most)
}

/// The digits in front of and behind the point, if the text is a plain decimal without a sign.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = text.len() <= LONGEST_TEXT && !whole.is_empty() && digits(whole) && digits(fraction);
    plain.then_some((whole, fraction))
}

/// Half up. The argument is a sum of distances on the earth: finite, not negative and far below 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the one way from a float to an integer; it saturates instead of wrapping"
)]
fn whole_metres(metres: f64) -> u64 {
    libm::floor(metres + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Coordinates, CoordinatesError, Track, metres_of_decimal};

    fn between(from: (&str, &str), to: (&str, &str)) -> Result<u64, CoordinatesError> {
        Ok(Coordinates::parse(from.0, from.1)?.metres_to(Coordinates::parse(to.0, to.1)?))
    }

    #[test]
    fn great_circles() {
        let cases = [
            (("0", "0"), ("0", "0"), 0),
            // A quarter and a half of the circumference of 40,030,228.88 m.
            (("0", "0"), ("90", "0"), 10_007_557),
            (("0", "0"), ("0", "180"), 20_015_114),
            (("90", "0"), ("-90", "0"), 20_015_114),
            (("0", "-180"), ("0", "180"), 0),
            // One degree of longitude at the equator: 111,195.08 m.
            (("0", "0"), ("0", "1"), 111_195),
        ];
        for (from, to, metres) in cases {
            assert_eq!(between(from, to), Ok(metres), "{from:?} {to:?}");
        }
    }

    #[test]
    fn coordinates_are_read_strictly() {
        for text in ["", "-", "+1", "1.", ".1", "1e1", "NaN", "inf", "90.0000001", " 1", "1°"] {
            assert_eq!(
                Coordinates::parse(text, "0"),
                Err(CoordinatesError::Latitude),
                "{text:?}"
            );
        }
        assert_eq!(Coordinates::parse("0", "-180.1"), Err(CoordinatesError::Longitude));
        assert!(Coordinates::parse("-90.0", "180").is_ok());
    }

    #[test]
    fn a_track_is_rounded_once() -> Result<(), CoordinatesError> {
        // Steps of 0.4 m each, which would vanish if each were rounded.
        let mut track = Track::from(Coordinates::parse("0", "0")?);
        for step in ["0.0000036", "0.0000072", "0.0000108", "0.0000144"] {
            track.go_to(Coordinates::parse("0", step)?);
        }
        assert_eq!(track.metres(), 2);
        Ok(())
    }

    #[test]
    fn written_metres_are_rounded_half_up() {
        let cases = [
            ("0", 0),
            ("523.5", 524),
            ("523.4999", 523),
            ("0.5", 1),
            ("18446744073709551615", u64::MAX),
        ];
        for (text, metres) in cases {
            assert_eq!(metres_of_decimal(text), Ok(metres), "{text}");
        }
        for text in ["", "-1", "1e3", "5.", "18446744073709551615.5", "18446744073709551616"] {
            assert!(metres_of_decimal(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn there_is_as_far_as_back(a in -90_i32..=90, b in -180_i32..=180, c in -90_i32..=90, d in -180_i32..=180) {
            let texts = [a, b, c, d].map(|degrees| degrees.to_string());
            let [a, b, c, d] = texts.each_ref().map(String::as_str);
            prop_assert_eq!(between((a, b), (c, d)), between((c, d), (a, b)));
            prop_assert!(between((a, b), (c, d)).is_ok_and(|metres| metres <= 20_015_115));
        }
    }
}
