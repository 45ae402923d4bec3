//! The same on a database server, whose optimiser is another one and which keeps a rider's trips together by their primary key: what a
//! driven gateway sends there is overheard, explained against large tables, and must search each by the index that the file searches too.

mod differs;
mod overheard;
mod tables;
mod values;

use super::expected::{self, Reading, Row};
use super::{BY_FAULT, driven, filled};
use crate::database;
use differs::{AS_GOOD, ON_A_SERVER};
use std::collections::BTreeSet;
use std::process::Command;
use tables::{Found, Tables};
use tokio::task::JoinSet;
use values::{statements, without_values, without_words};

const TEST: &str = "plans::on_a_server::every_statement_uses_the_index_meant_for_it";
/// Set in the process that drives the gateway.
const DRIVES: &str = "PLANS_DRIVES";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test tells its own process from the one that it starts"
)]
fn every_statement_uses_the_index_meant_for_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if std::env::var_os(DRIVES).is_some() {
        return runtime.block_on(driven::all_it_can_do());
    }
    let Some(server) = database::server_of("every statement on a server") else {
        return;
    };
    let mut tasks = JoinSet::new();
    let (user, place) = server.rsplit_once('@').unwrap();
    let (overheard, address) = runtime.block_on(overheard::between(place.to_owned(), &mut tasks));
    // In plain bytes, so that it can be overheard; in a process of its own, since a whole process is told where its ledgers lie.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(DRIVES, "yes")
        .env("CARBON_TEST_MYSQL", format!("{user}@{address}?ssl-mode=DISABLED"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut overheard = overheard.lock().unwrap().clone();
    overheard.extend(BY_FAULT.map(str::to_owned));
    runtime.block_on(explain(&overheard));
}

async fn explain(overheard: &BTreeSet<String>) {
    let mut tables = Tables::filled().await;
    tables.assert_few_indexes();
    let (mut wrong, mut met) = (Vec::new(), BTreeSet::new());
    let sent = overheard.iter().flat_map(|text| statements(text));
    let sent: BTreeSet<String> = sent.map(|statement| filled::of_the_shard(&statement)).collect();
    for statement in &sent {
        // A file needs no word for the way to its heads.
        let short = without_values(&filled::collapsed(statement)).replace(" FORCE INDEX (PRIMARY)", "");
        let row = row_of(&short, without_values).or_else(|| row_of(&without_words(&short), without_words));
        let Some((beginning, reading)) = row else {
            wrong.push(format!("no row for\n  {short}"));
            continue;
        };
        met.insert(beginning);
        // Whole tables are small or meant to be read as such, and nothing has to be found for rows that are given.
        let Reading::Searched(lines) = reading else { continue };
        if lines.is_empty() {
            assert!(!short.contains(" SELECT "), "{short}");
            continue;
        }
        let plan = tables.plan(statement).await;
        let is_met = |lines: &[&str]| {
            let meant: Vec<Found> = lines.iter().filter_map(|line| Found::read(line)).collect();
            let told = plan.iter().all(|found| meant.iter().any(|meant| found.is_as(meant)));
            told && meant.iter().all(|meant| plan.iter().any(|found| found.is_as(meant)))
        };
        let mut as_good = AS_GOOD.iter().filter(|(statement, _)| *statement == beginning);
        if !is_met(lines) && !as_good.any(|(_, line)| is_met(&[line])) {
            wrong.push(format!("{short}\n  is       {plan:?}\n  expected {lines:?}"));
        }
    }
    tables.drop().await;
    wrong.extend(unmet(&met));
    let (count, of) = (wrong.len(), sent.len());
    assert!(wrong.is_empty(), "{count} of {of}:\n{}", wrong.join("\n"));
}

/// The row with the longest beginning that fits, once it is without the same as the statement.
fn row_of(statement: &str, without: fn(&str) -> String) -> Option<Row> {
    let rows = expected::rows().chain(ON_A_SERVER);
    rows.filter(|(beginning, _)| statement.starts_with(&without(&without_values(beginning))))
        .max_by_key(|(beginning, _)| beginning.len())
}

/// What should have been heard, and was not.
fn unmet(met: &BTreeSet<&str>) -> impl Iterator<Item = String> {
    let searched = expected::rows().filter(|(_, reading)| matches!(reading, Reading::Searched(_)));
    let beginnings = searched.chain(ON_A_SERVER).map(|(beginning, _)| beginning);
    let unmet = beginnings.filter(|beginning| !met.contains(beginning));
    unmet.map(|beginning| format!("never sent: {beginning}"))
}
