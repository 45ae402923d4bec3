//! Holds what goes over HTTP against the OpenAPI document: every answer's status, media type, headers and body, and every body
//! and query that was taken. In the eyes of the tests an answer may have no member that is not described.

mod client;

pub(crate) use client::{Call, Client};

use carbon_gateway::api::openapi::document;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

/// Headers that stand only where the document says so.
const TOLD: [&str; 5] = [
    "gateway-position",
    "idempotent-replayed",
    "report-at",
    "retry-after",
    "www-authenticate",
];

/// Schemas that were compiled, by their text: most answers share a few.
static COMPILED: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
static DESCRIBED: LazyLock<Described> = LazyLock::new(|| Described::of(&document()));

/// What was asked.
pub(crate) struct Asked {
    /// In capitals.
    pub(crate) method: String,
    /// Percent-encoded, without the query.
    pub(crate) path: String,
    /// Names of the query's parameters.
    pub(crate) query: Vec<String>,
    /// JSON, if it is.
    pub(crate) body: Option<Value>,
}

/// What was answered.
pub(crate) struct Answered {
    /// HTTP status.
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    /// As it came.
    pub(crate) body: Vec<u8>,
}

/// Everything in which an answer is not as the document says.
pub(crate) fn complaints(asked: &Asked, answered: &Answered) -> Vec<String> {
    let (method, status) = (asked.method.replace("HEAD", "GET"), answered.status);
    let body: Option<Value> = serde_json::from_slice(&answered.body).ok();
    let code = body
        .as_ref()
        .map_or("", |body| body["code"].as_str().unwrap_or_default());
    let route = DESCRIBED.routes.iter().find(|route| route.fits(&asked.path));
    let Some(route) = route.filter(|route| route.method == method) else {
        let expected = if route.is_some() {
            "method_not_allowed"
        } else {
            "not_found"
        };
        let told = code == expected || code == "draining";
        return if told {
            Vec::new()
        } else {
            vec![format!("a route that is not described: {code}")]
        };
    };
    let mut complaints = route.requests(asked, answered, body.as_ref());
    let Some(answer) = route.answers.get(&status) else {
        complaints.push("the status is not described".to_owned());
        return complaints;
    };
    for name in TOLD.iter().chain(&["x-request-id"]) {
        let there = answered.headers.get(*name);
        match (there, answer.headers.get(*name)) {
            (Some(_), None) => complaints.push(format!("the header {name} is not described")),
            (None, Some((true, _))) => complaints.push(format!("the header {name} is missing")),
            (Some(value), Some((_, schema))) => complaints.extend(errors(schema, &json!(value))),
            _ => {}
        }
    }
    if asked.method == "HEAD" {
        return complaints;
    }
    let media = answered.headers.get("content-type").map_or("", String::as_str);
    let media = media.split(';').next().unwrap_or_default();
    match (answer.bodies.get(media), &body) {
        (None, _) => complaints.push(format!("the media type {media:?} is not described")),
        (Some(_), None) if media.ends_with("json") => complaints.push("the body is no JSON".to_owned()),
        (Some(schema), Some(body)) if media.ends_with("json") => complaints.extend(errors(schema, body)),
        _ => {}
    }
    if media == "application/problem+json" && !answer.codes.iter().any(|known| known == code) {
        complaints.push(format!("the problem {code} is not described"));
    }
    complaints
}

fn errors(schema: &Validator, value: &Value) -> Vec<String> {
    schema
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

struct Described {
    routes: Vec<Route>,
}

struct Route {
    method: String,
    path: String,
    body: Option<Arc<Validator>>,
    query: Vec<String>,
    answers: BTreeMap<u16, Answer>,
}

struct Answer {
    headers: BTreeMap<String, (bool, Arc<Validator>)>,
    bodies: BTreeMap<String, Arc<Validator>>,
    codes: Vec<String>,
}

impl Described {
    fn of(document: &Value) -> Self {
        let operations = members(&document["paths"])
            .flat_map(|(path, methods)| members(methods).map(move |(method, operation)| (path, method, operation)));
        let route = |(path, method, operation): (&String, &String, &Value)| {
            let parameters = operation["parameters"].as_array().unwrap().iter();
            let answers = members(&operation["responses"])
                .map(|(status, answer)| (status.parse().unwrap(), Answer::of(document, answer)));
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            Route {
                method: method.to_uppercase(),
                path: path.clone(),
                body: (!body.is_null()).then(|| compiled(document, body)),
                query: parameters
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .collect(),
                answers: answers.collect(),
            }
        };
        Self {
            routes: operations.map(route).collect(),
        }
    }
}

impl Route {
    fn fits(&self, path: &str) -> bool {
        let (own, asked): (Vec<&str>, Vec<&str>) = (self.path.split('/').collect(), path.split('/').collect());
        let fits = |(own, asked): (&&str, &&str)| own == asked || own.starts_with('{') && !asked.is_empty();
        own.len() == asked.len() && std::iter::zip(&own, &asked).all(fits)
    }

    /// What was taken must be described, and what was refused as unknown must not be.
    fn requests(&self, asked: &Asked, answered: &Answered, answer: Option<&Value>) -> Vec<String> {
        let mut complaints = Vec::new();
        if let (Some(schema), Some(body)) = (&self.body, &asked.body) {
            let faults = errors(schema, &without_nulls(body));
            // Items of a batch fail each on its own.
            let has_failed = answer.is_some_and(|answer| answer["summary"]["failed"].as_u64() > Some(0));
            if answered.status < 300 && !has_failed {
                complaints.extend(faults.iter().map(|fault| format!("the body was taken: {fault}")));
            }
            let unknown = answer.and_then(|answer| answer["errors"][0]["pointer"].as_str());
            if answered.status == 400 && unknown.is_some_and(|pointer| pointer.starts_with('/')) && faults.is_empty() {
                complaints.push("a field was refused as unknown that is described".to_owned());
            }
        }
        if answered.status < 300 {
            let unknown = asked.query.iter().filter(|name| !self.query.contains(name));
            complaints.extend(unknown.map(|name| format!("the parameter {name} was taken")));
        }
        complaints
    }
}

impl Answer {
    fn of(document: &Value, answer: &Value) -> Self {
        let header = |(name, header): (&String, &Value)| {
            let header = header["$ref"]
                .as_str()
                .map_or(header, |path| document.pointer(&path[1..]).unwrap());
            let schema = compiled(document, &header["schema"]);
            (name.to_lowercase(), (header["required"] == true, schema))
        };
        let body = |(media, content): (&String, &Value)| (media.clone(), compiled(document, &content["schema"]));
        let codes = answer["x-problem-codes"].as_array().into_iter().flatten();
        Self {
            headers: members(&answer["headers"]).map(header).collect(),
            bodies: members(&answer["content"]).map(body).collect(),
            codes: codes.map(|code| code.as_str().unwrap().to_owned()).collect(),
        }
    }
}

/// A schema of the document, with objects that have no further members.
pub(crate) fn compiled(document: &Value, schema: &Value) -> Arc<Validator> {
    let compile = || {
        let mut root = strict(schema);
        root["components"] = json!({"schemas": strict(&document["components"]["schemas"])});
        let mut options = jsonschema::draft202012::options();
        options = options.should_validate_formats(true);
        Arc::new(options.build(&root).unwrap())
    };
    let mut known = COMPILED.lock().unwrap();
    Arc::clone(known.entry(schema.to_string()).or_insert_with(compile))
}

fn strict(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(strict).collect(),
        Value::Object(keywords) => {
            let mut strict: Map<String, Value> = keywords
                .iter()
                .map(|(key, value)| (key.clone(), self::strict(value)))
                .collect();
            if keywords.contains_key("properties") && !keywords.contains_key("additionalProperties") {
                strict.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(strict)
        }
        plain => plain.clone(),
    }
}

/// `null` is as good as absent.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        plain => plain.clone(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
