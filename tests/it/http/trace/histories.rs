//! Random small histories: both ways agree with each other and with what the transactions themselves say.

use super::{Town, items, rides_of, text, via_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const RIDERS: [u32; 3] = [17, 47, 77];

/// Numbers that look random and are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Rides, collections and redemptions in some order; the rides.
async fn lived(town: &mut Town, dice: &mut Dice, orders: usize) -> Vec<(u32, String)> {
    let mut rides = Vec::new();
    for _ in 0..orders {
        let user = RIDERS[usize::try_from(dice.below(3)).unwrap()];
        match dice.below(8) {
            0..=2 => {
                let modes: &[&str] = [&["metro"][..], &["tube"], &["metro", "tube"]][usize::try_from(dice.below(3)).unwrap()];
                rides.push((user, town.ride(user, modes).await));
            }
            3..=4 => drop(town.collect(user).await),
            _ => drop(town.redeem(user, &format!("{}.5", 1 + dice.below(60))).await),
        }
    }
    rides
}

/// The lot of a credit, as far as these histories know any.
fn lot(credit: &Value) -> (String, String) {
    (text(&credit["gas"]), credit["vintage"].to_string())
}

#[tokio::test]
async fn both_ways_agree_whatever_happened() {
    for seed in 1..=4 {
        let mut town = Town::new().await;
        let rides = lived(&mut town, &mut Dice(seed), 160).await;
        let transactions = town.transactions(&RIDERS).await;
        let outputs = transactions.values().flat_map(|transaction| items(&transaction["outputs"]));
        let credits: BTreeMap<String, &Value> = outputs.map(|credit| (text(&credit["credit_id"]), credit)).collect();
        assert!(credits.len() > 40, "{}", credits.len());
        let mut forward: BTreeSet<(String, (String, String))> = BTreeSet::new();
        let mut issued: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (user, trip_id) in &rides {
            let trace = town.forth(*user, trip_id).await;
            via_of(&trace);
            for descendant in items(&trace["credits"]) {
                let id = text(&descendant["credit"]["credit_id"]);
                assert_eq!(&descendant["credit"], credits[&id]);
                let ended = descendant["credit"]["spent_by"].as_str().map(|id| &transactions[id]["kind"]);
                assert_eq!(&descendant["ended_by"], ended.unwrap_or(&Value::Null));
                assert!(forward.insert((id, (user.to_string(), trip_id.clone()))), "told once");
            }
            if let Some(issue) = trace["trip"]["transaction_id"].as_str() {
                issued.entry(issue.to_owned()).or_default().push(trace["trip"].clone());
            }
        }
        let mut backward = BTreeSet::new();
        for (id, credit) in &credits {
            let trace = town.get(&format!("/v1/credits/{id}/trace")).await;
            let (via, sources) = naive(credit, (&credits, &transactions, &issued));
            assert_eq!((via_of(&trace), rides_of(&trace)), (via, sources));
            assert_eq!(town.parts(&format!("/v1/credits/{id}/trace"), 5).await.0, trace);
            backward.extend(rides_of(&trace).into_iter().map(|ride| (id.clone(), ride)));
        }
        assert_eq!(backward, forward, "seed {seed}");
        assert!(backward.len() > 200);
    }
}

type Ledger<'a> = (
    &'a BTreeMap<String, &'a Value>,
    &'a BTreeMap<String, Value>,
    &'a BTreeMap<String, Vec<Value>>,
);

/// Transactions and rides behind a credit, by the transactions' own words.
fn naive(credit: &Value, (credits, transactions, issued): Ledger<'_>) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
    let (mut via, mut rides) = (BTreeSet::new(), BTreeSet::new());
    let mut open = vec![credit];
    while let Some(next) = open.pop() {
        let id = text(&next["created_by"]);
        let transaction = &transactions[&id];
        let inputs = items(&transaction["inputs"]).map(|input| credits[input.as_str().unwrap()]);
        open.extend(inputs.filter(|input| lot(input) == lot(credit)));
        if transaction["kind"] == "issue" {
            let mode = if credit["gas"] == "CO2" { "metro" } else { "tube" };
            let gave = issued[&id].iter().filter(|trip| items(&trip["legs"]).any(|leg| leg["mode"] == mode));
            rides.extend(gave.map(|trip| (text(&trip["user_id"]), text(&trip["trip_id"]))));
        }
        via.insert(id);
    }
    (via, rides)
}
