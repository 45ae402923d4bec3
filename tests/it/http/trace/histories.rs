//! Random small histories: both ways agree with each other and with what the transactions themselves say.

use super::super::location;
use super::{Town, items, rides_of, text, via_of};
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::reports::trace::{Bounds, back};
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::reads;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const RIDERS: [u32; 3] = [17, 47, 77];

/// Numbers that look random and are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
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
                let modes: &[&str] =
                    [&["metro"][..], &["tube"], &["metro", "tube"]][usize::try_from(dice.below(3)).unwrap()];
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
        town.app.drained().await;
        let transactions = town.transactions(&RIDERS).await;
        let outputs = transactions
            .values()
            .flat_map(|transaction| items(&transaction["outputs"]));
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
                let ended = descendant["credit"]["spent_by"]
                    .as_str()
                    .map(|id| &transactions[id]["kind"]);
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

/// Three riders pay a hundred times; each time what was paid before is behind the change, and behind the sink's merge as well.
#[tokio::test]
async fn a_cursor_leaves_out_what_is_come_upon_again() {
    let mut town = Town::new().await;
    for user in RIDERS {
        for _ in 0..3 {
            town.ride(user, &["metro"]).await;
        }
        town.collect(user).await;
    }
    for n in 0..34 {
        for user in RIDERS {
            assert!(town.redeem(user, &format!("1.{n:02}")).await.is_some());
        }
    }
    let transactions = town.transactions(&RIDERS).await;
    let last = |transaction: &&Value| transaction["kind"] == "merge" && transaction["outputs"][0]["spent_by"].is_null();
    let merged = transactions.values().find(last).unwrap();
    let hash = Hash::parse(&text(&merged["outputs"][0]["credit_id"])[6..]).unwrap();
    let readers = Homes::one(location(&town.app)).readers(1).await.unwrap();
    let (credit, _) = reads::credit(&readers, None, &hash).await.unwrap().unwrap();
    let whole = Bounds {
        transactions: usize::MAX,
        sources: usize::MAX,
        waiting: 0,
    };
    let whole = back(&readers, &credit, None, whole).await.unwrap();
    assert_eq!((whole.sources.len(), &whole.next), (9, &None));
    assert!(whole.via.len() > 90);
    for (waiting, sources, most_named) in [(0, 1_000, 5), (usize::MAX, 1_000, 100), (0, 1, 5)] {
        let bounds = Bounds {
            transactions: 3,
            sources,
            waiting,
        };
        let (mut via, mut given, mut cursor, mut longest) = (Vec::new(), Vec::new(), None::<String>, 0);
        loop {
            let part = back(&readers, &credit, cursor.as_deref(), bounds).await.unwrap();
            assert!(part.via.len() <= 3);
            via.extend(part.via.iter().map(|via| via.standing.content_id));
            given.extend(part.sources.iter().map(|source| source.trip.as_ref().unwrap().seq));
            cursor = part.next;
            let Some(text) = &cursor else { break };
            longest = longest.max(text.split(['-', '.']).skip(2).filter(|seq| !seq.is_empty()).count());
        }
        assert_eq!(
            via,
            whole.via.iter().map(|via| via.standing.content_id).collect::<Vec<_>>()
        );
        assert_eq!(
            given,
            whole
                .sources
                .iter()
                .map(|source| source.trip.as_ref().unwrap().seq)
                .collect::<Vec<_>>()
        );
        assert!(longest <= most_named, "{longest}");
        assert!(waiting == 0 || longest > 20, "{longest}: nothing to leave out");
    }
}

type Ledger<'a> = (
    &'a BTreeMap<String, &'a Value>,
    &'a BTreeMap<String, Value>,
    &'a BTreeMap<String, Vec<Value>>,
);

/// Transactions and rides behind a credit, by the transactions' own words.
fn naive(
    credit: &Value,
    (credits, transactions, issued): Ledger<'_>,
) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
    let (mut via, mut rides) = (BTreeSet::new(), BTreeSet::new());
    let mut open = vec![credit];
    while let Some(next) = open.pop() {
        let id = text(&next["created_by"]);
        let transaction = &transactions[&id];
        let inputs = items(&transaction["inputs"]).map(|input| credits[input.as_str().unwrap()]);
        open.extend(inputs.filter(|input| lot(input) == lot(credit)));
        if transaction["kind"] == "issue" {
            let mode = if credit["gas"] == "CO2" { "metro" } else { "tube" };
            let gave = issued[&id]
                .iter()
                .filter(|trip| items(&trip["legs"]).any(|leg| leg["mode"] == mode));
            rides.extend(gave.map(|trip| (text(&trip["user_id"]), text(&trip["trip_id"]))));
        }
        via.insert(id);
    }
    (via, rides)
}
