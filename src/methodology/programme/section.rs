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
pub(super) struct Section {
    path: String,
    table: Table,
}

impl Section {
    /// The file itself.
    pub(super) fn root(table: Table) -> Self {
        Self {
            path: String::new(),
            table,
        }
    }

    /// The path of a key in this section.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes a mistake about a key.
    pub(super) fn mistake(&self, key: &str, detail: impl Into<String>, mistakes: &mut Vec<Mistake>) {
        mistakes.push(Mistake {
            path: self.path_of(key),
            detail: detail.into(),
        });
    }

    /// The table under a key; an empty one if it is absent.
    pub(super) fn section(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Self {
        let path = self.path_of(key);
        let table = match self.table.remove(key) {
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
        Self { path, table }
    }

    /// All tables under this one, by key.
    pub(super) fn sections(mut self, mistakes: &mut Vec<Mistake>) -> Vec<(String, Self)> {
        let keys: Vec<String> = self.table.keys().cloned().collect();
        keys.into_iter()
            .map(|key| {
                let section = self.section(&key, mistakes);
                (key, section)
            })
            .collect()
    }

    /// A text, if the key is there.
    pub(super) fn text(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        match self.table.remove(key)? {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => {
                self.mistake(key, "must be a text", mistakes);
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn needed_text(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        if !self.table.contains_key(key) {
            self.mistake(key, "is missing", mistakes);
            return None;
        }
        self.text(key, mistakes)
    }

    /// A whole number from `least` to 10^15.
    pub(super) fn count(&mut self, key: &str, least: u64, mistakes: &mut Vec<Mistake>) -> Option<u64> {
        let value = self.table.remove(key)?;
        let count = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let count = count.filter(|count| (least..=LARGEST_COUNT).contains(count));
        if count.is_none() {
            self.mistake(key, format!("must be a whole number from {least} to 10^15"), mistakes);
        }
        count
    }

    /// `true` or `false`; false if the key is absent.
    pub(super) fn flag(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> bool {
        match self.table.remove(key) {
            None => false,
            Some(Value::Boolean(flag)) => flag,
            Some(_) => {
                self.mistake(key, "must be true or false", mistakes);
                false
            }
        }
    }

    /// An amount of at least zero in decimal grams.
    pub(super) fn amount(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Amount> {
        let value = self.table.remove(key)?;
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
    pub(super) fn day(&mut self, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Day> {
        let text = match self.table.remove(key)? {
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
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&str, T)],
        mistakes: &mut Vec<Mistake>,
    ) -> Option<T> {
        let value = self.table.remove(key)?;
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
    pub(super) fn close(self, mistakes: &mut Vec<Mistake>) {
        for key in self.table.keys() {
            self.mistake(key, "unknown key", mistakes);
        }
    }
}
