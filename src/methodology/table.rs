//! Factor tables: published factors by series, key and year, looked up exactly and never by the nearest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::methodology::document::{Evidence, Gas, Issuer, Kind, Names, Source, Status, Unit};
use crate::methodology::set::head_mistakes;
use crate::methodology::units::Ratio;

/// How far a factor reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Level {
    National,
    Region,
    Province,
}

/// One factor of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the words say it, and `FactorTable::factor` explains the look-up"
)]
pub struct Row {
    pub series: String,
    pub level: Level,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_zh: Option<String>,
    pub year: i32,
    pub value: Ratio,
    pub unit: Unit,
    pub published: serde_json::Map<String, serde_json::Value>,
    pub evidence: Evidence,
    pub sources: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A table of published factors.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in `SetDocument`")]
pub struct TableDocument {
    pub schema: String,
    pub kind: Kind,
    pub id: String,
    pub version: String,
    pub title: Names,
    pub issuer: Issuer,
    pub status: Status,
    pub evidence: Evidence,
    pub gas: Gas,
    pub publication: Vec<serde_json::Map<String, serde_json::Value>>,
    pub lookup_note: String,
    pub rows: Vec<Row>,
    pub sources: Vec<Source>,
    pub notes: Vec<String>,
}

/// Factors of one series and key, by data year.
type ByYear = BTreeMap<i32, Ratio>;

/// A factor table, frozen: its bytes never change under the same id and version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactorTable {
    document: TableDocument,
    digest: [u8; 32],
    bytes: Vec<u8>,
    /// Series, then key, then year.
    index: BTreeMap<String, BTreeMap<String, ByYear>>,
}

impl FactorTable {
    /// Checks a table and freezes it, or says everything that is wrong with it.
    pub(super) fn freeze(document: TableDocument, bytes: Vec<u8>, digest: [u8; 32]) -> Result<Self, Vec<String>> {
        let mut mistakes = head_mistakes(&document.schema, &document.id, &document.version);
        let known: BTreeSet<&str> = document.sources.iter().map(|source| source.id.as_str()).collect();
        let mut index: BTreeMap<String, BTreeMap<String, ByYear>> = BTreeMap::new();
        for row in &document.rows {
            let name = format!("{} {} {}", row.series, row.key, row.year);
            let years = index
                .entry(row.series.clone())
                .or_default()
                .entry(row.key.clone())
                .or_default();
            if years.insert(row.year, row.value.clone()).is_some() {
                mistakes.push(format!("two rows for {name}"));
            }
            for source in row.sources.iter().filter(|source| !known.contains(source.as_str())) {
                mistakes.push(format!("{name}: no source {source}"));
            }
        }
        if document.rows.is_empty() {
            mistakes.push("no rows".to_owned());
        }
        if mistakes.is_empty() {
            Ok(Self {
                document,
                digest,
                bytes,
                index,
            })
        } else {
            Err(mistakes)
        }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.document.id
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.document.version
    }

    /// SHA-256 of its file.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Its file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the file says.
    pub fn document(&self) -> &TableDocument {
        &self.document
    }

    /// The factor of exactly that series, key and data year. Keys are spelled alike over all levels: `CN` for the
    /// nation, `CN-grid-north` for a regional grid, `CN-SD` for a province.
    pub fn factor(&self, series: &str, key: &str, year: i32) -> Option<&Ratio> {
        self.index.get(series)?.get(key)?.get(&year)
    }

    /// Whether the series has the key in any year.
    pub fn has_key(&self, series: &str, key: &str) -> bool {
        self.index.get(series).is_some_and(|keys| keys.contains_key(key))
    }

    /// The units of a series, each once; none if there is no such series.
    pub fn units_of(&self, series: &str) -> Vec<Unit> {
        let mut units = Vec::new();
        for row in self.document.rows.iter().filter(|row| row.series == series) {
            if !units.contains(&row.unit) {
                units.push(row.unit);
            }
        }
        units
    }
}
