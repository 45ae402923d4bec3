//! The public sets, imported as the shared page on them says, with rules and without: closing figures, malformed lines, sums by
//! day and shard, samples, and a digest over every stored trip. The figures were computed elsewhere, twice.

use super::stored::{self, StoredTrip};
use super::{assert_verified, example, imported};
use crate::support::shared_dir;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A set: the folder of its files, and the profiles with how many of the files each reads.
struct Set {
    folder: &'static str,
    programme: &'static str,
    profiles: &'static [(&'static str, usize)],
}

const BEIJING: Set = Set {
    folder: "metro-beijing-afc",
    programme: "metro-beijing-afc",
    profiles: &[("metro-beijing-afc", 1)],
};
const GUADALAJARA: Set = Set {
    folder: "bike-guadalajara-mibici",
    programme: "bike-guadalajara-mibici",
    profiles: &[("bike-guadalajara-mibici", 2)],
};
const SHANGHAI: Set = Set {
    folder: "bike-shanghai-mobike",
    programme: "bike-shanghai-mobike",
    profiles: &[("bike-shanghai-mobike-first", 1), ("bike-shanghai-mobike-second", 1)],
};
const SINGAPORE: Set = Set {
    folder: "bike-singapore",
    programme: "bike-singapore",
    profiles: &[("bike-singapore", 1)],
};
const SHENZHEN_BUS: Set = Set {
    folder: "metro-shenzhen-szt",
    programme: "metro-shenzhen-szt-bus",
    profiles: &[("metro-shenzhen-szt-bus", 2)],
};

#[tokio::test]
async fn beijing_with_rules() {
    run(&BEIJING, "metro-beijing-afc", "beijing_with_rules").await;
}

#[tokio::test]
async fn beijing_plain() {
    run(&BEIJING, "metro-beijing-afc-plain", "beijing_plain").await;
}

#[tokio::test]
async fn guadalajara_with_rules() {
    run(&GUADALAJARA, "bike-guadalajara-mibici", "guadalajara_with_rules").await;
}

#[tokio::test]
async fn guadalajara_plain() {
    run(&GUADALAJARA, "bike-guadalajara-mibici-plain", "guadalajara_plain").await;
}

#[tokio::test]
async fn singapore_with_rules() {
    run(&SINGAPORE, "bike-singapore", "singapore_with_rules").await;
}

#[tokio::test]
async fn singapore_plain() {
    run(&SINGAPORE, "bike-singapore-plain", "singapore_plain").await;
}

#[tokio::test]
async fn shanghai_with_rules_and_plain_and_each_file_alone() {
    let test = "shanghai_with_rules_and_plain_and_each_file_alone";
    run(&SHANGHAI, "bike-shanghai-mobike", test).await;
    run(&SHANGHAI, "bike-shanghai-mobike-plain", test).await;
    let first = Set {
        profiles: &[("bike-shanghai-mobike-first", 1)],
        ..SHANGHAI
    };
    run(&first, "bike-shanghai-mobike, first file alone", test).await;
    let second = Set {
        profiles: &[("bike-shanghai-mobike-second", 1)],
        ..SHANGHAI
    };
    run(&second, "bike-shanghai-mobike, second file alone", test).await;
}

#[tokio::test]
async fn shenzhen_buses_with_rules_and_plain() {
    let test = "shenzhen_buses_with_rules_and_plain";
    run(&SHENZHEN_BUS, "metro-shenzhen-szt-bus", test).await;
    run(&SHENZHEN_BUS, "metro-shenzhen-szt-bus-plain", test).await;
}

/// Imports a set as the expected run says and compares everything.
async fn run(set: &Set, name: &str, test: &str) {
    let Some(shared) = shared_dir(test) else { return };
    let real = shared.join("data/real");
    let expected = std::fs::read_to_string(real.join("expected/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let expected = &expected["runs"][name];
    let folder = tempfile::tempdir().unwrap();
    let (data, programme) = (folder.path().join("data"), programme(set, expected, folder.path()));
    let files: Vec<PathBuf> = texts(&expected["files"])
        .map(|file| real.join(set.folder).join(file))
        .collect();
    let dates: Vec<&str> = texts(&expected["service_dates"])
        .flat_map(|date| ["--date", date])
        .collect();
    let mut closing = Vec::new();
    let mut rest = files.as_slice();
    for (profile, count) in set.profiles {
        let (these, others) = rest.split_at(*count);
        rest = others;
        let profile = example(&format!("import/{profile}.toml"));
        let arguments = [&["--profile", &profile, "--programme", &programme], dates.as_slice()].concat();
        closing.push(imported(&data, &arguments, these));
        if set.programme == SHANGHAI.programme {
            let again = imported(&data, &arguments, these);
            assert_eq!(
                (&again["created"], &again["replayed"]),
                (&json!(0), &again["read"]),
                "{name}"
            );
        }
    }
    let trips = stored::trips(&data).await;
    compare_closing(name, &closing, expected);
    compare_trips(name, &trips, expected);
    if set.programme == SHANGHAI.programme {
        assert_verified(&data);
    }
}

/// The shipped programme of a run with rules; of a plain one, the same without rules, as the expected run has it.
fn programme(set: &Set, expected: &Value, folder: &Path) -> String {
    let wanted = &expected["programme"];
    if !wanted["rules"].as_object().unwrap().is_empty() {
        return example(&format!("programmes/{}.toml", set.programme));
    }
    let text = |key: &str| wanted[key].as_str().unwrap();
    let mut toml = format!(
        "id = \"plain\"\ntime_zone = \"{}\"\nday_of = \"{}\"\nback_test = true\n",
        text("time_zone"),
        text("day_of")
    );
    write!(
        toml,
        "[modes.{}]\nmethodology = \"{}\"\nversion = \"{}\"\n",
        text("mode"),
        text("methodology"),
        text("version")
    )
    .unwrap();
    assert!(wanted["caps"].as_object().unwrap().is_empty());
    let path = folder.join("plain.toml");
    std::fs::write(&path, toml).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The closing objects, added up, say what is expected, and name the malformed lines.
fn compare_closing(name: &str, closing: &[Value], expected: &Value) {
    let wanted = &expected["closing"];
    for key in ["read", "created", "replayed", "credited", "capped_trips"] {
        let sum: u64 = closing.iter().map(|closing| closing[key].as_u64().unwrap()).sum();
        assert_eq!(json!(sum), wanted[key], "{name}: {key}");
    }
    let count = |kind: &str| -> u64 {
        closing
            .iter()
            .map(|closing| closing[kind]["count"].as_u64().unwrap())
            .sum()
    };
    assert_eq!(json!(count("malformed")), wanted["malformed"], "{name}");
    for key in ["quantified", "capped", "amount"] {
        let sum: i64 = closing
            .iter()
            .map(|closing| micrograms(closing[key].as_str().unwrap()))
            .sum();
        assert_eq!(sum, micrograms(wanted[key].as_str().unwrap()), "{name}: {key}");
    }
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    for (rule, count) in closing
        .iter()
        .flat_map(|closing| closing["refused"].as_object().unwrap())
    {
        *refused.entry(rule.clone()).or_default() += count.as_u64().unwrap();
    }
    assert_eq!(json!(refused), wanted["refused"], "{name}");
    let skipped: u64 = closing.iter().map(|closing| closing["skipped"].as_u64().unwrap()).sum();
    let wanted = expected["skipped"].as_object();
    let wanted = wanted.map_or(0, |skipped| skipped.values().filter_map(Value::as_u64).sum());
    assert_eq!(skipped, wanted, "{name}: skipped");
    let single = texts(&expected["files"]).count() == 1;
    for (reason, wanted) in expected["malformed"].as_object().unwrap() {
        let rows = closing
            .iter()
            .flat_map(|closing| closing["malformed"]["first"].as_array().unwrap());
        let rows = rows.filter(|row| row["reason"] == json!(reason));
        let rows: Vec<Value> = rows
            .map(|row| {
                if single {
                    row["line"].clone()
                } else {
                    json!([row["file"], row["line"]])
                }
            })
            .collect();
        assert_eq!(json!(rows), wanted["first"], "{name}: {reason}");
    }
}

/// Every stored trip is as expected: sums, by day, by shard, samples, and the digest over all of them.
fn compare_trips(name: &str, trips: &[StoredTrip], expected: &Value) {
    let credited: Vec<&StoredTrip> = trips.iter().filter(|trip| trip.is_credited()).collect();
    let sum = |figure: fn(&StoredTrip) -> i64| credited.iter().map(|trip| figure(trip)).sum::<i64>();
    let metres: u64 = credited.iter().filter_map(|trip| trip.metres).sum();
    let riders = |trips: &[&StoredTrip]| trips.iter().map(|trip| trip.user).collect::<BTreeSet<_>>().len();
    let mut of_rider: BTreeMap<i64, u64> = BTreeMap::new();
    for trip in trips {
        *of_rider.entry(trip.user).or_default() += 1;
    }
    let nothing = |capped: bool| {
        let nothing = credited.iter().filter(|trip| trip.amount_ug == 0);
        nothing.filter(|trip| (trip.quantified_ug > 0) == capped).count()
    };
    let figures = json!({
        "claims": trips.iter().filter(|trip| trip.has_claim).count(),
        "credited_with_nothing": {"quantified_0": nothing(false), "capped_to_0": nothing(true)},
        "capped_by": capped_by(&credited, &expected["programme"]["caps"]),
        "quantified_ug": sum(|trip| trip.quantified_ug),
        "amount_ug": sum(|trip| trip.amount_ug),
        "capped_ug": sum(|trip| trip.capped_ug),
        "distance_m": metres,
        "riders": riders(&trips.iter().collect::<Vec<_>>()),
        "riders_credited": riders(&credited),
        "max_trips_of_one_rider": of_rider.values().max(),
        "per_day": per_day(trips),
        "per_shard": per_shard(trips),
        "digest_sha256": stored::digest(trips),
    });
    compare_samples(name, trips, expected);
    for (key, figure) in figures.as_object().unwrap() {
        assert_eq!(*figure, expected[key], "{name}: {key}");
    }
}

/// What a cap on the trip took comes first, the rest is the day's.
fn capped_by(credited: &[&StoredTrip], caps: &Value) -> Value {
    let per_trip = caps["per_trip_amount"].as_str().map_or(i64::MAX, micrograms);
    let (mut trip, mut day) = ((0, 0), (0, 0));
    for stored in credited {
        let by_trip = (stored.quantified_ug - per_trip).max(0);
        for (sums, cut) in [(&mut trip, by_trip), (&mut day, stored.capped_ug - by_trip)] {
            if cut > 0 {
                sums.0 += 1;
                sums.1 += cut;
            }
        }
    }
    json!({"per_trip_amount": {"trips": trip.0, "ug": trip.1}, "daily_amount": {"trips": day.0, "ug": day.1}})
}

fn per_day(trips: &[StoredTrip]) -> Value {
    let mut days: BTreeMap<&str, [i64; 5]> = BTreeMap::new();
    for trip in trips {
        let sums = days.entry(&trip.day).or_default();
        add(sums, trip);
    }
    let days = days.into_iter().map(|(day, [credited, refused, quantified, amount, capped])| {
        let sums = json!({"credited": credited, "refused": refused, "quantified_ug": quantified, "amount_ug": amount, "capped_ug": capped});
        (day.to_owned(), sums)
    });
    Value::Object(days.collect())
}

fn per_shard(trips: &[StoredTrip]) -> Value {
    let mut shards = [[0_i64; 5]; 30];
    for trip in trips {
        add(&mut shards[trip.shard()], trip);
    }
    let column = |index: usize| shards.iter().map(|sums| sums[index]).collect::<Vec<_>>();
    json!({"credited": column(0), "refused": column(1), "quantified_ug": column(2), "amount_ug": column(3), "capped_ug": column(4)})
}

fn add(sums: &mut [i64; 5], trip: &StoredTrip) {
    sums[usize::from(!trip.is_credited())] += 1;
    sums[2] += trip.quantified_ug;
    sums[3] += trip.amount_ug;
    sums[4] += trip.capped_ug;
}

fn compare_samples(name: &str, trips: &[StoredTrip], expected: &Value) {
    let by_id: BTreeMap<(String, i64), &StoredTrip> = trips
        .iter()
        .map(|trip| ((trip.trip_id.clone(), trip.user), trip))
        .collect();
    for sample in expected["samples"].as_array().into_iter().flatten() {
        let user: i64 = sample["user_id"].as_str().unwrap().parse().unwrap();
        let trip = by_id[&(sample["trip_id"].as_str().unwrap().to_owned(), user)];
        let found = json!({
            "start": trip.started_s, "end": trip.ended_s, "distance_m": trip.metres, "day": trip.day, "outcome": trip.outcome,
            "quantified_ug": trip.quantified_ug, "amount_ug": trip.amount_ug, "capped_ug": trip.capped_ug, "shard": trip.shard(),
        });
        // A refused sample names no figures; a copy tells of itself only that the first one stands.
        let copy = sample["outcome"] == "replayed";
        let told = |key: &str| sample.get(key).is_some() && !(copy && key == "outcome");
        let named = found.as_object().unwrap().iter().filter(|(key, _)| told(key));
        for (key, figure) in named {
            assert_eq!(*figure, sample[key], "{name}: {key} of {}", sample["why"]);
        }
    }
}

fn micrograms(grams: &str) -> i64 {
    let (whole, fraction) = grams.split_once('.').unwrap_or((grams, ""));
    whole.parse::<i64>().unwrap() * 1_000_000 + format!("{fraction:0<6}").parse::<i64>().unwrap()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
