//! Programmes: the shipped one, rules at their limits, days in zones, and files with every mistake named.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::collections::BTreeMap;

use super::{Assessment, Collecting, Environment, Programme, ProgrammeError};
use crate::methodology::library::{Library, LibraryError};
use crate::methodology::rules::Rule;
use crate::methodology::trip::{Distance, DistanceFrom, InputError, Leg, Trip};
use crate::methodology::units::Amount;

/// 2026-11-20T00:00:00Z, 08:00 in Shanghai.
const MORNING: i64 = 1_795_132_800;

fn leg(mode: &str, started_s: i64, seconds: i64, metres: Option<u64>) -> Leg {
    Leg {
        mode: mode.to_owned(),
        started_s,
        ended_s: started_s + seconds,
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

fn trip(legs: Vec<Leg>) -> Trip {
    Trip {
        legs,
        has_evidence: false,
    }
}

fn parse(text: &str, environment: Environment) -> Result<Programme, ProgrammeError> {
    let library = Library::builtin().map_err(|error| ProgrammeError {
        mistakes: vec![super::Mistake {
            path: "library".to_owned(),
            detail: error.to_string(),
        }],
    })?;
    Programme::parse(text.as_bytes(), &library, environment)
}

fn demo() -> Result<Programme, ProgrammeError> {
    parse(
        str::from_utf8(Programme::DEMO).unwrap_or_default(),
        Environment::Production,
    )
}

fn mistakes(text: &str, environment: Environment) -> String {
    parse(text, environment)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

fn rule_of(assessment: Result<Assessment, Vec<InputError>>) -> Result<Option<Rule>, Vec<InputError>> {
    assessment.map(|assessment| assessment.refusal.map(|refusal| refusal.rule))
}

fn pointers(assessment: Result<Assessment, Vec<InputError>>) -> Vec<String> {
    let mistakes = assessment.err().unwrap_or_default();
    mistakes
        .into_iter()
        .map(|mistake| format!("{} {}", mistake.pointer, mistake.code.as_str()))
        .collect()
}

#[test]
fn the_demo_programme_is_as_the_interface_says() -> Result<(), ProgrammeError> {
    let demo = demo()?;
    assert_eq!(
        (demo.id(), demo.zone_name(), demo.collect()),
        ("demo", "Asia/Shanghai", Collecting::Rider)
    );
    let modes: Vec<(&str, Option<u64>)> = demo
        .modes()
        .map(|(mode, binding)| (mode, binding.rules().max_speed_kmh))
        .collect();
    let expected = [
        ("bus_electric", 90),
        ("metro", 120),
        ("shared_bike", 45),
        ("shared_ebike", 45),
    ];
    assert_eq!(modes, expected.map(|(mode, speed)| (mode, Some(speed))));
    assert_eq!((demo.caps().daily_count, demo.caps().per_trip_amount), (Some(50), None));
    assert_eq!(demo.caps().daily_amount, Some(Amount::from_micrograms(100_000_000_000)));
    assert_eq!((demo.claims().delay_s, demo.claims().window_s), (0, Some(168 * 3600)));
    assert_eq!((demo.max_age_s(), demo.max_ahead_s()), (Some(30 * 86_400), Some(300)));
    assert!(demo.refuses_overlap() && !demo.is_back_test() && !demo.requires_evidence());
    assert!(demo.knows_mode("metro") && !demo.knows_mode("walk"));
    assert_eq!(demo.network_of("metro"), None);
    assert_eq!(demo.digest(), self::demo()?.digest());
    Ok(())
}

#[test]
fn a_good_trip_is_assessed() -> Result<(), ProgrammeError> {
    let assessment = demo()?
        .assess(&trip(vec![leg("metro", MORNING, 1589, Some(8550))]))
        .ok();
    assert_eq!(
        assessment.as_ref().map(|found| found.day.to_string()).as_deref(),
        Some("2026-11-20")
    );
    let figures = assessment.map(|found| found.legs).unwrap_or_default();
    assert_eq!(
        figures.first().map(|figure| figure.quantified.to_string()).as_deref(),
        Some("400.14")
    );
    Ok(())
}

#[test]
fn a_limit_itself_passes() -> Result<(), ProgrammeError> {
    let demo = demo()?;
    // (seconds, metres, rule); 120 km/h are 100 m in 3 s.
    let cases = [
        (60, 100, None),
        (60, 99, Some(Rule::TooShort)),
        (21_600, 150_000, None),
        (21_600, 150_001, Some(Rule::TooLong)),
        (30, 1000, None),
        (29, 500, Some(Rule::TooBrief)),
        (21_601, 1000, Some(Rule::TooLengthy)),
        (300, 10_000, None),
        (300, 10_001, Some(Rule::TooFast)),
        // Several broken rules: the first in order counts.
        (29, 99, Some(Rule::TooShort)),
        (29, 150_001, Some(Rule::TooLong)),
        (29, 5000, Some(Rule::TooBrief)),
    ];
    for (seconds, metres, rule) in cases {
        let result = demo.assess(&trip(vec![leg("metro", MORNING, seconds, Some(metres))]));
        assert_eq!(rule_of(result), Ok(rule), "{metres} m in {seconds} s");
    }
    Ok(())
}

#[test]
fn each_rule_is_judged_over_all_legs_before_the_next() -> Result<(), ProgrammeError> {
    let too_brief = leg("metro", MORNING, 29, Some(500));
    let too_short = leg("metro", MORNING + 60, 60, Some(50));
    let refusal = demo()?
        .assess(&trip(vec![too_brief, too_short]))
        .ok()
        .and_then(|found| found.refusal);
    let refusal = refusal.map(|refusal| (refusal.rule, refusal.detail));
    assert_eq!(
        refusal,
        Some((Rule::TooShort, "leg 1, metro: 50 m, at least 100 m".to_owned()))
    );
    Ok(())
}

#[test]
fn booked_time_is_compared_with_the_trips_end() -> Result<(), ProgrammeError> {
    let demo = demo()?;
    let judge = |late_ms: i64| {
        demo.judge_booked(MORNING, MORNING * 1000 + late_ms)
            .map(|refusal| refusal.rule)
    };
    let month_ms = 30 * 86_400_000;
    assert_eq!([judge(0), judge(month_ms), judge(-300_000)], [None; 3]);
    assert_eq!(judge(month_ms + 1), Some(Rule::TooOld));
    assert_eq!(judge(-300_001), Some(Rule::InFuture));
    assert!(demo.judge_booked(i64::MIN, i64::MAX).is_some() && demo.judge_booked(i64::MAX, i64::MIN).is_some());
    Ok(())
}

#[test]
fn a_ride_over_midnight_belongs_to_its_end_unless_the_programme_says_start() -> Result<(), ProgrammeError> {
    let text = str::from_utf8(Programme::DEMO).unwrap_or_default();
    // 23:50 to 00:00 in Shanghai: a ride that ends at midnight belongs to the new day.
    let ride = trip(vec![leg("metro", MORNING + 57_000, 600, Some(5000))]);
    let day = |text: &str| parse(text, Environment::Demo).map(|programme| programme.day_of(&ride));
    assert_eq!(day(text)?.map(|day| day.to_string()).as_deref(), Some("2026-11-21"));
    let by_start = text.replace("day_of = \"end\"", "day_of = \"start\"");
    assert_eq!(
        day(&by_start)?.map(|day| day.to_string()).as_deref(),
        Some("2026-11-20")
    );
    let elsewhere = text.replace("Asia/Shanghai", "America/New_York");
    assert_eq!(
        day(&elsewhere)?.map(|day| day.to_string()).as_deref(),
        Some("2026-11-20")
    );
    Ok(())
}

#[test]
fn dates_of_methodology_and_binding() -> Result<(), ProgrammeError> {
    let old = trip(vec![leg("metro", 1_456_712_760, 1260, Some(11_200))]);
    assert_eq!(rule_of(demo()?.assess(&old)), Ok(Some(Rule::NotInForce)));
    let text = "id = 'b'\ntime_zone = 'Asia/Shanghai'\nback_test = true\n[modes.metro]\n\
                methodology = 'cn-bj-travel-2019'\nversion = '1.0.0'\nfrom = 2016-02-29\nto = '2016-03-01'\n";
    let back_test = parse(text, Environment::Demo)?;
    assert_eq!(rule_of(back_test.assess(&old)), Ok(None));
    let late = trip(vec![leg("metro", 1_456_712_760 + 2 * 86_400, 1260, Some(11_200))]);
    assert_eq!(rule_of(back_test.assess(&late)), Ok(Some(Rule::NotInForce)));
    assert!(mistakes(text, Environment::Production).contains("back_test: is for the demo environment only"));
    assert!(mistakes(text, Environment::Production).contains("is an example"));
    Ok(())
}

#[test]
fn wrong_fields_are_named_at_once() -> Result<(), ProgrammeError> {
    let demo = demo()?;
    let legs = vec![
        leg("metro", MORNING, -1, Some(500)),
        leg("walk", MORNING - 10, 60, None),
        leg("shared_bike", MORNING + 60, 60, None),
    ];
    assert_eq!(
        pointers(demo.assess(&trip(legs))),
        [
            "/legs/0/ended_at invalid_field",
            "/legs/1/started_at invalid_field",
            "/legs/1/mode unknown_mode",
            "/legs/2/distance_m invalid_field"
        ]
    );
    assert_eq!(pointers(demo.assess(&trip(Vec::new()))), ["/legs invalid_field"]);
    let many = (0..21)
        .map(|index| leg("metro", MORNING + index * 60, 60, Some(500)))
        .collect();
    assert_eq!(pointers(demo.assess(&trip(many))), ["/legs invalid_field"]);
    assert_eq!(
        pointers(demo.assess(&trip(vec![leg("metro", i64::MAX - 60, 60, Some(500))]))),
        ["/legs invalid_field"]
    );
    Ok(())
}

#[test]
fn the_longest_leg_is_the_headline() -> Result<(), ProgrammeError> {
    let demo = demo()?;
    let headline = |metres: [u64; 3]| {
        let legs = (0_i64..)
            .zip(metres)
            .map(|(at, metres)| leg("metro", MORNING + at * 600, 600, Some(metres)));
        demo.assess(&trip(legs.collect())).map(|found| found.headline)
    };
    assert_eq!([headline([200, 900, 900]), headline([200, 200, 200])], [Ok(1), Ok(0)]);
    Ok(())
}

#[test]
fn evidence_as_and_own_rules() -> Result<(), ProgrammeError> {
    let text = "id = 'c'\ntime_zone = 'Asia/Shanghai'\nevidence = 'required'\n[modes.ofo]\n\
                methodology = 'cn-hello-two-wheel-2022'\nversion = '1.0.0'\nas = 'shared_bike'\nnetwork = 'n'\n\
                rules = { min_distance_m = 0 }\n[rules]\nmin_distance_m = 300\nmax_distance_m = 9000\n";
    let programme = parse(text, Environment::Production)?;
    let mut ride = trip(vec![leg("ofo", MORNING, 600, Some(100))]);
    assert_eq!(pointers(programme.assess(&ride)), ["/evidence invalid_field"]);
    ride.has_evidence = true;
    let found = programme.assess(&ride).ok();
    assert_eq!(found.as_ref().map(|found| found.refusal.is_none()), Some(true));
    let figures = found.map(|found| found.legs).unwrap_or_default();
    assert_eq!(
        figures.first().map(|figure| figure.quantified.to_string()).as_deref(),
        Some("3.388")
    );
    assert_eq!(programme.network_of("ofo"), Some("n"));
    Ok(())
}

#[test]
fn all_mistakes_of_a_file_are_named_at_once() {
    let text = "id = 'a b'\ntime_zone = 'Asia/Qingdao'\nday_of = 'middle'\ncolect = 'rider'\ncollect = 1\n\
                [modes.metro]\nmethodology = 'cn-sz-public-transport-2021'\nversion = '9.9.9'\nfrom = 2026-02-01\n\
                to = 2026-01-01\nrules = { max_speed = 3 }\n[modes.bus]\nversion = '1.0.0'\n\
                [rules]\nmin_distance_m = 5\nmax_distance_m = 4\noverlap = 'allow'\nmax_age_s = -1\n\
                [caps]\ndaily_amount = 90.5\nper_trip_amount = '1e3'\n[claims]\nwindow = 3\n";
    let paths: Vec<String> = parse(text, Environment::Demo)
        .err()
        .map(|error| error.mistakes.into_iter().map(|mistake| mistake.path).collect())
        .unwrap_or_default();
    for path in [
        "id",
        "time_zone",
        "day_of",
        "colect",
        "collect",
        "modes.metro.methodology",
        "modes.metro.to",
        "modes.metro.rules.max_speed",
        "modes.bus.methodology",
        "rules.max_distance_m",
        "rules.overlap",
        "rules.max_age_s",
        "caps.daily_amount",
        "caps.per_trip_amount",
        "claims.window",
    ] {
        assert_eq!(
            paths.iter().filter(|found| *found == path).count(),
            1,
            "{path}: {paths:?}"
        );
    }
    assert_eq!(paths.len(), 15, "{paths:?}");
    assert!(!mistakes("id = ", Environment::Demo).is_empty());
    assert!(mistakes("id = 'x'\ntime_zone = 'UTC'", Environment::Demo).contains("modes: no mode"));
}

#[test]
fn templates_are_refused_with_the_names_of_what_is_missing() {
    let text = "id = 't'\ntime_zone = 'Asia/Shanghai'\n[modes.metro]\n\
                methodology = 'cn-jjj-low-carbon-travel-2024'\nversion = '1.0.0'\n";
    for environment in [Environment::Demo, Environment::Production] {
        assert!(mistakes(text, environment).contains("without values for ef_bus, ef_car, ef_carpool, ef_metro"));
    }
    let totals = "id = 't'\ntime_zone = 'UTC'\n[modes.totals]\nmethodology = 'generic-be-pe-le'\nversion = '1.0.0'\n";
    assert!(mistakes(totals, Environment::Demo).contains("takes given totals"));
}

#[test]
fn the_issuers_limits_bind_the_operator() -> Result<(), LibraryError> {
    let set = include_str!("../data/cn-sz-public-transport-2021.json")
        .replace("\"version\": \"1.0.0\"", "\"version\": \"2.0.0\"")
        .replace("\"per_person_per_day_g\": null", "\"per_person_per_day_g\": \"296\"")
        .replace("\"max_speed_kmh\": null", "\"max_speed_kmh\": 100");
    let library = Library::builtin()?.load_dir([("strict.json", set)])?;
    let text = str::from_utf8(Programme::DEMO).unwrap_or_default();
    let text = text.replacen("version = \"1.0.0\"", "version = \"2.0.0\"", 1);
    let wider = Programme::parse(text.as_bytes(), &library, Environment::Production);
    assert!(
        wider
            .err()
            .is_some_and(|error| error.to_string().contains("must be at most \"296\""))
    );
    let text = text.replace("\"100000\"", "\"296\"");
    let narrow = Programme::parse(text.as_bytes(), &library, Environment::Production).ok();
    let speed = narrow.and_then(|programme| programme.modes.get("metro").and_then(|found| found.rules.max_speed_kmh));
    assert_eq!(speed, Some(100), "the demo programme says 120");
    Ok(())
}

#[test]
fn rules_keep_their_codes_and_words() {
    for (code, rule) in (1_u8..).zip(Rule::ALL) {
        assert_eq!((rule.code(), Rule::from_code(code)), (code, Some(rule)));
    }
    assert_eq!([Rule::from_code(0), Rule::from_code(11)], [None; 2]);
    assert_eq!(Rule::TooLengthy.as_str(), "too_lengthy");
}
