//! The shape of parameter sets and factor tables, `carbon-methodology/1`, as they stand in their files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::methodology::family::Formula;
use crate::methodology::units::{Amount, Day, Ratio, RoundingMode};

/// The name of the shape.
pub const SCHEMA: &str = "carbon-methodology/1";

/// A title in two languages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Who stands behind the text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Name in Chinese.
    pub zh: String,
    /// Name in English.
    pub en: String,
    /// Kind of issuer.
    #[serde(rename = "type")]
    pub kind: IssuerKind,
}

/// Kinds of issuer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum IssuerKind {
    Government,
    Standard,
    Enterprise,
    Programme,
    Research,
    Project,
}

/// What may be done with a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// An operator may select it, after confirming it against the issuer's text.
    Builtin,
    /// For tests and demonstrations only.
    Example,
    /// Refused while a value is missing.
    Template,
}

/// How well a value is attested.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it; docs/methodologies.md explains the grades")]
pub enum Evidence {
    Primary,
    PrimaryPartial,
    PrimaryAbstract,
    Secondary,
    Derived,
    Assumption,
    Mixed,
    Missing,
}

/// The gas that a figure counts. Figures of the two are never added silently.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Gas {
    /// Carbon dioxide alone.
    #[serde(rename = "CO2")]
    Co2,
    /// Carbon dioxide and the warming of other gases expressed in it.
    #[serde(rename = "CO2e")]
    Co2e,
}

impl Gas {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Co2 => "CO2",
            Self::Co2e => "CO2e",
        }
    }

    /// The gas of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Co2, Self::Co2e].into_iter().find(|gas| gas.as_str() == word)
    }
}

/// The units a value may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is spelled out by its word in the file")]
pub enum Unit {
    #[serde(rename = "gCO2/pkm")]
    Co2PerPassengerKm,
    #[serde(rename = "gCO2/vkm")]
    Co2PerVehicleKm,
    #[serde(rename = "gCO2e/pkm")]
    Co2ePerPassengerKm,
    #[serde(rename = "gCO2e/vkm")]
    Co2ePerVehicleKm,
    #[serde(rename = "gCO2/trip")]
    Co2PerTrip,
    #[serde(rename = "gCO2/step")]
    Co2PerStep,
    #[serde(rename = "gCO2/kWh")]
    Co2PerKwh,
    #[serde(rename = "gCO2e/kWh")]
    Co2ePerKwh,
    #[serde(rename = "gCO2e/l")]
    Co2ePerLitre,
    #[serde(rename = "kWh/vkm")]
    KwhPerVehicleKm,
    #[serde(rename = "person/vehicle")]
    PersonPerVehicle,
    #[serde(rename = "1")]
    One,
}

/// Who may put another value in a parameter's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Override {
    /// The operator; here, in a what-if.
    Operator,
    /// Each trip.
    Trip,
}

/// A value as the issuer printed it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The number as printed.
    pub value: String,
    /// The unit as printed.
    pub unit: String,
}

/// A named number of a set, with where it comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The value; null where it is needed and was not found. The field itself must stand there.
    #[serde(deserialize_with = "present")]
    pub value: Option<Ratio>,
    /// Its unit.
    pub unit: Unit,
    /// How well it is attested.
    pub evidence: Evidence,
    /// Ids of the sources.
    pub sources: Vec<String>,
    /// As the issuer printed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// Who may replace it; left out, nobody.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub replaceable: Option<Override>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Where a number was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "bibliography, the words say it")]
pub struct Source {
    pub id: String,
    pub title: String,
    pub publisher: String,
    pub date: String,
    pub seen: String,
    pub locator: String,
}

/// The issuer's limits on a ride; null where they are unknown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eligibility {
    /// Fewest metres.
    #[serde(deserialize_with = "present")]
    pub min_distance_m: Option<u64>,
    /// Most metres.
    #[serde(deserialize_with = "present")]
    pub max_distance_m: Option<u64>,
    /// Highest speed, km/h.
    #[serde(deserialize_with = "present")]
    pub max_speed_kmh: Option<u64>,
    /// Conditions in words, which only people can check.
    pub requires: Vec<String>,
    /// A remark.
    pub note: String,
}

/// The issuer's caps; null where they are unknown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerCaps {
    /// Grams a person and day.
    #[serde(deserialize_with = "present")]
    pub per_person_per_day_g: Option<Amount>,
    /// Trips a person and day.
    #[serde(deserialize_with = "present")]
    pub per_person_per_day_trips: Option<u64>,
    /// Grams a trip.
    #[serde(deserialize_with = "present")]
    pub per_trip_g: Option<Amount>,
}

/// What the issuer says on counting the same thing twice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubleCounting {
    /// A trip counts under one methodology.
    pub same_trip_one_methodology: bool,
    /// A trip counts on one platform.
    pub same_trip_one_platform: bool,
    /// The issuer's own words.
    #[serde(deserialize_with = "present")]
    pub issuer_rule: Option<String>,
}

/// Rounding: what the issuer says and what is done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// The issuer's own words.
    #[serde(deserialize_with = "present")]
    pub issuer_rule: Option<String>,
    /// What is done.
    pub engine: EngineRounding,
}

/// What is done: each leg, to the microgram.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineRounding {
    /// Always `ug`.
    pub unit: RoundingUnit,
    /// Always `leg`.
    pub per: RoundingPer,
    /// In which direction.
    pub mode: RoundingMode,
}

/// The one unit results are kept in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RoundingUnit {
    /// Micrograms.
    #[serde(rename = "ug")]
    Microgram,
}

/// The one place where results are rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingPer {
    /// Each leg by itself.
    Leg,
}

/// The programme's points, for the record: points are no credits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Grams a point.
    #[serde(deserialize_with = "present")]
    pub g_per_point: Option<Ratio>,
    /// A remark.
    pub note: String,
}

/// The two kinds of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A parameter set.
    Methodology,
    /// A factor table.
    FactorTable,
}

/// A parameter set: the frozen numbers of one methodology version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetDocument {
    /// The name of the shape.
    pub schema: String,
    /// Always a methodology.
    pub kind: Kind,
    /// The methodology's name.
    pub id: String,
    /// The set's own version, `major.minor.patch`.
    pub version: String,
    /// Its title.
    pub title: Names,
    /// Who stands behind it.
    pub issuer: Issuer,
    /// The issuer's own version.
    pub source_version: String,
    /// What may be done with it.
    pub status: Status,
    /// How well it is attested.
    pub evidence: Evidence,
    /// First day of a trip it may be used for.
    pub valid_from: Day,
    /// Where that day comes from.
    pub valid_from_basis: String,
    /// Last day of a trip it may be used for.
    #[serde(deserialize_with = "present")]
    pub valid_to: Option<Day>,
    /// Where it is meant for.
    pub region: String,
    /// What it counts.
    pub gas: Gas,
    /// Its numbers by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Its formulas by mode.
    pub modes: BTreeMap<String, Formula>,
    /// The issuer's limits.
    pub eligibility: Eligibility,
    /// The issuer's caps.
    pub caps: IssuerCaps,
    /// Counting twice.
    pub double_counting: DoubleCounting,
    /// Rounding.
    pub rounding: Rounding,
    /// Points.
    #[serde(deserialize_with = "present")]
    pub points: Option<Points>,
    /// Where the numbers were seen.
    pub sources: Vec<Source>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// Reads a field that may be null but must stand there: a forgotten limit must not pass for an unknown one.
pub(super) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::<T>::deserialize(deserializer)
}
