//! The ledger against a naive model: random orders of a few riders, in memory and on the real store in batches of random size,
//! must be judged, answered and booked exactly as plain lists walked from their start say; and `verify` must agree.

mod choice; // the naive model: which credits pay
mod lists; // the naive model: what it keeps and what it adds up
mod memory; // the pure core alone
mod moves; // the naive model: what claims and credits do
mod orders; // what may be asked for
mod stored; // the real store in batches
mod sums; // what both sides are compared by
mod translate; // orders as the ledger takes them, outcomes as the model says them
mod trips; // the naive model: how a trip is judged
mod volume; // more than fits into one command

use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::ground::{Ground, SourceSecret};
use carbon_gateway::methodology::{Environment, Library, Programme};
use std::sync::{Arc, LazyLock};

/// 2026-12-30T16:00:00Z: the last day of a year begins in Shanghai.
const MIDNIGHT_S: i64 = 1_798_646_400;
/// Noon of that day: when every test begins.
const START_MS: i64 = (MIDNIGHT_S + 43_200) * 1_000;
const DAY_S: i64 = 86_400;
const DAY_MS: i64 = DAY_S * 1_000;

/// A programme in the model's own words, and the file that says the same to the ledger.
struct Terms {
    id: &'static str,
    file: &'static str,
    caps: Option<Caps>,
    automatic: bool,
    delay_ms: i64,
    window_ms: Option<i64>,
    valid_months: Option<u16>,
    notice_ms: i64,
}

struct Caps {
    daily_count: usize,
    per_trip_ug: i64,
    daily_ug: i64,
}

/// Modes with their micrograms a metre and the code of their gas.
const MODES: [(&str, i64, u8); 2] = [("metro", 46_800, 1), ("tube", 150_420, 2)];

/// Everything that the model knows bites in one of them.
const TERMS: [Terms; 3] = [
    Terms {
        id: "auto",
        file: r#"
id = "auto"
time_zone = "Asia/Shanghai"
day_of = "end"
collect = "automatic"
back_test = true
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[modes.tube]
methodology = "uk-modal-shift-2026"
version = "1.0.0"
as = "metro"
[claims]
delay_s = 7200
[credits]
valid_months = 1
"#,
        caps: None,
        automatic: true,
        delay_ms: 7_200_000,
        window_ms: None,
        valid_months: Some(1),
        notice_ms: 30 * DAY_MS,
    },
    Terms {
        id: "free",
        file: r#"
id = "free"
time_zone = "Asia/Shanghai"
day_of = "end"
collect = "rider"
back_test = true
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[modes.tube]
methodology = "uk-modal-shift-2026"
version = "1.0.0"
as = "metro"
"#,
        caps: None,
        automatic: false,
        delay_ms: 0,
        window_ms: None,
        valid_months: None,
        notice_ms: 30 * DAY_MS,
    },
    Terms {
        id: "tight",
        file: r#"
id = "tight"
time_zone = "Asia/Shanghai"
day_of = "end"
collect = "rider"
back_test = true
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[modes.tube]
methodology = "uk-modal-shift-2026"
version = "1.0.0"
as = "metro"
[rules]
max_speed_kmh = 120
overlap = "refuse"
[caps]
daily_count = 3
per_trip_amount = "300"
daily_amount = "500.000001"
[claims]
delay_s = 3600
window_s = 86400
[credits]
valid_months = 0
notice_days = 5
"#,
        caps: Some(Caps {
            daily_count: 3,
            per_trip_ug: 300_000_000,
            daily_ug: 500_000_001,
        }),
        automatic: false,
        delay_ms: 3_600_000,
        window_ms: Some(DAY_MS),
        valid_months: Some(0),
        notice_ms: 5 * DAY_MS,
    },
];
const AUTO: usize = 0;
const FREE: usize = 1;
const TIGHT: usize = 2;

static PROGRAMMES: LazyLock<Vec<Arc<Programme>>> = LazyLock::new(|| {
    let library = Library::builtin().unwrap();
    let parse = |terms: &Terms| Programme::parse(terms.file.as_bytes(), &library, Environment::Demo).unwrap();
    TERMS.iter().map(|terms| Arc::new(parse(terms))).collect()
});
static KEK: LazyLock<Arc<Kek>> = LazyLock::new(|| Arc::new(Kek::new(&[7; 32])));

fn ground() -> Arc<Ground> {
    Arc::new(Ground {
        zone: jiff::tz::TimeZone::get("Asia/Shanghai").unwrap(),
        source_secret: SourceSecret::new([9; 32]),
    })
}
