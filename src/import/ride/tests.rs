//! Rows: what becomes a ride, what is skipped, and the one reason of what is malformed.

use super::*;
use crate::import::paths::Paths;
use crate::import::rows::Records;
use std::path::Path;

const PROFILE: &str = r#"
client = "bj-afc"
mode = "metro"
trip_id = "{@date}/{card}/{in:number}/{@start}"
whole_numbers = ["card"]
[rider]
column = "card"
id = "hashed"
[time]
zone = "Asia/Shanghai"
forms = ["minute_of_day", "YYYY-MM-DD hh:mm"]
start = "from"
end = "to"
[distance]
by = "column"
metres = "in"
[[keep]]
column = "kind"
values = ["metro", "地铁"]
"#;
const HEADER: &str = "kind,card,in,from,to,note";

fn rows(profile: &str, text: &str) -> Vec<Row> {
    let profile = Profile::parse(profile.as_bytes(), &Paths::of(Path::new("p.toml"), Path::new("s"))).unwrap();
    let mut records = Records::new(text.as_bytes(), profile.file.delimiter, 0).unwrap();
    let table = Table::of(&mut records, &profile.file).unwrap();
    let date = ServiceDate::parse("2016-02-29", &profile.time.zone);
    let plan = Plan::new(&profile, &table, date).unwrap();
    let mut way = profile
        .distance
        .as_ref()
        .map(|distance| Way::load(distance, Path::new("s")).unwrap());
    let mut record = Record::default();
    let mut rows = Vec::new();
    while records.next(&mut record).unwrap() {
        rows.push(plan.row(&record, way.as_mut()));
    }
    rows
}

fn row(text: &str) -> Row {
    rows(PROFILE, &format!("{HEADER}\n{text}\n")).remove(0)
}

#[test]
fn a_row_becomes_a_ride() {
    let ride = Ride {
        user: UserId::parse("550675018015175203").unwrap(),
        trip_id: Name::parse("2016-02-29/20500558/226/2016-02-29T10:26:00").unwrap(),
        started_s: 1_456_712_760,
        ended_s: 1_456_714_020,
        metres: Some(226),
    };
    assert_eq!(row("metro,20500558, 0226 ,626,647,"), Row::Ride(ride.clone()));
    assert_eq!(row("地铁,20500558,226,2016-02-29 10:26,647,x"), Row::Ride(ride));
}

#[test]
fn the_first_reason_that_applies_counts() {
    let malformed = |text| match row(text) {
        Row::Malformed(reason) => reason.as_str(),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(malformed("metro,,x,626"), "field_count");
    assert_eq!(malformed("bus,,x,626"), "field_count");
    assert_eq!(malformed("metro,,x,626,600,"), "empty_field");
    assert_eq!(malformed("metro,  ,1,626,600,"), "empty_field");
    assert_eq!(malformed("metro,c1,1,626,647,"), "unreadable_value");
    assert_eq!(malformed("metro,1,1.5,626,647,"), "unreadable_value");
    assert_eq!(malformed("metro,1,1,1440,647,"), "unreadable_value");
    assert_eq!(malformed("metro,1,1,626,625,"), "ends_before_start");
    assert!(matches!(row("metro,1,1,626,626,"), Row::Ride(_)));
    assert_eq!(row("bus,,,,,"), Row::Skipped);
    assert_eq!(row(",1,1,626,647,"), Row::Skipped);
}

#[test]
fn columns_must_be_there_once() {
    let profile = Profile::parse(PROFILE.as_bytes(), &Paths::of(Path::new("p.toml"), Path::new("s"))).unwrap();
    let plan = |header: &str| {
        let mut records = Records::new(header.as_bytes(), b',', 0).unwrap();
        let table = Table::of(&mut records, &profile.file).unwrap();
        Plan::new(&profile, &table, None)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(plan(HEADER), Ok(()));
    assert_eq!(
        plan("card,in,to").unwrap_err(),
        "there is no column \"from\", \"kind\"; there are \"card\", \"in\", \"to\""
    );
    assert_eq!(
        plan("kind,card,in,from,to,card").unwrap_err(),
        "there are several columns card"
    );
    assert!(plan("").is_err());
}

#[test]
fn encodings_say_what_bytes_mean() {
    let latin = PROFILE
        .replace("[rider]", "[file]\nencoding = \"latin-1\"\n[rider]")
        .replace("地铁", "é");
    let profile = Profile::parse(latin.as_bytes(), &Paths::of(Path::new("p.toml"), Path::new("s"))).unwrap();
    let text = [HEADER.as_bytes(), b"\n\xe9,1,1,1,2,\n"].concat();
    let mut records = Records::new(text.as_slice(), b',', 0).unwrap();
    let table = Table::of(&mut records, &profile.file).unwrap();
    let plan = Plan::new(&profile, &table, None).unwrap();
    let mut record = Record::default();
    assert!(records.next(&mut record).unwrap());
    // Minutes of no service date are unreadable; the row was kept, so its first field was read.
    assert_eq!(plan.row(&record, None), Row::Malformed(Reason::UnreadableValue));
}
