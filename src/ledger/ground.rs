//! What a deployment brings to every booking: its zone, and the secret under which the chain sees trips.

use super::ids::Hash;
use super::transaction::NEVER;
use crate::methodology::units::Day;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::civil;
use jiff::tz::TimeZone;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The secret behind source keys, wiped when dropped.
#[derive(Clone)]
pub struct SourceSecret(Zeroizing<[u8; 32]>);

/// What is the same for every booking of a deployment.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The ledger's own zone: booked days and expiry months end there.
    pub zone: TimeZone,
    /// Hides trips from the chain.
    pub source_secret: SourceSecret,
}

impl SourceSecret {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the chain sees of a trip: formats.md 2.
    pub fn source_key(&self, trip_key: &Hash) -> Hash {
        // HMAC takes keys of any length, so there is no error to speak of.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.as_bytes()) else {
            return *trip_key;
        };
        mac.update(trip_key.as_bytes());
        Hash::new(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for SourceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SourceSecret(…)")
    }
}

impl Ground {
    /// The booked day of an instant; `None` beyond the calendar.
    pub fn booked_day(&self, at_ms: i64) -> Option<Day> {
        Day::of(at_ms.div_euclid(1000), &self.zone)
    }

    /// Expiry month of credits issued at an instant that live until the end of the month `months` after it; `None` beyond what a
    /// lot can say.
    pub fn expiry_month(&self, at_ms: i64, months: Option<u16>) -> Option<u16> {
        let Some(months) = months else { return Some(NEVER) };
        let at = jiff::Timestamp::from_millisecond(at_ms).ok()?;
        let date = self.zone.to_datetime(at).date();
        let issued = i32::from(date.year())
            .checked_sub(1970)?
            .checked_mul(12)?
            .checked_add(i32::from(date.month()))?
            .checked_sub(1)?;
        let expiry = u16::try_from(issued.checked_add(i32::from(months))?).ok()?;
        (expiry < NEVER).then_some(expiry)
    }

    /// The first instant at which a credit of that expiry month cannot be spent any more; `None`: it always can.
    pub fn expires_ms(&self, expiry: u16) -> Option<i64> {
        if expiry == NEVER {
            return None;
        }
        let months = jiff::Span::new().try_months(i64::from(expiry).checked_add(1)?).ok()?;
        let month = civil::date(1970, 1, 1).checked_add(months).ok()?;
        let first = month.to_zoned(self.zone.clone()).ok()?;
        Some(first.timestamp().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(zone: &str) -> Ground {
        Ground {
            zone: TimeZone::get(zone).unwrap(),
            source_secret: SourceSecret::new([7; 32]),
        }
    }

    #[test]
    fn a_month_ends_in_the_ledgers_own_zone() {
        let ground = ground("Asia/Shanghai");
        let new_year_ms = 1_798_732_800_000; // 2026-12-31T16:00:00Z
        assert_eq!(ground.expiry_month(new_year_ms - 1, Some(0)), Some(56 * 12 + 11));
        assert_eq!(ground.expiry_month(new_year_ms, Some(0)), Some(57 * 12));
        assert_eq!(ground.expires_ms(56 * 12 + 11), Some(new_year_ms));
        assert_eq!(ground.expiry_month(new_year_ms, None), Some(NEVER));
        assert_eq!(ground.expires_ms(NEVER), None);
    }

    #[test]
    fn months_beyond_the_calendar_are_refused() {
        let ground = ground("UTC");
        assert_eq!(ground.expiry_month(0, Some(NEVER)), None);
        assert_eq!(ground.expires_ms(NEVER - 1), Some(172_340_265_600_000));
    }
}
