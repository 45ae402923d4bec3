//! The document as a page for people: plain HTML with its style inside. No script, nothing to fetch, so it works wherever the
//! gateway does, prints well, and can be searched.

use super::schema::PLAIN;
use serde_json::{Map, Value};
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");

/// The page of a document; its operations stand in the order of their ids in `order`.
pub(super) fn render(document: &Value, order: &[&str]) -> String {
    let mut operations: Vec<_> = operations(document).collect();
    operations.sort_by_key(|(_, _, operation)| order.iter().position(|id| operation["operationId"] == **id));
    let info = &document["info"];
    let title = escaped(text(&info["title"]));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
    );
    let (mut contents, mut areas) = (String::new(), String::new());
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        let _ = write!(contents, "<h2>{}</h2>\n<ul>\n", escaped(name));
        let _ = write!(
            areas,
            "<h2>{}</h2>\n<p>{}</p>\n",
            escaped(name),
            escaped(text(&tag["description"]))
        );
        for (path, method, operation) in &operations {
            if operation["tags"][0] == *name {
                let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
                let _ = writeln!(contents, "<li><a href=\"#{id}\">{}</a></li>", escaped(summary));
                areas.push_str(&operation_shown(path, method, operation));
            }
        }
        contents.push_str("</ul>\n");
    }
    let _ = writeln!(
        page,
        "<nav>\n{contents}<h2>Schemas</h2>\n<ul>\n{}</ul>\n</nav>",
        schema_links(document)
    );
    let _ = writeln!(
        page,
        "<main>\n<h1>{title} <small>{}</small></h1>\n<p><a href=\"/openapi.json\">openapi.json</a></p>\n{}\n{areas}<h2>Schemas</h2>",
        escaped(text(&info["version"])),
        prose(text(&info["description"]))
    );
    for (name, schema) in members(&document["components"]["schemas"]) {
        let _ = writeln!(
            page,
            "<section id=\"schema-{name}\"><h3>{name}</h3>\n{}</section>",
            schema_shown(schema)
        );
    }
    page.push_str("</main></body></html>\n");
    page
}

/// Path, method and operation of every route.
fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    members(&document["paths"])
        .flat_map(|(path, methods)| members(methods).map(move |(method, operation)| (path, method, operation)))
}

fn schema_links(document: &Value) -> String {
    let links: Vec<String> = members(&document["components"]["schemas"])
        .map(|(name, _)| format!("<li>{}</li>", link(name)))
        .collect();
    links.join("\n")
}

fn operation_shown(path: &str, method: &str, operation: &Value) -> String {
    let method = method.to_ascii_uppercase();
    let said = format!(
        "**{}.** {}",
        text(&operation["summary"]),
        text(&operation["description"])
    );
    let mut shown = format!(
        "<article id=\"{}\"><h3><b class=\"{method}\">{method}</b> <code>{}</code></h3>\n{}<p>{}</p>\n",
        text(&operation["operationId"]),
        escaped(path),
        prose(said.trim_end()),
        rights(operation)
    );
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        shown.push_str("<table><caption>Parameters</caption>\n");
        for parameter in parameters {
            let (place, is_needed) = (text(&parameter["in"]), parameter["required"] == true);
            let _ = writeln!(
                shown,
                "<tr><td><code>{}</code></td><td>{place}{}</td><td>{}</td><td>{}</td></tr>",
                text(&parameter["name"]),
                if is_needed { "" } else { ", optional" },
                kind(&parameter["schema"]),
                inline(text(&parameter["description"]))
            );
        }
        shown.push_str("</table>\n");
    }
    let body = &operation["requestBody"]["content"]["application/json"];
    if !body.is_null() {
        let _ = writeln!(
            shown,
            "<p>Body: {}</p>\n<pre>{}</pre>",
            kind(&body["schema"]),
            escaped(&format!("{:#}", body["example"]))
        );
    }
    shown.push_str("<table><caption>Answers</caption>\n");
    for (status, answer) in members(&operation["responses"]) {
        let contents: Vec<String> = members(&answer["content"])
            .map(|(media, content)| format!("{} <small>{media}</small>", kind(&content["schema"])))
            .collect();
        let _ = writeln!(
            shown,
            "<tr><td><code>{status}</code></td><td>{}</td><td>{}</td></tr>",
            contents.join("<br>"),
            prose(text(&answer["description"]))
        );
    }
    shown.push_str("</table></article>\n");
    shown
}

fn rights(operation: &Value) -> String {
    let words: Vec<String> = list(&operation["security"])
        .iter()
        .filter_map(|choice| choice["key"][0].as_str())
        .map(|right| format!("<code>{right}</code>"))
        .collect();
    match (words.is_empty(), list(&operation["security"]).is_empty()) {
        (_, true) => "No key is needed.".to_owned(),
        (true, false) => "Any key will do.".to_owned(),
        (false, false) => format!("A key with the right {}.", words.join(" or ")),
    }
}

/// A schema with what is said of it, and its members in a table.
fn schema_shown(schema: &Value) -> String {
    let mut shown = format!("<p>{}</p>\n", inline(text(&schema["description"])));
    if schema["properties"].is_null() {
        let _ = writeln!(shown, "<p>{}</p>", kind(schema));
        return shown;
    }
    shown.push_str(&table(schema));
    shown
}

fn table(schema: &Value) -> String {
    let needed = list(&schema["required"]);
    let row = |(name, member): (&String, &Value)| {
        format!(
            "<tr><td><code>{name}</code>{}</td><td>{}</td><td>{}</td></tr>\n",
            if needed.iter().any(|needed| needed == name) {
                ""
            } else {
                " <small>optional</small>"
            },
            kind(member),
            inline(text(&member["description"]))
        )
    };
    let rows: String = members(&schema["properties"]).map(row).collect();
    format!("<table>\n{rows}</table>\n")
}

/// What a schema takes, in a few words.
fn kind(schema: &Value) -> String {
    let code = |value: &Value| format!("<code>{}</code>", escaped(&value.to_string()));
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return link(name);
    }
    for keyword in ["oneOf", "anyOf"] {
        let choices: Vec<String> = list(&schema[keyword]).iter().map(kind).collect();
        if !choices.is_empty() {
            return choices.join(" or ");
        }
    }
    if !schema["enum"].is_null() {
        let words: Vec<String> = list(&schema["enum"]).iter().map(code).collect();
        return words.join(", ");
    }
    if !schema["const"].is_null() {
        return code(&schema["const"]);
    }
    if !schema["properties"].is_null() {
        return table(schema);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let mut shown = types.join(" or ");
    if !schema["items"].is_null() {
        let _ = write!(shown, " of {}", kind(&schema["items"]));
    }
    if schema["additionalProperties"].is_object() {
        let _ = write!(shown, " of names to {}", kind(&schema["additionalProperties"]));
    }
    for keyword in [
        "format",
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "default",
    ] {
        // What nearly every text and number says is said best by silence.
        if !schema[keyword].is_null() && schema[keyword] != PLAIN && schema[keyword] != "int64" {
            let value = schema[keyword]
                .as_str()
                .map_or_else(|| schema[keyword].to_string(), str::to_owned);
            let _ = write!(shown, " <small>{keyword} <code>{}</code></small>", escaped(&value));
        }
    }
    for example in list(&schema["examples"]) {
        let _ = write!(shown, " <small>such as {}</small>", code(example));
    }
    shown
}

fn link(name: &str) -> String {
    format!("<a href=\"#schema-{name}\">{name}</a>")
}

/// Paragraphs and lists of the little Markdown that the document uses.
fn prose(markdown: &str) -> String {
    let mut shown = String::new();
    for block in markdown.split("\n\n") {
        if let Some(items) = block.strip_prefix("- ") {
            let items: Vec<String> = items
                .split("\n- ")
                .map(|item| format!("<li>{}</li>", inline(item)))
                .collect();
            let _ = writeln!(shown, "<ul>{}</ul>", items.join("\n"));
        } else {
            let _ = writeln!(shown, "<p>{}</p>", inline(block));
        }
    }
    shown
}

/// `code` and **strong** words.
fn inline(markdown: &str) -> String {
    let paired = |text: &str, mark: &str, tag: &str| {
        let parts = text.split(mark).enumerate().map(|(at, part)| {
            if at % 2 == 1 {
                format!("<{tag}>{part}</{tag}>")
            } else {
                part.to_owned()
            }
        });
        parts.collect::<String>()
    };
    paired(&paired(&escaped(markdown), "**", "strong"), "`", "code")
}

fn escaped(text: &str) -> String {
    let escape = |character| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_said_cannot_become_markup() {
        assert_eq!(
            inline("a `b<c` & **d**"),
            "a <code>b&lt;c</code> &amp; <strong>d</strong>"
        );
        assert_eq!(
            prose("one\n\n- two\n- three"),
            "<p>one</p>\n<ul><li>two</li>\n<li>three</li></ul>\n"
        );
        assert_eq!(kind(&json!({"type": ["string", "null"]})), "string or null");
        assert_eq!(
            kind(&json!({"type": "array", "items": {"$ref": "#/components/schemas/Trip"}})),
            "array of <a href=\"#schema-Trip\">Trip</a>"
        );
    }
}
