//! A seeded file with every kind of dirt, and what must become of it, reckoned naively while the file is made: no code of the
//! product reads, measures or judges here.

use super::stored::StoredTrip;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const CLIENT: &str = "town-app";
const NETWORK: &str = r#"{"stops": [{"nr": 1, "name": "甲站"}, {"nr": 2, "name": "乙"}, {"nr": 3, "name": "丙(东)"}, {"nr": 4, "name": "丙(西)"},
    {"nr": 5, "name": "孤岛"}], "stretches": [{"a": 1, "b": 2, "m": 3000}, {"a": 2, "b": 3, "m": 1500}, {"a": 3, "b": 4, "m": 200}]}"#;
const DESCRIPTION: &str = "id = 'town'\nversion = '1'\nsource = 'town.json'\n[stations]\nlist = 'stops'\nid = 'nr'\nname = 'name'\n\
    [[links]]\nlist = 'stretches'\nfrom = 'a'\nto = 'b'\nmetres = 'm'\n";
pub(super) const PROFILE: &str = r#"
client = "town-app"
mode = "metro"
trip_id = "{@start}/{card}/{nr:number}"
whole_numbers = ["nr"]
[file]
delimiter = ";"
preamble_lines = 2
[rider]
column = "card"
id = "hashed"
[time]
zone = "Asia/Shanghai"
forms = ["YYYY-MM-DD hh:mm:ssf", "unix_seconds"]
start = "start"
end = "end"
[distance]
by = "network"
from = "from"
to = "to"
network = "town.toml"
[[keep]]
column = "kind"
values = ["metro", "地铁"]
"#;
pub(crate) const PROGRAMME: &str = r#"
id = "town"
time_zone = "Asia/Shanghai"
day_of = "start"
back_test = true
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[rules]
min_distance_m = 200
max_distance_m = 4600
min_duration_s = 120
max_duration_s = 5400
max_speed_kmh = 60
overlap = "refuse"
[caps]
daily_count = 3
per_trip_amount = "150"
daily_amount = "300.000001"
"#;
/// Of metro, micrograms a metre.
const UG_PER_METRE: i64 = 46_800;
/// 2024-02-26T00:00:00+08:00, a Monday.
const FIRST_DAY_S: i64 = 1_708_876_800;

/// Names as a row may spell them, and where each lies on the line; the rest say why they lie nowhere.
const SPELLINGS: [(&str, Result<i64, &str>); 10] = [
    ("甲站", Ok(0)),
    ("甲", Ok(0)),
    ("乙", Ok(3000)),
    ("乙站", Ok(3000)),
    (" 乙 ", Ok(3000)),
    ("丙(东)", Ok(4500)),
    ("丙(西)", Ok(4700)),
    ("丙", Err("ambiguous_station")),
    ("丁", Err("unknown_station")),
    ("孤岛", Err("no_route")),
];

/// A file, and everything that must come of it.
pub(crate) struct Made {
    pub(crate) text: Vec<u8>,
    pub(crate) summary: Value,
    pub(crate) lines: Vec<String>,
}

/// The generator `SplitMix64`.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn small(&mut self, bound: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(bound).unwrap())).unwrap()
    }
}

/// A row before it is written.
#[derive(Clone)]
struct Row {
    kind: &'static str,
    card: String,
    nr: String,
    ends: (usize, usize),
    start_s: i64,
    end_s: i64,
    /// Texts in place of the times.
    times: Option<(String, String)>,
}

/// What a naive reader expects.
#[derive(Default)]
struct Naive {
    read: u64,
    skipped: u64,
    malformed: Vec<(u64, &'static str)>,
    replayed: u64,
    conflicts: u64,
    stored: Vec<StoredTrip>,
    index: HashMap<(i64, String), usize>,
    of_rider: HashMap<i64, Vec<usize>>,
}

/// Makes a file of about `rows` rows of `riders` riders.
pub(crate) fn made(seed: u64, rows: u64, riders: u64) -> Made {
    let mut dice = Dice(seed);
    let mut naive = Naive::default();
    let mut text = "\u{feff}the town's rides\r\n\r\nnr;kind;card;from;to;start;end;note\n".to_owned();
    let mut line = 4;
    let mut before: Vec<Row> = Vec::new();
    for nr in 0..rows {
        if dice.chance(3) {
            text.push_str(if dice.chance(50) { "\n" } else { "\r\n" });
            line += 1;
        }
        let row = match before.len() {
            // An earlier row again, now and then with another end.
            count if count > 0 && dice.chance(6) => {
                let mut row = before[usize::try_from(dice.below(count as u64)).unwrap()].clone();
                row.end_s += if dice.chance(20) { 60 } else { 0 };
                row
            }
            _ => fresh(&mut dice, nr, riders),
        };
        let (fields, expected) = dirty(&mut dice, &row);
        let written = write_row(&mut dice, &fields);
        naive.read += 1;
        match expected {
            Expected::Skipped => naive.skipped += 1,
            Expected::Malformed(reason) => naive.malformed.push((line, reason)),
            Expected::Ride(metres) => {
                naive.ride(&row, metres);
                before.push(row);
            }
        }
        line += 1 + u64::try_from(written.matches('\n').count()).unwrap();
        text.push_str(&written);
        text.push_str(if dice.chance(50) { "\n" } else { "\r\n" });
    }
    let mut lines: Vec<String> = naive.stored.iter().map(StoredTrip::line).collect();
    lines.sort_unstable();
    Made {
        text: text.into_bytes(),
        summary: naive.summary(),
        lines,
    }
}

fn fresh(dice: &mut Dice, nr: u64, riders: u64) -> Row {
    let start_s = FIRST_DAY_S + dice.small(4) * 86_400 + dice.small(86_400);
    let sound = |dice: &mut Dice| usize::try_from(dice.below(7)).unwrap();
    let places = (sound(dice), sound(dice));
    let lasts_s = [0, 100, 120, 240, 300, 600, 900, 1800, 5400, 5401][usize::try_from(dice.below(10)).unwrap()];
    Row {
        kind: if dice.chance(10) { "地铁" } else { "metro" },
        card: format!("卡{}", dice.below(riders)),
        nr: nr.to_string(),
        ends: places,
        start_s,
        end_s: start_s + lasts_s,
        times: None,
    }
}

enum Expected {
    Skipped,
    Malformed(&'static str),
    Ride(i64),
}

/// The fields of a row, spoilt now and then, and what must become of it.
fn dirty(dice: &mut Dice, row: &Row) -> (Vec<String>, Expected) {
    let mut row = row.clone();
    let miscounted = spoil(dice, &mut row);
    let mut fields = fields(dice, &row);
    let expected = if miscounted {
        if dice.chance(50) {
            fields.pop();
        } else {
            fields.push(String::new());
        }
        Expected::Malformed("field_count")
    } else if matches!(row.kind, "metro" | "地铁") {
        let (from, to) = (SPELLINGS[row.ends.0].1, SPELLINGS[row.ends.1].1);
        reason(&row).map_or_else(
            || Expected::Ride((from.unwrap() - to.unwrap()).abs()),
            Expected::Malformed,
        )
    } else {
        Expected::Skipped
    };
    (fields, expected)
}

/// Spoils a row, now and then; whether its fields shall be miscounted.
fn spoil(dice: &mut Dice, row: &mut Row) -> bool {
    match dice.below(60) {
        0 => return true,
        1 => row.card.clear(),
        2 => row.card = "   ".into(),
        3 => row.nr.insert(0, '-'),
        4 => row.times = Some(("2024-02-30 08:00:00".into(), "1708876800".into())),
        5 => row.times = Some(("2024-02-28 24:00:00".into(), "1708876800".into())),
        6 => row.ends.0 = 8,
        7 => row.ends = (7, 8),
        8 => row.ends.1 = 7,
        9 => row.ends.1 = 9,
        10 => row.end_s = row.start_s - 1,
        11 => {
            // Several things are wrong; the first in the order of the page counts.
            row.end_s = row.start_s - 1;
            row.ends.0 = 8;
            row.nr = "eleven".into();
        }
        12..=14 => row.kind = "bus",
        15 => row.kind = "",
        _ => {}
    }
    false
}

/// Why a row is malformed, if it is.
fn reason(row: &Row) -> Option<&'static str> {
    let places = [SPELLINGS[row.ends.0].1, SPELLINGS[row.ends.1].1];
    let nowhere = ["unknown_station", "ambiguous_station", "no_route"].into_iter();
    let nowhere = nowhere.filter(|wanted| places.contains(&Err(*wanted))).take(1);
    let digits = row.nr.bytes().all(|byte| byte.is_ascii_digit());
    let empty = row.card.trim().is_empty().then_some("empty_field");
    let unreadable = (row.times.is_some() || !digits).then_some("unreadable_value");
    let backwards = (row.end_s < row.start_s).then_some("ends_before_start");
    empty
        .into_iter()
        .chain(unreadable)
        .chain(nowhere)
        .chain(backwards)
        .next()
}

fn fields(dice: &mut Dice, row: &Row) -> Vec<String> {
    let times = row.times.clone();
    let (start, end) = times.unwrap_or_else(|| (time(dice, row.start_s), time(dice, row.end_s)));
    let note = ["", "x", "a;b", "say \"so\"", "two\nlines", " "][usize::try_from(dice.below(6)).unwrap()];
    let zeros = if dice.chance(20) && !row.nr.starts_with('-') {
        "00"
    } else {
        ""
    };
    let (from, to) = (SPELLINGS[row.ends.0].0, SPELLINGS[row.ends.1].0);
    let number = format!("{zeros}{}", row.nr);
    [&number, row.kind, &row.card, from, to, &start, &end, note]
        .map(str::to_owned)
        .to_vec()
}

/// A second as one of the two forms, in a zone eight hours ahead that knows no other.
fn time(dice: &mut Dice, second: i64) -> String {
    let fraction = if dice.chance(10) { ".75" } else { "" };
    if dice.chance(30) {
        second.to_string()
    } else {
        format!("{}{fraction}", local(second).replace('T', " "))
    }
}

fn local(second: i64) -> String {
    let (day, of_day) = (
        (second + 28_800).div_euclid(86_400),
        (second + 28_800).rem_euclid(86_400),
    );
    format!(
        "{}T{:02}:{:02}:{:02}",
        date(day),
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60
    )
}

/// The days of the file: the end of February of a leap year and the beginning of March.
fn date(epoch_day: i64) -> String {
    let since = epoch_day - (FIRST_DAY_S + 28_800) / 86_400 + 26;
    if since <= 29 {
        format!("2024-02-{since:02}")
    } else {
        format!("2024-03-{:02}", since - 29)
    }
}

fn write_row(dice: &mut Dice, fields: &[String]) -> String {
    let fields = fields.iter().map(|field| {
        if field.contains([';', '"', '\n']) || dice.chance(15) {
            let padding = if dice.chance(20) { " " } else { "" };
            format!("\"{padding}{}{padding}\"", field.replace('"', "\"\""))
        } else if dice.chance(10) {
            format!("  {field} ")
        } else {
            field.clone()
        }
    });
    fields.collect::<Vec<_>>().join(";")
}

impl Naive {
    fn ride(&mut self, row: &Row, metres: i64) {
        let digest = Sha256::digest(format!("{CLIENT}:{}", row.card));
        let user = i64::from_be_bytes(digest[..8].try_into().unwrap()) & i64::MAX;
        let trip_id = format!("{}/{}/{}", local(row.start_s), row.card, row.nr);
        let mut trip = StoredTrip {
            trip_id: trip_id.clone(),
            user,
            started_s: row.start_s,
            ended_s: row.end_s,
            metres: Some(u64::try_from(metres).unwrap()),
            day: date((row.start_s + 28_800).div_euclid(86_400)),
            outcome: String::new(),
            quantified_ug: 0,
            amount_ug: 0,
            capped_ug: 0,
            has_claim: false,
        };
        if let Some(known) = self.index.get(&(user, trip_id.clone())) {
            let known = &self.stored[*known];
            if (known.ended_s, known.metres) == (trip.ended_s, trip.metres) {
                self.replayed += 1;
            } else {
                self.conflicts += 1;
            }
            return;
        }
        self.judge(&mut trip, metres);
        self.index.insert((user, trip_id), self.stored.len());
        self.of_rider.entry(user).or_default().push(self.stored.len());
        self.stored.push(trip);
    }

    fn judge(&self, trip: &mut StoredTrip, metres: i64) {
        let seconds = trip.ended_s - trip.started_s;
        let own = self
            .of_rider
            .get(&trip.user)
            .into_iter()
            .flatten()
            .map(|index| &self.stored[*index]);
        let credited: Vec<&StoredTrip> = own.filter(|other| other.is_credited()).collect();
        let today: Vec<&&StoredTrip> = credited.iter().filter(|other| other.day == trip.day).collect();
        let overlaps = |other: &&StoredTrip| other.started_s < trip.ended_s && trip.started_s < other.ended_s;
        let rules = [
            ("too_short", metres < 200),
            ("too_long", metres > 4600),
            ("too_brief", seconds < 120),
            ("too_lengthy", seconds > 5400),
            ("too_fast", metres * 18 > 60 * 5 * seconds),
            ("overlap", credited.iter().any(overlaps)),
            ("daily_count", today.len() >= 3),
        ];
        trip.outcome = "credited".into();
        if let Some((rule, _)) = rules.into_iter().find(|(_, broken)| *broken) {
            rule.clone_into(&mut trip.outcome);
            return;
        }
        trip.quantified_ug = metres * UG_PER_METRE;
        let left = 300_000_001 - today.iter().map(|other| other.amount_ug).sum::<i64>();
        trip.amount_ug = trip.quantified_ug.min(150_000_000).min(left);
        trip.capped_ug = trip.quantified_ug - trip.amount_ug;
        trip.has_claim = trip.amount_ug > 0;
    }

    /// The closing object, as far as the clock has no part in it and amounts are written out.
    fn summary(&self) -> Value {
        let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, reason) in &self.malformed {
            *by_reason.entry(reason).or_default() += 1;
        }
        let mut refused: BTreeMap<&str, u64> = BTreeMap::new();
        for trip in self.stored.iter().filter(|trip| !trip.is_credited()) {
            *refused.entry(&trip.outcome).or_default() += 1;
        }
        let first = self.malformed.iter().take(10);
        let first: Vec<Value> = first
            .map(|(line, reason)| json!({"file": "rides.csv", "line": line, "reason": reason}))
            .collect();
        json!({
            "read": self.read, "skipped": self.skipped,
            "malformed": {"count": self.malformed.len(), "by_reason": by_reason, "first": first},
            "created": self.stored.len(), "replayed": self.replayed, "conflicts": self.conflicts,
            "credited": self.stored.iter().filter(|trip| trip.is_credited()).count(), "refused": refused,
            "capped_trips": self.stored.iter().filter(|trip| trip.capped_ug > 0).count(),
        })
    }
}

/// A folder with the profile, the programme, the network and the rides.
pub(crate) fn folder(made: &Made) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("profile.toml", PROFILE.as_bytes()),
        ("programme.toml", PROGRAMME.as_bytes()),
        ("town.toml", DESCRIPTION.as_bytes()),
        ("town.json", NETWORK.as_bytes()),
        ("rides.csv", &made.text),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// The arguments that name profile and programme of a folder.
pub(crate) fn arguments(folder: &Path) -> Vec<String> {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    vec![
        "--profile".into(),
        path("profile.toml"),
        "--programme".into(),
        path("programme.toml"),
    ]
}

pub(crate) fn as_texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Every figure of `expected` is in `found`.
pub(super) fn assert_summary(found: &Value, expected: &Value) {
    for (key, figure) in expected.as_object().unwrap() {
        assert_eq!(found[key], *figure, "{key} of {found}");
    }
}
