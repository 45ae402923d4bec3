//! Reading a JSON object field by field, so that all wrong fields are named at once and unknown ones are refused by name.

use super::problem::{Code, FieldError};
use crate::ledger::ids::{Name, UserId};
use crate::methodology::units::Amount;
use serde_json::{Map, Value};

/// Characters of a key that is echoed.
const LONGEST_ECHO: usize = 80;

/// What has been found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Mistakes(pub(super) Vec<FieldError>);

impl Mistakes {
    /// Notes a wrong value.
    pub(super) fn invalid(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError::new(Code::InvalidField, pointer, detail));
    }

    /// Whether an unknown field stands in the same object: a misspelt name makes the right one seem missing.
    pub(super) fn unknown_beside(&self, pointer: &str) -> bool {
        let parent = |pointer: &str| pointer.rsplit_once('/').map(|(parent, _)| parent.to_owned());
        let unknown = |error: &&FieldError| error.code == Code::UnknownField.as_str();
        self.0
            .iter()
            .filter(unknown)
            .any(|error| parent(&error.pointer) == parent(pointer))
    }

    /// Whether that field, or something around or inside it, is known to be wrong. A leg whose network is unknown may be
    /// wrong in other ways too.
    pub(super) fn touch(&self, pointer: &str) -> bool {
        let within = |outer: &str, inner: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.iter().any(|error| {
            let apart = [Code::UnknownField, Code::UnknownNetwork].map(Code::as_str);
            !apart.contains(&error.code) && (within(&error.pointer, pointer) || within(pointer, &error.pointer))
        })
    }
}

/// An object of which fields are taken one by one.
pub(super) struct Object<'v> {
    path: String,
    map: Option<&'v Map<String, Value>>,
    taken: Vec<&'static str>,
}

impl<'v> Object<'v> {
    /// The object at `path`; anything else is noted and reads as empty.
    pub(super) fn new(value: &'v Value, path: impl Into<String>, mistakes: &mut Mistakes) -> Self {
        let path = path.into();
        let map = value.as_object();
        if map.is_none() {
            mistakes.invalid(path.clone(), "must be an object");
        }
        Self {
            path,
            map,
            taken: Vec::new(),
        }
    }

    /// Pointer of the object itself.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Pointer of a field.
    pub(super) fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.path, escaped(name))
    }

    /// A field; `null` is as good as absent.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'v Value> {
        self.taken.push(name);
        self.map?.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(super) fn need(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<&'v Value> {
        let value = self.take(name);
        if value.is_none() && self.map.is_some() {
            mistakes.invalid(self.pointer(name), "is missing");
        }
        value
    }

    /// A text of 1 … `most` characters without control characters, if it is there.
    pub(super) fn text(&mut self, name: &'static str, most: usize, mistakes: &mut Mistakes) -> Option<&'v str> {
        let value = self.take(name)?;
        let text = value.as_str().filter(|text| is_short(text, most));
        if text.is_none() {
            mistakes.invalid(
                self.pointer(name),
                format!("must be a text of 1 to {most} characters without control characters"),
            );
        }
        text
    }

    /// Such a text that must be there.
    pub(super) fn needed_text(&mut self, name: &'static str, most: usize, mistakes: &mut Mistakes) -> Option<&'v str> {
        self.need(name, mistakes)?;
        self.text(name, most, mistakes)
    }

    /// An integer in `0 … most`, if it is there; a wrong one reads as 0.
    pub(super) fn count(&mut self, name: &'static str, most: u64, mistakes: &mut Mistakes) -> Option<u64> {
        let value = self.take(name)?;
        let count = value.as_u64().filter(|count| *count <= most);
        if count.is_none() {
            mistakes.invalid(self.pointer(name), format!("must be an integer from 0 to {most}"));
        }
        Some(count.unwrap_or(0))
    }

    /// A list that must be there.
    pub(super) fn needed_list(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<&'v Vec<Value>> {
        let value = self.need(name, mistakes)?;
        let list = value.as_array();
        if list.is_none() {
            mistakes.invalid(self.pointer(name), "must be a list");
        }
        list
    }

    /// A user id: a decimal string or an integer.
    pub(super) fn user(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<UserId> {
        let value = self.need(name, mistakes)?;
        let user = match value {
            Value::String(text) => UserId::parse(text).ok(),
            Value::Number(number) => number.as_i64().and_then(|id| UserId::new(id).ok()),
            _ => None,
        };
        if user.is_none() {
            mistakes.invalid(
                self.pointer(name),
                "must be a decimal integer from 0 to 9223372036854775807, as a text or a number",
            );
        }
        user
    }

    /// A name that the caller chose.
    pub(super) fn name(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<Name> {
        let value = self.need(name, mistakes)?;
        let parsed = value.as_str().and_then(|text| Name::parse(text).ok());
        if parsed.is_none() {
            let detail = "must be a text of 1 to 128 characters (at most 512 bytes) without control characters";
            mistakes.invalid(self.pointer(name), detail);
        }
        parsed
    }

    /// Such a name, if it is there.
    pub(super) fn optional_name(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<Name> {
        self.take(name)?;
        self.name(name, mistakes)
    }

    /// An amount above 0 in grams, as a decimal text.
    pub(super) fn amount(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<Amount> {
        let value = self.need(name, mistakes)?;
        let parsed = value.as_str().and_then(|text| Amount::parse_grams(text).ok());
        let amount = parsed.filter(|amount| *amount > Amount::ZERO);
        if amount.is_none() {
            let detail = "must be a text of grams above 0, with at most six decimals and below 9223372036854.775808, such as \"400.14\"";
            mistakes.invalid(self.pointer(name), detail);
        }
        amount
    }

    /// Whatever was not taken is unknown.
    pub(super) fn close(self, mistakes: &mut Mistakes) {
        let keys = self.map.into_iter().flat_map(Map::keys);
        for key in keys.filter(|key| !self.taken.contains(&key.as_str())) {
            let pointer = self.pointer(key);
            mistakes
                .0
                .push(FieldError::new(Code::UnknownField, pointer, "is not known here"));
        }
    }
}

/// Whether a text has 1 … `most` characters and no control characters.
pub(super) fn is_short(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().nth(most).is_none() && !text.chars().any(char::is_control)
}

/// A key as a segment of a JSON pointer, cut where it is absurdly long.
pub(super) fn escaped(key: &str) -> String {
    let short: String = key.chars().take(LONGEST_ECHO).collect();
    short.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_wrong_is_named_at_once() {
        let value = json!({"user_id": -1, "mode": "", "distance_m": 1.5, "a/b~c": 1, "energy_wh": null});
        let mut mistakes = Mistakes::default();
        let mut object = Object::new(&value, "", &mut mistakes);
        object.user("user_id", &mut mistakes);
        object.text("mode", 64, &mut mistakes);
        object.count("distance_m", 10, &mut mistakes);
        assert_eq!(object.count("energy_wh", 10, &mut mistakes), None);
        object.needed_text("trip_id", 64, &mut mistakes);
        object.close(&mut mistakes);
        let pointers: Vec<&str> = mistakes.0.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/user_id", "/mode", "/distance_m", "/trip_id", "/a~1b~0c"]);
    }

    #[test]
    fn a_mistake_covers_what_is_around_and_inside_it() {
        let mut mistakes = Mistakes::default();
        mistakes.invalid("/legs/1/from", "x");
        assert!(mistakes.touch("/legs/1/from/lat") && mistakes.touch("/legs/1"));
        assert!(!mistakes.touch("/legs/10") && !mistakes.touch("/legs/1/fro"));
    }
}
