//! Forms of time: how a column says when. Every form is strict; what does not fit it to the last character is unreadable.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// Minutes of a day.
const DAY_MIN: i64 = 1_440;

/// A form of time, as a profile names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimeForm {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    UnixSeconds,
    /// Whole minutes, 0 to 1439, since the service date began.
    MinuteOfDay,
    /// Date and time of day as they are written.
    Written(Vec<Piece>),
}

/// A piece of a written form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece {
    /// A part of the date or the time of day, and whether one digit may do for two.
    Part(Part, Digits),
    /// A point and digits, if they are there; they are cut off.
    Fraction,
    /// `Z`, `+08`, `+0800` or `+08:00`.
    Offset,
    /// Stands for itself.
    Literal(char),
}

/// Parts of date and time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Four digits.
    Year,
    /// 1 to 12.
    Month,
    /// 1 to 31.
    Day,
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// 0 to 59.
    Second,
}

/// How many digits a part has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Digits {
    /// Four.
    Four,
    /// Two.
    Two,
    /// One or two.
    OneOrTwo,
}

/// A day that the rows of a file belong to, though they do not say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceDate {
    date: Date,
    /// The first instant of the day, Unix seconds.
    start_s: i64,
}

impl ServiceDate {
    /// A day in a zone, from `YYYY-MM-DD`.
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Self> {
        let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
        let start_s = zone.to_zoned(date.to_datetime(Time::midnight())).ok()?;
        let start_s = start_s.start_of_day().ok()?.timestamp().as_second();
        Some(Self { date, start_s })
    }

    /// The day as trip ids write it.
    pub fn text(&self) -> String {
        self.date.to_string()
    }
}

impl TimeForm {
    /// Reads a form as a profile writes it; `Err` says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "unix_seconds" => Ok(Self::UnixSeconds),
            "minute_of_day" => Ok(Self::MinuteOfDay),
            written => pieces(written).map(Self::Written),
        }
    }

    /// Whether it reads the time of day of a zone.
    pub fn needs_zone(&self) -> bool {
        match self {
            Self::UnixSeconds => false,
            Self::MinuteOfDay => true,
            Self::Written(pieces) => !pieces.contains(&Piece::Offset),
        }
    }

    /// Unix seconds of a text; `None` if it is not of this form, not in the calendar, or skipped by the clock.
    pub fn read(&self, text: &str, zone: &TimeZone, service_date: Option<&ServiceDate>) -> Option<i64> {
        match self {
            Self::UnixSeconds => {
                let second = whole_number(text)?;
                Timestamp::from_second(second).ok().map(|_| second)
            }
            Self::MinuteOfDay => {
                let minute = whole_number(text).filter(|minute| *minute < DAY_MIN)?;
                Some(service_date?.start_s + minute * 60)
            }
            Self::Written(pieces) => {
                let (at, offset) = written(pieces, text)?;
                match offset {
                    Some(offset) => offset.to_timestamp(at).ok().map(Timestamp::as_second),
                    None => in_zone(at, zone),
                }
            }
        }
    }
}

/// ASCII digits, no sign, at most 19 of them and below 2^63.
pub fn whole_number(text: &str) -> Option<i64> {
    let sound = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

/// A local time that comes twice is the earlier of the two; one that the clock skipped is none.
fn in_zone(at: DateTime, zone: &TimeZone) -> Option<i64> {
    let offset = match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { .. } => return None,
    };
    offset.to_timestamp(at).ok().map(Timestamp::as_second)
}

fn pieces(form: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = form;
    while let Some(first) = rest.chars().next() {
        let same = rest.len() - rest.trim_start_matches(first).len();
        let run = rest.get(..same).unwrap_or(rest);
        rest = rest.get(same..).unwrap_or_default();
        match run {
            "YYYY" => pieces.push(Piece::Part(Part::Year, Digits::Four)),
            "f" => pieces.push(Piece::Fraction),
            "z" => pieces.push(Piece::Offset),
            _ => match part(first) {
                Some(part) if run.len() <= 2 => {
                    let digits = if run.len() == 2 { Digits::Two } else { Digits::OneOrTwo };
                    pieces.push(Piece::Part(part, digits));
                }
                None if !matches!(first, 'Y' | 'f' | 'z') => pieces.extend(run.chars().map(Piece::Literal)),
                _ => return Err(format!("{run:?} stands for nothing; {}", right())),
            },
        }
    }
    let times = |part| {
        let same = |piece: &&Piece| matches!(piece, Piece::Part(other, _) if *other == part);
        pieces.iter().filter(same).count()
    };
    let all = [Part::Year, Part::Month, Part::Day, Part::Hour, Part::Minute];
    if all.into_iter().any(|part| times(part) != 1) || times(Part::Second) > 1 {
        return Err(format!(
            "{form:?} must name year, month, day, hour and minute once each; {}",
            right()
        ));
    }
    Ok(pieces)
}

/// What a form may be made of.
fn right() -> &'static str {
    "a form is \"unix_seconds\", \"minute_of_day\", or made of YYYY, MM, DD, hh, mm, ss (M, D, h, m, s: one or two digits), f (a \
     fraction to cut off) and z (an offset)"
}

fn part(letter: char) -> Option<Part> {
    match letter {
        'M' => Some(Part::Month),
        'D' => Some(Part::Day),
        'h' => Some(Part::Hour),
        'm' => Some(Part::Minute),
        's' => Some(Part::Second),
        _ => None,
    }
}

fn written(pieces: &[Piece], text: &str) -> Option<(DateTime, Option<Offset>)> {
    let (mut year, mut month, mut day, mut hour, mut minute, mut second) = (0, 0, 0, 0, 0, 0);
    let mut offset = None;
    let mut rest = text;
    for piece in pieces {
        match piece {
            Piece::Literal(character) => rest = rest.strip_prefix(*character)?,
            Piece::Fraction => {
                if let Some(fraction) = rest.strip_prefix('.') {
                    rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
                    if rest.len() == fraction.len() {
                        return None;
                    }
                }
            }
            Piece::Offset => {
                let (found, left) = read_offset(rest)?;
                (offset, rest) = (Some(found), left);
            }
            Piece::Part(part, digits) => {
                let (number, left) = number(rest, *digits)?;
                rest = left;
                let place = match part {
                    Part::Year => &mut year,
                    Part::Month => &mut month,
                    Part::Day => &mut day,
                    Part::Hour => &mut hour,
                    Part::Minute => &mut minute,
                    Part::Second => &mut second,
                };
                *place = number;
            }
        }
    }
    if !rest.is_empty() {
        return None;
    }
    let small = |number: i16| i8::try_from(number).ok();
    let date = Date::new(year, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    Some((date.to_datetime(time), offset))
}

fn number(text: &str, digits: Digits) -> Option<(i16, &str)> {
    let there = text.bytes().take_while(u8::is_ascii_digit).count();
    let wanted = match digits {
        Digits::Four => 4,
        Digits::Two => 2,
        Digits::OneOrTwo => there.clamp(1, 2),
    };
    let (number, rest) = text.split_at_checked(wanted).filter(|_| there >= wanted)?;
    Some((number.parse().ok()?, rest))
}

fn read_offset(text: &str) -> Option<(Offset, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((Offset::UTC, rest));
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = number(text.get(1..)?, Digits::Two)?;
    let minutes = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest) = match number(minutes, Digits::Two) {
        Some(read) => read,
        None if rest.starts_with(':') => return None,
        None => (0, rest),
    };
    if minutes > 59 {
        return None;
    }
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60 * sign;
    Some((Offset::from_seconds(seconds).ok()?, rest))
}

/// A time of day in a zone as trip ids write it.
pub fn local_text(second: i64, zone: &TimeZone) -> Option<String> {
    let at = Timestamp::from_second(second).ok()?;
    Some(zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests;
