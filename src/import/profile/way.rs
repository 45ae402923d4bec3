//! The profile's table `distance`: how far a ride went, said in one of a few ways.

use super::parse::read_shape;
use super::{Distance, Ends, PlaceList, Point, StationWord};
use crate::import::paths::Paths;
use crate::methodology::programme::{Mistake, Section};
use std::path::PathBuf;

/// The ways to say it.
#[derive(Clone, Copy)]
enum By {
    Column,
    Coordinates,
    Places,
    Network,
    Hops,
}

const WAYS: [(&str, By); 5] = [
    ("column", By::Column),
    ("coordinates", By::Coordinates),
    ("places", By::Places),
    ("network", By::Network),
    ("hops", By::Hops),
];

/// Reads the table; `by` decides which keys there are.
pub(super) fn read_distance(mut section: Section, paths: &Paths, mistakes: &mut Vec<Mistake>) -> Option<Distance> {
    if !section.has("by") {
        let words = WAYS.map(|(word, _)| format!("{word:?}"));
        section.mistake("by", format!("is missing; must be {}", words.join(" or ")), mistakes);
        return None;
    }
    let distance = match section.choice("by", &WAYS, mistakes)? {
        By::Column => {
            let metres = section.expected_text("metres", "the column with the metres", mistakes);
            metres.map(|metres| Distance::Column { metres })
        }
        By::Coordinates => {
            let from = read_point(section.section("from", mistakes), mistakes);
            let to = read_point(section.section("to", mistakes), mistakes);
            from.zip(to).map(|(from, to)| Distance::Coordinates { from, to })
        }
        By::Places => {
            let ends = read_ends(&mut section, mistakes);
            let list = read_list(section.section("places", mistakes), paths, mistakes);
            ends.zip(list).map(|(ends, list)| Distance::Places { ends, list })
        }
        By::Network => {
            let ends = read_ends(&mut section, mistakes);
            let file = read_path(
                &mut section,
                "network",
                "a network (JSON), or the description of one (TOML)",
                (paths, mistakes),
            );
            let words = [("name", StationWord::Name), ("id", StationWord::Id)];
            let stations = section
                .choice("stations", &words, mistakes)
                .unwrap_or(StationWord::Name);
            ends.zip(file)
                .map(|(ends, file)| Distance::Network { ends, file, stations })
        }
        By::Hops => {
            let ends = read_ends(&mut section, mistakes);
            let right = "a square of numbers: row and column n are station n, other than 0 is a stretch";
            let adjacency = read_path(&mut section, "adjacency", right, (paths, mistakes));
            if !section.has("metres_per_hop") {
                section.mistake(
                    "metres_per_hop",
                    "is missing; must be the metres of a stretch",
                    mistakes,
                );
            }
            let metres = section.count("metres_per_hop", 1, mistakes);
            match (ends, adjacency, metres) {
                (Some(ends), Some(adjacency), Some(metres_per_hop)) => Some(Distance::Hops {
                    ends,
                    adjacency,
                    metres_per_hop,
                }),
                _ => None,
            }
        }
    };
    section.close(mistakes);
    distance
}

fn read_ends(section: &mut Section, mistakes: &mut Vec<Mistake>) -> Option<Ends> {
    let from = section.expected_text("from", "the column of where the ride began", mistakes);
    let to = section.expected_text("to", "the column of where the ride ended", mistakes);
    Some(Ends { from: from?, to: to? })
}

fn read_point(mut section: Section, mistakes: &mut Vec<Mistake>) -> Option<Point> {
    let point = point_columns(&mut section, mistakes);
    section.close(mistakes);
    point
}

fn point_columns(section: &mut Section, mistakes: &mut Vec<Mistake>) -> Option<Point> {
    let lat = section.expected_text("lat", "the column of the latitude in decimal degrees", mistakes);
    let lon = section.expected_text("lon", "the column of the longitude in decimal degrees", mistakes);
    Some(Point { lat: lat?, lon: lon? })
}

fn read_list(mut section: Section, paths: &Paths, mistakes: &mut Vec<Mistake>) -> Option<PlaceList> {
    let path = read_path(
        &mut section,
        "path",
        "the file that lists the places",
        (paths, mistakes),
    );
    let id = section.expected_text("id", "the column of a place's id", mistakes);
    let point = point_columns(&mut section, mistakes);
    let shape = read_shape(section.section("file", mistakes), mistakes);
    section.close(mistakes);
    Some(PlaceList {
        path: path?,
        shape,
        id: id?,
        point: point?,
    })
}

fn read_path(
    section: &mut Section,
    key: &str,
    right: &str,
    (paths, mistakes): (&Paths, &mut Vec<Mistake>),
) -> Option<PathBuf> {
    let text = section.expected_text(key, right, mistakes)?;
    paths
        .expand(&text)
        .map_err(|error| section.mistake(key, error, mistakes))
        .ok()
}
