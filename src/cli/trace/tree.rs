//! A trace as lines for a person: what follows from a line stands deeper under it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Steps beyond which lines go no deeper to the right, so that long histories stay readable.
const DEEPEST: usize = 12;

/// A line still to be told, and what stands under it.
type Open<'a> = (usize, Node<'a>);

enum Node<'a> {
    Transaction(&'a str),
    Credit(&'a Value),
    Source(&'a Value),
}

/// The lines of a document: of a credit's or of a trip's, which it tells by its members.
pub(in super::super) fn lines(document: &Value) -> Vec<String> {
    let tree = Tree::of(document);
    let trip = &document["trip"];
    if trip.is_null() {
        let credit = &document["credit"];
        let mut lines = vec![credit_line(credit)];
        tree.walk((1, Node::Transaction(text(&credit["created_by"]))), &mut lines);
        return lines;
    }
    let claim = trip["claim"]["state"].as_str().unwrap_or("none, nothing was earned");
    let mut lines = vec![trip_line(trip), format!("  claim: {claim}")];
    if let Some(issue) = trip["transaction_id"].as_str() {
        tree.walk((1, Node::Transaction(issue)), &mut lines);
    }
    lines
}

struct Tree<'a> {
    transactions: BTreeMap<&'a str, &'a Value>,
    /// Backward: which transaction made a credit.
    makers: BTreeMap<&'a str, &'a str>,
    /// Backward: what an issue was made of.
    sources: BTreeMap<&'a str, Vec<&'a Value>>,
    /// Forward: what a transaction made of the trip's grams.
    credits: BTreeMap<&'a str, Vec<&'a Value>>,
    forward: bool,
}

impl<'a> Tree<'a> {
    fn of(document: &'a Value) -> Self {
        let mut tree = Self {
            transactions: BTreeMap::new(),
            makers: BTreeMap::new(),
            sources: BTreeMap::new(),
            credits: BTreeMap::new(),
            forward: document["credit"].is_null(),
        };
        for transaction in items(&document["via"]) {
            let id = text(&transaction["transaction_id"]);
            tree.transactions.insert(id, transaction);
            let made = items(&transaction["outputs"]).map(|credit| (text(&credit["credit_id"]), id));
            tree.makers.extend(made);
        }
        for source in items(&document["sources"]) {
            let id = text(&source["transaction_id"]);
            tree.sources.entry(id).or_default().push(source);
        }
        for descendant in items(&document["credits"]) {
            let id = text(&descendant["credit"]["created_by"]);
            tree.credits.entry(id).or_default().push(descendant);
        }
        tree
    }

    fn walk(&self, first: Open<'a>, lines: &mut Vec<String>) {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        let mut open = vec![first];
        while let Some((depth, node)) = open.pop() {
            let mut put = |line: String| lines.push(format!("{}{line}", "  ".repeat(depth.min(DEEPEST))));
            let below = match node {
                Node::Source(source) => {
                    put(source_line(source));
                    Vec::new()
                }
                Node::Credit(descendant) => {
                    let ended_by = descendant["ended_by"].as_str();
                    put(credit_line(&descendant["credit"]));
                    let spent_by = &descendant["credit"]["spent_by"];
                    ended_by
                        .map(|_| Node::Transaction(text(spent_by)))
                        .into_iter()
                        .collect()
                }
                Node::Transaction(id) => {
                    let again = !told.insert(id);
                    put(self.transaction_line(id, again));
                    if again { Vec::new() } else { self.below(id) }
                }
            };
            open.extend(below.into_iter().rev().map(|node| (depth.saturating_add(1), node)));
        }
    }

    fn below(&self, id: &str) -> Vec<Node<'a>> {
        if self.forward {
            let credits = self.credits.get(id).into_iter().flatten();
            return credits.map(|credit| Node::Credit(credit)).collect();
        }
        let sources = self.sources.get(id).into_iter().flatten();
        let inputs = self
            .transactions
            .get(id)
            .map(|transaction| items(&transaction["inputs"]));
        let makers: BTreeSet<&str> = inputs
            .into_iter()
            .flatten()
            .filter_map(|input| self.makers.get(text(input)).copied())
            .collect();
        let sources = sources.map(|source| Node::Source(source));
        sources.chain(makers.into_iter().map(Node::Transaction)).collect()
    }

    fn transaction_line(&self, id: &str, again: bool) -> String {
        let Some(transaction) = self.transactions.get(id) else {
            return id.to_owned();
        };
        let kind = text(&transaction["kind"]);
        if again {
            return format!("{kind} {id} (above)");
        }
        let (amount, at) = (text(&transaction["amount"]), text(&transaction["created_at"]));
        let block = transaction["chain"]["height"].as_u64();
        let block = block.map_or_else(
            || text(&transaction["status"]).to_owned(),
            |height| format!("block {height}"),
        );
        format!("{kind} {id}: {amount} g, {at}, {block}")
    }
}

fn credit_line(credit: &Value) -> String {
    let owner = credit["user_id"]
        .as_str()
        .map_or_else(|| "the sink".to_owned(), |user| format!("user {user}"));
    format!(
        "credit {}: {} g {} {}, {owner}, {}",
        text(&credit["credit_id"]),
        text(&credit["amount"]),
        text(&credit["gas"]),
        credit["vintage"],
        text(&credit["state"])
    )
}

fn source_line(source: &Value) -> String {
    let amount = text(&source["amount"]);
    if source["trip"].is_null() {
        return format!("{amount} g brought over");
    }
    format!("{amount} g of {}", trip_line(&source["trip"]))
}

fn trip_line(trip: &Value) -> String {
    let modes: Vec<&str> = items(&trip["legs"]).map(|leg| text(&leg["mode"])).collect();
    format!(
        "trip {} of user {}, sent by {}: {}, {}, {} g",
        text(&trip["trip_id"]),
        text(&trip["user_id"]),
        text(&trip["client"]),
        text(&trip["day"]),
        modes.join(" + "),
        text(&trip["amount"])
    )
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
