//! Claims collected into credits, credits redeemed, and everything that is read of them.

use super::{get, header, pointers, problem, read, ride};
use crate::support::{NOON_MS, TestApp};
use reqwest::Response;
use serde_json::{Value, json};
use std::time::Duration;

const NOON_S: i64 = NOON_MS / 1_000;
const DAY: Duration = Duration::from_hours(24);

pub(super) async fn keyed(app: &TestApp, path: &str, key: &str, body: &Value) -> Response {
    let request = app.client.post(format!("{}{path}", app.base)).bearer_auth(&app.key);
    request.header("Idempotency-Key", key).json(body).send().await.unwrap()
}

async fn collect_all(app: &TestApp, user: u32, key: &str) -> (u16, Value) {
    let path = format!("/v1/users/{user}/claims/collect");
    read(keyed(app, &path, key, &json!({"programme": "demo", "all": true})).await).await
}

async fn redeem(app: &TestApp, user: u32, key: &str, amount: &str) -> (u16, Value) {
    let body = json!({"user_id": user, "programme": "demo", "amount": amount, "reference": "order-881"});
    read(keyed(app, "/v1/redemptions", key, &body).await).await
}

/// The n-th of a series of metro rides that do not meet: 1000 m, 46.8 g each.
async fn rides(app: &TestApp, user: u32, numbers: std::ops::Range<i64>) {
    for n in numbers {
        let from_s = NOON_S - 80_000 + n * 400;
        let trip = ride(user, &format!("R-{n}"), "metro", (from_s, from_s + 300), 1_000);
        let answer = app.post("/v1/trips", &trip).await;
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

async fn balance(app: &TestApp, user: u32) -> Value {
    let (status, document) = get(app, &format!("/v1/users/{user}/balance")).await;
    assert_eq!(status, 200, "{document}");
    document["programmes"][0].clone()
}

#[tokio::test]
async fn claims_become_credits() {
    let app = TestApp::spawn().await;
    rides(&app, 17, 0..3).await;
    let (_, claims) = get(&app, "/v1/users/17/claims").await;
    let items = claims["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0]["trip_id"], "R-0");
    assert_eq!(
        (&items[0]["client"], &items[0]["mode"], &items[0]["amount"]),
        (&json!("first"), &json!("metro"), &json!("46.8"))
    );

    let response = keyed(
        &app,
        "/v1/users/17/claims/collect",
        "c-1",
        &json!({"programme": "demo", "all": true}),
    )
    .await;
    assert!(header(&response, "gateway-position").starts_with("17:"));
    let (status, collected) = read(response).await;
    assert_eq!(status, 201, "{collected}");
    assert_eq!(
        (&collected["collected"], &collected["amount"], &collected["more"]),
        (&json!(3), &json!("140.4"), &json!(false))
    );
    let credit = &collected["credits"][0];
    assert_eq!(collected["credits"].as_array().unwrap().len(), 1, "one lot");
    for (field, value) in [
        ("user_id", json!("17")),
        ("programme", json!("demo")),
        ("amount", json!("140.4")),
        ("state", json!("unspent")),
        ("vintage", json!(2026)),
        ("expires_at", Value::Null),
        ("output", json!(0)),
        ("spent_by", Value::Null),
        ("on_chain", json!("waiting")),
        ("created_by", collected["transaction_id"].clone()),
    ] {
        assert_eq!(credit[field], value, "{field}");
    }
    let (_, trip) = get(&app, "/v1/users/17/trips/R-1").await;
    assert_eq!(
        (&trip["claim"]["state"], &trip["transaction_id"]),
        (&json!("collected"), &collected["transaction_id"])
    );
}

#[tokio::test]
async fn credits_are_spent_whole_and_give_change() {
    let app = TestApp::spawn().await;
    rides(&app, 17, 0..3).await;
    let collected = collect_all(&app, 17, "c-1").await.1;
    let credit = &collected["credits"][0];
    let (status, paid) = redeem(&app, 17, "r-1", "100.4").await;
    assert_eq!(status, 201, "{paid}");
    assert_eq!((&paid["choice"], &paid["amount"]), (&json!("cover"), &json!("100.4")));
    assert_eq!(paid["inputs"], json!([credit["credit_id"]]));
    assert_eq!(paid["change"]["amount"], "40");
    assert!(paid["redemption_id"].as_str().unwrap().starts_with("rd_17_"));
    let now = balance(&app, 17).await;
    assert_eq!(
        (&now["available"], &now["waiting"], &now["unspent_count"]),
        (&json!("40"), &json!("0"), &json!(1))
    );
    let lifetime = &now["lifetime"];
    for (word, grams) in [
        ("quantified", "140.4"),
        ("collected", "140.4"),
        ("issued", "140.4"),
        ("spent", "100.4"),
        ("lapsed", "0"),
    ] {
        assert_eq!(lifetime[word], grams, "{word}");
    }

    // Until then what it says of the chain may change between two looks.
    app.drained().await;
    let id = credit["credit_id"].as_str().unwrap();
    let (_, spent) = get(&app, &format!("/v1/credits/{id}")).await;
    assert_eq!(
        (&spent["state"], &spent["spent_by"]),
        (&json!("spent"), &paid["transaction_id"])
    );
    let (_, by_hash) = get(&app, &format!("/v1/credits/{}", &id[6..])).await;
    assert_eq!(by_hash, spent, "a bare hash finds it too");
    let transaction = paid["transaction_id"].as_str().unwrap();
    app.drained().await;
    let (_, transaction) = get(&app, &format!("/v1/transactions/{transaction}")).await;
    assert_eq!(
        (&transaction["kind"], &transaction["status"], &transaction["amount"]),
        (&json!("redeem"), &json!("confirmed"), &json!("100.4"))
    );
    assert_eq!(
        transaction["outputs"][0]["user_id"],
        Value::Null,
        "what was paid is no rider's"
    );
    let mut change = paid["change"].clone();
    change["on_chain"] = json!("confirmed");
    assert_eq!(transaction["outputs"][1], change);
    let (_, unspent) = get(&app, "/v1/users/17/credits?state=unspent").await;
    assert_eq!(unspent["items"], json!([change]));
    assert_eq!(
        get(&app, "/v1/users/17/credits").await.1["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(get(&app, "/v1/users/17/credits?state=held").await.1["items"], json!([]));
}

#[tokio::test]
async fn an_order_is_carried_out_once_whatever_is_sent_again() {
    let app = TestApp::spawn().await;
    rides(&app, 47, 0..2).await;
    let first = collect_all(&app, 47, "key").await;
    let again = keyed(
        &app,
        "/v1/users/47/claims/collect",
        "key",
        &json!({"all": true, "programme": "demo"}),
    )
    .await;
    assert_eq!(header(&again, "idempotent-replayed"), "true");
    assert_eq!(read(again).await, first);
    let other = keyed(
        &app,
        "/v1/users/47/claims/collect",
        "key",
        &json!({"programme": "demo", "trips": []}),
    )
    .await;
    assert_eq!(other.status(), 409);
    problem(other, "idempotency_conflict").await;
    // The key is this user's: another user's request under it is another order.
    assert_eq!(collect_all(&app, 48, "key").await.0, 200);

    let first = redeem(&app, 47, "pay", "50").await;
    assert_eq!(first.0, 201);
    assert_eq!(
        redeem(&app, 47, "pay", "50.000000").await,
        first,
        "the spelling of a number does not matter"
    );
    assert_eq!(redeem(&app, 47, "pay", "51").await.0, 409);
    assert_eq!(balance(&app, 47).await["available"], "43.6");
    // A replay shows what is true now: the change has been spent meanwhile.
    assert_eq!(redeem(&app, 47, "pay-2", "43.6").await.1["choice"], "exact");
    let replayed = redeem(&app, 47, "pay", "50").await.1;
    assert_eq!(replayed["change"]["state"], "spent");
    assert_eq!(replayed["redemption_id"], first.1["redemption_id"]);

    // An empty collection is kept as well; 30 days later the key is free again.
    let empty = collect_all(&app, 47, "later").await;
    assert_eq!(empty.0, 200);
    assert_eq!(
        empty.1,
        json!({"transaction_id": null, "credits": [], "collected": 0, "amount": "0", "skipped": [], "more": false})
    );
    rides(&app, 47, 5..6).await;
    assert_eq!(collect_all(&app, 47, "later").await, empty);
    app.clock.advance(DAY * 30);
    rides_at(&app, 47, "new", 30).await;
    assert_eq!(collect_all(&app, 47, "later").await.1["collected"], 1);
}

async fn rides_at(app: &TestApp, user: u32, id: &str, days: i64) {
    let from_s = NOON_S + days * 86_400 - 4_000;
    let trip = ride(user, id, "metro", (from_s, from_s + 300), 1_000);
    assert_eq!(app.post("/v1/trips", &trip).await.status(), 201);
}

#[tokio::test]
async fn trips_asked_for_by_name_are_collected_or_say_why_not() {
    let app = TestApp::spawn().await;
    rides(&app, 3, 0..3).await;
    app.clock.advance(DAY * 7);
    rides_at(&app, 3, "fresh", 7).await;
    let named = |ids: &[&str]| -> Value { ids.iter().map(|id| json!({"client": "first", "trip_id": id})).collect() };
    let body = json!({"programme": "demo", "trips": named(&["R-0", "fresh", "fresh", "nothing"])});
    let (status, answer) = read(keyed(&app, "/v1/users/3/claims/collect", "k", &body).await).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["collected"], 1);
    let reasons: Vec<&str> = answer["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skip| skip["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["lapsed", "already_collected", "not_found"]);
    let now = balance(&app, 3).await;
    assert_eq!(
        (&now["waiting"], &now["lifetime"]["lapsed"], &now["available"]),
        (&json!("0"), &json!("140.4"), &json!("46.8"))
    );
}

#[tokio::test]
async fn a_claim_that_closed_is_booked_as_lapsed_by_whoever_looks() {
    let app = TestApp::spawn().await;
    rides(&app, 9, 0..2).await;
    app.clock.advance(Duration::from_millis(7 * 86_400_000 - 1));
    assert_eq!(balance(&app, 9).await["waiting"], "93.6");
    app.clock.advance(Duration::from_millis(1));
    let now = balance(&app, 9).await;
    assert_eq!(
        (&now["waiting"], &now["lifetime"]["lapsed"]),
        (&json!("0"), &json!("93.6"))
    );
    assert_eq!(get(&app, "/v1/users/9/claims").await.1["items"], json!([]));
    assert_eq!(collect_all(&app, 9, "k").await.0, 200);
}

#[tokio::test]
async fn what_is_missing_is_said_to_the_microgram() {
    let app = TestApp::spawn().await;
    rides(&app, 5, 0..1).await;
    let body = json!({"user_id": "5", "programme": "demo", "amount": "46.8"});
    let none = problem(keyed(&app, "/v1/redemptions", "k", &body).await, "insufficient").await;
    assert_eq!((&none["available"], &none["missing"]), (&json!("0"), &json!("46.8")));
    collect_all(&app, 5, "c").await;
    let body = json!({"user_id": "5", "programme": "demo", "amount": "46.800001"});
    let response = keyed(&app, "/v1/redemptions", "k", &body).await;
    assert_eq!(response.status(), 422);
    let some = problem(response, "insufficient").await;
    assert_eq!(
        (&some["available"], &some["missing"]),
        (&json!("46.8"), &json!("0.000001"))
    );
    // A refusal leaves the key free.
    assert_eq!(redeem(&app, 5, "k", "46.8").await.0, 201);
}

#[tokio::test]
async fn many_small_credits_are_merged_on_the_way() {
    let app = TestApp::spawn().await;
    for n in 0..40 {
        rides(&app, 30, n..n + 1).await;
        assert_eq!(collect_all(&app, 30, &format!("c{n}")).await.0, 201);
    }
    assert_eq!(balance(&app, 30).await["unspent_count"], 40);
    let (status, paid) = redeem(&app, 30, "all", "1800").await;
    assert_eq!(status, 201, "{paid}");
    assert_eq!(paid["choice"], "merged");
    let now = balance(&app, 30).await;
    assert_eq!(
        (&now["available"], &now["lifetime"]["spent"]),
        (&json!("72"), &json!("1800"))
    );
}

#[tokio::test]
async fn wrong_orders_are_refused_by_name() {
    let app = TestApp::spawn().await;
    let redeem = json!({"user_id": "5", "programme": "demo", "amount": "1"});
    let without = app.post("/v1/redemptions", &redeem).await;
    assert_eq!(without.status(), 400);
    problem(without, "idempotency_key_required").await;
    for key in ["", "a b", &"x".repeat(129)] {
        problem(
            keyed(&app, "/v1/redemptions", key, &redeem).await,
            "idempotency_key_required",
        )
        .await;
    }
    let wrong = json!({"user_id": -5, "programme": "demo", "amount": 5, "reference": "a\u{7}", "why": 1});
    let wrong = problem(keyed(&app, "/v1/redemptions", "k", &wrong).await, "invalid_field").await;
    assert_eq!(pointers(&wrong), ["/user_id", "/amount", "/reference", "/why"]);
    for amount in ["0", "-1", "1.0000001", "1e3", "+1", "9223372036854.775808"] {
        let body = json!({"user_id": "5", "programme": "demo", "amount": amount});
        let wrong = problem(keyed(&app, "/v1/redemptions", "k", &body).await, "invalid_field").await;
        assert_eq!(pointers(&wrong), ["/amount"], "{amount}");
    }
    for (body, pointer) in [
        (json!({"programme": "demo"}), "/trips"),
        (json!({"programme": "demo", "all": 1}), "/all"),
        (json!({"programme": "demo", "all": true, "trips": []}), "/trips"),
        (
            json!({"programme": "demo", "trips": [{"client": "first"}]}),
            "/trips/0/trip_id",
        ),
    ] {
        let wrong = problem(
            keyed(&app, "/v1/users/5/claims/collect", "k", &body).await,
            "invalid_field",
        )
        .await;
        assert_eq!(pointers(&wrong), [pointer], "{body}");
    }
    for path in [
        "/v1/credits/cr_07_12",
        "/v1/transactions/cr_07_12",
        "/v1/users/5/credits?state=lost",
        "/v1/users/5/credits?cursor=x",
        "/v1/balances",
        "/v1/balances?ids=1,x",
    ] {
        problem(app.get(path).await, "invalid_field").await;
    }
    let nothing = format!("/v1/credits/cr_07_{}", "0".repeat(64));
    problem(app.get(&nothing).await, "not_found").await;
    let (_, several) = get(&app, "/v1/balances?ids=5,6").await;
    assert_eq!(several["items"][1]["user_id"], "6");
}

#[tokio::test]
async fn lists_are_read_to_their_end_while_others_write() {
    let app = TestApp::spawn().await;
    rides(&app, 60, 0..5).await;
    for (path, field) in [
        ("/v1/users/60/claims", "trip_id"),
        ("/v1/users/60/trips", "trip_id"),
        ("/v1/users/60/credits", "credit_id"),
    ] {
        if field == "credit_id" {
            for n in 5..10 {
                rides(&app, 60, n..n + 1).await;
                collect_all(&app, 60, &format!("k{n}")).await;
            }
        }
        let mut seen = Vec::new();
        let mut next = String::new();
        for turn in 0.. {
            let (status, page) = get(&app, &format!("{path}?limit=2{next}")).await;
            assert_eq!(status, 200, "{page}");
            seen.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item[field].as_str().unwrap().to_owned()),
            );
            if turn == 0 {
                rides(&app, 60, 20..21).await; // the same trip in later rounds: a replay or one more, never in between
            }
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{path}: nothing twice");
        assert!(seen.len() >= 5, "{path}: {seen:?}");
    }
}
