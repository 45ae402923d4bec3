//! Legs as they are sent: shape and bounds of each field, times cut to whole seconds. What a formula needs of a leg is the
//! programme's affair; how far a leg went, [`super::way`]'s.
//!
//! A wrong field reads as a harmless value, so that the rest of the trip can still be judged and everything is named at once.

use super::super::fields::{Mistakes, Object, escaped, is_short};
use super::way::{Stations, way};
use crate::ledger::evidence::Places;
use crate::methodology::trip::{LARGEST_INPUT, Leg, MOST_LEGS};
use crate::methodology::units::Ratio;
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of a mode, a region, a parameter or its value, a kind of evidence.
pub(in super::super) const LONGEST_WORD: usize = 64;
/// Parameters that a leg replaces.
const MOST_REPLACED: usize = 20;

/// Whether legs must say when they were travelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Times {
    /// They must.
    Needed,
    /// They may; a leg without reads as the first second of 1970.
    Optional,
}

/// The legs of a trip, and where each went.
pub(in super::super) fn legs(
    trip: &mut Object<'_>,
    times: Times,
    stations: Stations<'_>,
    mistakes: &mut Mistakes,
) -> (Vec<Leg>, Vec<Places>) {
    let Some(list) = trip.needed_list("legs", mistakes) else {
        return (Vec::new(), Vec::new());
    };
    if list.is_empty() || list.len() > MOST_LEGS {
        mistakes.invalid(trip.pointer("legs"), format!("a trip has 1 to {MOST_LEGS} legs"));
    }
    let place = trip.pointer("legs");
    let read = |(index, value): (usize, &Value)| {
        let mut object = Object::new(value, format!("{place}/{index}"), mistakes);
        let read = leg(&mut object, times, stations, mistakes);
        object.close(mistakes);
        read
    };
    list.iter().take(MOST_LEGS).enumerate().map(read).unzip()
}

fn leg(object: &mut Object<'_>, times: Times, stations: Stations<'_>, mistakes: &mut Mistakes) -> (Leg, Places) {
    let mode = object
        .needed_text("mode", LONGEST_WORD, mistakes)
        .unwrap_or_default()
        .to_owned();
    let started_s = instant(object, "started_at", times, mistakes);
    let ended_s = instant(object, "ended_at", times, mistakes);
    let (distance, places) = way(object, &mode, stations, mistakes);
    let grid_year = object.take("grid_year").and_then(|value| {
        let year = value
            .as_i64()
            .and_then(|year| i32::try_from(year).ok())
            .filter(|year| (1..=9999).contains(year));
        if year.is_none() {
            mistakes.invalid(object.pointer("grid_year"), "must be a year as an integer");
        }
        year
    });
    let leg = Leg {
        mode,
        started_s: started_s.or(ended_s).unwrap_or(0),
        ended_s: ended_s.or(started_s).unwrap_or(0),
        distance,
        energy_wh: object.count("energy_wh", LARGEST_INPUT, mistakes),
        events: object.count("events", LARGEST_INPUT, mistakes),
        region: object.text("region", LONGEST_WORD, mistakes).map(str::to_owned),
        grid_year,
        replace: replace(object, mistakes),
    };
    (leg, places)
}

fn replace(object: &mut Object<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, Ratio> {
    let Some(value) = object.take("replace") else {
        return BTreeMap::new();
    };
    let pointer = object.pointer("replace");
    let Some(map) = value.as_object().filter(|map| map.len() <= MOST_REPLACED) else {
        mistakes.invalid(
            pointer,
            format!("must be an object of at most {MOST_REPLACED} parameters"),
        );
        return BTreeMap::new();
    };
    let mut replaced = BTreeMap::new();
    for (name, value) in map {
        let number = value.as_str().and_then(|text| Ratio::parse(text).ok());
        match number.filter(|_| is_short(name, LONGEST_WORD)) {
            Some(number) => drop(replaced.insert(name.clone(), number)),
            None => mistakes.invalid(
                format!("{pointer}/{}", escaped(name)),
                "must be a decimal or a quotient in quotes, such as \"2\"",
            ),
        }
    }
    replaced
}

fn instant(object: &mut Object<'_>, name: &'static str, times: Times, mistakes: &mut Mistakes) -> Option<i64> {
    let value = match times {
        Times::Needed => object.need(name, mistakes)?,
        Times::Optional => object.take(name)?,
    };
    let instant = value.as_str().and_then(whole_second);
    if instant.is_none() {
        mistakes.invalid(
            object.pointer(name),
            "must be a time with its offset, such as 2026-11-20T07:58:11+08:00",
        );
    }
    instant
}

/// Reads RFC 3339. A fraction is cut off as it is written, so that times before 1970 are cut towards the past too.
fn whole_second(text: &str) -> Option<i64> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let shaped = date_time.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => matches!(byte, b'T' | b't' | b' '),
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|character: char| character.is_ascii_digit());
            if offset.len() == fraction.len() {
                return None;
            }
            offset
        }
    };
    let offset_shaped = matches!(offset, "Z" | "z")
        || offset.len() == 6
            && offset.bytes().enumerate().all(|(at, byte)| match at {
                0 => matches!(byte, b'+' | b'-'),
                3 => byte == b':',
                _ => byte.is_ascii_digit(),
            });
    if !shaped || !offset_shaped {
        return None;
    }
    let plain = format!("{date_time}{offset}").to_ascii_uppercase();
    plain.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::whole_second;

    #[test]
    fn times_are_rfc_3339_and_cut_to_whole_seconds() {
        let cases = [
            ("2026-11-20T07:58:11+08:00", 1_795_132_691),
            ("2026-11-19T23:58:11.999999Z", 1_795_132_691),
            ("1969-12-31T23:59:59.5Z", -1),
            ("2026-11-20 07:58:11+08:00", 1_795_132_691),
        ];
        for (text, second) in cases {
            assert_eq!(whole_second(text), Some(second), "{text}");
        }
        let wrong = [
            "",
            "2026-11-20",
            "2026-11-20T07:58:11",
            "2026-11-20T07:58:11+08",
            "2026-11-20T07:58:11.Z",
            "2026-02-30T07:58:11Z",
            "2026-11-20T07:58:11+08:00[Asia/Shanghai]",
            "2026-11-20T25:58:11Z",
            "1795132691",
        ];
        for text in wrong {
            assert_eq!(whole_second(text), None, "{text}");
        }
    }
}
