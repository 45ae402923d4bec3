//! Months in the ledger's own zone, worked out apart from the ledger: when a lot ends, and which lot an instant issues into.

use crate::ledger::transaction::NEVER;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The first instant behind a lot's expiry month; `None` for a lot that never ends. No month that a lot can name lies beyond the
/// calendar.
pub(super) fn ends_ms(zone: &TimeZone, expiry: u16) -> Option<i64> {
    if expiry == NEVER {
        return None;
    }
    let behind = i32::from(expiry).checked_add(1)?;
    let year = i16::try_from(behind.div_euclid(12).checked_add(1970)?).ok()?;
    let month = i8::try_from(behind.rem_euclid(12).checked_add(1)?).ok()?;
    let first = Date::new(year, month, 1).ok()?.to_zoned(zone.clone()).ok()?;
    Some(first.timestamp().as_millisecond())
}

/// The expiry month of what is issued at an instant and lives so many months behind that of its issue.
pub(super) fn expiry_month(zone: &TimeZone, at_ms: i64, valid_months: Option<u16>) -> Option<u16> {
    let Some(valid) = valid_months else { return Some(NEVER) };
    let date = Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone.clone()).date();
    let years = i32::from(date.year()).checked_sub(1970)?;
    let month = years
        .checked_mul(12)?
        .checked_add(i32::from(date.month()))?
        .checked_sub(1)?;
    let expiry = u16::try_from(month.checked_add(i32::from(valid))?).ok()?;
    (expiry != NEVER).then_some(expiry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ground::{Ground, SourceSecret};

    #[test]
    fn the_ledger_counts_alike() {
        for name in ["UTC", "Asia/Shanghai", "America/Sao_Paulo"] {
            let zone = TimeZone::get(name).unwrap();
            let ground = Ground {
                zone: zone.clone(),
                source_secret: SourceSecret::new([0; 32]),
            };
            for expiry in (0..4_000).step_by(7).chain([11, 12, NEVER]) {
                assert_eq!(ends_ms(&zone, expiry), ground.expires_ms(expiry), "{name} {expiry}");
            }
            for hour in 0..20_000 {
                let at_ms = hour * 3 * 3_600_000;
                for valid in [None, Some(0), Some(24)] {
                    assert_eq!(expiry_month(&zone, at_ms, valid), ground.expiry_month(at_ms, valid));
                }
            }
        }
    }
}
