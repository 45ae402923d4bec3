//! The same trip again: same content → the first answer; other content → a conflict that names the fields.

use super::command::{Rejection, SubmitTrip, TripAnswer};
use super::evidence::{Evidence, Places};
use super::view::{StoredTrip, View};
use crate::methodology::trip::{DistanceFrom, Leg};

/// Answers a trip whose identity is taken.
pub fn replay(view: &View, stored: &StoredTrip, command: &SubmitTrip) -> Result<TripAnswer, Rejection> {
    let places = stored_places(view, stored, command)?;
    let fields = differences(stored, &places, command);
    if !fields.is_empty() {
        return Err(Rejection::TripConflict { fields });
    }
    Ok(TripAnswer {
        trip: stored.clone(),
        replayed: true,
    })
}

/// Stations stand in the sealed evidence; it is opened only where stations are at stake.
fn stored_places(view: &View, stored: &StoredTrip, command: &SubmitTrip) -> Result<Vec<Places>, Rejection> {
    let by_network = |leg: &Leg| matches!(&leg.distance, Some(d) if matches!(d.from, DistanceFrom::Network { .. }));
    let at_stake = command
        .places
        .iter()
        .any(|places| matches!(places, Places::Stations { .. }))
        || stored.record.legs.iter().any(|leg| by_network(&leg.leg));
    if !at_stake {
        return Ok(Vec::new());
    }
    let account = view.accounts.get(&(command.user, stored.record.programme.clone()));
    let account = account.ok_or(Rejection::EvidenceUnreadable)?;
    Evidence::open(&stored.evidence, &account.data_key, &stored.record.trip_key)
        .map(|evidence| evidence.places)
        .map_err(|_| Rejection::EvidenceUnreadable)
}

fn differences(stored: &StoredTrip, places: &[Places], command: &SubmitTrip) -> Vec<String> {
    let mut fields = Vec::new();
    if stored.record.programme != command.programme.id() {
        fields.push("/programme".to_owned());
    }
    if stored.record.legs.len() != command.trip.legs.len() {
        fields.push("/legs".to_owned());
        return fields;
    }
    for (index, (old, new)) in std::iter::zip(&stored.record.legs, &command.trip.legs).enumerate() {
        let names = leg_differences(&old.leg, new, places.get(index), command.places.get(index));
        fields.extend(names.into_iter().map(|name| format!("/legs/{index}/{name}")));
    }
    fields
}

fn leg_differences(
    old: &Leg,
    new: &Leg,
    old_places: Option<&Places>,
    new_places: Option<&Places>,
) -> Vec<&'static str> {
    let metres = |leg: &Leg| leg.distance.as_ref().map(|distance| distance.metres);
    let mut names = Vec::new();
    let mut compare = |name, same: bool| {
        if !same {
            names.push(name);
        }
    };
    compare("mode", old.mode == new.mode);
    compare("started_at", old.started_s == new.started_s);
    compare("ended_at", old.ended_s == new.ended_s);
    match (stations(old_places), stations(new_places)) {
        (Some(old), Some(new)) => {
            compare("from", old.0 == new.0);
            compare("to", old.1 == new.1);
        }
        (None, None) => compare("distance_m", metres(old) == metres(new)),
        _ => compare("from", false),
    }
    compare("energy_wh", old.energy_wh == new.energy_wh);
    compare("events", old.events == new.events);
    compare("region", old.region == new.region);
    compare("grid_year", old.grid_year == new.grid_year);
    compare("replace", old.replace == new.replace);
    names
}

fn stations(places: Option<&Places>) -> Option<(&str, &str)> {
    match places {
        Some(Places::Stations { from, to }) => Some((from, to)),
        _ => None,
    }
}
