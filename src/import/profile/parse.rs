//! From a profile's file to a [`Profile`], or to everything that is wrong with it.

use super::template::{Part, Template};
use super::time::TimeForm;
use super::way::read_distance;
use super::{Columns, Encoding, FileShape, Keep, Profile, ProfileError, Rider, RiderId, Times};
use crate::import::paths::Paths;
use crate::ledger::ids::Name;
use crate::methodology::programme::{Mistake, Section};
use jiff::tz::TimeZone;

/// Columns of a file without header.
const MOST_COLUMNS: u64 = 10_000;

impl Profile {
    /// Reads a profile. All mistakes are told at once; unknown keys are refused.
    pub fn parse(bytes: &[u8], paths: &Paths) -> Result<Self, ProfileError> {
        let mut root = Section::parse(bytes).map_err(|mistake| ProfileError {
            mistakes: vec![mistake],
        })?;
        let mut mistakes = Vec::new();
        let client = read_client(&mut root, &mut mistakes);
        let mode = root.expected_text("mode", "the programme's word for how they travelled", &mut mistakes);
        let events = root.count("events", 1, &mut mistakes);
        let trip_id = read_template(&mut root, &mut mistakes);
        let whole_numbers = root.texts("whole_numbers", "a list of columns", &mut mistakes);
        let file = read_shape(root.section("file", &mut mistakes), &mut mistakes);
        let rider = read_rider(root.section("rider", &mut mistakes), &mut mistakes);
        let wants_zone = trip_id.as_ref().is_some_and(|template| {
            let local = |part: &Part| matches!(part, Part::Date | Part::Start | Part::End);
            template.parts().iter().any(local)
        });
        let time = read_times(root.section("time", &mut mistakes), wants_zone, &mut mistakes);
        let distance = if root.has("distance") {
            read_distance(root.section("distance", &mut mistakes), paths, &mut mistakes)
        } else {
            if events.is_none() {
                let right = "is missing; must be a table that says how far a ride went, unless `events` counts";
                root.mistake("distance", right, &mut mistakes);
            }
            None
        };
        let keep = read_keeps(&mut root, &mut mistakes);
        root.close(&mut mistakes);
        match (client, mode, trip_id, rider, time) {
            (Some(client), Some(mode), Some(trip_id), Some(rider), Some(time)) if mistakes.is_empty() => Ok(Self {
                client,
                mode,
                events,
                trip_id,
                whole_numbers,
                file,
                rider,
                time,
                distance,
                keep,
            }),
            _ => Err(ProfileError { mistakes }),
        }
    }
}

/// The shape of a file: `delimiter`, `encoding`, `preamble_lines`, and either a header or a number of columns.
pub(super) fn read_shape(mut section: Section, mistakes: &mut Vec<Mistake>) -> FileShape {
    let delimiter = match section.text("delimiter", mistakes).as_deref().map(str::as_bytes) {
        None => b',',
        Some([byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | b' ') => *byte,
        Some(_) => {
            section.mistake(
                "delimiter",
                "must be one ASCII character, such as \",\" or \"\\t\"",
                mistakes,
            );
            b','
        }
    };
    let encodings = [("utf-8", Encoding::Utf8), ("latin-1", Encoding::Latin1)];
    let encoding = section
        .choice("encoding", &encodings, mistakes)
        .unwrap_or(Encoding::Utf8);
    let preamble_lines = section.count("preamble_lines", 0, mistakes).unwrap_or(0);
    let header = !section.has("header") || section.flag("header", mistakes);
    let columns = match (header, section.count("columns", 1, mistakes)) {
        (true, None) => Columns::Header,
        (true, Some(_)) => {
            section.mistake(
                "columns",
                "is for files without a header: say `header = false`, or leave it out",
                mistakes,
            );
            Columns::Header
        }
        (false, Some(count)) if count <= MOST_COLUMNS => {
            Columns::Numbered(usize::try_from(count).unwrap_or(usize::MAX))
        }
        (false, _) => {
            let right = format!(
                "must be the number of columns, 1 to {MOST_COLUMNS}; without a header they are named \"1\", \"2\", …"
            );
            section.mistake("columns", right, mistakes);
            Columns::Numbered(0)
        }
    };
    section.close(mistakes);
    FileShape {
        delimiter,
        encoding,
        preamble_lines,
        columns,
    }
}

fn read_client(root: &mut Section, mistakes: &mut Vec<Mistake>) -> Option<Name> {
    let text = root.expected_text(
        "client",
        "the name of the calling system, such as \"metro-backend\"",
        mistakes,
    )?;
    Name::parse(text)
        .map_err(|error| root.mistake("client", error.to_string(), mistakes))
        .ok()
}

fn read_template(root: &mut Section, mistakes: &mut Vec<Mistake>) -> Option<Template> {
    let text = root.expected_text("trip_id", "a template of columns, such as \"{order}\"", mistakes)?;
    Template::parse(&text)
        .map_err(|error| root.mistake("trip_id", error, mistakes))
        .ok()
}

fn read_rider(mut section: Section, mistakes: &mut Vec<Mistake>) -> Option<Rider> {
    let column = section.expected_text("column", "the column that says who rode", mistakes);
    let ids = [("number", RiderId::Number), ("hashed", RiderId::Hashed)];
    if !section.has("id") {
        section.mistake("id", "is missing; must be \"number\" or \"hashed\"", mistakes);
    }
    let id = section.choice("id", &ids, mistakes);
    section.close(mistakes);
    Some(Rider {
        column: column?,
        id: id?,
    })
}

fn read_times(mut section: Section, wants_zone: bool, mistakes: &mut Vec<Mistake>) -> Option<Times> {
    let right = "the forms of a time, such as [\"YYYY-MM-DD hh:mm:ss\"]";
    if !section.has("forms") {
        section.mistake("forms", format!("is missing; must be {right}"), mistakes);
    }
    let mut forms = Vec::new();
    for text in section.texts("forms", right, mistakes) {
        match TimeForm::parse(&text) {
            Ok(form) => forms.push(form),
            Err(error) => section.mistake("forms", error, mistakes),
        }
    }
    let zone = section.text("zone", mistakes);
    let zone = match zone.as_deref().map(TimeZone::get) {
        Some(Ok(zone)) => zone,
        Some(Err(_)) => {
            section.mistake("zone", "must be an IANA time zone, such as \"Asia/Shanghai\"", mistakes);
            TimeZone::UTC
        }
        None if wants_zone || forms.iter().any(TimeForm::needs_zone) => {
            let right = "is missing; must be the IANA time zone of the columns, such as \"Asia/Shanghai\"";
            section.mistake("zone", right, mistakes);
            TimeZone::UTC
        }
        None => TimeZone::UTC,
    };
    let start = section.expected_text("start", "the column of the start", mistakes);
    let end = section.expected_text(
        "end",
        "the column of the end (the same as `start` for an event)",
        mistakes,
    );
    section.close(mistakes);
    Some(Times {
        zone,
        forms,
        start: start?,
        end: end?,
    })
}

fn read_keeps(root: &mut Section, mistakes: &mut Vec<Mistake>) -> Vec<Keep> {
    let mut keeps = Vec::new();
    for mut section in root.tables("keep", mistakes) {
        let column = section.expected_text("column", "the column that tells rows apart", mistakes);
        let right = "a value, or a list of values, of rows that are trips";
        if !section.has("values") {
            section.mistake("values", format!("is missing; must be {right}"), mistakes);
        }
        let values = section.texts("values", right, mistakes);
        section.close(mistakes);
        keeps.extend(column.map(|column| Keep { column, values }));
    }
    keeps
}
