//! JSON Schema (2020-12, as OpenAPI 3.1 has it) in the few shapes that our wire knows. Objects list their members with what
//! each means; whatever is needed is needed in every answer, so a member that is sometimes left out is a `may`.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// No control characters.
pub(super) const PLAIN: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

/// One member of an object.
pub(super) struct Member {
    name: &'static str,
    schema: Value,
    is_needed: bool,
}

/// A member that always stands there, `null` or not.
pub(super) fn need(name: &'static str, schema: Value) -> Member {
    Member {
        name,
        schema,
        is_needed: true,
    }
}

/// A member that may be absent.
pub(super) fn may(name: &'static str, schema: Value) -> Member {
    Member {
        name,
        schema,
        is_needed: false,
    }
}

/// An object of an answer. Callers must bear members that are not named: adding one is no new version.
pub(super) fn object(description: &str, members: impl IntoIterator<Item = Member>) -> Value {
    let members: Vec<Member> = members.into_iter().collect();
    let needed: Vec<&str> = members
        .iter()
        .filter(|member| member.is_needed)
        .map(|member| member.name)
        .collect();
    let mut schema = json!({"type": "object", "description": description, "required": needed});
    let properties: Map<String, Value> = members
        .into_iter()
        .map(|member| (member.name.to_owned(), member.schema))
        .collect();
    put(&mut schema, "properties", Value::Object(properties));
    schema
}

/// An object of a request: a member that is not named is refused.
pub(super) fn strict(description: &str, members: impl IntoIterator<Item = Member>) -> Value {
    let mut schema = object(description, members);
    put(&mut schema, "additionalProperties", json!(false));
    schema
}

/// An object whose keys are names and whose values are all alike.
pub(super) fn map(description: &str, values: Value) -> Value {
    let mut schema = json!({"type": "object", "description": description});
    put(&mut schema, "additionalProperties", values);
    schema
}

/// A list.
pub(super) fn list(items: Value) -> Value {
    let mut schema = json!({"type": "array"});
    put(&mut schema, "items", items);
    schema
}

/// A list with bounds on its length.
pub(super) fn list_of(least: usize, most: usize, items: Value) -> Value {
    let mut schema = list(items);
    put(&mut schema, "minItems", json!(least));
    put(&mut schema, "maxItems", json!(most));
    schema
}

/// A page of a list.
pub(super) fn page_of(items: Value) -> Value {
    let next = said(
        "What `cursor` takes for the next page; null at the end of the list.",
        nullable(refer("Cursor")),
    );
    object("A page of a list.", [need("items", list(items)), need("next", next)])
}

/// A schema of the document's own, by name.
pub(super) fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// A text, with an example of it.
pub(super) fn like(example: &str) -> Value {
    json!({"type": "string", "examples": [example]})
}

/// A text of 1 … `most` characters without control characters.
pub(super) fn short(most: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": most, "pattern": PLAIN})
}

/// A text that a regular expression fits, with an example of it.
pub(super) fn shaped(pattern: &str, example: &str) -> Value {
    json!({"type": "string", "pattern": pattern, "examples": [example]})
}

/// One of some words.
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    let words: Vec<&str> = words.into_iter().collect();
    json!({"type": "string", "enum": words})
}

/// One of some HTTP statuses.
pub(super) fn statuses(statuses: impl IntoIterator<Item = u16>) -> Value {
    let statuses: BTreeSet<u16> = statuses.into_iter().collect();
    json!({"type": "integer", "format": "int64", "enum": statuses})
}

/// A whole number, at least 0.
pub(super) fn count() -> Value {
    json!({"type": "integer", "format": "int64", "minimum": 0})
}

/// A whole number between bounds, both included.
pub(super) fn between(least: u64, most: u64) -> Value {
    json!({"type": "integer", "format": "int64", "minimum": least, "maximum": most})
}

/// True or false.
pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

/// The one value. Generated clients go by its type, and tell schemas apart by it.
pub(super) fn only(value: impl Into<Value>) -> Value {
    let value = value.into();
    let kind = match value {
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        _ => "string",
    };
    json!({"type": kind, "const": value})
}

/// Exactly one of some schemas.
pub(super) fn one_of<const N: usize>(schemas: [Value; N]) -> Value {
    let mut schema = json!({});
    put(&mut schema, "oneOf", Value::Array(schemas.into()));
    schema
}

/// The same, or `null`.
pub(super) fn nullable(schema: Value) -> Value {
    let nothing = json!({"type": "null"});
    let plain = schema.get("type").and_then(Value::as_str).map(str::to_owned);
    match plain {
        Some(kind) if schema.get("enum").is_none() && schema.get("const").is_none() => {
            let mut schema = schema;
            put(&mut schema, "type", json!([kind, "null"]));
            schema
        }
        _ => json!({"anyOf": [schema, nothing]}),
    }
}

/// The same with a sentence about it.
pub(super) fn said(description: &str, mut schema: Value) -> Value {
    put(&mut schema, "description", json!(description));
    schema
}

fn put(schema: &mut Value, keyword: &str, value: Value) {
    if let Some(keywords) = schema.as_object_mut() {
        keywords.insert(keyword.to_owned(), value);
    }
}
