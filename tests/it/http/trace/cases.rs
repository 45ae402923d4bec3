//! One history each: what was collected, changed, merged, paid, lapsed and expired.

use super::super::access::{get_as, key};
use super::super::{pointers, problem};
use super::{Town, items, rides_of, text, told, via_of};
use crate::process::command;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn what_was_collected_leads_to_its_rides_and_they_lead_back() {
    let mut town = Town::new().await;
    let rides = [
        town.ride(17, &["metro"]).await,
        town.ride(17, &["metro"]).await,
        town.ride(17, &["metro", "tube"]).await,
    ];
    let collected = town.collect(17).await;
    let credits: Vec<Value> = items(&collected["credits"]).cloned().collect();
    assert_eq!(credits.len(), 2, "a lot for each gas");
    for (credit, gas, ridden) in [(&credits[0], "CO2", &rides[..]), (&credits[1], "CO2e", &rides[2..])] {
        let trace = town.back(credit).await;
        assert_eq!((&trace["credit"], &trace["credit"]["gas"]), (credit, &json!(gas)));
        assert_eq!((&trace["complete"], &trace["next"]), (&json!(true), &Value::Null));
        let issue = town
            .get(&format!("/v1/transactions/{}", text(&credit["created_by"])))
            .await;
        assert_eq!(trace["via"], json!([issue]));
        let named: BTreeSet<String> = rides_of(&trace).into_iter().map(|(_, trip_id)| trip_id).collect();
        assert_eq!(named, ridden.iter().cloned().collect());
        for source in items(&trace["sources"]) {
            let trip = &source["trip"];
            let read = town
                .get(&format!("/v1/users/17/trips/{}", text(&trip["trip_id"])))
                .await;
            assert_eq!(*trip, read, "the trip as it is read");
            // In the metro's lot a ride of two legs gave what its metro leg earned.
            let leg = items(&trip["legs"])
                .find(|leg| (leg["mode"] == "metro") == (gas == "CO2"))
                .unwrap();
            assert_eq!(source["amount"], leg["quantified"]);
            assert_eq!(source["transaction_id"], credit["created_by"]);
        }
    }
    let forth = town.forth(17, &rides[2]).await;
    let descend: Vec<&Value> = items(&forth["credits"]).map(|one| &one["credit"]).collect();
    assert_eq!(descend, [&credits[0], &credits[1]]);
    let forth = town.forth(17, &rides[0]).await;
    assert_eq!(forth["credits"], json!([{"credit": credits[0], "ended_by": null}]));
    assert_eq!(forth["trip"]["claim"]["state"], "collected");
    assert!(text(&forth["position"]).starts_with("17:"));
}

#[tokio::test]
async fn change_descends_from_more_than_it_is() {
    let mut town = Town::new().await;
    let ride = town.ride(17, &["metro"]).await;
    let collected = town.collect(17).await;
    let paid = town.redeem(17, "40").await.unwrap();
    let trace = town.back(&paid["change"]).await;
    assert_eq!(rides_of(&trace).len(), 1);
    assert_eq!(
        trace["sources"][0]["amount"], collected["amount"],
        "what the ride gave, not a share"
    );
    let order: Vec<&Value> = items(&trace["via"]).map(|via| &via["kind"]).collect();
    assert_eq!(order, ["redeem", "issue"]);
    let forth = town.forth(17, &ride).await;
    let ends: Vec<&Value> = items(&forth["credits"]).map(|one| &one["ended_by"]).collect();
    assert_eq!(ends, [&json!("redeem"), &Value::Null, &Value::Null]);
    assert_eq!(
        forth["credits"][1]["credit"]["user_id"],
        Value::Null,
        "what the sink took"
    );
    assert_eq!(forth["credits"][2]["credit"], paid["change"]);
}

#[tokio::test]
async fn merges_and_the_sink_are_traced_in_parts_of_any_size() {
    let mut town = Town::new().await;
    let mut ridden = BTreeSet::new();
    for n in 0..40 {
        for user in [17, 47] {
            let modes: &[&str] = if n % 4 == 0 { &["metro", "tube"] } else { &["metro"] };
            ridden.insert((user.to_string(), town.ride(user, modes).await));
            town.collect(user).await;
        }
    }
    // 32 of 50 credits are not enough: they are merged on the way.
    let balance = town.get("/v1/users/17/balance").await;
    let own = items(&balance["programmes"])
        .find(|own| own["programme"] == "mixed")
        .unwrap();
    let paid = town.redeem(17, own["available"].as_str().unwrap()).await.unwrap();
    assert_eq!(paid["choice"], "merged");
    for n in 0..60 {
        assert!(town.redeem(47, &format!("{}", 20 + n % 20)).await.is_some());
    }
    let transactions = town.transactions(&[17, 47]).await;
    let sinks = |transaction: &&Value| transaction["kind"] == "merge" && transaction["user_id"].is_null();
    let merged = transactions.values().find(sinks).unwrap();
    let id = text(&merged["outputs"][0]["credit_id"]);
    let whole = town.get(&format!("/v1/credits/{id}/trace")).await;
    assert_eq!(whole["complete"], true);
    let kinds: BTreeSet<String> = items(&whole["via"]).map(|via| text(&via["kind"])).collect();
    assert_eq!(kinds, BTreeSet::from(["issue", "merge", "redeem"].map(str::to_owned)));
    assert!(via_of(&whole).len() > 70);
    assert!(rides_of(&whole).is_subset(&ridden) && rides_of(&whole).len() > 50);
    assert_eq!(
        rides_of(&whole).len(),
        whole["sources"].as_array().unwrap().len(),
        "no ride twice"
    );
    let path = format!("/v1/credits/{id}/trace");
    for limit in [1, 7, 100] {
        let (put_together, parts) = town.parts(&path, limit).await;
        assert_eq!(put_together, whole, "in parts of {limit}");
        assert_eq!(parts, via_of(&whole).len().div_ceil(limit));
    }
    assert_eq!(told(&town, &[&id]), whole);
    let (user, trip_id) = rides_of(&whole).into_iter().next().unwrap();
    let path = format!("/v1/users/{user}/trips/{trip_id}/trace");
    let whole = town.get(&path).await;
    for limit in [1, 3] {
        assert_eq!(town.parts(&path, limit).await.0, whole, "in parts of {limit}");
    }
    assert_eq!(told(&town, &[&user, &trip_id]), whole);
}

#[tokio::test]
async fn a_walk_forward_keeps_to_the_instant_at_which_it_began() {
    let mut town = Town::new().await;
    let ride = town.ride(17, &["metro"]).await;
    town.collect(17).await;
    town.redeem(17, "10").await.unwrap();
    let path = format!("/v1/users/17/trips/{ride}/trace");
    let before = town.get(&path).await;
    let first = town.get(&format!("{path}?limit=1")).await;
    town.redeem(17, "10").await.unwrap();
    let cursor = text(&first["next"]);
    let second = town.get(&format!("{path}?limit=200&cursor={cursor}")).await;
    let both: Vec<&Value> = items(&first["credits"]).chain(items(&second["credits"])).collect();
    assert_eq!(both, items(&before["credits"]).collect::<Vec<_>>());
    assert_eq!(
        (&second["position"], &second["complete"]),
        (&before["position"], &json!(true))
    );
    assert!(
        items(&town.get(&path).await["credits"]).count() > both.len(),
        "asked anew it sees more"
    );
}

#[tokio::test]
async fn what_time_ended_is_told_as_well() {
    let mut town = Town::new().await;
    let kept = town.ride(17, &["metro"]).await;
    let waiting = town.forth(17, &kept).await;
    assert_eq!(
        (&waiting["trip"]["claim"]["state"], &waiting["credits"]),
        (&json!("waiting"), &json!([]))
    );
    assert_eq!(waiting["via"], json!([]));
    town.collect(17).await;
    let lost = town.ride(17, &["metro"]).await;
    town.app.clock.advance(Duration::from_hours(24 * 15));
    let lapsed = town.forth(17, &lost).await;
    assert_eq!(
        (&lapsed["trip"]["claim"]["state"], &lapsed["credits"]),
        (&json!("lapsed"), &json!([]))
    );
    let expired = town.forth(17, &kept).await;
    assert_eq!(expired["credits"][0]["ended_by"], "expire");
    assert_eq!(
        items(&expired["via"]).map(|via| text(&via["kind"])).collect::<Vec<_>>(),
        ["issue", "expire"]
    );
}

#[tokio::test]
async fn others_see_the_grams_and_not_the_rides() {
    let mut town = Town::new().await;
    let ride = town.ride(17, &["metro"]).await;
    let credit = town.collect(17).await["credits"][0].clone();
    let path = format!("/v1/credits/{}/trace", text(&credit["credit_id"]));
    let forth = format!("/v1/users/17/trips/{ride}/trace");
    let (other, _) = key(&town.app, "bikes", "credits:read", &[], None).await;
    let seen: Value = get_as(&town.app, &other, &path).await.json().await.unwrap();
    assert_eq!(
        (&seen["sources"][0]["trip"], &seen["sources"][0]["kind"]),
        (&Value::Null, &json!("trip"))
    );
    assert_eq!(seen["sources"][0]["amount"], credit["amount"]);
    problem(get_as(&town.app, &other, &forth).await, "not_found").await;
    for path in [&path, &forth] {
        problem(
            get_as(&town.app, &other, &format!("{path}?client=first")).await,
            "forbidden",
        )
        .await;
    }
    town.app.drained().await;
    let (auditor, _) = key(&town.app, "audit", "credits:read,reports:read", &[], None).await;
    for path in [&path, &forth] {
        let seen = get_as(&town.app, &auditor, &format!("{path}?client=first")).await;
        let own = get_as(&town.app, &town.app.key, path).await;
        assert_eq!(seen.json::<Value>().await.unwrap(), own.json::<Value>().await.unwrap());
    }
    for (rights, programmes) in [("trips:write,reports:read", &[][..]), ("all", &["demo"][..])] {
        let (limited, _) = key(&town.app, "first", rights, programmes, None).await;
        for path in [&path, &forth] {
            problem(get_as(&town.app, &limited, path).await, "forbidden").await;
        }
    }
}

#[tokio::test]
async fn wrong_questions_are_refused_by_name() {
    let mut town = Town::new().await;
    let ride = town.ride(17, &["metro"]).await;
    let credit = town.collect(17).await["credits"][0].clone();
    town.redeem(17, "10").await.unwrap();
    let other = town.redeem(17, "10").await.unwrap()["change"].clone();
    let path = |credit: &Value| format!("/v1/credits/{}/trace", text(&credit["credit_id"]));
    let forth = format!("/v1/users/17/trips/{ride}/trace");
    let cursor = text(&town.get(&format!("{}?limit=1", path(&other))).await["next"]);
    let ahead = text(&town.get(&format!("{forth}?limit=1")).await["next"]);
    let last = ahead.rfind('-').unwrap();
    for wrong in [
        format!("{}?cursor={cursor}", path(&credit)),
        format!("{}?cursor={ahead}", path(&other)),
        format!("{}?cursor={cursor}.7fffffff", path(&other)),
        format!("{}?cursor={cursor}-1", path(&other)),
        format!("{}?cursor=x", path(&other)),
        format!("{forth}?cursor={}", &ahead[..last]),
        format!("{forth}?cursor={ahead}.7fffffff"),
        format!("{forth}?cursor={cursor}"),
    ] {
        let wrong = problem(town.app.get(&wrong).await, "invalid_field").await;
        assert_eq!(pointers(&wrong), ["?cursor"]);
    }
    for limit in ["0", "257", "x"] {
        let wrong = problem(town.app.get(&format!("{forth}?limit={limit}")).await, "invalid_field").await;
        assert_eq!(pointers(&wrong), ["?limit"]);
    }
    for (path, code) in [
        ("/v1/credits/cr_07_12/trace".to_owned(), "invalid_field"),
        (format!("/v1/credits/cr_07_{}/trace", "0".repeat(64)), "not_found"),
        ("/v1/users/-1/trips/x/trace".to_owned(), "invalid_field"),
        ("/v1/users/17/trips/unknown/trace".to_owned(), "not_found"),
        (format!("{forth}?why=1"), "unknown_field"),
    ] {
        problem(town.app.get(&path).await, code).await;
    }
}

#[tokio::test]
async fn a_person_reads_a_tree() {
    let mut town = Town::new().await;
    let ride = town.ride(17, &["metro"]).await;
    town.collect(17).await;
    let paid = town.redeem(17, "10").await.unwrap();
    let change = text(&paid["change"]["credit_id"]);
    let data = town.app.data_dir().to_owned();
    let (code, stdout, stderr) = command(&data, &["trace", &change]);
    assert_eq!(code, Some(0), "{stderr}");
    let begins = |stdout: &str, expected: &[&str]| {
        assert_eq!(stdout.lines().count(), expected.len(), "{stdout}");
        for (line, expected) in stdout.lines().zip(expected) {
            assert!(line.starts_with(expected), "{stdout}");
        }
    };
    begins(
        &stdout,
        &[
            &format!("credit {change}: "),
            "  redeem tx_17_",
            "    issue tx_17_",
            &format!("      46.8468 g of trip {ride} of user 17, sent by first: 2026-11-"),
        ],
    );
    let (code, stdout, _) = command(&data, &["trace", "17", &ride, "--client", "first"]);
    assert_eq!(code, Some(0));
    begins(
        &stdout,
        &[
            &format!("trip {ride} of user 17, sent by first: "),
            "  claim: collected",
            "  issue tx_17_",
            "    credit cr_17_",
            "      redeem tx_17_",
            "        credit cr_17_",
            &format!("        credit {change}: "),
        ],
    );
    for (arguments, expected) in [
        (&["trace", &"0".repeat(64)][..], 1),
        (&["trace", "17", "unknown"], 1),
        (&["trace", "17", &ride, "--client", "bikes"], 1),
        (&["trace", "cr_17_12"], 2),
        (&["trace", "-1x", "T"], 2),
        (&["trace"], 2),
    ] {
        assert_eq!(command(&data, arguments).0, Some(expected), "{arguments:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(command(empty.path(), &["trace", &change]).0, Some(2));
}
