//! The made-up city: its metro and bus lines by the metres of their stops, and how fast one gets along.

use super::chance::Chance;

/// How somebody travels, in the words of the programme `demo`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// Underground.
    Metro,
    /// Electric bus.
    Bus,
    /// Pedal bike of a sharing scheme.
    Bike,
    /// The same with a motor.
    Ebike,
    /// The city has one, the programme does not know it.
    Ferry,
}

impl Mode {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metro => "metro",
            Self::Bus => "bus_electric",
            Self::Bike => "shared_bike",
            Self::Ebike => "shared_ebike",
            Self::Ferry => "ferry",
        }
    }

    /// Micrograms CO2 that a metre saves, from the published grams for each person and kilometre: 46.8, 26.9, 33.88 and 35.01. They
    /// stand here a second time on purpose: what the gateway answers is held against them.
    pub const fn ug_per_metre(self) -> i64 {
        match self {
            Self::Metro => 46_800,
            Self::Bus => 26_900,
            Self::Bike => 33_880,
            Self::Ebike => 35_010,
            Self::Ferry => 0,
        }
    }

    /// Whether its operator sends what was ridden in batches, and not ride by ride.
    pub const fn is_sent_in_batches(self) -> bool {
        matches!(self, Self::Metro | Self::Bus)
    }
}

/// One way of travelling without a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// How.
    pub mode: Mode,
    /// From, Unix seconds.
    pub started_s: i64,
    /// To, Unix seconds.
    pub ended_s: i64,
    /// How far.
    pub metres: i64,
}

struct Line {
    /// Metres of each stop from the first.
    stops_m: &'static [i64],
}

const METRO: [Line; 3] = [
    Line {
        stops_m: &[
            0, 1_310, 2_480, 3_920, 5_070, 6_240, 7_810, 9_150, 10_420, 12_060, 13_700, 15_480, 17_350,
        ],
    },
    Line {
        stops_m: &[0, 1_560, 2_890, 4_010, 5_230, 6_370, 7_720, 9_340, 11_080, 12_950],
    },
    Line {
        stops_m: &[
            0, 1_840, 3_620, 5_010, 6_480, 8_530, 10_290, 12_470, 15_120, 18_240, 21_760,
        ],
    },
];
const BUS: [Line; 2] = [
    Line {
        stops_m: &[
            0, 480, 1_020, 1_590, 2_040, 2_710, 3_250, 3_870, 4_400, 5_120, 5_660, 6_310, 6_980, 7_540,
        ],
    },
    Line {
        stops_m: &[0, 620, 1_150, 1_830, 2_470, 3_010, 3_780, 4_420, 5_190, 5_930, 6_650],
    },
];

/// Decimetres in a second: 50 km/h between two stations, 29 km/h between two bus stops, a brisk walk.
const METRO_DM_S: i64 = 140;
const BUS_DM_S: i64 = 80;
const WALK_DM_S: i64 = 13;
/// Seconds at each stop.
const METRO_HALT_S: i64 = 35;
const BUS_HALT_S: i64 = 25;

/// Somebody on the way: where the clock stands, ride after ride.
pub(super) struct Way<'a> {
    chance: &'a mut Chance,
    at_s: i64,
}

impl<'a> Way<'a> {
    /// Leaves at an instant, Unix seconds.
    pub(super) const fn new(chance: &'a mut Chance, at_s: i64) -> Self {
        Self { chance, at_s }
    }

    /// Walks, or stands at a kerb.
    pub(super) fn walk(&mut self, least_m: i64, most_m: i64) {
        let metres = self.chance.between(least_m, most_m);
        self.at_s += metres * 10 / WALK_DM_S;
    }

    /// Stays somewhere.
    pub(super) fn stay(&mut self, least_s: i64, most_s: i64) {
        self.at_s += self.chance.between(least_s, most_s);
    }

    /// Takes the metro for some stations, from gate to gate.
    pub(super) fn metro(&mut self) -> Leg {
        // Down the stairs, the wait for a train, up again.
        let gates_s = self.chance.between(90, 330);
        self.line(Mode::Metro, &METRO, (METRO_DM_S, METRO_HALT_S), gates_s)
    }

    /// Takes a bus, slower the fuller the street is.
    pub(super) fn bus(&mut self) -> Leg {
        let traffic_s = self.chance.between(10, 240);
        self.line(Mode::Bus, &BUS, (BUS_DM_S, BUS_HALT_S), traffic_s)
    }

    fn line(&mut self, mode: Mode, lines: &[Line], (pace_dm_s, halt_s): (i64, i64), besides_s: i64) -> Leg {
        let stops_m = self.chance.one_of(lines).map_or(&[][..], |line| line.stops_m);
        let last = i64::try_from(stops_m.len()).unwrap_or(0) - 1;
        let hops = self.chance.between(2, last.min(9));
        let from = self.chance.between(0, last - hops);
        let at_m = |stop: i64| usize::try_from(stop).ok().and_then(|stop| stops_m.get(stop)).copied();
        let metres = at_m(from + hops).unwrap_or(0) - at_m(from).unwrap_or(0);
        self.ride(mode, metres, metres * 10 / pace_dm_s + (hops - 1) * halt_s + besides_s)
    }

    /// Rides a shared bike: 12 to 16 km/h, with a motor 18 to 22.
    pub(super) fn bike(&mut self, mode: Mode, least_m: i64, most_m: i64) -> Leg {
        let pace_dm_s = match mode {
            Mode::Ebike => self.chance.between(50, 61),
            _ => self.chance.between(34, 44),
        };
        let metres = self.chance.between(least_m, most_m);
        self.ride(mode, metres, metres * 10 / pace_dm_s + 1)
    }

    /// Any ride, credible or not.
    pub(super) const fn ride(&mut self, mode: Mode, metres: i64, seconds: i64) -> Leg {
        let started_s = self.at_s;
        self.at_s += seconds;
        Leg {
            mode,
            started_s,
            ended_s: self.at_s,
            metres,
        }
    }
}
