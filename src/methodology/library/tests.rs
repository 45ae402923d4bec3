//! The library: everything shipped loads, what is frozen stays, and what makes no sense is refused.

use super::{Library, LibraryError};
use crate::methodology::document::Status;

const SHENZHEN: &str = include_str!("../data/cn-sz-public-transport-2021.json");
const CAR: &str = include_str!("../data/ev-energy-displacement-example.json");
const UK: &str = include_str!("../data/uk-modal-shift-2026.json");
const GRID: &str = include_str!("../data/table-cn-grid-electricity.json");

/// Loads one changed file on top of the shipped ones.
fn load(text: &str) -> Result<Library, LibraryError> {
    Library::builtin()?.load_dir([("changed.json", text.as_bytes().to_vec())])
}

/// The changed file's mistakes, joined.
fn mistakes(text: &str) -> String {
    load(text).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn everything_shipped_loads() -> Result<(), LibraryError> {
    let library = Library::builtin()?;
    assert_eq!(library.iter().count(), 11);
    assert_eq!(library.tables().count(), 3);
    assert_eq!(
        library.get("cn-hello-two-wheel-2022", "1.0.0")?.status(),
        Status::Builtin
    );
    let template = library.get("cn-jjj-low-carbon-travel-2024", "1.0.0")?;
    assert_eq!(
        template.missing_factors(),
        ["ef_bus", "ef_car", "ef_carpool", "ef_metro"]
    );
    assert!(matches!(
        library.get("cn-hello-two-wheel-2022", "2.0.0"),
        Err(LibraryError::Unknown { .. })
    ));
    Ok(())
}

#[test]
fn a_set_is_frozen_under_its_digest() -> Result<(), LibraryError> {
    let digest = Library::builtin()?
        .get("cn-sz-public-transport-2021", "1.0.0")?
        .digest();
    // As sha256sum prints it of the file.
    let head = [0x61, 0x4a, 0x3e, 0x34, 0xb7, 0x76, 0x81, 0x95];
    assert_eq!(digest.first_chunk::<8>(), Some(&head));
    assert!(load(SHENZHEN).is_ok(), "the same bytes again change nothing");
    let changed = SHENZHEN.replace("46.8", "46.9");
    assert!(matches!(load(&changed), Err(LibraryError::Frozen { .. })));
    let successor = changed.replace("\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let library = load(&successor)?;
    assert_ne!(library.get("cn-sz-public-transport-2021", "1.1.0")?.digest(), digest);
    assert_eq!(library.get("cn-sz-public-transport-2021", "1.0.0")?.digest(), digest);
    Ok(())
}

#[test]
fn files_of_another_shape_are_refused() {
    let cases = [
        SHENZHEN.replace("\"gas\"", "\"gass\""),
        SHENZHEN.replace("\"value\": \"46.8\"", "\"value\": 46.8"),
        SHENZHEN.replace("\"value\": \"46.8\",", ""),
        SHENZHEN.replace("\"value\": \"46.8\"", "\"value\": \"4.68e1\""),
        SHENZHEN.replace("\"net\": \"metro_net\"", "\"net\": \"metro_net\", \"detour\": \"x\""),
        SHENZHEN.replace("net_factor_distance", "net_factor"),
        SHENZHEN.replace("\"min_distance_m\": null,", ""),
        SHENZHEN.replace("2021-12-16\",\n  \"valid", "2021-13-16\",\n  \"valid"),
        SHENZHEN.replace("\"gCO2/pkm\"", "\"kgCO2/pkm\""),
        format!("{SHENZHEN} {{}}"),
    ];
    for (index, text) in cases.iter().enumerate() {
        assert_ne!(text, SHENZHEN, "case {index} changes nothing");
        assert!(
            matches!(load(text), Err(LibraryError::Malformed { .. })),
            "case {index}: {}",
            mistakes(text)
        );
    }
}

#[test]
fn sets_that_make_no_sense_are_refused_with_every_reason() {
    let text = SHENZHEN.replace("\"net\": \"metro_net\"", "\"net\": \"metro\"");
    let text = text.replace(
        "\"schema\": \"carbon-methodology/1\"",
        "\"schema\": \"carbon-methodology/2\"",
    );
    let text = text
        .replace("\"version\": \"1.0.0\"", "\"version\": \"1.0\"")
        .replace("\"sz-launch\",\n      \"title\"", "\"sz\",\n      \"title\"");
    let all = mistakes(&text);
    for part in [
        "schema is",
        "version \"1.0\"",
        "mode metro: no parameter metro",
        "no source sz-launch",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[test]
fn units_and_shares_must_fit_the_formula() {
    let cases = [
        (
            UK.replace("\"share\": \"0.45\"", "\"share\": \"0.46\""),
            "shares sum to 1.01",
        ),
        (
            UK.replace(",\n          \"occupancy\": \"occupancy\"", ""),
            "per vehicle and needs an occupancy",
        ),
        (
            UK.replace("\"basis\": \"vehicle\"", "\"basis\": \"passenger\""),
            "takes no occupancy",
        ),
        (
            UK.replace("\"factor\": \"rail\"\n", "\"factor\": \"car_average_unknown\"\n"),
            "does not fit the formula",
        ),
        (
            UK.replace(
                "\"value\": \"1\",\n      \"unit\": \"person",
                "\"value\": \"0\",\n      \"unit\": \"person",
            ),
            "must be above zero",
        ),
        (UK.replace("2026-12-31", "2025-12-31"), "valid_to is before valid_from"),
        (
            UK.replace("\"value\": \"15.49\"", "\"value\": null"),
            "only a template may lack",
        ),
        (
            CAR.replace("\"cn-grid-electricity\"", "\"nowhere\""),
            "no table nowhere",
        ),
        (
            CAR.replace("\"series\": \"average\"", "\"series\": \"mean\""),
            "no series per kWh",
        ),
        (
            CAR.replace("\"basis\": \"vehicle\"", "\"basis\": \"passenger\""),
            "must be per vehicle",
        ),
        (CAR.replace("\"value\": \"0\"", "\"value\": \"1\""), "below 1"),
        (
            GRID.replace("CN-grid-north\"", "CN-grid-east\""),
            "two rows for average CN-grid-east",
        ),
    ];
    for (text, reason) in cases {
        let text = text.replace("\"version\": \"1.0.0\"", "\"version\": \"9.0.0\"");
        assert!(mistakes(&text).contains(reason), "{reason}: {}", mistakes(&text));
    }
}

#[test]
fn a_table_of_several_versions_must_be_named_with_its_version() -> Result<(), LibraryError> {
    let newer = GRID.replace("\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let set = CAR.replace("\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let pinned = set.replace("\"cn-grid-electricity\"", "\"cn-grid-electricity@1.1.0\"");
    let both = |set: String| Library::builtin()?.load_dir([("t.json", newer.clone()), ("s.json", set)]);
    assert!(
        both(set)
            .err()
            .is_some_and(|error| error.to_string().contains("several versions"))
    );
    let library = both(pinned)?;
    let versions: Vec<String> = library
        .get("ev-energy-displacement-example", "1.1.0")?
        .tables()
        .map(|table| table.version().to_owned())
        .collect();
    assert_eq!(versions, ["1.1.0"]);
    Ok(())
}

#[test]
fn formulas_are_written_from_what_is_computed() -> Result<(), LibraryError> {
    let library = Library::builtin()?;
    let describe = |id: &str, mode: &str| {
        library
            .get(id, "1.0.0")
            .map(|set| set.formula(mode).map(super::super::family::Formula::describe))
    };
    let cases = [
        ("cn-sz-public-transport-2021", "metro", "ER = metro_net * D"),
        ("cn-bj-travel-2019", "metro", "ER = 1 * car * D - metro * D"),
        ("cn-wh-wutan-2023", "bus", "ER = bus_trip * N"),
        ("generic-be-pe-le", "totals", "ER = BE_t - PE_t - LE_t"),
        (
            "uk-modal-shift-2026",
            "metro_mixed_baseline",
            "ER = (0.45 * car_average_unknown / occupancy + 0.35 * bus + 0.15 * rail + 0.05 * zero) * detour * D - metro * D",
        ),
        (
            "ev-energy-displacement-example",
            "ev_car",
            "ER = 1 * ice_car * D - E * cn-grid-electricity.average(region, year) / (1 - tdl), D = E / ev_kwh_per_km",
        ),
    ];
    for (id, mode, text) in cases {
        assert_eq!(describe(id, mode)?.as_deref(), Some(text));
    }
    Ok(())
}
