//! Every code of the table, provoked; and what each answer carries.

use super::{example, get, pointers, problem};
use crate::support::TestApp;
use carbon_gateway::api::problem::{Code, FieldError, Problem};
use carbon_gateway::methodology::trip::{InputCode, InputError};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

#[test]
fn every_code_is_documented_and_provoked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documented = fs::read_to_string(root.join("docs/problems.md")).unwrap();
    let folders = ["http", "http/proof", "dispatch", "server"].map(|folder| root.join("tests/it").join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let tests: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.status());
        assert!(documented.contains(&row), "docs/problems.md lacks: {row}");
        let named = format!("\"{}\"", code.as_str());
        assert!(
            tests.iter().any(|test| test.contains(&named)),
            "no test provokes {named}"
        );
    }
    assert_eq!(
        documented.lines().filter(|line| line.starts_with("| `")).count(),
        Code::ALL.len()
    );
}

#[tokio::test]
async fn the_meaning_of_every_code_is_served() {
    let app = TestApp::spawn().await;
    for code in Code::ALL {
        let (status, document) = get(&app, &format!("/problems/{}", code.as_str())).await;
        assert_eq!((status, &document["code"]), (200, &json!(code.as_str())));
        assert!(document["title"].is_string() && document["advice"].is_string());
    }
    problem(app.get("/problems/none").await, "not_found").await;
}

#[tokio::test]
async fn all_wrong_fields_are_named_at_once() {
    let app = TestApp::spawn().await;
    let body = json!({
        "programme": "none", "trip_id": "", "user_id": "-1", "colour": "green",
        "legs": [
            {"mode": "metro", "started_at": "yesterday", "ended_at": "2026-11-20T08:24:40", "distance_m": -1},
            {"mode": 5, "started_at": "2026-11-20T08:24:40Z", "ended_at": "2026-11-20T08:30:00Z", "from": {"lat": "91", "lon": "0"},
             "to": {"lat": "0", "lon": 0}, "events": 1_000_000_000_000_001_u64, "replace": {"occupancy": 2}, "grid_year": "2026"},
        ],
        "evidence": {"digest": "short"},
    });
    let response = app.post("/v1/trips", &body).await;
    assert_eq!(response.status(), 422);
    let document = problem(response, "invalid_field").await;
    let mut named = pointers(&document);
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "/colour",
            "/evidence/digest",
            "/evidence/kind",
            "/legs/0/distance_m",
            "/legs/0/ended_at",
            "/legs/0/started_at",
            "/legs/1/events",
            "/legs/1/from",
            "/legs/1/grid_year",
            "/legs/1/mode",
            "/legs/1/replace/occupancy",
            "/legs/1/to/lon",
            "/programme",
            "/trip_id",
            "/user_id",
        ]
    );
}

#[tokio::test]
async fn what_is_read_and_what_is_judged_is_named_together() {
    let app = TestApp::spawn().await;
    let mut body = example();
    body["user_id"] = json!("x");
    body["legs"][0]["mode"] = json!("rocket");
    let leg =
        json!({"mode": "metro", "started_at": "2026-11-20T08:20:00+08:00", "ended_at": "2026-11-20T08:10:00+08:00"});
    body["legs"].as_array_mut().unwrap().push(leg);
    let document = problem(app.post("/v1/trips", &body).await, "invalid_field").await;
    let named = pointers(&document);
    let expected = [
        "/user_id",
        "/legs/0/mode",
        "/legs/1/ended_at",
        "/legs/1/started_at",
        "/legs/1/distance_m",
    ];
    assert!(
        expected.iter().all(|pointer| named.contains(pointer)) && named.len() == 5,
        "{named:?}"
    );
}

#[tokio::test]
async fn single_mistakes_have_codes_of_their_own() {
    let app = TestApp::spawn().await;
    let with = |pointer: &str, value: Value| {
        let mut body = example();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    };
    let mut stations = with("/legs/0/from", json!({"station": "A"}));
    stations["legs"][0]["to"] = json!({"station": "B"});
    stations["legs"][0].as_object_mut().unwrap().remove("distance_m");
    let cases = [
        (with("/colour", json!(1)), 400, "unknown_field", "/colour"),
        (
            with("/legs/0/distance", json!(1)),
            400,
            "unknown_field",
            "/legs/0/distance",
        ),
        (with("/evidence/hash", json!(1)), 400, "unknown_field", "/evidence/hash"),
        (
            with("/programme", json!("none")),
            422,
            "unknown_programme",
            "/programme",
        ),
        (
            with("/legs/0/mode", json!("rocket")),
            422,
            "unknown_mode",
            "/legs/0/mode",
        ),
        (stations, 422, "unknown_network", "/legs/0"),
        (
            with("/legs/0/distance_m", json!(8550.0)),
            422,
            "invalid_field",
            "/legs/0/distance_m",
        ),
        (
            with("/legs/0/distance_m", Value::Null),
            422,
            "invalid_field",
            "/legs/0/distance_m",
        ),
        (
            with("/legs/0/distance_m", json!(1_000_000_000_000_001_u64)),
            422,
            "invalid_field",
            "/legs/0/distance_m",
        ),
        (with("/legs", json!([])), 422, "invalid_field", "/legs"),
        (
            with("/trip_id", json!("x".repeat(129))),
            422,
            "invalid_field",
            "/trip_id",
        ),
        (
            with("/user_id", json!("9223372036854775808")),
            422,
            "invalid_field",
            "/user_id",
        ),
    ];
    for (body, status, code, pointer) in cases {
        let response = app.post("/v1/trips", &body).await;
        assert_eq!(response.status(), status, "{code} {pointer}");
        assert_eq!(pointers(&problem(response, code).await)[0], pointer);
    }
}

#[tokio::test]
async fn what_is_no_trip_at_all_is_refused() {
    let app = TestApp::spawn().await;
    let mut body = example();
    body["legs"] = json!(vec![body["legs"][0].clone(); 21]);
    let document = problem(app.post("/v1/trips", &body).await, "invalid_field").await;
    assert_eq!(pointers(&document)[0], "/legs");
    for body in [json!([]), json!("trip"), json!(null)] {
        problem(app.post("/v1/trips", &body).await, "invalid_field").await;
    }
}

#[test]
fn stations_have_codes_of_their_own() {
    // No network can be loaded yet, so these two are made where the pure rooms would make them.
    for (code, word) in [
        (InputCode::UnknownStation, "unknown_station"),
        (InputCode::NoRoute, "no_route"),
    ] {
        let error = InputError {
            pointer: "/legs/0/from".to_owned(),
            code,
            detail: "x".to_owned(),
        };
        let problem = Problem::fields(vec![FieldError::from(error)]);
        assert_eq!((problem.code.as_str(), problem.code.status()), (word, 422));
    }
}
