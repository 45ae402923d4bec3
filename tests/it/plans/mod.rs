//! Every SQL text that the product executes, gathered while a gateway is driven through all it can do, is explained against
//! tables of 10^6 rows and must search each of them by the index that `expected` names for it.
//!
//! The gateway runs in a process of its own, this test started again: statements are told to whoever listens in the process,
//! and other tests of this binary execute theirs at the same time.

mod driven; // all that a gateway can do
mod expected; // statement → index
mod filled; // the tables, and what the database says of a statement
mod looked_at; // what `doctor` asks
mod on_a_server; // the same on a server
mod on_the_way; // what dispatch asks

use expected::Reading;
use filled::Filled;
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

const TEST: &str = "plans::every_statement_uses_the_index_meant_for_it";
/// Set in the process that drives the gateway: the file that takes the statements.
const FILE: &str = "PLANS_STATEMENTS";
/// Statements that only a lost reply to COMMIT brings.
const BY_FAULT: [&str; 1] = ["SELECT seal FROM journal WHERE shard = ? AND seq_from = ?"];

static HEARD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test tells its own process from the one that it starts"
)]
fn every_statement_uses_the_index_meant_for_it() {
    if let Some(file) = std::env::var_os(FILE) {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Listener)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(driven::all_it_can_do());
        let heard = HEARD.lock().unwrap();
        return std::fs::write(file, serde_json::to_vec(&*heard).unwrap()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("statements.json");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(FILE, &file)
        // The plans are those of a file.
        .env_remove("CARBON_TEST_MYSQL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut statements: BTreeSet<String> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let batch = include_str!("../../../src/store/batch.rs");
    for statement in BY_FAULT {
        assert!(batch.contains(statement), "{statement}");
        statements.insert(statement.to_owned());
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(explain(&statements));
}

async fn explain(statements: &BTreeSet<String>) {
    let mut filled = Filled::with_a_million_rows().await;
    filled.assert_few_indexes().await;
    let mut wrong = Vec::new();
    let mut met = BTreeSet::new();
    let statements: BTreeSet<String> = statements.iter().map(|text| filled::of_the_shard(text)).collect();
    for statement in &statements {
        let short = filled::collapsed(statement);
        let Some((beginning, reading)) = expected::row_of(&short) else {
            let plan = filled.plan(statement).await;
            wrong.push(format!("no row for\n  {short}\n  whose plan is {plan:?}"));
            continue;
        };
        met.insert(beginning);
        let (expected, reason) = match reading {
            Reading::Nothing => continue,
            Reading::Searched(plan) => (Some(plan), ""),
            Reading::Whole(plan, reason) => (Some(plan), reason),
            Reading::Everything(reason) => (None, reason),
        };
        let plan = filled.plan(statement).await;
        let whole = plan.iter().any(|line| line.starts_with("SCAN"));
        if whole == reason.is_empty() || expected.is_some_and(|expected| plan != expected) {
            wrong.push(format!(
                "{short}\n  is       {plan:?}\n  expected {expected:?} {reason}"
            ));
        }
    }
    let unmet = expected::rows().filter(|(beginning, _)| !met.contains(beginning));
    wrong.extend(unmet.map(|(beginning, _)| format!("never executed: {beginning}")));
    let (count, of) = (wrong.len(), statements.len());
    assert!(wrong.is_empty(), "{count} of {of}:\n{}", wrong.join("\n"));
}

/// Gathers the texts of executed statements.
struct Listener;

impl<S: tracing::Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut heard = Heard::default();
            event.record(&mut heard);
            // A short statement stands in the summary alone.
            let text = if heard.statement.is_empty() {
                heard.summary
            } else {
                heard.statement
            };
            HEARD.lock().unwrap().insert(text);
        }
    }
}

#[derive(Default)]
struct Heard {
    summary: String,
    statement: String,
}

impl Visit for Heard {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.trim().clone_into(&mut self.summary),
            "db.statement" => value.trim().clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
