//! Exact fractions. A leg is computed in these from end to end and rounded once, to the microgram, at the very end.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "big integers grow instead of overflowing, and every divisor is checked or a constant"
)]

use std::fmt;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Euclid as _, One, Signed, ToPrimitive, Zero};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::methodology::units::Amount;

/// No published factor has even twenty characters; the limit keeps a caller from making us work on megabytes.
const LONGEST_TEXT: usize = 64;

/// An exact fraction. Written as the shortest decimal where it terminates, else as the reduced quotient `a/b`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ratio(BigRational);

/// Why a text is not a number of a parameter set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RatioError {
    /// Neither a decimal nor a quotient of two decimals.
    #[error("not a decimal or a quotient a/b")]
    Malformed,
    /// The divisor is zero.
    #[error("division by zero")]
    ZeroDivisor,
    /// More than 64 characters.
    #[error("longer than 64 characters")]
    TooLong,
}

/// How the exact figure of a leg becomes whole micrograms. Every set seen so far says `floor`, the conservative one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// Down, so that nobody is ever credited more than was saved.
    Floor,
    /// To the nearest, a half upwards.
    HalfUp,
    /// To the nearest, a half to the even neighbour.
    HalfEven,
}

impl Ratio {
    /// Nothing.
    pub fn zero() -> Self {
        Self(BigRational::zero())
    }

    /// The number one.
    pub fn one() -> Self {
        Self(BigRational::one())
    }

    /// A whole number.
    pub fn whole(number: impl Into<BigInt>) -> Self {
        Self(BigRational::from_integer(number.into()))
    }

    /// Reads `-?digits(.digits)?(/digits(.digits)?)?`, the number of the parameter-set schema.
    pub fn parse(text: &str) -> Result<Self, RatioError> {
        if text.len() > LONGEST_TEXT {
            return Err(RatioError::TooLong);
        }
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (over, under) = match rest.split_once('/') {
            Some((over, under)) => (decimal(over)?, decimal(under)?),
            None => (decimal(rest)?, BigRational::one()),
        };
        if under.is_zero() {
            return Err(RatioError::ZeroDivisor);
        }
        let magnitude = over / under;
        Ok(Self(if negative { -magnitude } else { magnitude }))
    }

    /// The sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    /// The difference.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        Self(&self.0 * &other.0)
    }

    /// The quotient, or nothing for a divisor of zero.
    pub fn over(&self, other: &Self) -> Option<Self> {
        (!other.0.is_zero()).then(|| Self(&self.0 / &other.0))
    }

    /// Below zero.
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// Above zero.
    pub fn is_positive(&self) -> bool {
        self.0.is_positive()
    }

    /// These grams in whole micrograms, rounded once; nothing beyond 64 bits.
    pub fn grams_to_amount(&self, mode: RoundingMode) -> Option<Amount> {
        let micrograms = self.0.numer() * BigInt::from(1_000_000);
        let (floor, rest) = micrograms.div_rem_euclid(self.0.denom());
        let half = (rest * BigInt::from(2)).cmp(self.0.denom());
        let up = match mode {
            RoundingMode::Floor => false,
            RoundingMode::HalfUp => half.is_ge(),
            RoundingMode::HalfEven => half.is_gt() || (half.is_eq() && floor.bit(0)),
        };
        let rounded = if up { floor + 1 } else { floor };
        rounded.to_i64().map(Amount::from_micrograms)
    }

    /// How many decimals write this fraction exactly; nothing if no number of them does.
    fn decimals(&self) -> Option<u32> {
        let mut rest = self.0.denom().clone();
        let mut strip = |prime: u32| {
            let mut count = 0_u32;
            while (&rest % prime).is_zero() {
                rest /= prime;
                count += 1;
            }
            count
        };
        let decimals = strip(2).max(strip(5));
        rest.is_one().then_some(decimals)
    }
}

/// Digits, and more digits after a point if there is one.
fn decimal(text: &str) -> Result<BigRational, RatioError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(RatioError::Malformed),
        Some(parts) => parts,
        None => (text, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(RatioError::Malformed);
    }
    let digits: BigInt = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| RatioError::Malformed)?;
    let places = u32::try_from(fraction.len()).map_err(|_| RatioError::TooLong)?;
    Ok(BigRational::new(digits, BigInt::from(10).pow(places)))
}

impl fmt::Display for Ratio {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(decimals) = self.decimals() else {
            return write!(out, "{}/{}", self.0.numer(), self.0.denom());
        };
        let scaled = self.0.numer().abs() * BigInt::from(10).pow(decimals) / self.0.denom();
        let sign = if self.0.is_negative() { "-" } else { "" };
        // At least one digit stands before the point.
        let places = usize::try_from(decimals).map_err(|_| fmt::Error)?;
        let width = places + 1;
        let digits = format!("{scaled:0>width$}");
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if fraction.is_empty() { "" } else { "." };
        write!(out, "{sign}{whole}{point}{fraction}")
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}
