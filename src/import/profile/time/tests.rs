//! Forms of time: what they read, and what they refuse.

use super::*;

fn read(form: &str, zone: &str, text: &str) -> Option<i64> {
    let zone = TimeZone::get(zone).unwrap();
    let date = ServiceDate::parse("2016-02-29", &zone);
    TimeForm::parse(form).unwrap().read(text, &zone, date.as_ref())
}

#[test]
fn times_are_read_to_the_last_character() {
    let cases = [
        (
            "YYYY-MM-DD hh:mm:ss",
            "Asia/Shanghai",
            "2016-02-29 10:26:00",
            Some(1_456_712_760),
        ),
        ("YYYY/M/D h:mm", "Asia/Shanghai", "2016/2/29 10:26", Some(1_456_712_760)),
        ("YYYY/M/D h:mm", "Asia/Shanghai", "2016/02/29 0:05", Some(1_456_675_500)),
        ("YYYY/M/D h:mm", "Asia/Shanghai", "2016/2/29 10:6", None),
        ("YYYY-MM-DD hh:mm:ss", "Asia/Shanghai", "2016-2-29 10:26:00", None),
        ("YYYY-MM-DD hh:mm:ss", "Asia/Shanghai", "2015-02-29 10:26:00", None),
        ("YYYY-MM-DD hh:mm:ss", "Asia/Shanghai", "2016-02-29 24:00:00", None),
        ("YYYY-MM-DD hh:mm:ss", "Asia/Shanghai", "2016-02-29 10:26:60", None),
        ("YYYY-MM-DD hh:mm:ss", "Asia/Shanghai", "2016-02-29 10:26:00 ", None),
        (
            "YYYY-MM-DD hh:mm:ssf",
            "Asia/Shanghai",
            "2016-02-29 10:26:00.999",
            Some(1_456_712_760),
        ),
        ("YYYY-MM-DD hh:mm:ssf", "Asia/Shanghai", "2016-02-29 10:26:00.", None),
        (
            "YYYY-MM-DDThh:mm:ssfz",
            "UTC",
            "2016-02-29T10:26:00.5+08:00",
            Some(1_456_712_760),
        ),
        (
            "YYYY-MM-DD hh:mm:ssz",
            "UTC",
            "2016-02-29 02:26:00+00",
            Some(1_456_712_760),
        ),
        (
            "YYYY-MM-DD hh:mm:ssz",
            "UTC",
            "2016-02-29 02:26:00Z",
            Some(1_456_712_760),
        ),
        ("YYYY-MM-DD hh:mm:ssz", "UTC", "2016-02-29 02:26:00+00:", None),
        ("unix_seconds", "UTC", "1456712760", Some(1_456_712_760)),
        ("unix_seconds", "UTC", "0001456712760", Some(1_456_712_760)),
        ("unix_seconds", "UTC", "-1", None),
        ("unix_seconds", "UTC", "9223372036854775807", None),
        ("minute_of_day", "Asia/Shanghai", "626", Some(1_456_712_760)),
        (
            "minute_of_day",
            "Asia/Shanghai",
            "1439",
            Some(1_456_675_200 + 1_439 * 60),
        ),
        ("minute_of_day", "Asia/Shanghai", "1440", None),
    ];
    for (form, zone, text, expected) in cases {
        assert_eq!(read(form, zone, text), expected, "{form} {text}");
    }
}

#[test]
fn a_clock_set_forward_skips_and_one_set_back_repeats() {
    let form = "YYYY-MM-DD hh:mm:ss";
    assert_eq!(read(form, "America/Mexico_City", "2016-04-03 02:30:00"), None);
    assert_eq!(
        read(form, "America/Mexico_City", "2016-04-03 03:00:00"),
        Some(1_459_670_400)
    );
    // The earlier of the two, which still is summer time.
    assert_eq!(
        read(form, "America/Mexico_City", "2016-10-30 01:30:00"),
        Some(1_477_809_000)
    );
}

#[test]
fn forms_say_what_they_are_made_of() {
    for wrong in [
        "",
        "YYYY-MM-DD",
        "YYYY-MM-DD hh:mm:ss ss",
        "YY-MM-DD hh:mm",
        "YYYY-MMM-DD hh:mm",
        "YYYY-MM-DD hh:mm:ssff",
    ] {
        assert!(TimeForm::parse(wrong).is_err(), "{wrong}");
    }
    assert!(!TimeForm::parse("unix_seconds").unwrap().needs_zone());
    assert!(!TimeForm::parse("YYYY-MM-DD hh:mmz").unwrap().needs_zone());
    assert!(TimeForm::parse("YYYY-MM-DD hh:mm").unwrap().needs_zone());
}

#[test]
fn numbers_are_digits() {
    assert_eq!(whole_number("0007"), Some(7));
    assert_eq!(whole_number("9223372036854775807"), Some(i64::MAX));
    for wrong in [
        "",
        "-1",
        "+1",
        "1.0",
        " 1",
        "9223372036854775808",
        "00000000000000000001",
        "１",
    ] {
        assert_eq!(whole_number(wrong), None, "{wrong}");
    }
}
