//! Totals as of an instant: what they add up to, and that a given instant never changes its answer.

use super::{get, header, problem, ride};
use crate::support::{NOON_MS, TestApp};
use serde_json::{Value, json};
use std::time::Duration;

const NOON_S: i64 = NOON_MS / 1_000;

async fn book(app: &TestApp, user: u32, id: &str, ended_s: i64, metres: u64) {
    let answer = app
        .post("/v1/trips", &ride(user, id, "metro", (ended_s - 600, ended_s), metres))
        .await;
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

async fn collect(app: &TestApp, user: u32, key: &str) {
    let request = app.client.post(format!("{}/v1/users/{user}/claims/collect", app.base));
    let body = json!({"programme": "demo", "all": true});
    let answer = request
        .bearer_auth(&app.key)
        .header("Idempotency-Key", key)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
}

async fn totals(app: &TestApp, query: &str) -> Value {
    let (status, document) = get(app, &format!("/v1/reports/totals{query}")).await;
    assert_eq!(status, 200, "{document}");
    document
}

#[tokio::test]
async fn totals_add_up_over_shards_days_and_kinds() {
    let app = TestApp::spawn().await;
    book(&app, 1, "a", NOON_S - 100, 1_000).await;
    book(&app, 2, "b", NOON_S - 100, 2_000).await;
    book(&app, 2, "c", NOON_S - 86_400, 3_000).await;
    book(&app, 2, "slow", NOON_S - 150_000, 50).await; // too short
    collect(&app, 2, "k").await;
    let report = totals(&app, "").await;
    let expected = json!({
        "trips": 4, "refused": 1, "quantified": "280.8", "capped": "0", "waiting": "46.8", "collected": "234", "lapsed": "0",
        "issued": "234", "spent": "0", "expired": "0", "retired": "0",
    });
    assert_eq!(report["totals"], expected);
    let by_day = totals(&app, "?days=activity&by=day,kind&from=2026-11-19&to=2026-11-19").await;
    assert_eq!(
        (&by_day["totals"]["trips"], &by_day["totals"]["quantified"]),
        (&json!(2), &json!("140.4"))
    );
    assert!(
        by_day["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["day"] == "2026-11-19")
    );
    let by_shard = totals(&app, "?by=shard,mode,methodology,programme").await;
    let row = by_shard["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["shard"] == "01" && row["kind"] == "quantified");
    let expected = json!({
        "shard": "01", "programme": "demo", "mode": "metro", "methodology": "cn-sz-public-transport-2021@1.0.0", "kind": "quantified",
        "gas": "CO2", "count": 1, "amount": "46.8",
    });
    let mut row = row.unwrap().clone();
    row["gas"] = json!("CO2");
    assert_eq!(row, expected);
    assert_eq!(totals(&app, "?programme=other").await["totals"]["trips"], 0);
}

#[tokio::test]
async fn an_instant_answers_the_same_bytes_for_ever() {
    let app = TestApp::spawn().await;
    let mut instants = Vec::new();
    for turn in 0..6_u32 {
        book(
            &app,
            1,
            &format!("a-{turn}"),
            NOON_S - 80_000 + i64::from(turn) * 1_000,
            1_000,
        )
        .await;
        book(
            &app,
            31,
            &format!("b-{turn}"),
            NOON_S - 80_000 + i64::from(turn) * 1_000,
            2_000,
        )
        .await;
        if turn % 2 == 1 {
            collect(&app, 1, &format!("k-{turn}")).await;
        }
        let query = "?by=day,mode,kind,methodology,shard";
        let first = app
            .get(&format!("/v1/reports/totals{query}"))
            .await
            .text()
            .await
            .unwrap();
        let document: Value = serde_json::from_str(&first).unwrap();
        let again = format!("/v1/reports/totals{query}&at={}", document["at"].as_str().unwrap());
        instants.push((again, first));
        if turn == 2 {
            app.clock.advance(Duration::from_hours(20)); // the next booked day
        }
    }
    for (path, first) in &instants {
        assert_eq!(&app.get(path).await.text().await.unwrap(), first);
    }
    // An instant inside a page, as a caller may make one up, is an instant as well.
    let head = totals(&app, "").await["at"].as_str().unwrap().to_owned();
    let seqs: Vec<i64> = head.split('.').skip(1).map(|seq| seq.parse().unwrap()).collect();
    let mut before: Vec<String> = seqs.iter().map(ToString::to_string).collect();
    before[1] = "3".to_owned();
    let early = totals(&app, &format!("?by=shard&at=v1.{}", before.join("."))).await;
    assert_eq!(
        early["rows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["shard"] == "01")
            .count(),
        2
    );
}

#[tokio::test]
async fn csv_has_the_same_rows() {
    let app = TestApp::spawn().await;
    book(&app, 1, "a", NOON_S - 100, 1_000).await;
    let request = app.client.get(format!("{}/v1/reports/totals?by=day", app.base));
    let answer = request
        .bearer_auth(&app.key)
        .header("Accept", "text/csv")
        .send()
        .await
        .unwrap();
    assert_eq!(header(&answer, "content-type"), "text/csv; charset=utf-8");
    let at = header(&answer, "report-at").to_owned();
    let text = answer.text().await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "day,kind,gas,count,amount");
    assert!(lines[1].starts_with("2026-11-20,trip,"), "{text}");
    assert_eq!(lines.len(), 3);
    assert_eq!(totals(&app, "?by=day").await["at"], at);
}

#[tokio::test]
async fn wrong_questions_are_refused_by_name() {
    let app = TestApp::spawn().await;
    let future = format!("v1.{}", vec!["9"; 30].join("."));
    for query in [
        "days=both",
        "by=hour",
        "from=1.1.2026",
        "from=2026-11-02&to=2026-11-01",
        "at=now",
        &format!("at={future}"),
    ] {
        let wrong = problem(app.get(&format!("/v1/reports/totals?{query}")).await, "invalid_field").await;
        assert!(
            wrong["errors"][0]["pointer"].as_str().unwrap().starts_with('?'),
            "{wrong}"
        );
    }
    problem(app.get("/v1/reports/totals?until=x").await, "unknown_field").await;
}
