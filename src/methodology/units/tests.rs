//! Amounts, fractions and days: how they are read, written and rounded.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Amount, AmountError, Day, Ratio, RatioError, RoundingMode};

#[test]
fn amounts_are_written_in_the_shortest_form() {
    let cases = [
        (400_140_000, "400.14"),
        (0, "0"),
        (-1_500_000, "-1.5"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (i64::MAX, "9223372036854.775807"),
        (i64::MIN, "-9223372036854.775808"),
    ];
    for (micrograms, text) in cases {
        assert_eq!(Amount::from_micrograms(micrograms).to_string(), text);
        assert_eq!(
            Amount::parse_grams(text),
            Ok(Amount::from_micrograms(micrograms)),
            "{text}"
        );
    }
}

#[test]
fn amounts_are_read_strictly() {
    assert_eq!(Amount::parse_grams("007.50"), Ok(Amount::from_micrograms(7_500_000)));
    assert_eq!(Amount::parse_grams("-0"), Ok(Amount::ZERO));
    for text in [
        "", "-", "+1", "1e3", ".5", "5.", "1.2.3", " 1", "1 ", "1,5", "--1", "-.5", "１", "0x1", "NaN",
    ] {
        assert_eq!(Amount::parse_grams(text), Err(AmountError::Malformed), "{text:?}");
    }
    assert_eq!(Amount::parse_grams("1.0000000"), Err(AmountError::TooFine));
    assert_eq!(Amount::parse_grams("9223372036854.775808"), Err(AmountError::TooLarge));
}

#[test]
fn amounts_stand_in_json_as_texts() {
    let amount = Amount::from_micrograms(150_000_001);
    assert_eq!(serde_json::to_string(&amount).ok().as_deref(), Some("\"150.000001\""));
    assert_eq!(serde_json::from_str::<Amount>("\"150.000001\"").ok(), Some(amount));
    assert!(serde_json::from_str::<Amount>("150").is_err());
}

#[test]
fn sums_beyond_64_bits_are_no_amounts() {
    let most = Amount::from_micrograms(i64::MAX);
    assert_eq!(most.checked_add(Amount::from_micrograms(1)), None);
    assert_eq!(
        Amount::from_micrograms(i64::MIN).checked_sub(Amount::from_micrograms(1)),
        None
    );
    assert_eq!(Amount::ZERO.checked_sub(most), Some(Amount::from_micrograms(-i64::MAX)));
}

#[test]
fn fractions_are_written_as_decimals_where_they_terminate() {
    let cases = [
        ("5980/22", "2990/11"),
        ("46.80", "46.8"),
        ("-0", "0"),
        ("1/8", "0.125"),
        ("-3711/20", "-185.55"),
        ("0.102150394630872", "0.102150394630872"),
        ("1.5/0.3", "5"),
        ("-1/3", "-1/3"),
        ("1000000", "1000000"),
    ];
    for (text, canonical) in cases {
        let ratio = Ratio::parse(text);
        assert_eq!(ratio.map(|ratio| ratio.to_string()).as_deref(), Ok(canonical), "{text}");
    }
}

#[test]
fn fractions_are_read_strictly() {
    for text in ["", "1.", ".1", "1/", "/1", "1/2/3", "1/-2", "+1", "1e2", "a", "--1"] {
        assert_eq!(Ratio::parse(text), Err(RatioError::Malformed), "{text:?}");
    }
    assert_eq!(Ratio::parse("1/0.0"), Err(RatioError::ZeroDivisor));
    assert_eq!(Ratio::parse(&"9".repeat(65)), Err(RatioError::TooLong));
    assert_eq!(Ratio::one().over(&Ratio::zero()), None);
}

#[test]
fn grams_become_micrograms_by_the_named_rounding() {
    // (grams, floor, half up, half even) in micrograms.
    let cases = [
        ("0.0000025", 2, 3, 2),
        ("0.0000035", 3, 4, 4),
        ("1/3", 333_333, 333_333, 333_333),
        ("2/3", 666_666, 666_667, 666_667),
        ("-0.0000025", -3, -2, -2),
    ];
    for (text, floor, half_up, half_even) in cases {
        let ratio = Ratio::parse(text).unwrap_or_else(|_| Ratio::zero());
        let modes = [
            (RoundingMode::Floor, floor),
            (RoundingMode::HalfUp, half_up),
            (RoundingMode::HalfEven, half_even),
        ];
        for (mode, micrograms) in modes {
            assert_eq!(
                ratio.grams_to_amount(mode),
                Some(Amount::from_micrograms(micrograms)),
                "{text} {mode:?}"
            );
        }
    }
    assert_eq!(Ratio::whole(i64::MAX).grams_to_amount(RoundingMode::Floor), None);
}

#[test]
fn days_are_read_and_written() {
    for (text, days) in [
        ("1970-01-01", 0),
        ("1969-12-31", -1),
        ("2024-02-29", 19_782),
        ("2026-11-20", 20_777),
    ] {
        assert_eq!(Day::parse(text), Ok(Day::from_epoch_days(days)), "{text}");
        assert_eq!(Day::from_epoch_days(days).to_string(), text);
    }
    for text in [
        "2026-02-29",
        "2026-2-01",
        "20260201",
        "2026-02-01T00:00",
        "",
        "２０２６-01-1",
    ] {
        assert!(Day::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(Day::from_epoch_days(20_777).year(), Some(2026));
    assert_eq!(Day::from_epoch_days(i32::MAX).year(), None);
    assert_eq!(Day::from_epoch_days(i32::MAX).to_string(), "day 2147483647");
}

#[test]
fn an_instant_falls_on_different_days_in_different_zones() {
    let day = |instant_s: i64, zone: &str| {
        TimeZone::get(zone)
            .ok()
            .and_then(|zone| Day::of(instant_s, &zone))
            .map(|day| day.to_string())
    };
    // 2026-11-20T16:00:00Z is midnight in Shanghai.
    let midnight = 1_795_190_400;
    assert_eq!(day(midnight, "UTC").as_deref(), Some("2026-11-20"));
    assert_eq!(day(midnight, "Asia/Shanghai").as_deref(), Some("2026-11-21"));
    assert_eq!(day(midnight - 1, "Asia/Shanghai").as_deref(), Some("2026-11-20"));
    // New York turned its clocks back at 2026-11-01T06:00:00Z; the day has 25 hours, from 04:00Z to 05:00Z.
    let autumn = 1_793_505_600;
    assert_eq!(day(autumn - 1, "America/New_York").as_deref(), Some("2026-10-31"));
    assert_eq!(day(autumn, "America/New_York").as_deref(), Some("2026-11-01"));
    assert_eq!(
        day(autumn + 25 * 3600 - 1, "America/New_York").as_deref(),
        Some("2026-11-01")
    );
    assert_eq!(
        day(autumn + 25 * 3600, "America/New_York").as_deref(),
        Some("2026-11-02")
    );
    // Before 1970, and beyond the calendar.
    assert_eq!(day(-1, "UTC").as_deref(), Some("1969-12-31"));
    assert_eq!(day(i64::MAX, "UTC"), None);
}

proptest! {
    #[test]
    fn amounts_survive_being_written_and_read(micrograms: i64) {
        let amount = Amount::from_micrograms(micrograms);
        prop_assert_eq!(Amount::parse_grams(&amount.to_string()), Ok(amount));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC*") {
        let _ = (Amount::parse_grams(&text).is_ok(), Ratio::parse(&text).is_ok(), Day::parse(&text).is_ok());
    }

    #[test]
    fn fractions_survive_being_written_and_read(over in -1_000_000_i64..1_000_000, under in 1_u32..100_000) {
        let ratio = Ratio::whole(over).over(&Ratio::whole(under));
        let text = ratio.as_ref().map(ToString::to_string).unwrap_or_default();
        prop_assert_eq!(Ratio::parse(&text).ok(), ratio);
    }

    #[test]
    fn days_survive_being_written_and_read(days in -700_000_i32..2_900_000) {
        let day = Day::from_epoch_days(days);
        prop_assert_eq!(Day::parse(&day.to_string()), Ok(day));
    }
}
