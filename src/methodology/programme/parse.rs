//! From a programme's file to a [`Programme`], or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::section::{Mistake, Section};
use super::{Binding, Caps, ClaimWindow, Collecting, CreditTerms, DayOf, Environment, Programme, ProgrammeError};
use crate::methodology::document::Status;
use crate::methodology::library::Library;
use crate::methodology::rules::LegRules;
use crate::methodology::set::Methodology;
use crate::methodology::units::Amount;

impl Programme {
    /// Reads a programme and binds it to the library. All mistakes are reported together. Example sets and back-tests
    /// load in the demo environment only; templates with missing factors never do.
    pub fn parse(bytes: &[u8], library: &Library, environment: Environment) -> Result<Self, ProgrammeError> {
        let mut mistakes = Vec::new();
        let mut root = Section::parse(bytes).map_err(|mistake| ProgrammeError {
            mistakes: vec![mistake],
        })?;
        let id = read_id(&mut root, &mut mistakes);
        let (zone_name, zone) = time_zone(&mut root, &mut mistakes);
        let days = [("start", DayOf::Start), ("end", DayOf::End)];
        let day_of = root.choice("day_of", &days, &mut mistakes).unwrap_or(DayOf::End);
        let back_test = root.flag("back_test", &mut mistakes);
        if back_test && environment == Environment::Production {
            root.mistake("back_test", "is for the demo environment only", &mut mistakes);
        }
        let evidence = [("required", true), ("optional", false)];
        let evidence_required = root.choice("evidence", &evidence, &mut mistakes).unwrap_or(false);
        let collectors = [("rider", Collecting::Rider), ("automatic", Collecting::Automatic)];
        let collect = root
            .choice("collect", &collectors, &mut mistakes)
            .unwrap_or(Collecting::Rider);

        let mut rules = root.section("rules", &mut mistakes);
        let leg_rules = read_leg_rules(&mut rules, &mut mistakes);
        let overlap_refused = rules
            .choice("overlap", &[("refuse", true)], &mut mistakes)
            .unwrap_or(false);
        let max_age_s = rules.count("max_age_s", 0, &mut mistakes);
        let max_ahead_s = rules.count("max_ahead_s", 0, &mut mistakes);
        rules.close(&mut mistakes);
        let caps = read_caps(root.section("caps", &mut mistakes), &mut mistakes);
        let claims = read_claims(root.section("claims", &mut mistakes), &mut mistakes);
        let credits = read_credits(root.section("credits", &mut mistakes), &mut mistakes);

        let reader = BindingReader {
            library,
            environment,
            caps,
            rules: leg_rules,
        };
        let modes = reader.read_all(root.section("modes", &mut mistakes), &mut mistakes);
        if modes.is_empty() && !mistakes.iter().any(|mistake| mistake.path.starts_with("modes")) {
            root.mistake("modes", "no mode is bound to a methodology", &mut mistakes);
        }
        root.close(&mut mistakes);
        if !mistakes.is_empty() {
            return Err(ProgrammeError { mistakes });
        }
        let digest = Sha256::digest(bytes).into();
        let bytes = bytes.to_vec();
        Ok(Self {
            id,
            digest,
            bytes,
            zone_name,
            zone,
            day_of,
            back_test,
            evidence_required,
            collect,
            modes,
            overlap_refused,
            max_age_s,
            max_ahead_s,
            caps,
            claims,
            credits,
        })
    }
}

/// What a mode's section is read against.
struct BindingReader<'a> {
    library: &'a Library,
    environment: Environment,
    caps: Caps,
    rules: LegRules,
}

impl BindingReader<'_> {
    fn read_all(&self, modes: Section, mistakes: &mut Vec<Mistake>) -> BTreeMap<String, Binding> {
        let mut bindings = BTreeMap::new();
        for (mode, section) in modes.sections(mistakes) {
            if let Some(binding) = self.read(&mode, section, mistakes) {
                bindings.insert(mode, binding);
            }
        }
        bindings
    }

    fn read(&self, mode: &str, mut section: Section, mistakes: &mut Vec<Mistake>) -> Option<Binding> {
        let id = section.needed_text("methodology", mistakes);
        let version = section.needed_text("version", mistakes);
        let word = section.text("as", mistakes).unwrap_or_else(|| mode.to_owned());
        let network = section.text("network", mistakes);
        let from = section.day("from", mistakes);
        let to = section.day("to", mistakes);
        if from.zip(to).is_some_and(|(first, last)| last < first) {
            section.mistake("to", "is before from", mistakes);
        }
        let mut own = section.section("rules", mistakes);
        let own_rules = read_leg_rules(&mut own, mistakes);
        own.close(mistakes);
        let methodology = id.zip(version).and_then(|(id, version)| {
            let found = self.library.get(&id, &version);
            found
                .map_err(|error| section.mistake("methodology", error.to_string(), mistakes))
                .ok()
        });
        if let Some(methodology) = &methodology {
            for reason in self.objections(methodology, &word) {
                section.mistake("methodology", reason, mistakes);
            }
        }
        section.close(mistakes);
        let methodology = methodology?;
        let rules = own_rules.or(self.rules).within(methodology.issuer_rules());
        Some(Binding {
            methodology,
            word,
            network,
            from,
            to,
            rules,
        })
    }

    /// Why the set may not be bound here.
    fn objections(&self, methodology: &Arc<Methodology>, word: &str) -> Vec<String> {
        let mut reasons = Vec::new();
        let name = format!("{} {}", methodology.id(), methodology.version());
        let missing = methodology.missing_factors();
        if !missing.is_empty() {
            reasons.push(format!(
                "{name} is a template without values for {}",
                missing.join(", ")
            ));
        }
        if methodology.status() == Status::Example && self.environment == Environment::Production {
            reasons.push(format!("{name} is an example, for the demo environment only"));
        }
        if methodology
            .formula(word)
            .is_some_and(|formula| !formula.givens().is_empty())
        {
            reasons.push(format!(
                "{name} takes given totals under {word}, which no trip may bring"
            ));
        }
        reasons.extend(self.looser_caps(methodology));
        reasons
    }

    /// The issuer's caps bind the operator: the programme must state its own, and none that is looser.
    fn looser_caps(&self, methodology: &Methodology) -> Vec<String> {
        let issuer = &methodology.document().caps;
        let amounts = [
            ("caps.per_trip_amount", self.caps.per_trip_amount, issuer.per_trip_g),
            ("caps.daily_amount", self.caps.daily_amount, issuer.per_person_per_day_g),
        ];
        let amounts = amounts
            .into_iter()
            .filter(|(_, own, issuer)| is_looser(*own, *issuer))
            .map(|(key, _, limit)| {
                let limit = limit.unwrap_or(Amount::ZERO);
                format!("{key} must be at most \"{limit}\", the issuer's cap")
            });
        let trips = issuer.per_person_per_day_trips;
        let trips = trips.filter(|_| is_looser(self.caps.daily_count, trips));
        let trips = trips.map(|limit| format!("caps.daily_count must be at most {limit}, the issuer's cap"));
        amounts.chain(trips).collect()
    }
}

fn is_looser<T: PartialOrd>(own: Option<T>, issuer: Option<T>) -> bool {
    match (own, issuer) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(own), Some(issuer)) => own > issuer,
    }
}

fn read_id(root: &mut Section, mistakes: &mut Vec<Mistake>) -> String {
    let id = root.needed_text("id", mistakes).unwrap_or_default();
    if !id.is_empty() && !is_plain(&id) {
        root.mistake(
            "id",
            "must be of letters, digits, '.', '_' and '-', at most 64",
            mistakes,
        );
    }
    id
}

/// Letters, digits and `._-`: what may stand in a path of the interface without escapes.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    id.len() <= 64 && id.bytes().all(plain)
}

fn time_zone(root: &mut Section, mistakes: &mut Vec<Mistake>) -> (String, TimeZone) {
    let Some(name) = root.needed_text("time_zone", mistakes) else {
        return (String::new(), TimeZone::UTC);
    };
    let Ok(zone) = TimeZone::get(&name) else {
        root.mistake("time_zone", format!("{name:?} is no zone of the IANA list"), mistakes);
        return (name, TimeZone::UTC);
    };
    (zone.iana_name().unwrap_or(&name).to_owned(), zone)
}

fn read_leg_rules(section: &mut Section, mistakes: &mut Vec<Mistake>) -> LegRules {
    let rules = LegRules {
        min_distance_m: section.count("min_distance_m", 0, mistakes),
        max_distance_m: section.count("max_distance_m", 0, mistakes),
        min_duration_s: section.count("min_duration_s", 0, mistakes),
        max_duration_s: section.count("max_duration_s", 0, mistakes),
        max_speed_kmh: section.count("max_speed_kmh", 1, mistakes),
    };
    if rules
        .min_distance_m
        .zip(rules.max_distance_m)
        .is_some_and(|(least, most)| most < least)
    {
        section.mistake("max_distance_m", "is below min_distance_m", mistakes);
    }
    if rules
        .min_duration_s
        .zip(rules.max_duration_s)
        .is_some_and(|(least, most)| most < least)
    {
        section.mistake("max_duration_s", "is below min_duration_s", mistakes);
    }
    rules
}

fn read_caps(mut section: Section, mistakes: &mut Vec<Mistake>) -> Caps {
    let caps = Caps {
        daily_count: section.count("daily_count", 0, mistakes),
        per_trip_amount: section.amount("per_trip_amount", mistakes),
        daily_amount: section.amount("daily_amount", mistakes),
    };
    section.close(mistakes);
    caps
}

fn read_claims(mut section: Section, mistakes: &mut Vec<Mistake>) -> ClaimWindow {
    let delay_s = section.count("delay_s", 0, mistakes).unwrap_or(0);
    let window_s = section.count("window_s", 0, mistakes);
    section.close(mistakes);
    ClaimWindow { delay_s, window_s }
}

fn read_credits(mut section: Section, mistakes: &mut Vec<Mistake>) -> CreditTerms {
    /// A century: longer is as good as for ever, and lots count months in 16 bits.
    const MOST_MONTHS: u64 = 1_200;
    let months = section.count("valid_months", 0, mistakes);
    if months.is_some_and(|months| months > MOST_MONTHS) {
        section.mistake("valid_months", "must be at most 1200; leave it out for ever", mistakes);
    }
    let notice_days = section.count("notice_days", 0, mistakes);
    if notice_days.is_some_and(|days| days > 36_500) {
        section.mistake("notice_days", "must be at most 36500", mistakes);
    }
    section.close(mistakes);
    CreditTerms {
        valid_months: months.and_then(|months| u16::try_from(months).ok()),
        notice_days: notice_days.unwrap_or(CreditTerms::NOTICE_DAYS),
    }
}
