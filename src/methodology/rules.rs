//! The rules by which a programme refuses a trip, in the order they are judged.

/// A rule that a trip broke. Stored by its code, so codes never change their meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rule {
    /// The trip ended too long before it was booked.
    TooOld,
    /// The trip ended too far after it was booked.
    InFuture,
    /// The dates of the methodology or of the mode's binding exclude the trip's day.
    NotInForce,
    /// A leg has too few metres.
    TooShort,
    /// A leg has too many metres.
    TooLong,
    /// A leg took too few seconds.
    TooBrief,
    /// A leg took too many seconds.
    TooLengthy,
    /// A leg was faster than its mode may be.
    TooFast,
    /// The rider was already travelling at that time.
    Overlap,
    /// The rider has as many credited trips on that day as the programme allows.
    DailyCount,
}

impl Rule {
    /// All rules, in the order they are judged.
    pub const ALL: [Self; 10] = [
        Self::TooOld,
        Self::InFuture,
        Self::NotInForce,
        Self::TooShort,
        Self::TooLong,
        Self::TooBrief,
        Self::TooLengthy,
        Self::TooFast,
        Self::Overlap,
        Self::DailyCount,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too_old",
            Self::InFuture => "in_future",
            Self::NotInForce => "not_in_force",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::TooBrief => "too_brief",
            Self::TooLengthy => "too_lengthy",
            Self::TooFast => "too_fast",
            Self::Overlap => "overlap",
            Self::DailyCount => "daily_count",
        }
    }

    /// The number in storage, 1 to 10.
    pub const fn code(self) -> u8 {
        match self {
            Self::TooOld => 1,
            Self::InFuture => 2,
            Self::NotInForce => 3,
            Self::TooShort => 4,
            Self::TooLong => 5,
            Self::TooBrief => 6,
            Self::TooLengthy => 7,
            Self::TooFast => 8,
            Self::Overlap => 9,
            Self::DailyCount => 10,
        }
    }

    /// The rule with that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }
}

/// The one reason a trip is refused: the first rule that it breaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// One sentence with the trip's figure and the limit.
    pub detail: String,
}

/// Limits on a single leg. A limit itself passes; an absent one limits nothing. Limits on metres and speed do not
/// touch a leg without metres.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LegRules {
    /// Fewest metres.
    pub min_distance_m: Option<u64>,
    /// Most metres.
    pub max_distance_m: Option<u64>,
    /// Fewest seconds.
    pub min_duration_s: Option<u64>,
    /// Most seconds.
    pub max_duration_s: Option<u64>,
    /// Highest speed, whole km/h.
    pub max_speed_kmh: Option<u64>,
}

impl LegRules {
    /// These limits, and where one is absent the one of `wider`.
    #[must_use]
    pub fn or(self, wider: Self) -> Self {
        Self {
            min_distance_m: self.min_distance_m.or(wider.min_distance_m),
            max_distance_m: self.max_distance_m.or(wider.max_distance_m),
            min_duration_s: self.min_duration_s.or(wider.min_duration_s),
            max_duration_s: self.max_duration_s.or(wider.max_duration_s),
            max_speed_kmh: self.max_speed_kmh.or(wider.max_speed_kmh),
        }
    }

    /// These limits, tightened to the issuer's of the methodology, which no operator may loosen.
    #[must_use]
    pub fn within(self, issuer: Self) -> Self {
        Self {
            min_distance_m: self.min_distance_m.max(issuer.min_distance_m),
            max_distance_m: smaller(self.max_distance_m, issuer.max_distance_m),
            min_duration_s: self.min_duration_s.max(issuer.min_duration_s),
            max_duration_s: smaller(self.max_duration_s, issuer.max_duration_s),
            max_speed_kmh: smaller(self.max_speed_kmh, issuer.max_speed_kmh),
        }
    }

    /// The sentence that says how a leg breaks `rule`, or nothing if it does not.
    pub fn breaks(&self, rule: Rule, metres: Option<u64>, seconds: u64) -> Option<String> {
        match (rule, metres) {
            (Rule::TooShort, Some(metres)) => {
                let least = self.min_distance_m.filter(|least| metres < *least)?;
                Some(format!("{metres} m, at least {least} m"))
            }
            (Rule::TooLong, Some(metres)) => {
                let most = self.max_distance_m.filter(|most| metres > *most)?;
                Some(format!("{metres} m, at most {most} m"))
            }
            (Rule::TooBrief, _) => {
                let least = self.min_duration_s.filter(|least| seconds < *least)?;
                Some(format!("{seconds} s, at least {least} s"))
            }
            (Rule::TooLengthy, _) => {
                let most = self.max_duration_s.filter(|most| seconds > *most)?;
                Some(format!("{seconds} s, at most {most} s"))
            }
            (Rule::TooFast, Some(metres)) => {
                let most = self.max_speed_kmh.filter(|most| faster(metres, seconds, *most))?;
                Some(format!("{metres} m in {seconds} s, at most {most} km/h"))
            }
            _ => None,
        }
    }
}

/// Whether so many metres in so many seconds are more than `kmh`, in integers: `metres * 18 > kmh * 5 * seconds`.
fn faster(metres: u64, seconds: u64, kmh: u64) -> bool {
    // 64-bit factors and small constants cannot leave 128 bits but for absurd products, which then count as no limit.
    let travelled = u128::from(metres).saturating_mul(18);
    let allowed = u128::from(kmh).saturating_mul(5).saturating_mul(u128::from(seconds));
    travelled > allowed
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
