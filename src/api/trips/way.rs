//! How far a leg went: metres as given, a great circle between coordinates, or the shortest way between two stations of
//! the network that the programme names for the mode.

use super::super::fields::{Mistakes, Object};
use super::super::networks::{End as Stop, metres_between};
use super::super::problem::{Code, FieldError};
use super::legs::LONGEST_WORD;
use crate::distance::{Coordinates, Network};
use crate::ledger::evidence::Places;
use crate::methodology::programme::Programme;
use crate::methodology::trip::{Distance, DistanceFrom, LARGEST_INPUT};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Characters of a station.
const LONGEST_STATION: usize = 128;

/// Where the stations of a trip are looked up.
#[derive(Clone, Copy)]
pub(in super::super) enum Stations<'a> {
    /// In the networks that the programme names for its modes.
    Of(&'a Programme, &'a BTreeMap<String, Arc<Network>>),
    /// Nowhere: a methodology names no networks.
    Nowhere,
    /// The programme is wrong, which was said already.
    Unjudged,
}

impl<'a> Stations<'a> {
    /// The stations of a programme, if there is one.
    pub(in super::super) fn of(programme: Option<&'a Programme>, networks: &'a BTreeMap<String, Arc<Network>>) -> Self {
        programme.map_or(Self::Unjudged, |programme| Self::Of(programme, networks))
    }

    /// The network of a mode; `Err` says why there is none, if that is worth saying: what is wrong with the mode itself
    /// is said elsewhere.
    fn network(self, mode: &str) -> Result<&'a Network, Option<String>> {
        match self {
            Self::Nowhere => Err(Some("without a programme no network is named".to_owned())),
            Self::Of(programme, networks) if programme.knows_mode(mode) => {
                let Some(id) = programme.network_of(mode) else {
                    return Err(Some(format!("the programme names no network for {mode}")));
                };
                let network = networks.get(id).map(Arc::as_ref);
                network.ok_or_else(|| Some(format!("the network {id} is not loaded")))
            }
            Self::Of(..) | Self::Unjudged => Err(None),
        }
    }
}

/// How far, said in at most one way. What is wrong reads as no metres at all.
pub(super) fn way(
    leg: &mut Object<'_>,
    mode: &str,
    stations: Stations<'_>,
    mistakes: &mut Mistakes,
) -> (Option<Distance>, Places) {
    let given = leg.count("distance_m", LARGEST_INPUT, mistakes);
    let (from, to) = (leg.take("from"), leg.take("to"));
    let metres = |metres, from| Some(Distance { metres, from });
    match (given, from, to) {
        (given, None, None) => (given.and_then(|given| metres(given, DistanceFrom::Given)), Places::None),
        (Some(given), ..) => {
            mistakes.invalid(
                leg.pointer("distance_m"),
                "a leg says how far it went in one way: metres, or from and to",
            );
            (metres(given, DistanceFrom::Given), Places::None)
        }
        (None, Some(from), Some(to)) => {
            let ends = (
                end(from, leg.pointer("from"), mistakes),
                end(to, leg.pointer("to"), mistakes),
            );
            match ends {
                (Some(End::Point(start, a)), Some(End::Point(stop, b))) => (
                    metres(start.metres_to(stop), DistanceFrom::Coordinates),
                    Places::Coordinates { from: a, to: b },
                ),
                (Some(End::Station(from)), Some(End::Station(to))) => {
                    let distance = by_stations(leg, (from, to), stations.network(mode), mistakes);
                    let (from, to) = (from.to_owned(), to.to_owned());
                    (Some(distance), Places::Stations { from, to })
                }
                (Some(_), Some(_)) => {
                    mistakes.invalid(leg.pointer("to"), "both ends are stations, or both are coordinates");
                    (metres(0, DistanceFrom::Given), Places::None)
                }
                _ => (metres(0, DistanceFrom::Given), Places::None),
            }
        }
        (None, from, _) => {
            let missing = if from.is_none() { "from" } else { "to" };
            mistakes.invalid(leg.pointer(missing), "is missing");
            (metres(0, DistanceFrom::Given), Places::None)
        }
    }
}

fn by_stations(
    leg: &Object<'_>,
    (from, to): (&str, &str),
    network: Result<&Network, Option<String>>,
    mistakes: &mut Mistakes,
) -> Distance {
    let none = Distance {
        metres: 0,
        from: DistanceFrom::Given,
    };
    let network = match network {
        Ok(network) => network,
        Err(reason) => {
            let error = |detail| FieldError::new(Code::UnknownNetwork, leg.path(), detail);
            mistakes.0.extend(reason.map(error));
            return none;
        }
    };
    let stop = |id, name| Stop {
        id,
        pointer: leg.pointer(name),
    };
    match metres_between(network, &stop(from, "from"), &stop(to, "to")) {
        Ok(metres) => Distance {
            metres,
            from: DistanceFrom::Network {
                id: network.id().to_owned(),
                version: network.version().to_owned(),
                digest: network.digest(),
            },
        },
        Err(errors) => {
            mistakes.0.extend(errors);
            none
        }
    }
}

/// One end of a leg.
enum End<'v> {
    Station(&'v str),
    Point(Coordinates, (String, String)),
}

fn end<'v>(value: &'v Value, pointer: String, mistakes: &mut Mistakes) -> Option<End<'v>> {
    let before = mistakes.0.len();
    let mut object = Object::new(value, pointer.clone(), mistakes);
    let station = object.text("station", LONGEST_STATION, mistakes);
    let (lat, lon) = (
        object.text("lat", LONGEST_WORD, mistakes),
        object.text("lon", LONGEST_WORD, mistakes),
    );
    object.close(mistakes);
    if mistakes.0.len() > before {
        return None;
    }
    match (station, lat, lon) {
        (Some(station), None, None) => Some(End::Station(station)),
        (None, Some(lat), Some(lon)) => match Coordinates::parse(lat, lon) {
            Ok(point) => Some(End::Point(point, (lat.to_owned(), lon.to_owned()))),
            Err(error) => {
                mistakes.invalid(pointer, error.to_string());
                None
            }
        },
        _ => {
            mistakes.invalid(pointer, "must be {\"station\": …} or {\"lat\": …, \"lon\": …}");
            None
        }
    }
}
