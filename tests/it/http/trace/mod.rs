//! Traces: from credits back to rides and from rides forward, in parts and as a whole, held against a walk over what the
//! transactions themselves say.

mod cases;
mod histories;

use super::{credits::keyed, get, read};
use crate::process::command;
use crate::support::{NOON_MS, TestApp};
use serde_json::{Value, json};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

const NOON_S: i64 = NOON_MS / 1_000;

/// Two gases, so that one ride may give to two lots; claims lapse within an hour.
const MIXED: &str = "id = 'mixed'\ntime_zone = 'Asia/Shanghai'\ncollect = 'rider'\nback_test = true\n\
    [modes.metro]\nmethodology = 'cn-sz-public-transport-2021'\nversion = '1.0.0'\n\
    [modes.tube]\nmethodology = 'uk-modal-shift-2026'\nversion = '1.0.0'\nas = 'metro'\n\
    [claims]\nwindow_s = 3600\n[credits]\nvalid_months = 0\n";

/// A gateway with the programme `mixed`, and what orders need to be told apart.
struct Town {
    app: TestApp,
    _programmes: tempfile::TempDir,
    count: u32,
}

impl Town {
    async fn new() -> Self {
        let programmes = tempfile::tempdir().unwrap();
        std::fs::write(programmes.path().join("mixed.toml"), MIXED).unwrap();
        let settings = [
            ("CARBON_GATEWAY__PROGRAMME__DIR", programmes.path().to_str().unwrap()),
            ("CARBON_GATEWAY__DATABASE__SYNCHRONOUS", "normal"),
        ];
        Self {
            app: TestApp::spawn_with(&settings).await,
            _programmes: programmes,
            count: 0,
        }
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    /// Books a ride of a leg in each mode; its trip id.
    async fn ride(&mut self, user: u32, modes: &[&str]) -> String {
        let n = i64::from(self.next());
        let trip_id = format!("R-{n}");
        let time = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_string();
        let legs = modes.iter().enumerate().map(|(leg, mode)| {
            let from_s = NOON_S - 80_000 + n * 20 + i64::try_from(leg).unwrap() * 10;
            json!({"mode": mode, "started_at": time(from_s), "ended_at": time(from_s + 10), "distance_m": 1_000 + n})
        });
        let legs: Vec<Value> = legs.collect();
        let body = json!({"programme": "mixed", "trip_id": trip_id, "user_id": user, "legs": legs});
        let (status, trip) = read(self.app.post("/v1/trips", &body).await).await;
        assert_eq!((status, &trip["outcome"]), (201, &json!("credited")), "{trip}");
        trip_id
    }

    /// Collects all that waits.
    async fn collect(&mut self, user: u32) -> Value {
        let key = format!("k-{}", self.next());
        let body = json!({"programme": "mixed", "all": true});
        let path = format!("/v1/users/{user}/claims/collect");
        let mut collected = read(keyed(&self.app, &path, &key, &body).await).await.1;
        self.app.drained().await;
        for credit in collected["credits"].as_array_mut().unwrap() {
            *credit = self.settled(credit).await;
        }
        collected
    }

    /// A credit as it is when the chain has it.
    async fn settled(&self, credit: &Value) -> Value {
        self.get(&format!("/v1/credits/{}", credit["credit_id"].as_str().unwrap()))
            .await
    }

    /// Spends grams; `None` if there are too few.
    async fn redeem(&mut self, user: u32, amount: &str) -> Option<Value> {
        let key = format!("k-{}", self.next());
        let body = json!({"user_id": user, "programme": "mixed", "amount": amount});
        let (status, mut paid) = read(keyed(&self.app, "/v1/redemptions", &key, &body).await).await;
        assert!(status == 201 || status == 422, "{paid}");
        self.app.drained().await;
        if paid["change"].is_object() {
            paid["change"] = self.settled(&paid["change"]).await;
        }
        (status == 201).then_some(paid)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, document) = get(&self.app, path).await;
        assert_eq!(status, 200, "{path}: {document}");
        document
    }

    async fn back(&self, credit: &Value) -> Value {
        let id = credit["credit_id"].as_str().unwrap();
        self.get(&format!("/v1/credits/{id}/trace")).await
    }

    async fn forth(&self, user: u32, trip_id: &str) -> Value {
        self.get(&format!("/v1/users/{user}/trips/{trip_id}/trace")).await
    }

    /// A trace read in parts of so many transactions, put together; and how many parts there were.
    async fn parts(&self, path: &str, limit: usize) -> (Value, usize) {
        let mut whole = self.get(&format!("{path}?limit={limit}")).await;
        let mut parts = 1;
        while let Some(cursor) = whole["next"].as_str() {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            assert!(cursor.bytes().all(plain), "{cursor}");
            assert_eq!(whole["complete"], false);
            let mut part = self.get(&format!("{path}?limit={limit}&cursor={cursor}")).await;
            for list in ["via", "sources", "credits"] {
                let Some(more) = part[list].as_array_mut() else {
                    continue;
                };
                assert!(list != "via" || more.len() <= limit);
                whole[list].as_array_mut().unwrap().append(more);
            }
            for field in ["complete", "next"] {
                whole[field] = part[field].take();
            }
            parts += 1;
        }
        (whole, parts)
    }

    /// Every transaction that made or consumed a credit of these riders and of the sink, by reference.
    async fn transactions(&self, riders: &[u32]) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let mut open: Vec<String> = Vec::new();
        for rider in riders {
            let mut next = String::new();
            loop {
                let page = self.get(&format!("/v1/users/{rider}/credits?limit=200{next}")).await;
                open.extend(items(&page["items"]).flat_map(references));
                let Some(cursor) = page["next"].as_str() else { break };
                next = format!("&cursor={cursor}");
            }
        }
        while let Some(reference) = open.pop() {
            if let Entry::Vacant(vacant) = found.entry(reference) {
                let transaction = self.get(&format!("/v1/transactions/{}", vacant.key())).await;
                open.extend(items(&transaction["outputs"]).flat_map(references));
                vacant.insert(transaction);
            }
        }
        found
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What made a credit and what consumed it.
fn references(credit: &Value) -> Vec<String> {
    let both = [&credit["created_by"], &credit["spent_by"]];
    both.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Rider and trip id of each source that is shown.
fn rides_of(trace: &Value) -> BTreeSet<(String, String)> {
    let trips =
        items(&trace["sources"]).map(|source| (text(&source["trip"]["user_id"]), text(&source["trip"]["trip_id"])));
    trips.collect()
}

/// References of a trace's transactions, each of which must stand there once.
fn via_of(trace: &Value) -> BTreeSet<String> {
    let all: Vec<String> = items(&trace["via"]).map(|via| text(&via["transaction_id"])).collect();
    let distinct: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(distinct.len(), all.len(), "no transaction twice");
    distinct
}

/// The command line's own document of a trace.
fn told(town: &Town, arguments: &[&str]) -> Value {
    let arguments = [&["trace", "--json"], arguments].concat();
    let (code, stdout, stderr) = command(town.app.data_dir(), &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout.lines().count(), 1);
    serde_json::from_str(&stdout).unwrap()
}
