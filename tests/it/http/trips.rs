//! Trips: figures of the documentation, replays, conflicts, batches, reading, balances.

use super::{example, get, header, pointers, post, problem, read, ride};
use crate::support::{NOON_MS, TestApp};
use serde_json::{Value, json};
use std::time::Duration;

const NOON_S: i64 = NOON_MS / 1_000;

#[tokio::test]
async fn the_example_earns_what_the_documentation_says() {
    let app = TestApp::spawn().await;
    let response = app.post("/v1/trips", &example()).await;
    // 1000017 mod 30 = 27; the entry before it opened the account.
    assert_eq!(header(&response, "gateway-position"), "27:2");
    let (status, trip) = read(response).await;
    assert_eq!(status, 201, "{trip}");
    for (field, value) in [
        ("trip_id", json!("T-0001")),
        ("client", json!("first")),
        ("user_id", json!("1000017")),
        ("programme", json!("demo")),
        ("day", json!("2026-11-20")),
        ("outcome", json!("credited")),
        ("refusal", Value::Null),
        ("quantified", json!("400.14")),
        ("capped", json!("0")),
        ("amount", json!("400.14")),
        ("transaction_id", Value::Null),
        (
            "claim",
            json!({"state": "waiting", "opens_at": "2026-11-20T12:00:00.000Z", "closes_at": "2026-11-27T12:00:00.000Z"}),
        ),
    ] {
        assert_eq!(trip[field], value, "{field}");
    }
    let leg = &trip["legs"][0];
    assert_eq!(
        (&leg["distance_m"], &leg["distance_from"]),
        (&json!(8550), &json!("given"))
    );
    assert_eq!(
        (&leg["quantified"], &leg["unfloored"]),
        (&json!("400.14"), &json!("400.14"))
    );
    assert_eq!(leg["methodology"]["id"], "cn-sz-public-transport-2021");
    assert_eq!(leg["methodology"]["digest"].as_str().map(str::len), Some(64));

    assert_eq!(get(&app, "/v1/users/1000017/trips/T-0001").await, (200, trip));
}

#[tokio::test]
async fn the_same_trip_again_is_answered_again_however_its_numbers_are_spelt() {
    let app = TestApp::spawn().await;
    let (_, first) = post(&app, "/v1/trips", &example()).await;
    let mut again = example();
    again["user_id"] = json!(1_000_017);
    again["legs"][0]["started_at"] = json!("2026-11-19T23:58:11.75Z");
    again["evidence"] = Value::Null;
    let response = app.post("/v1/trips", &again).await;
    assert_eq!(header(&response, "idempotent-replayed"), "true");
    assert_eq!(read(response).await, (200, first));

    let mut other = example();
    other["legs"][0]["distance_m"] = json!(8551);
    other["legs"][0]["ended_at"] = json!("2026-11-20T08:24:41+08:00");
    let response = app.post("/v1/trips", &other).await;
    assert_eq!(response.status(), 409);
    let conflict = problem(response, "trip_conflict").await;
    assert_eq!(pointers(&conflict), ["/legs/0/ended_at", "/legs/0/distance_m"]);
    // Another rider's trip of the same number is another trip.
    let mut another = example();
    another["user_id"] = json!("1000018");
    assert_eq!(post(&app, "/v1/trips", &another).await.0, 201);
}

#[tokio::test]
async fn a_trip_id_used_on_another_day_is_a_conflict_and_harms_nobody_in_its_batch() {
    let app = TestApp::spawn().await;
    assert_eq!(post(&app, "/v1/trips", &example()).await.0, 201);
    // Far from the rides that are loaded for it, so only the table can know of the other.
    let mut moved = example();
    moved["legs"][0]["started_at"] = json!("2026-11-01T07:58:11+08:00");
    moved["legs"][0]["ended_at"] = json!("2026-11-01T08:24:40+08:00");
    // Riders of the same shard, so that all three share a commit.
    let mut others = [example(), example()];
    others[0]["user_id"] = json!("1000047");
    others[1]["user_id"] = json!("1000077");
    let batch = json!({"trips": [others[0], moved, others[1]]});
    let (status, answer) = post(&app, "/v1/trips/batch", &batch).await;
    assert_eq!(status, 200, "{answer}");
    let statuses: Vec<&Value> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["status"])
        .collect();
    assert_eq!(statuses, [201, 409, 201], "{answer}");
    let response = app.post("/v1/trips", &moved).await;
    let conflict = problem(response, "trip_conflict").await;
    assert_eq!(pointers(&conflict), ["/legs/0/started_at", "/legs/0/ended_at"]);
    // Nor is one held against the rides that begins when all of them are over.
    let mut later = example();
    later["legs"][0]["started_at"] = json!("2026-11-20T08:30:00+08:00");
    later["legs"][0]["ended_at"] = json!("2026-11-20T08:50:00+08:00");
    let conflict = problem(app.post("/v1/trips", &later).await, "trip_conflict").await;
    assert_eq!(pointers(&conflict), ["/legs/0/started_at", "/legs/0/ended_at"]);
    // A trip that a rule has refused is known again too.
    let mut overlapping = example();
    overlapping["trip_id"] = json!("T-0002");
    let (status, first) = post(&app, "/v1/trips", &overlapping).await;
    assert_eq!((status, &first["outcome"]), (201, &json!("refused")));
    assert_eq!(post(&app, "/v1/trips", &overlapping).await, (200, first));
}

#[tokio::test]
async fn a_claim_lapses_at_the_instant_it_closes() {
    let app = TestApp::spawn().await;
    post(&app, "/v1/trips", &example()).await;
    for (hours, seconds, state) in [(167, 3_599, "waiting"), (0, 1, "lapsed")] {
        app.clock.advance(Duration::from_secs(hours * 3_600 + seconds));
        let (_, trip) = get(&app, "/v1/users/1000017/trips/T-0001").await;
        assert_eq!(trip["claim"]["state"], state);
    }
}

#[tokio::test]
async fn coordinates_become_metres() {
    let app = TestApp::spawn().await;
    let mut trip = example();
    let leg = trip["legs"][0].as_object_mut().unwrap();
    leg.remove("distance_m");
    leg.insert("from".into(), json!({"lat": "36.0671", "lon": "120.3826"}));
    leg.insert("to".into(), json!({"lat": "36.1", "lon": "120.45"}));
    let (status, answer) = post(&app, "/v1/trips", &trip).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["legs"][0]["distance_from"], "coordinates");
    let metres = answer["legs"][0]["distance_m"].as_u64().unwrap();
    assert!((7_050..7_150).contains(&metres), "{metres}");
    // They count by the metres they give.
    let mut given = example();
    given["legs"][0]["distance_m"] = json!(metres);
    assert_eq!(post(&app, "/v1/trips", &given).await.0, 200);
}

#[tokio::test]
async fn any_trip_id_can_be_read_back() {
    let app = TestApp::spawn().await;
    for (user, (trip_id, path)) in (1_u32..).zip([
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("a%2Fb", "a%252Fb"),
        ("a+b c?d#e", "a+b%20c%3Fd%23e"),
        ("订单-1", "%E8%AE%A2%E5%8D%95-1"),
    ]) {
        let (status, _) = post(
            &app,
            "/v1/trips",
            &ride(user, trip_id, "metro", (NOON_S - 600, NOON_S), 1_000),
        )
        .await;
        assert_eq!(status, 201);
        let (status, trip) = get(&app, &format!("/v1/users/{user}/trips/{path}")).await;
        assert_eq!((status, trip["trip_id"].as_str()), (200, Some(trip_id)), "{path}");
    }
}

#[tokio::test]
async fn a_batch_answers_in_order_and_each_trip_stands_alone() {
    let app = TestApp::spawn().await;
    let (mut unknown, mut conflict) = (example(), example());
    unknown["legs"][0]["mode"] = json!("rocket");
    conflict["legs"][0]["distance_m"] = json!(1);
    let short = ride(1_000_018, "T-2", "metro", (NOON_S - 600, NOON_S), 99);
    let batch = json!({"trips": [example(), unknown, example(), conflict, short, 7]});
    let (status, answer) = post(&app, "/v1/trips/batch", &batch).await;
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<u64> = results.iter().filter_map(|result| result["status"].as_u64()).collect();
    assert_eq!(statuses, [201, 422, 200, 409, 201, 422]);
    assert_eq!(
        answer["summary"],
        json!({"created": 2, "replayed": 1, "refused": 1, "failed": 3, "busy": 0})
    );
    assert_eq!(results[0]["trip"]["amount"], "400.14");
    assert_eq!(results[1]["problem"]["code"], "unknown_mode");
    assert_eq!(pointers(&results[1]["problem"]), ["/legs/0/mode"]);
    assert_eq!(results[3]["problem"]["code"], "trip_conflict");
    assert_eq!(results[4]["trip"]["refusal"]["rule"], "too_short");

    let trip = |n: u32| ride(n, "T", "metro", (NOON_S - 600, NOON_S), 1_000);
    let thousand = json!({"trips": (0..1_000).map(trip).collect::<Vec<_>>()});
    let (_, answer) = post(&app, "/v1/trips/batch", &thousand).await;
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(answer["summary"]["failed"], 0);
    let (status, answer) = post(&app, "/v1/trips/batch", &json!({"trips": []})).await;
    assert_eq!((status, &answer["results"]), (200, &json!([])));
}

#[tokio::test]
async fn a_balance_shows_what_was_booked() {
    let app = TestApp::spawn().await;
    let zero = get(&app, "/v1/users/1000017/balance").await.1;
    assert_eq!(
        (&zero["user_id"], &zero["position"]),
        (&json!("1000017"), &json!("27:0"))
    );
    assert_eq!(zero["programmes"][0]["waiting"], "0");
    post(&app, "/v1/trips", &example()).await;
    let later = ride(1_000_017, "T-2", "shared_bike", (NOON_S - 600, NOON_S), 99);
    post(&app, "/v1/trips", &later).await;
    let (status, balance) = get(&app, "/v1/users/1000017/balance").await;
    assert_eq!(status, 200);
    assert_eq!(balance["position"], "27:3");
    let demo = &balance["programmes"][0];
    for (field, value) in [
        ("programme", "demo"),
        ("waiting", "400.14"),
        ("available", "0"),
        ("held", "0"),
        ("debt", "0"),
    ] {
        assert_eq!(demo[field], value, "{field}");
    }
    assert_eq!((&demo["expiring"], &demo["unspent_count"]), (&Value::Null, &json!(0)));
    for (field, value) in [
        ("quantified", "400.14"),
        ("capped", "0"),
        ("collected", "0"),
        ("lapsed", "0"),
    ] {
        assert_eq!(demo["lifetime"][field], value, "{field}");
    }
}

#[tokio::test]
async fn quantify_answers_the_figures_and_stores_nothing() {
    let app = TestApp::spawn().await;
    let mut trip = example();
    let members = trip.as_object_mut().unwrap();
    members.remove("trip_id");
    members.remove("user_id");
    let (status, answer) = post(&app, "/v1/quantify", &trip).await;
    assert_eq!(
        (status, &answer["amount"], &answer["day"]),
        (200, &json!("400.14"), &json!("2026-11-20"))
    );
    let by_set = json!({
        "methodology": {"id": "cn-sz-public-transport-2021", "version": "1.0.0"},
        "legs": [{"mode": "metro", "distance_m": 8550}],
    });
    let (status, answer) = post(&app, "/v1/quantify", &by_set).await;
    assert_eq!(
        (status, &answer["legs"][0]["unfloored"]),
        (200, &json!("400.14")),
        "{answer}"
    );
    assert_eq!(get(&app, "/v1/users/1000017/balance").await.1["position"], "27:0");
    let unknown = json!({"methodology": {"id": "none", "version": "1"}, "legs": [{"mode": "metro", "distance_m": 1}]});
    problem(app.post("/v1/quantify", &unknown).await, "invalid_field").await;
}
