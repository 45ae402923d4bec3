//! Reading TOML key by key, so that all mistakes of a file are reported together and unknown keys are refused.

use std::fmt;

use toml::{Table, Value};

use crate::methodology::units::{Amount, Day};

/// The largest number a programme may state.
const LARGEST_COUNT: u64 = 1_000_000_000_000_000;

/// One thing that is wrong with a programme file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The key, such as `modes.metro.version`; empty for the file itself.
    pub path: String,
    /// One sentence.
    pub detail: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(out, "{}{colon}{}", self.path, self.detail)
    }
}

/// A table of the file from which keys are taken one by one; what is left at the end is unknown.
pub(crate) struct Section {
    path: String,
    table: Table,
    /// Keys that were asked for, so that who mistypes one is told which there are.
    known: Vec<String>,
}

impl Section {
    /// The file itself.
    pub(crate) fn root(table: Table) -> Self {
        Self::at(String::new(), table)
    }

    /// Reads a file's text; what is no TOML is one mistake about the file itself.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Mistake> {
        let mistake = |detail| Mistake {
            path: String::new(),
            detail,
        };
        let text = str::from_utf8(bytes).map_err(|error| mistake(error.to_string()))?;
        let table = text
            .parse()
            .map_err(|error: toml::de::Error| mistake(error.to_string()))?;
        Ok(Self::root(table))
    }

    fn at(path: String, table: Table) -> Self {
        Self {
            path,
            table,
            known: Vec::new(),
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        if !self.known.iter().any(|known| known == key) {
            self.known.push(key.to_owned());
        }
        self.table.remove(key)
    }

    /// Whether a key is there that was not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The path of a key in this section.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes a mistake about a key.
    pub(crate) fn mistake(&self, key: &str, detail: impl Into<String>, mistakes: &mut Vec<Mistake>) {
        mistakes.push(Mistake {
            path: self.path_of(key),
            detail: detail.into(),
        });
    }

    /// The table under a key; an empty one if it is absent.
    pub(crate) fn section(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Self {
        let path = self.path_of(key);
        let table = match self.take(key) {
            Some(Value::Table(table)) => table,
            Some(_) => {
                mistakes.push(Mistake {
                    path: path.clone(),
                    detail: "must be a table".to_owned(),
                });
                Table::new()
            }
            None => Table::new(),
        };
        Self::at(path, table)
    }

    /// All tables under this one, by key.
    pub(crate) fn sections(mut self, mistakes: &mut Vec<Mistake>) -> Vec<(String, Self)> {
        let keys: Vec<String> = self.table.keys().cloned().collect();
        keys.into_iter()
            .map(|key| {
                let section = self.section(&key, mistakes);
                (key, section)
            })
            .collect()
    }

    /// A text, if the key is there.
    pub(crate) fn text(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        match self.take(key)? {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => {
                self.mistake(key, "must be a text", mistakes);
                None
            }
        }
    }

    /// A text that must be there.
    pub(crate) fn needed_text(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        self.expected_text(key, "a text", mistakes)
    }

    /// A text that must be there; `right` says what it would be.
    pub(crate) fn expected_text(&mut self, key: &str, right: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        match self.take(key) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            Some(_) => {
                self.mistake(key, format!("must be {right}"), mistakes);
                None
            }
            None => {
                self.mistake(key, format!("is missing; must be {right}"), mistakes);
                None
            }
        }
    }

    /// One text or a list of texts; empty if the key is absent.
    pub(crate) fn texts(&mut self, key: &str, right: &str, mistakes: &mut Vec<Mistake>) -> Vec<String> {
        let text = |value: Value| match value {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        let texts = match self.take(key) {
            None => return Vec::new(),
            Some(Value::Array(values)) if !values.is_empty() => values.into_iter().map(text).collect(),
            Some(value) => text(value).map(|text| vec![text]),
        };
        texts.unwrap_or_else(|| {
            self.mistake(key, format!("must be {right}"), mistakes);
            Vec::new()
        })
    }

    /// The tables of a list, `[[key]]`; none if the key is absent.
    pub(crate) fn tables(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Vec<Self> {
        let path = self.path_of(key);
        let table = |value: Value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        };
        let tables: Option<Vec<Table>> = match self.take(key) {
            None => return Vec::new(),
            Some(Value::Array(values)) => values.into_iter().map(table).collect(),
            Some(_) => None,
        };
        let Some(tables) = tables.filter(|tables| !tables.is_empty()) else {
            self.mistake(key, format!("must be tables, each under [[{path}]]"), mistakes);
            return Vec::new();
        };
        let numbered = tables.into_iter().enumerate();
        numbered
            .map(|(index, table)| Self::at(format!("{path}[{index}]"), table))
            .collect()
    }

    /// A whole number from `least` to 10^15.
    pub(crate) fn count(&mut self, key: &str, least: u64, mistakes: &mut Vec<Mistake>) -> Option<u64> {
        let value = self.take(key)?;
        let count = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let count = count.filter(|count| (least..=LARGEST_COUNT).contains(count));
        if count.is_none() {
            self.mistake(key, format!("must be a whole number from {least} to 10^15"), mistakes);
        }
        count
    }

    /// `true` or `false`; false if the key is absent.
    pub(crate) fn flag(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> bool {
        match self.take(key) {
            None => false,
            Some(Value::Boolean(flag)) => flag,
            Some(_) => {
                self.mistake(key, "must be true or false", mistakes);
                false
            }
        }
    }

    /// An amount of at least zero in decimal grams.
    pub(crate) fn amount(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Amount> {
        let value = self.take(key)?;
        let amount = value.as_str().and_then(|text| Amount::parse_grams(text).ok());
        let amount = amount.filter(|amount| *amount >= Amount::ZERO);
        if amount.is_none() {
            self.mistake(
                key,
                "must be grams in quotes, at most six decimals, such as \"90.5\"",
                mistakes,
            );
        }
        amount
    }

    /// A day, in quotes or as a TOML date.
    pub(crate) fn day(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Day> {
        let text = match self.take(key)? {
            Value::String(text) => text,
            Value::Datetime(date) => date.to_string(),
            _ => String::new(),
        };
        let day = Day::parse(&text).ok();
        if day.is_none() {
            self.mistake(key, "must be a day such as 2026-01-31", mistakes);
        }
        day
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&str, T)],
        mistakes: &mut Vec<Mistake>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let chosen = choices
            .iter()
            .find(|(word, _)| value.as_str() == Some(*word))
            .map(|(_, choice)| *choice);
        if chosen.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.mistake(key, format!("must be {}", words.join(" or ")), mistakes);
        }
        chosen
    }

    /// Whatever was not taken is unknown. A mistyped limit must not pass for none.
    pub(crate) fn close(self, mistakes: &mut Vec<Mistake>) {
        for key in self.table.keys() {
            let detail = format!("unknown key; known here are {}", self.known.join(", "));
            self.mistake(key, detail, mistakes);
        }
    }
}
