//! Quantifying: all worked examples, what a leg may lack or replace, and the laws of every formula.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::{LegFigure, Replacing, quantify_leg, what_if};
use crate::methodology::golden::Example;
use crate::methodology::library::{EXAMPLES, Library, LibraryError};
use crate::methodology::set::Methodology;
use crate::methodology::trip::{Distance, DistanceFrom, InputError, Leg};
use crate::methodology::units::{Amount, Ratio};

fn leg(mode: &str, metres: Option<u64>) -> Leg {
    Leg {
        mode: mode.to_owned(),
        started_s: 0,
        ended_s: 0,
        distance: metres.map(|metres| Distance {
            metres,
            from: DistanceFrom::Given,
        }),
        energy_wh: None,
        events: None,
        region: None,
        grid_year: None,
        replace: BTreeMap::new(),
    }
}

/// Loaded once: it is the same for every case, and loading checks all examples.
static LIBRARY: LazyLock<Result<Library, LibraryError>> = LazyLock::new(Library::builtin);

fn set(id: &str) -> Result<Arc<Methodology>, LibraryError> {
    LIBRARY.as_ref().map_err(Clone::clone)?.get(id, "1.0.0")
}

fn quantify(methodology: &Methodology, leg: &Leg) -> Result<LegFigure, Vec<InputError>> {
    quantify_leg(methodology, &leg.mode, leg, Replacing::Trip)
}

fn pointers(result: Result<LegFigure, Vec<InputError>>) -> Vec<String> {
    result
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|mistake| mistake.pointer)
        .collect()
}

#[test]
fn all_worked_examples_come_out_to_the_microgram() -> Result<(), LibraryError> {
    let library = Library::builtin()?;
    let examples = Example::read_all(EXAMPLES).unwrap_or_default();
    assert_eq!(examples.len(), 82);
    for example in &examples {
        let methodology = library.get(example.field("methodology_id"), example.field("version"))?;
        assert_eq!(example.check(&methodology), Ok(()), "{}", example.field("case_id"));
    }
    Ok(())
}

#[test]
fn worked_examples_agree_in_their_other_columns() {
    // Whole grams exist at the edge only; this checks that the table means what we mean.
    for example in Example::read_all(EXAMPLES).unwrap_or_default() {
        let case = example.field("case_id");
        let quotient = format!("{}/{}", example.field("exact_g_num"), example.field("exact_g_den"));
        let text = Ratio::parse(&quotient)
            .map(|ratio| ratio.to_string())
            .unwrap_or_default();
        assert_eq!(
            !text.contains('/'),
            example.field("exact_terminates") == "yes",
            "{case}"
        );
        if !text.contains('/') {
            assert_eq!(text, example.field("exact_g"), "{case}");
        }
        let micrograms: i64 = example.field("expected_ug_floor").parse().unwrap_or(-1);
        assert_eq!(
            (micrograms / 1_000_000).to_string(),
            example.field("expected_g_floor"),
            "{case}"
        );
        assert_eq!(
            ((micrograms + 500_000) / 1_000_000).to_string(),
            example.field("expected_g_half_up"),
            "{case}"
        );
    }
}

#[test]
fn an_example_that_differs_is_caught() -> Result<(), LibraryError> {
    let text = EXAMPLES.replace(",46800000,46,47,", ",46800001,46,47,");
    let wrong = Library::builtin()?.load_dir([("golden.csv", text.into_bytes())]).err();
    assert!(matches!(wrong, Some(LibraryError::Example { case, .. }) if case == "P01"));
    Ok(())
}

#[test]
fn the_figure_before_the_floor_is_kept() -> Result<(), LibraryError> {
    let uk = set("uk-modal-shift-2026")?;
    let figure = quantify(&uk, &leg("taxi", Some(8000)));
    assert_eq!(figure.as_ref().map(|figure| figure.quantified), Ok(Amount::ZERO));
    assert_eq!(
        figure.map(|figure| figure.unfloored.to_string()).as_deref(),
        Ok("-304.88")
    );
    let beijing = set("cn-bj-travel-2019")?;
    let figure = quantify(&beijing, &leg("metro", Some(10_000)));
    assert_eq!(
        figure.map(|figure| figure.unfloored.to_string()).as_deref(),
        Ok("23150/11")
    );
    Ok(())
}

#[test]
fn a_mode_that_is_not_named_earns_nothing() -> Result<(), LibraryError> {
    let shenzhen = set("cn-sz-public-transport-2021")?;
    let figure = quantify(&shenzhen, &leg("walk", None));
    assert_eq!(
        figure.map(|figure| (figure.quantified, figure.unfloored)),
        Ok((Amount::ZERO, Ratio::zero()))
    );
    Ok(())
}

#[test]
fn everything_a_leg_lacks_is_named_at_once() -> Result<(), LibraryError> {
    let car = set("ev-energy-displacement-example")?;
    assert_eq!(
        pointers(quantify(&car, &leg("ev_car", None))),
        ["/energy_wh", "/region", "/grid_year"]
    );
    let shenzhen = set("cn-sz-public-transport-2021")?;
    assert_eq!(pointers(quantify(&shenzhen, &leg("metro", None))), ["/distance_m"]);
    let wuhan = set("cn-wh-wutan-2023")?;
    assert_eq!(pointers(quantify(&wuhan, &leg("bus", Some(5000)))), ["/events"]);
    Ok(())
}

#[test]
fn a_missing_grid_factor_is_an_error_and_never_the_neighbours() -> Result<(), LibraryError> {
    let car = set("ev-energy-displacement-example")?;
    let mut charge = leg("ev_car", None);
    charge.energy_wh = Some(10_000);
    charge.region = Some("CN-XZ".to_owned());
    charge.grid_year = Some(2023);
    assert_eq!(pointers(quantify(&car, &charge)), ["/region"]);
    charge.region = Some("CN-SD".to_owned());
    charge.grid_year = Some(2024);
    assert_eq!(pointers(quantify(&car, &charge)), ["/grid_year"]);
    charge.grid_year = Some(2023);
    assert_eq!(
        quantify(&car, &charge)
            .map(|figure| figure.quantified.to_string())
            .as_deref(),
        Ok("4577")
    );
    Ok(())
}

#[test]
fn who_may_replace_what() -> Result<(), LibraryError> {
    let with = |mode: &str, name: &str, value: &str| {
        let mut leg = leg(mode, Some(10_000));
        leg.energy_wh = Some(10_000);
        leg.region = Some("CN-SD".to_owned());
        leg.grid_year = Some(2023);
        leg.replace
            .insert(name.to_owned(), Ratio::parse(value).unwrap_or_else(|_| Ratio::zero()));
        leg
    };
    let uk = set("uk-modal-shift-2026")?;
    assert!(quantify(&uk, &with("bus", "occupancy", "1.5")).is_ok());
    assert_eq!(
        pointers(quantify(&uk, &with("bus", "occupancy", "0"))),
        ["/replace/occupancy"]
    );
    assert_eq!(pointers(quantify(&uk, &with("bus", "bus", "1"))), ["/replace/bus"]);
    assert_eq!(
        pointers(quantify(&uk, &with("bus", "nonsense", "1"))),
        ["/replace/nonsense"]
    );
    // The fixed factor of the set is nobody's to replace, in a what-if neither.
    assert!(what_if(&uk, &[with("bus", "car_average_unknown", "1")]).is_err());
    let car = set("ev-energy-displacement-example")?;
    assert_eq!(
        pointers(quantify(&car, &with("ev_car", "tdl", "0.05"))),
        ["/replace/tdl"]
    );
    assert!(what_if(&car, &[with("ev_car", "tdl", "0.05")]).is_ok());
    assert!(what_if(&car, &[with("ev_car", "tdl", "1")]).is_err());
    // Given totals never come from a trip.
    let totals = set("generic-be-pe-le")?;
    assert_eq!(
        pointers(quantify(&totals, &with("totals", "BE_t", "200"))),
        ["/replace/BE_t"]
    );
    Ok(())
}

#[test]
fn a_template_computes_once_its_factors_are_supplied() -> Result<(), LibraryError> {
    let template = set("cn-jjj-low-carbon-travel-2024")?;
    let mut ride = leg("metro", Some(10_000));
    let lacks = what_if(&template, std::slice::from_ref(&ride))
        .err()
        .unwrap_or_default();
    assert_eq!(lacks.len(), 2, "{lacks:?}");
    for (name, value) in [("ef_car", 200_u32), ("ef_metro", 50)] {
        ride.replace.insert(name.to_owned(), Ratio::whole(value));
    }
    let figures = what_if(&template, &[ride]).unwrap_or_default();
    assert_eq!(
        figures.first().map(|figure| figure.quantified.to_string()).as_deref(),
        Some("1500")
    );
    Ok(())
}

#[test]
fn results_beyond_64_bits_are_mistakes() -> Result<(), LibraryError> {
    let shenzhen = set("cn-sz-public-transport-2021")?;
    assert_eq!(
        pointers(quantify(&shenzhen, &leg("metro", Some(1_000_000_000_000_000)))),
        ["/distance_m"]
    );
    assert_eq!(
        pointers(quantify(&shenzhen, &leg("walk", Some(1_000_000_000_000_001)))),
        ["/distance_m"]
    );
    // Each leg fits, their sum does not.
    let legs = [
        leg("metro", Some(150_000_000_000_000)),
        leg("metro", Some(150_000_000_000_000)),
    ];
    let mistakes = what_if(&shenzhen, &legs).err().unwrap_or_default();
    assert_eq!(mistakes.first().map(|mistake| mistake.pointer.as_str()), Some("/legs"));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn more_metres_never_earn_less(metres in 0_u64..1_000_000_000, more in 0_u64..1_000_000) {
        let beijing = set("cn-bj-travel-2019")?;
        let near = quantify(&beijing, &leg("metro", Some(metres))).map(|figure| figure.quantified);
        let far = quantify(&beijing, &leg("metro", Some(metres + more))).map(|figure| figure.quantified);
        prop_assert!(near.is_ok() && near.ok() <= far.ok());
    }

    #[test]
    fn a_way_in_two_parts_loses_at_most_a_microgram(one in 0_u64..1_000_000_000, other in 0_u64..1_000_000_000) {
        let beijing = set("cn-bj-travel-2019")?;
        let earn = |metres: u64| {
            quantify(&beijing, &leg("metro", Some(metres))).map_or(i64::MIN, |figure| figure.quantified.micrograms())
        };
        let lost = earn(one + other) - earn(one) - earn(other);
        prop_assert!((0..=1).contains(&lost), "{lost}");
    }

    #[test]
    fn no_input_makes_a_formula_panic(metres: u64, energy: u64, events: u64, year: i32, occupancy in "-?[0-9]{1,20}(\\.[0-9]{1,9})?") {
        for methodology in LIBRARY.as_ref().map_err(Clone::clone)?.iter() {
            for mode in methodology.document().modes.keys() {
                let mut leg = leg(mode, Some(metres));
                (leg.energy_wh, leg.events, leg.grid_year) = (Some(energy), Some(events), Some(year));
                leg.region = Some("CN".to_owned());
                if let Ok(value) = Ratio::parse(&occupancy) {
                    leg.replace.insert("occupancy".to_owned(), value);
                }
                if let Ok(figures) = what_if(methodology, &[leg]) {
                    prop_assert!(figures.iter().all(|figure| figure.quantified >= Amount::ZERO));
                }
            }
        }
    }
}
