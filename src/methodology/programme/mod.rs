//! Programmes: which methodology counts for which mode, and an operator's own rules, caps and claim window.
//!
//! A programme is a TOML file with a digest. It is parsed once and then only asked; nothing in it changes.

mod assess;
mod parse;
mod section;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

pub use assess::Assessment;
pub use section::Mistake;
pub(crate) use section::Section;

use crate::methodology::library::Library;
use crate::methodology::rules::LegRules;
use crate::methodology::set::Methodology;
use crate::methodology::units::{Amount, Day};

/// Where a programme is to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Environment {
    /// Tests and demonstrations: example sets and back-tests are allowed.
    Demo,
    /// Results have value: only sets that an operator can stand for.
    Production,
}

/// Who turns claims into credits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Collecting {
    /// The rider, by asking.
    Rider,
    /// The gateway, as soon as a claim opens.
    Automatic,
}

/// Which end of a trip decides its day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DayOf {
    /// The earliest start of a leg.
    Start,
    /// The latest end of a leg.
    End,
}

/// Limits on what a rider can earn. An absent one limits nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Caps {
    /// Most credited trips of a rider on a day.
    pub daily_count: Option<u64>,
    /// Most a trip earns.
    pub per_trip_amount: Option<Amount>,
    /// Most a rider earns on a day.
    pub daily_amount: Option<Amount>,
}

/// When a claim may be collected, counted from booked time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClaimWindow {
    /// Seconds until it opens.
    pub delay_s: u64,
    /// Seconds that it stays open; absent, for ever.
    pub window_s: Option<u64>,
}

/// How long credits live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreditTerms {
    /// Full months after the month of issue in which they can still be spent; absent, for ever.
    pub valid_months: Option<u16>,
    /// Days before its expiry from which a credit is spent before others.
    pub notice_days: u64,
}

impl CreditTerms {
    /// Notice where the programme says nothing.
    pub const NOTICE_DAYS: u64 = 30;
}

/// How a programme counts one of its modes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    pub(super) methodology: Arc<Methodology>,
    pub(super) word: String,
    pub(super) network: Option<String>,
    pub(super) from: Option<Day>,
    pub(super) to: Option<Day>,
    pub(super) rules: LegRules,
}

impl Binding {
    /// The methodology that counts.
    pub fn methodology(&self) -> &Arc<Methodology> {
        &self.methodology
    }

    /// The methodology's own word for the mode. If it names no such mode, the mode earns nothing.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// The network in which the mode's stations are looked up.
    pub fn network(&self) -> Option<&str> {
        self.network.as_deref()
    }

    /// First and last day of a trip for which the binding counts.
    pub fn days(&self) -> (Option<Day>, Option<Day>) {
        (self.from, self.to)
    }

    /// The limits on a leg: the mode's own, else the programme's, never looser than the issuer's.
    pub fn rules(&self) -> &LegRules {
        &self.rules
    }

    fn admits(&self, day: Day) -> bool {
        self.from.is_none_or(|first| first <= day) && self.to.is_none_or(|last| day <= last)
    }
}

/// A programme, parsed and checked.
#[derive(Clone, Debug)]
pub struct Programme {
    id: String,
    digest: [u8; 32],
    bytes: Vec<u8>,
    zone_name: String,
    zone: TimeZone,
    day_of: DayOf,
    back_test: bool,
    evidence_required: bool,
    collect: Collecting,
    modes: BTreeMap<String, Binding>,
    overlap_refused: bool,
    max_age_s: Option<u64>,
    max_ahead_s: Option<u64>,
    caps: Caps,
    claims: ClaimWindow,
    credits: CreditTerms,
}

/// Everything that is wrong with a programme file, reported together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ProgrammeError {
    /// The mistakes, in the order of the file's keys as they are read.
    pub mistakes: Vec<Mistake>,
}

impl Programme {
    /// The shipped programme `demo`.
    pub const DEMO: &'static [u8] = include_bytes!("../data/programme-demo.toml");

    /// The shipped programme `demo`. It binds only sets that may be used anywhere.
    pub fn demo(library: &Library) -> Result<Self, ProgrammeError> {
        Self::parse(Self::DEMO, library, Environment::Production)
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// SHA-256 of its file.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Its file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The zone in which its days begin and end.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The IANA name of that zone.
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// Which end of a trip decides its day.
    pub fn day_rule(&self) -> DayOf {
        self.day_of
    }

    /// Whether the methodologies' own dates are left out of account.
    pub fn is_back_test(&self) -> bool {
        self.back_test
    }

    /// Whether a trip must bring evidence.
    pub fn requires_evidence(&self) -> bool {
        self.evidence_required
    }

    /// Who turns claims into credits.
    pub fn collect(&self) -> Collecting {
        self.collect
    }

    /// Its modes with what counts for them, by the programme's own words.
    pub fn modes(&self) -> impl Iterator<Item = (&str, &Binding)> {
        self.modes.iter().map(|(mode, binding)| (mode.as_str(), binding))
    }

    /// Whether it binds the mode.
    pub fn knows_mode(&self, mode: &str) -> bool {
        self.modes.contains_key(mode)
    }

    /// The network in which stations of the mode are looked up.
    pub fn network_of(&self, mode: &str) -> Option<&str> {
        self.modes.get(mode).and_then(Binding::network)
    }

    /// Limits on what a rider can earn.
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// How long its credits live.
    pub fn credits(&self) -> CreditTerms {
        self.credits
    }

    /// When a claim may be collected.
    pub fn claims(&self) -> &ClaimWindow {
        &self.claims
    }

    /// The longest time from a trip's end to its booking, seconds.
    pub fn max_age_s(&self) -> Option<u64> {
        self.max_age_s
    }

    /// The longest time from a trip's booking to its end, seconds.
    pub fn max_ahead_s(&self) -> Option<u64> {
        self.max_ahead_s
    }

    /// Whether a trip is refused while its rider was already travelling.
    pub fn refuses_overlap(&self) -> bool {
        self.overlap_refused
    }
}

#[cfg(test)]
mod tests;
