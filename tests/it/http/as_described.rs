//! What the document says of every route is true of it: rights, examples, parameters, and what follows for all of a kind.

use super::access::key;
use super::openapi::{Operation, operations};
use crate::described::Call;
use crate::support::TestApp;
use carbon_gateway::api::keys::Right;
use carbon_gateway::api::openapi::document;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test]
async fn rights_are_as_described() {
    let app = TestApp::spawn().await;
    let document = document();
    let mut keys = BTreeMap::new();
    for right in Right::ALL {
        keys.insert(right.as_str(), key(&app, "first", right.as_str(), &[], None).await.0);
    }
    for operation in operations(&document) {
        let choices = operation.told["security"].as_array().unwrap();
        let without = operation.call(&app, &document).send().await.unwrap().status();
        assert_eq!(without == 401, !choices.is_empty(), "{} without a key", operation.path);
        let rights: Vec<&str> = choices.iter().filter_map(|choice| choice["key"][0].as_str()).collect();
        for (right, key) in &keys {
            let call = without_client(&operation).call(&app, &document).bearer_auth(key);
            let is_allowed = rights.is_empty() || rights.contains(right);
            let status = call.send().await.unwrap().status();
            assert_eq!(
                status != 403,
                is_allowed,
                "{} {} with {right}: {status}",
                operation.method,
                operation.path
            );
        }
    }
}

/// The same without the one parameter that asks for a right of its own.
fn without_client(operation: &Operation) -> Operation {
    let mut told = operation.told.clone();
    told["parameters"]
        .as_array_mut()
        .unwrap()
        .retain(|parameter| parameter["name"] != "client");
    Operation {
        path: operation.path.clone(),
        method: operation.method.clone(),
        told,
    }
}

#[tokio::test]
async fn examples_and_parameters_are_taken() {
    let app = TestApp::spawn().await;
    let document = document();
    let mut operations = operations(&document);
    // Value moves in this order: booked, collected, spent.
    let order = ["bookTrip", "collectClaims", "redeem"];
    operations.sort_by_key(|operation| {
        order
            .iter()
            .position(|id| operation.told["operationId"] == *id)
            .unwrap_or(9)
    });
    for operation in operations {
        let call = operation.call(&app, &document).bearer_auth(&app.key);
        let response = call.send().await.unwrap();
        let status = response.status().as_u16();
        // What is only named in the path need not be there; but no parameter is unknown.
        let is_taken = if operation.example().is_null() {
            status != 400
        } else {
            status < 300
        };
        assert!(
            is_taken,
            "{} {status} {}",
            operation.path,
            response.text().await.unwrap()
        );
    }
}

/// Sends a call with the key of the tests; the code of the problem that comes back.
async fn code_of(app: &TestApp, call: Call) -> String {
    let response = call.bearer_auth(&app.key).send().await.unwrap();
    let text = response.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    problem["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_follows_for_every_route_of_a_kind_holds() {
    let app = TestApp::spawn().await;
    let document = document();
    for operation in operations(&document) {
        let path = &operation.path;
        let bodiless = || operation.bodiless(&app, &document);
        if let Some(example) = operation.example().as_object() {
            let json = |text: &str| {
                bodiless()
                    .header("Content-Type", "application/json")
                    .body(text.to_owned())
            };
            let mut unknown = example.clone();
            unknown.insert("colour".to_owned(), json!("green"));
            let plain = bodiless().header("Content-Type", "text/plain").body("{}");
            for (call, code) in [
                (json("{"), "malformed_json"),
                (json(&" ".repeat(8_388_609)), "body_too_large"),
                (bodiless().json(&Value::Object(unknown)), "unknown_field"),
                (plain, "unsupported_media_type"),
            ] {
                assert_eq!(code_of(&app, call).await, code, "{path}");
            }
        }
        let mut told = operation.told.clone();
        let parameters = told["parameters"].as_array_mut().unwrap();
        let before = parameters.len();
        parameters.retain(|parameter| parameter["in"] != "header");
        let is_order = parameters.len() < before;
        let keyless = Operation {
            told,
            path: path.clone(),
            method: operation.method.clone(),
        };
        if is_order {
            let code = code_of(&app, keyless.call(&app, &document)).await;
            assert_eq!(code, "idempotency_key_required", "{path}");
        }
        let with_key = !operation.told["security"].as_array().unwrap().is_empty();
        if operation.method == Method::GET && with_key {
            let strange = Operation {
                path: format!("{path}?colour=green"),
                ..keyless
            };
            assert_eq!(
                code_of(&app, strange.call(&app, &document)).await,
                "unknown_field",
                "{path}"
            );
        }
        // Whatever stands in a path, the answer is described; the client sees to it.
        let broken = path
            .split('/')
            .map(|part| if part.starts_with('{') { "%FF" } else { part });
        let url = format!("{}{}", app.base, broken.collect::<Vec<_>>().join("/"));
        let call = app.client.call(operation.method.clone(), &url).bearer_auth(&app.key);
        assert!(call.send().await.unwrap().status().as_u16() < 500, "{path}");
    }
}
