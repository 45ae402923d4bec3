//! The OpenAPI document: sound in itself, the same wherever it is had, and shown on a page. That every answer
//! is as it says is seen to by the client that all tests of the interface talk through.

use super::{get, header};
use crate::described::{Answered, Asked, Call, compiled, complaints};
use crate::support::TestApp;
use carbon_gateway::api::openapi::document;
use carbon_gateway::api::problem::Code;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

/// One operation of the document.
pub(super) struct Operation {
    pub(super) path: String,
    pub(super) method: Method,
    pub(super) told: Value,
}

/// All of them.
pub(super) fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let operation = |(path, method, told): (&String, &String, &Value)| Operation {
        path: path.clone(),
        method: method.to_uppercase().parse().unwrap(),
        told: told.clone(),
    };
    paths
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .iter()
                .map(move |(method, told)| (path, method, told))
        })
        .map(operation)
        .collect()
}

/// Everything that a `$ref` names, anywhere inside.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        _ => Vec::new(),
    }
}

/// Every schema that lists its values and does not say of what type they are, anywhere inside.
fn untyped(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(untyped).collect(),
        Value::Object(members) => {
            let lists = members.contains_key("enum") || members.contains_key("const");
            let own = (lists && !members.contains_key("type")).then_some(value);
            own.into_iter().chain(members.values().flat_map(untyped)).collect()
        }
        _ => Vec::new(),
    }
}

impl Operation {
    fn parameters(&self) -> &[Value] {
        self.told["parameters"].as_array().unwrap()
    }

    /// The request that its own examples make.
    pub(super) fn call(&self, app: &TestApp, document: &Value) -> Call {
        let call = self.bodiless(app, document);
        let body = self.example();
        if body.is_null() { call } else { call.json(body) }
    }

    /// The example of its body, or null.
    pub(super) fn example(&self) -> &Value {
        &self.told["requestBody"]["content"]["application/json"]["example"]
    }

    /// The same request without its body.
    pub(super) fn bodiless(&self, app: &TestApp, document: &Value) -> Call {
        let (mut path, mut query, mut headers) = (self.path.clone(), Vec::new(), Vec::new());
        for parameter in self.parameters() {
            let (name, value) = (
                parameter["name"].as_str().unwrap(),
                sample(document, &parameter["schema"]),
            );
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &value),
                "query" => query.push(format!("{name}={value}")),
                _ => headers.push((name, value)),
            }
        }
        let url = format!("{}{path}?{}", app.base, query.join("&"));
        let mut call = app.client.call(self.method.clone(), &url);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call
    }
}

/// A value that a schema gives as an example, or one that fits it.
fn sample(document: &Value, schema: &Value) -> String {
    let target = schema["$ref"]
        .as_str()
        .map(|path| document.pointer(&path[1..]).unwrap());
    let schema = target.unwrap_or(schema);
    let first = [&schema["examples"][0], &schema["enum"][0], &schema["default"]];
    match first.into_iter().find(|value| !value.is_null()) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "demo".to_owned(),
    }
}

#[test]
fn the_document_is_sound() {
    let document = document();
    let (operations, schemas) = (
        operations(&document),
        document["components"]["schemas"].as_object().unwrap(),
    );
    let (mut ids, mut codes) = (BTreeSet::new(), BTreeSet::new());
    for operation in &operations {
        let told = &operation.told;
        assert!(
            ids.insert(told["operationId"].as_str().unwrap()),
            "{} stands there twice",
            told["operationId"]
        );
        let named = operation
            .parameters()
            .iter()
            .filter(|parameter| parameter["in"] == "path");
        let named: BTreeSet<&str> = named.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let braced = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(named, braced.collect(), "{}", operation.path);
        let answers = told["responses"].as_object().unwrap();
        assert!(
            answers.keys().any(|status| status.starts_with('2')),
            "{} never succeeds",
            operation.path
        );
        let answered = answers
            .values()
            .filter_map(|answer| answer["x-problem-codes"].as_array())
            .flatten();
        codes.extend(answered.filter_map(Value::as_str));
    }
    let wanted = references(&document);
    for path in &wanted {
        assert!(document.pointer(&path[1..]).is_some(), "{path} leads nowhere");
    }
    for (name, schema) in schemas {
        assert!(jsonschema::meta::is_valid(schema), "{name} is no schema");
        compiled(&document, schema);
        let path = format!("#/components/schemas/{name}");
        assert!(wanted.contains(&path.as_str()), "nothing uses {name}");
    }
    // A client that is generated from an untyped list of values does not compile.
    assert_eq!(untyped(&document), Vec::<&Value>::new());
    // A path that is not there and a method that is not offered belong to no operation; all else does.
    let expected = Code::ALL.iter().filter(|code| **code != Code::MethodNotAllowed);
    let missing: Vec<&str> = expected
        .map(|code| code.as_str())
        .filter(|code| !codes.contains(code))
        .collect();
    assert!(missing.is_empty(), "no operation answers {missing:?}");
    assert_eq!(
        schemas["ProblemCode"]["enum"].as_array().unwrap().len(),
        Code::ALL.len()
    );
}

#[tokio::test]
async fn the_document_is_the_same_everywhere() {
    let app = TestApp::spawn().await;
    let served = app
        .client
        .get(format!("{}/openapi.json", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(header(&served, "content-type"), "application/json");
    assert_eq!(served.json::<Value>().await.unwrap(), document());
    for (arguments, lines) in [(&["openapi"][..], 1_000..), (&["openapi", "--json"], 1..)] {
        let run = Command::new(env!("CARGO_BIN_EXE_carbon-gateway"))
            .args(arguments)
            .output()
            .unwrap();
        let printed = String::from_utf8(run.stdout).unwrap();
        assert!(
            run.status.success() && lines.contains(&printed.lines().count()),
            "{arguments:?}"
        );
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), document());
    }
}

#[tokio::test]
async fn every_described_route_is_there() {
    let app = TestApp::spawn().await;
    for operation in operations(&document()) {
        let path = operation.path.replace(['{', '}'], "");
        let response = app.client.delete(format!("{}{path}", app.base)).send().await.unwrap();
        let offered = header(&response, "allow")
            .split(", ")
            .any(|method| method == operation.method.as_str());
        assert!(response.status() == 405 && offered, "{} {path}", operation.method);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_as_described_is_noticed() {
    let app = TestApp::spawn().await;
    let (status, balance) = get(&app, "/v1/users/1/balance").await;
    let with = |pointer: &str, name: &str, value: Option<Value>| {
        let mut changed = balance.clone();
        let members = changed.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
        changed
    };
    let faults = |path: &str, status: u16, body: &Value, headers: &[(&str, &str)]| {
        let asked = Asked {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            body: None,
        };
        let usual = [("content-type", "application/json"), ("x-request-id", "1")];
        let headers = usual.iter().chain(headers);
        let answered = Answered {
            status,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_string().into_bytes(),
        };
        complaints(&asked, &answered).len()
    };
    let path = "/v1/users/1/balance";
    assert_eq!(faults(path, status, &balance, &[]), 0);
    for changed in [
        with("", "position", None),
        with("", "colour", Some(json!("green"))),
        with("/programmes/0", "available", Some(json!(0))),
        with("/programmes/0", "available", Some(json!("1.50"))),
        with("/programmes/0/lifetime", "lapsed", None),
        with("/programmes/0", "expiring", Some(json!({}))),
    ] {
        assert!(faults(path, status, &changed, &[]) > 0, "{changed}");
    }
    assert_eq!(faults(path, 201, &balance, &[]), 1, "another status");
    assert_eq!(faults("/v1/users/1/balances", 200, &balance, &[]), 1, "another path");
    assert_eq!(
        faults(path, 200, &balance, &[("gateway-position", "00:1")]),
        1,
        "another header"
    );
    assert_eq!(
        faults(path, 200, &balance, &[("content-type", "text/plain")]),
        1,
        "another media type"
    );
    let problem = json!({"type": "/problems/trip_conflict", "title": "x", "status": 409, "detail": "x", "instance": "1", "code": "trip_conflict"});
    assert!(
        faults(path, 409, &problem, &[("content-type", "application/problem+json")]) > 0,
        "another problem"
    );
}

#[tokio::test]
async fn the_page_shows_everything_and_fetches_nothing() {
    let app = TestApp::spawn().await;
    let response = app.client.get(format!("{}/docs", app.base)).send().await.unwrap();
    assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8");
    assert!(header(&response, "content-security-policy").starts_with("default-src 'none'"));
    let page = response.text().await.unwrap();
    let document = document();
    for operation in operations(&document) {
        let anchor = format!("<article id={}>", operation.told["operationId"]);
        assert!(page.contains(&anchor) && page.contains(&operation.path), "{anchor}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<section id=\"schema-{name}\">")), "{name}");
    }
    for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let inside = link.strip_prefix('#').map(|id| page.contains(&format!("id=\"{id}\"")));
        assert!(inside.unwrap_or(link == "/openapi.json"), "{link} leads nowhere");
    }
    for foreign in ["<script", "src=", "@import", "url(", "http://", "https://"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}
