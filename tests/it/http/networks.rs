//! Legs between stations, programmes side by side, and the catalogue: methodologies, programmes, networks.

use super::access::key;
use super::{get, header, pointers, post, problem, read, ride};
use crate::support::{NOON_MS, TestApp};
use serde_json::{Value, json};
use std::fs;

const NOON_S: i64 = NOON_MS / 1_000;

/// A made-up line A-B-C with a shortcut from A to C, so that A is as far from B as from C, and an island.
const TOWN: &str = r#"{"schema": "carbon-network/1", "id": "town", "version": "1.2.0",
    "stations": [{"id": "a", "name": "甲"}, {"id": "b", "name": "乙"}, {"id": "c", "name": "丙"}, {"id": "d", "name": "孤岛"}],
    "edges": [{"from": "a", "to": "b", "metres": 3000}, {"from": "b", "to": "c", "metres": 1500},
              {"from": "a", "to": "c", "metres": 3000}]}"#;

const PROGRAMME: &str = "id = 'town'\ntime_zone = 'Asia/Shanghai'\n\
    [modes.metro]\nmethodology = 'cn-sz-public-transport-2021'\nversion = '1.0.0'\nnetwork = 'town'\n\
    [modes.bus_electric]\nmethodology = 'cn-sz-public-transport-2021'\nversion = '1.0.0'\n\
    [rules]\nmax_distance_m = 50000\n[caps]\ndaily_amount = '5000'\n";

/// A gateway with the network, and the programmes `town` and `county` that bind metro to it.
pub(super) async fn town() -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (networks, programmes) = (folder.path().join("networks"), folder.path().join("programmes"));
    for (directory, name, text) in [
        (&networks, "town.json", TOWN.to_owned()),
        (&programmes, "town.toml", PROGRAMME.to_owned()),
        (
            &programmes,
            "county.toml",
            PROGRAMME.replace("id = 'town'", "id = 'county'"),
        ),
    ] {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join(name), text).unwrap();
    }
    let app = TestApp::spawn_with(&[
        ("CARBON_GATEWAY__NETWORK__DIR", networks.to_str().unwrap()),
        ("CARBON_GATEWAY__PROGRAMME__DIR", programmes.to_str().unwrap()),
    ])
    .await;
    (app, folder)
}

/// A trip between two stations, over in half an hour.
pub(super) fn between(programme: &str, mode: &str, from: &str, to: &str) -> Value {
    let mut trip = ride(7, "T-1", mode, (NOON_S - 3_600, NOON_S - 1_800), 0);
    trip["programme"] = json!(programme);
    let leg = trip["legs"][0].as_object_mut().unwrap();
    leg.remove("distance_m");
    leg.insert("from".into(), json!({"station": from}));
    leg.insert("to".into(), json!({"station": to}));
    trip
}

#[tokio::test]
async fn a_leg_between_stations_has_the_metres_of_the_shortest_way() {
    let (app, _folder) = town().await;
    let mut what_if = between("town", "metro", "c", "b");
    for name in ["trip_id", "user_id"] {
        what_if.as_object_mut().unwrap().remove(name);
    }
    let (status, answer) = post(&app, "/v1/quantify", &what_if).await;
    assert_eq!(status, 200, "{answer}");
    let (status, trip) = post(&app, "/v1/trips", &between("town", "metro", "c", "b")).await;
    assert_eq!(status, 201, "{trip}");
    for leg in [&answer["legs"][0], &trip["legs"][0]] {
        assert_eq!(
            (&leg["distance_m"], &leg["distance_from"]),
            (&json!(1500), &json!("network"))
        );
        assert_eq!(leg["network"], json!({"id": "town", "version": "1.2.0"}));
        assert_eq!(leg["quantified"], "70.2");
    }
    assert_eq!(get(&app, "/v1/users/7/trips/T-1").await, (200, trip));
}

#[tokio::test]
async fn the_same_trip_has_the_same_stations() {
    let (app, _folder) = town().await;
    let first = between("town", "metro", "a", "b");
    let (status, booked) = post(&app, "/v1/trips", &first).await;
    assert_eq!((status, &booked["legs"][0]["distance_m"]), (201, &json!(3000)));
    let response = app.post("/v1/trips", &first).await;
    assert_eq!(header(&response, "idempotent-replayed"), "true");
    assert_eq!(read(response).await, (200, booked));
    // As far, but elsewhere.
    let other = app.post("/v1/trips", &between("town", "metro", "a", "c")).await;
    assert_eq!(pointers(&problem(other, "trip_conflict").await), ["/legs/0/to"]);
    let mut given = first;
    let leg = given["legs"][0].as_object_mut().unwrap();
    leg.retain(|name, _| name != "from" && name != "to");
    leg.insert("distance_m".into(), json!(3000));
    let given = app.post("/v1/trips", &given).await;
    assert_eq!(pointers(&problem(given, "trip_conflict").await), ["/legs/0/from"]);
}

#[tokio::test]
async fn stations_that_lead_nowhere_are_named() {
    let (app, _folder) = town().await;
    for (mode, from, to, code, wrong) in [
        ("metro", "x", "b", "unknown_station", &["/legs/0/from"][..]),
        ("metro", "a", "乙", "unknown_station", &["/legs/0/to"]),
        ("metro", "x", "y", "unknown_station", &["/legs/0/from", "/legs/0/to"]),
        ("metro", "a", "d", "no_route", &["/legs/0/to"]),
        ("bus_electric", "a", "b", "unknown_network", &["/legs/0"]),
        ("rocket", "a", "b", "unknown_mode", &["/legs/0/mode"]),
    ] {
        let trip = between("town", mode, from, to);
        let response = app.post("/v1/trips", &trip).await;
        assert_eq!(response.status(), 422);
        assert_eq!(pointers(&problem(response, code).await), wrong, "{mode} {from} {to}");
    }
    let unknown = app.post("/v1/trips", &between("none", "metro", "a", "b")).await;
    assert_eq!(pointers(&problem(unknown, "unknown_programme").await), ["/programme"]);
    // The network's absence hides nothing else that is wrong with the leg.
    let mut late = between("town", "bus_electric", "a", "b");
    late["legs"][0]["ended_at"] = json!("2026-11-20T01:00:00Z");
    let late = problem(app.post("/v1/trips", &late).await, "invalid_field").await;
    assert_eq!(pointers(&late), ["/legs/0", "/legs/0/ended_at"]);
    // A methodology names no networks.
    let set = json!({"id": "cn-sz-public-transport-2021", "version": "1.0.0"});
    let what_if = json!({"methodology": set, "legs": between("town", "metro", "a", "b")["legs"]});
    let response = app.post("/v1/quantify", &what_if).await;
    assert_eq!(pointers(&problem(response, "unknown_network").await), ["/legs/0"]);
}

#[tokio::test]
async fn programmes_keep_balances_apart() {
    let (app, _folder) = town().await;
    for (programme, trip_id, to) in [("town", "T-1", "b"), ("county", "T-2", "b"), ("county", "T-3", "c")] {
        let mut trip = between(programme, "metro", "a", to);
        trip["trip_id"] = json!(trip_id);
        assert_eq!(post(&app, "/v1/trips", &trip).await.0, 201, "{trip_id}");
    }
    let (_, balance) = get(&app, "/v1/users/7/balance").await;
    let waiting = |id: &str| {
        let programmes = balance["programmes"].as_array().unwrap();
        let own = programmes.iter().find(|own| own["programme"] == id).unwrap();
        own["waiting"].clone()
    };
    assert_eq!((waiting("town"), waiting("county")), (json!("140.4"), json!("280.8")));
    // A trip is one trip, under whichever programme.
    let again = app.post("/v1/trips", &between("county", "metro", "a", "b")).await;
    assert_eq!(pointers(&problem(again, "trip_conflict").await), ["/programme"]);
}

#[tokio::test]
async fn a_way_is_found_without_a_trip() {
    let (app, _folder) = town().await;
    let (status, way) = get(&app, "/v1/networks/town/route?from=c&to=b").await;
    assert_eq!((status, &way["metres"]), (200, &json!(1500)));
    assert_eq!(way["network"], json!({"id": "town", "version": "1.2.0"}));
    assert_eq!(way["from"], json!({"id": "c", "name": "丙"}));
    for (path, code, wrong) in [
        ("town/route?from=x&to=y", "unknown_station", &["?from", "?to"][..]),
        ("town/route?from=a&to=d", "no_route", &["?to"]),
        ("none/route?from=a&to=b", "unknown_network", &["id"]),
        ("town/route?to=b", "invalid_field", &["?from"]),
        ("town/route?from=a&to=b&via=c", "unknown_field", &["?via"]),
    ] {
        let response = app.get(&format!("/v1/networks/{path}")).await;
        assert_eq!(pointers(&problem(response, code).await), wrong, "{path}");
    }
}

#[tokio::test]
async fn methodologies_can_be_read() {
    let app = TestApp::spawn().await;
    let (status, first) = get(&app, "/v1/methodologies?limit=2").await;
    assert_eq!((status, first["items"].as_array().map(Vec::len)), (200, Some(2)));
    let rest = format!("/v1/methodologies?cursor={}", first["next"].as_str().unwrap());
    let (_, rest) = get(&app, &rest).await;
    let (_, all) = get(&app, "/v1/methodologies").await;
    let items = |list: &Value| list["items"].as_array().unwrap().clone();
    assert_eq!([items(&first), items(&rest)].concat(), items(&all));
    assert_eq!(all["next"], Value::Null);
    for wrong in ["limit=0", "limit=201", "limit=x", "cursor=%20"] {
        problem(app.get(&format!("/v1/methodologies?{wrong}")).await, "invalid_field").await;
    }
    for path in ["/v1/methodologies?page=2", "/v1/methodologies/a/1?x=1"] {
        problem(app.get(path).await, "unknown_field").await;
    }
    for item in items(&all) {
        let path = format!(
            "/v1/methodologies/{}/{}",
            item["id"].as_str().unwrap(),
            item["version"].as_str().unwrap()
        );
        let (status, set) = get(&app, &path).await;
        assert_eq!(status, 200, "{path}");
        for field in ["id", "version", "title", "status", "gas", "digest"] {
            assert!(!item[field].is_null());
            assert_eq!(item[field], set[field], "{path} {field}");
        }
        let formulas = set["formulas"].as_object().unwrap();
        assert!(formulas.keys().eq(set["modes"].as_object().unwrap().keys()), "{path}");
        let complete = set["missing"] == json!([]);
        assert!(complete || set["status"] == "template", "{path}");
    }
    let (_, template) = get(&app, "/v1/methodologies/cn-jjj-low-carbon-travel-2024/1.0.0").await;
    assert_eq!(
        template["missing"],
        json!(["ef_bus", "ef_car", "ef_carpool", "ef_metro"])
    );
    assert_eq!(template["formulas"]["bus"], "ER = 1 * ef_car * D - ef_bus * D");
    problem(
        app.get("/v1/methodologies/cn-jjj-low-carbon-travel-2024/9.9.9").await,
        "not_found",
    )
    .await;
}

#[tokio::test]
async fn programmes_can_be_read_by_keys_that_may_use_them() {
    let (app, _folder) = town().await;
    let (status, town) = get(&app, "/v1/programmes/town").await;
    assert_eq!(status, 200, "{town}");
    let metro = &town["modes"][1];
    assert_eq!(
        (&metro["mode"], &town["zone"]),
        (&json!("metro"), &json!("Asia/Shanghai"))
    );
    assert_eq!(metro["methodology"]["id"], "cn-sz-public-transport-2021");
    assert_eq!(
        (&metro["network"]["id"], &metro["network"]["version"]),
        (&json!("town"), &json!("1.2.0"))
    );
    assert_eq!(town["modes"][0]["network"], Value::Null);
    assert_eq!(metro["rules"]["max_distance_m"], 50_000);
    assert_eq!(
        (&town["caps"]["daily_amount"], &town["caps"]["daily_count"]),
        (&json!("5000"), &Value::Null)
    );
    assert_eq!((&town["day_of"], &town["collect"]), (&json!("end"), &json!("rider")));
    assert_eq!(
        (&town["rules"]["overlap"], &town["claims"]["delay_s"]),
        (&Value::Null, &json!(0))
    );
    problem(app.get("/v1/programmes/none").await, "not_found").await;

    let ids = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&get(&app, "/v1/programmes").await.1), ["county", "demo", "town"]);
    let (limited, _) = key(&app, "first", "trips:write", &["town"], None).await;
    let ask = |path: &str| {
        app.client
            .get(format!("{}{path}", app.base))
            .bearer_auth(&limited)
            .send()
    };
    assert_eq!(ids(&read(ask("/v1/programmes").await.unwrap()).await.1), ["town"]);
    assert_eq!(ask("/v1/programmes/town").await.unwrap().status(), 200);
    problem(ask("/v1/programmes/county").await.unwrap(), "forbidden").await;
    for path in ["/v1/methodologies", "/v1/networks/town/route?from=a&to=b"] {
        assert_eq!(ask(path).await.unwrap().status(), 200, "{path}");
        let without = app.client.get(format!("{}{path}", app.base)).send().await.unwrap();
        problem(without, "unauthorized").await;
    }
}
