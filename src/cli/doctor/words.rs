//! Times, sizes and errors as a person reads them.

use jiff::Timestamp;
use std::error::Error;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// A day, in milliseconds.
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// So many of something that has a plain plural.
pub(super) fn many(count: impl TryInto<i64>, unit: &str) -> String {
    match count.try_into().unwrap_or(i64::MAX) {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

/// A length of time, in its two largest units at most.
pub(super) fn span(ms: i64) -> String {
    let ms = ms.saturating_abs();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} seconds", ms / 1_000, ms % 1_000 / 100),
        10_000..MINUTE_MS => many(ms / 1_000, "second"),
        MINUTE_MS..HOUR_MS => many(ms / MINUTE_MS, "minute"),
        HOUR_MS..DAY_MS => {
            let minutes = ms % HOUR_MS / MINUTE_MS;
            let hours = many(ms / HOUR_MS, "hour");
            if minutes == 0 {
                hours
            } else {
                format!("{hours} {}", many(minutes, "minute"))
            }
        }
        _ => many(ms / DAY_MS, "day"),
    }
}

/// How long something took, in milliseconds and more.
pub(super) fn lasting(time: Duration) -> String {
    span(i64::try_from(time.as_millis()).unwrap_or(i64::MAX).max(1))
}

/// How long ago something was.
pub(super) fn ago(ms: i64) -> String {
    if ms < 1_000 {
        "just now".to_owned()
    } else {
        format!("{} ago", span(ms))
    }
}

/// An instant, to the second, in UTC.
pub(super) fn instant(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1_000)).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}

/// The day of an instant, in UTC.
pub(super) fn day(ms: i64) -> String {
    instant(ms).chars().take_while(|letter| *letter != 'T').collect()
}

/// So many bytes.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} bytes")
}

/// The last cause of an error: what the system or the server itself has said, as a part of a sentence.
pub(super) fn cause(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string().trim_end_matches('.').to_owned()
}

/// Some names, so many of them in full.
pub(super) fn some(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_well() {
        let spans = [
            (0, "0 ms"),
            (1_250, "1.2 seconds"),
            (-59_999, "59 seconds"),
            (60_000, "1 minute"),
            (2 * HOUR_MS, "2 hours"),
            (HOUR_MS + 61_000, "1 hour 1 minute"),
            (DAY_MS, "1 day"),
            (i64::MIN, "106751991167 days"),
        ];
        for (ms, text) in spans {
            assert_eq!(span(ms), text);
        }
        assert_eq!(instant(1_795_176_000_999), "2026-11-20T12:00:00Z");
        assert_eq!(day(1_795_176_000_999), "2026-11-20");
        for (bytes, text) in [
            (12, "12 bytes"),
            (1_536, "1.5 KiB"),
            (3 << 30, "3.0 GiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            (some(&names, 3).as_str(), some(&names, 1).as_str()),
            ("a, b, c", "a and 2 more")
        );
    }
}
