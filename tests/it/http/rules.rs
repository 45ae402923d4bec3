//! Every rule of the programme `demo`: what it refuses, and that the limit itself passes.

use super::{get, post, ride};
use crate::support::{NOON_MS, TestApp};
use serde_json::{Value, json};

const NOON_S: i64 = NOON_MS / 1_000;

/// The rule that refused the trip, or nothing if it was credited.
async fn rule(app: &TestApp, trip: &Value) -> Option<String> {
    let (status, answer) = post(app, "/v1/trips", trip).await;
    assert_eq!(status, 201, "{answer}");
    if answer["outcome"] == "refused" {
        assert_eq!(
            (&answer["quantified"], &answer["amount"], &answer["claim"]),
            (&json!("0"), &json!("0"), &Value::Null)
        );
        assert!(answer["refusal"]["detail"].is_string());
    }
    answer["refusal"]["rule"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_limit_passes_and_one_beyond_is_refused() {
    let app = TestApp::spawn().await;
    let ended = |end_s: i64| (end_s - 600, end_s);
    let lasting = |seconds: i64| (NOON_S - seconds, NOON_S);
    let oldest = NOON_S - 30 * 86_400;
    let cases = [
        ("too_old", "metro", (ended(oldest), 1_000), (ended(oldest - 1), 1_000)),
        (
            "in_future",
            "metro",
            (ended(NOON_S + 300), 1_000),
            (ended(NOON_S + 301), 1_000),
        ),
        ("too_short", "metro", (lasting(600), 100), (lasting(600), 99)),
        (
            "too_long",
            "metro",
            (lasting(4_500), 150_000),
            (lasting(4_501), 150_001),
        ),
        ("too_brief", "metro", (lasting(30), 100), (lasting(29), 100)),
        (
            "too_lengthy",
            "metro",
            (lasting(21_600), 1_000),
            (lasting(21_601), 1_000),
        ),
        ("too_fast", "metro", (lasting(30), 1_000), (lasting(30), 1_001)),
        ("too_fast", "bus_electric", (lasting(40), 1_000), (lasting(40), 1_001)),
        ("too_fast", "shared_bike", (lasting(80), 1_000), (lasting(80), 1_001)),
        ("too_fast", "shared_ebike", (lasting(80), 1_000), (lasting(80), 1_001)),
    ];
    for (user, (name, mode, passes, refused)) in (1_u32..).zip(cases) {
        assert_eq!(
            rule(&app, &ride(user, "passes", mode, passes.0, passes.1)).await,
            None,
            "{name} {mode}"
        );
        let other_rider = user + 100;
        let found = rule(&app, &ride(other_rider, "refused", mode, refused.0, refused.1)).await;
        assert_eq!(found.as_deref(), Some(name), "{mode}");
    }
}

#[tokio::test]
async fn rides_may_meet_but_not_overlap() {
    let app = TestApp::spawn().await;
    let span = |from: i64, to: i64| (NOON_S + from, NOON_S + to);
    assert_eq!(
        rule(&app, &ride(1, "first", "metro", span(-1_000, -500), 1_000)).await,
        None
    );
    assert_eq!(
        rule(&app, &ride(1, "after", "shared_bike", span(-500, -100), 1_000)).await,
        None
    );
    assert_eq!(
        rule(&app, &ride(1, "before", "metro", span(-1_500, -1_000), 1_000)).await,
        None
    );
    let across = ride(1, "across", "shared_ebike", span(-101, 0), 1_000);
    assert_eq!(rule(&app, &across).await.as_deref(), Some("overlap"));
    // A refused ride stands in nobody's way, and neither does another rider's.
    assert_eq!(
        rule(&app, &ride(1, "behind", "metro", span(-100, 0), 1_000)).await,
        None
    );
    assert_eq!(
        rule(&app, &ride(2, "first", "metro", span(-1_000, -500), 1_000)).await,
        None
    );
}

#[tokio::test]
async fn fifty_trips_a_day_are_credited() {
    let app = TestApp::spawn().await;
    let trip = |n: i64| {
        ride(
            1,
            &format!("T-{n}"),
            "metro",
            (NOON_S - 600 * (n + 1), NOON_S - 600 * n),
            1_000,
        )
    };
    let fifty = json!({"trips": (0..50).map(trip).collect::<Vec<_>>()});
    let (_, answer) = post(&app, "/v1/trips/batch", &fifty).await;
    assert_eq!(
        answer["summary"],
        json!({"created": 50, "replayed": 0, "refused": 0, "failed": 0, "busy": 0})
    );
    assert_eq!(rule(&app, &trip(50)).await.as_deref(), Some("daily_count"));
    // The day before, in the programme's zone, has fifty of its own.
    assert_eq!(rule(&app, &trip(150)).await, None);
}

#[tokio::test]
async fn a_day_earns_a_hundred_kilograms() {
    let app = TestApp::spawn().await;
    // From midnight in the programme's zone to noon UTC: sixteen rides of 150 km, 7,020 g each.
    let trip = |n: i64| {
        ride(
            1,
            &format!("T-{n}"),
            "metro",
            (NOON_S - 4_500 * (16 - n), NOON_S - 4_500 * (15 - n)),
            150_000,
        )
    };
    let (_, answer) = post(
        &app,
        "/v1/trips/batch",
        &json!({"trips": (0..16).map(trip).collect::<Vec<_>>()}),
    )
    .await;
    let figures =
        |n: usize| ["quantified", "capped", "amount"].map(|field| answer["results"][n]["trip"][field].clone());
    assert_eq!(figures(13), [json!("7020"), json!("0"), json!("7020")]);
    assert_eq!(figures(14), [json!("7020"), json!("5300"), json!("1720")]);
    assert_eq!(figures(15), [json!("7020"), json!("7020"), json!("0")]);
    let last = &answer["results"][15]["trip"];
    assert_eq!((&last["outcome"], &last["claim"]), (&json!("credited"), &Value::Null));
    let (_, balance) = get(&app, "/v1/users/1/balance").await;
    assert_eq!(balance["programmes"][0]["waiting"], "100000");
    assert_eq!(balance["programmes"][0]["lifetime"]["capped"], "12320");
}

#[tokio::test]
async fn rules_are_judged_in_their_order_over_all_legs() {
    let app = TestApp::spawn().await;
    let mut trip = ride(1, "T", "metro", (NOON_S - 600, NOON_S - 571), 100_000);
    let short = ride(1, "T", "metro", (NOON_S - 300, NOON_S), 99)["legs"][0].clone();
    trip["legs"].as_array_mut().unwrap().push(short);
    // The first leg is too brief and too fast, the second too short: length is judged first.
    assert_eq!(rule(&app, &trip).await.as_deref(), Some("too_short"));
}
