//! Who may do what: keys, their rights, their end.

use super::{example, header, location, problem, read};
use crate::support::{NOON_MS, TestApp};
use carbon_gateway::api::keys::{KeyOrder, Rights, new_key};
use carbon_gateway::ledger::ids::{Hash, Name};
use carbon_gateway::store::clients;
use reqwest::Response;
use serde_json::{Value, json};
use std::time::Duration;

/// A new key beside the running gateway, and its digest.
pub(super) async fn key(
    app: &TestApp,
    client: &str,
    rights: &str,
    programmes: &[&str],
    expires_ms: Option<i64>,
) -> (String, Hash) {
    let order = KeyOrder {
        client: Name::parse(client).unwrap(),
        rights: Rights::parse(rights).unwrap(),
        programmes: programmes.iter().map(|id| (*id).to_owned()).collect(),
        expires_ms,
    };
    let (text, row) = new_key(&order, rand::random(), NOON_MS);
    let mut connection = location(app).connect().await.unwrap();
    clients::insert(&mut connection, &row).await.unwrap();
    (text, row.key_digest)
}

pub(super) async fn get_as(app: &TestApp, key: &str, path: &str) -> Response {
    app.client
        .get(format!("{}{path}", app.base))
        .bearer_auth(key)
        .send()
        .await
        .unwrap()
}

async fn post_as(app: &TestApp, key: &str, path: &str, body: &Value) -> Response {
    app.client
        .post(format!("{}{path}", app.base))
        .bearer_auth(key)
        .json(body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn without_a_valid_key_nothing_is_told() {
    let app = TestApp::spawn().await;
    let url = format!("{}/v1/users/1/balance", app.base);
    let unknown = format!("Bearer cgk_{}", "0".repeat(64));
    for authorization in ["", "Bearer", "Bearer x", "Basic Zm9vOmJhcg==", &app.key, &unknown] {
        let response = app
            .client
            .get(&url)
            .header("Authorization", authorization)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (response.status().as_u16(), header(&response, "www-authenticate")),
            (401, "Bearer")
        );
        problem(response, "unauthorized").await;
    }
    let response = app
        .client
        .post(format!("{}/v1/trips", app.base))
        .body(vec![b' '; 5_000_000])
        .send()
        .await
        .unwrap();
    problem(response, "unauthorized").await;
    for path in ["/healthz", "/readyz", "/metrics", "/problems/unauthorized"] {
        assert_eq!(
            app.client
                .get(format!("{}{path}", app.base))
                .send()
                .await
                .unwrap()
                .status(),
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_key_does_what_its_rights_say() {
    let app = TestApp::spawn().await;
    let (writes, _) = key(&app, "first", "trips:write", &[], None).await;
    let (reads, _) = key(&app, "first", "credits:read", &[], None).await;
    let (audits, _) = key(&app, "auditor", "reports:read", &[], None).await;
    let (elsewhere, _) = key(&app, "first", "all", &["other"], None).await;
    let (trip, balance) = ("/v1/users/1000017/trips/T-0001", "/v1/users/1000017/balance");
    let by_client = format!("{trip}?client=first");
    assert_eq!(post_as(&app, &writes, "/v1/trips", &example()).await.status(), 201);
    for (key, path, status) in [
        (&writes, balance, 403),
        (&writes, trip, 200),
        (&writes, &by_client, 403),
        (&reads, balance, 200),
        (&reads, trip, 200),
        (&audits, trip, 404),
        (&audits, &by_client, 200),
        (&elsewhere, trip, 403),
    ] {
        let response = get_as(&app, key, path).await;
        assert_eq!(response.status(), status, "{path}");
        if status == 403 {
            problem(response, "forbidden").await;
        }
    }
    for key in [&reads, &audits, &elsewhere] {
        problem(post_as(&app, key, "/v1/trips", &example()).await, "forbidden").await;
    }
    let (_, limited) = read(get_as(&app, &elsewhere, balance).await).await;
    assert_eq!(limited["programmes"], json!([]));
}

#[tokio::test]
async fn a_key_works_at_once_and_fails_soon_after_it_is_revoked() {
    let app = TestApp::spawn().await;
    let path = "/v1/users/1/balance";
    let (text, digest) = key(&app, "first", "all", &[], Some(NOON_MS + 60_000)).await;
    assert_eq!(get_as(&app, &text, path).await.status(), 200);
    app.clock.advance(Duration::from_mins(1));
    problem(get_as(&app, &text, path).await, "unauthorized").await;
    app.clock.set(NOON_MS);
    assert_eq!(get_as(&app, &text, path).await.status(), 200);
    let mut connection = location(&app).connect().await.unwrap();
    assert!(clients::revoke(&mut connection, &digest, NOON_MS).await.unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    problem(get_as(&app, &text, path).await, "unauthorized").await;
}
