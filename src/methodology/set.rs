//! A methodology as it is computed with: a parameter set that was checked and frozen under its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::methodology::document::{Gas, Parameter, SCHEMA, SetDocument, Status, Unit};
use crate::methodology::family::Formula;
use crate::methodology::rules::LegRules;
use crate::methodology::table::FactorTable;
use crate::methodology::units::Day;

/// What a stored result says about the methodology it was computed by. A figure without it means nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct MethodologyRef {
    /// The methodology's name.
    pub id: String,
    /// The parameter set's version.
    pub version: String,
    /// SHA-256 of the parameter set's file.
    pub digest: [u8; 32],
    /// What the figure counts.
    pub gas: Gas,
}

/// A parameter set that was checked: its formulas fit its parameters and the tables they read are at hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Methodology {
    reference: Arc<MethodologyRef>,
    document: SetDocument,
    bytes: Vec<u8>,
    /// The factor tables its formulas read, by the name the set uses.
    tables: BTreeMap<String, Arc<FactorTable>>,
}

impl Methodology {
    /// Checks a set and freezes it, or says everything that is wrong with it. `find` looks a table up by the name the
    /// set uses, and answers why it cannot.
    pub(super) fn freeze(
        document: SetDocument,
        bytes: Vec<u8>,
        digest: [u8; 32],
        find: impl Fn(&str) -> Result<Arc<FactorTable>, String>,
    ) -> Result<Self, Vec<String>> {
        let mut mistakes = head_mistakes(&document.schema, &document.id, &document.version);
        mistakes.extend(parameter_mistakes(&document));
        let mut tables = BTreeMap::new();
        for (mode, formula) in &document.modes {
            let own = formula
                .mistakes()
                .into_iter()
                .chain(role_mistakes(formula, &document.parameters));
            mistakes.extend(own.map(|mistake| format!("mode {mode}: {mistake}")));
            let Some(wanted) = formula.table() else { continue };
            match find(&wanted.table) {
                Ok(table) => {
                    if !gives_factors_of_energy(&table, &wanted.series) {
                        mistakes.push(format!("mode {mode}: {} is no series per kWh", wanted.series));
                    }
                    tables.insert(wanted.table.clone(), table);
                }
                Err(reason) => mistakes.push(format!("mode {mode}: {reason}")),
            }
        }
        if document.modes.is_empty() {
            mistakes.push("no modes".to_owned());
        }
        if document.valid_to.is_some_and(|last| last < document.valid_from) {
            mistakes.push("valid_to is before valid_from".to_owned());
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let (id, version, gas) = (document.id.clone(), document.version.clone(), document.gas);
        Ok(Self {
            reference: Arc::new(MethodologyRef {
                id,
                version,
                digest,
                gas,
            }),
            document,
            bytes,
            tables,
        })
    }

    /// What results say about it.
    pub fn reference(&self) -> &Arc<MethodologyRef> {
        &self.reference
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.reference.id
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.reference.version
    }

    /// SHA-256 of its file.
    pub fn digest(&self) -> [u8; 32] {
        self.reference.digest
    }

    /// Its file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the file says.
    pub fn document(&self) -> &SetDocument {
        &self.document
    }

    /// What may be done with it.
    pub fn status(&self) -> Status {
        self.document.status
    }

    /// The formula of one of its own mode words.
    pub fn formula(&self, word: &str) -> Option<&Formula> {
        self.document.modes.get(word)
    }

    /// The factor tables its formulas read. Whoever keeps its bytes must keep theirs to compute a result again.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<FactorTable>> {
        self.tables.values()
    }

    /// Whether its dates admit trips of that day, first and last day included.
    pub fn in_force(&self, day: Day) -> bool {
        self.document.valid_from <= day && self.document.valid_to.is_none_or(|last| day <= last)
    }

    /// Parameters that are needed and have no value; only a template has any.
    pub fn missing_factors(&self) -> Vec<&str> {
        let missing = self
            .document
            .parameters
            .iter()
            .filter(|(_, parameter)| parameter.value.is_none());
        missing.map(|(name, _)| name.as_str()).collect()
    }

    /// The issuer's limits on a leg, as far as they are known.
    pub fn issuer_rules(&self) -> LegRules {
        let known = &self.document.eligibility;
        LegRules {
            min_distance_m: known.min_distance_m,
            max_distance_m: known.max_distance_m,
            max_speed_kmh: known.max_speed_kmh,
            ..LegRules::default()
        }
    }

    pub(super) fn tables_by_name(&self) -> &BTreeMap<String, Arc<FactorTable>> {
        &self.tables
    }
}

/// What is wrong with the head of a file.
pub(super) fn head_mistakes(schema: &str, id: &str, version: &str) -> Vec<String> {
    let mut mistakes = Vec::new();
    if schema != SCHEMA {
        mistakes.push(format!("schema is {schema:?}, not {SCHEMA:?}"));
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id.is_empty() || !id.bytes().all(plain) {
        mistakes.push(format!("id {id:?} is not of lower-case letters, digits and hyphens"));
    }
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if version.split('.').count() != 3 || !version.split('.').all(digits) {
        mistakes.push(format!("version {version:?} is not of the form 1.0.0"));
    }
    mistakes
}

/// Sources that are not listed, and values that are missing where the set is no template.
fn parameter_mistakes(document: &SetDocument) -> Vec<String> {
    let known: BTreeSet<&str> = document.sources.iter().map(|source| source.id.as_str()).collect();
    let mut mistakes = Vec::new();
    if known.is_empty() {
        mistakes.push("no sources".to_owned());
    }
    for (name, parameter) in &document.parameters {
        if parameter.sources.is_empty() {
            mistakes.push(format!("parameter {name}: no source"));
        }
        for source in parameter
            .sources
            .iter()
            .filter(|source| !known.contains(source.as_str()))
        {
            mistakes.push(format!("parameter {name}: no source {source}"));
        }
        if parameter.value.is_none() && document.status != Status::Template {
            mistakes.push(format!("parameter {name}: no value, which only a template may lack"));
        }
    }
    mistakes
}

/// Parameters that a formula takes but the set lacks, or whose unit or value do not fit.
fn role_mistakes(formula: &Formula, parameters: &BTreeMap<String, Parameter>) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (name, role) in formula.roles() {
        let Some(parameter) = parameters.get(name) else {
            mistakes.push(format!("no parameter {name}"));
            continue;
        };
        if !role.takes_unit(parameter.unit) {
            mistakes.push(format!("the unit of {name} does not fit the formula"));
        }
        if let Some(reason) = parameter.value.as_ref().and_then(|value| role.refuses_value(value)) {
            mistakes.push(format!("{name} {reason}"));
        }
    }
    mistakes
}

fn gives_factors_of_energy(table: &FactorTable, series: &str) -> bool {
    let units = table.units_of(series);
    !units.is_empty()
        && units
            .iter()
            .all(|unit| matches!(unit, Unit::Co2PerKwh | Unit::Co2ePerKwh))
}
