//! What operators rest on: every figure that is counted is described, and alerts, dashboard and runbook speak of figures that are there.

use crate::support::{TestApp, trip_at};
use carbon_gateway::telemetry::{FIGURES, Kind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What stands before the name of a figure where it is counted.
const COUNTED: [(&str, Kind); 3] = [
    ("metrics::counter!(\"", Kind::Counter),
    ("metrics::gauge!(\"", Kind::Gauge),
    ("metrics::histogram!(\"", Kind::Histogram),
];

fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(top(path)).unwrap()
}

/// All Rust source below a folder, one text.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &source(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// Words of a text that look like a figure's name.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| word.starts_with("carbon_")).collect()
}

/// The names under which Prometheus knows our figures.
fn served() -> BTreeSet<String> {
    let names = FIGURES.iter().flat_map(|figure| match figure.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"]
            .map(|part| format!("{}{part}", figure.name))
            .to_vec(),
        Kind::Counter | Kind::Gauge => vec![figure.name.to_owned()],
    });
    names.collect()
}

#[test]
fn what_is_counted_is_described() {
    let source = source(&top("src"));
    let mut counted = BTreeSet::new();
    for (call, kind) in COUNTED {
        for rest in source.split(call).skip(1) {
            let name = rest.split('"').next().unwrap();
            // Those of the recorder's own test.
            if name.starts_with("carbon_") {
                counted.insert((name, format!("{kind:?}")));
            }
        }
    }
    let described = FIGURES.iter().map(|figure| (figure.name, format!("{:?}", figure.kind)));
    assert_eq!(counted, described.collect::<BTreeSet<_>>());
    assert!(FIGURES.iter().all(|figure| figure.meaning.ends_with('.')));
}

#[test]
fn alerts_and_dashboard_rest_on_figures_that_are_there() {
    let served = served();
    let dashboard = read("docs/operations/dashboard.json");
    let parsed: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = parsed["panels"].as_array().unwrap();
    assert!(panels.len() > 20, "{}", panels.len());
    let mut shown = BTreeSet::new();
    for expression in panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
    {
        let of_panel = names(expression["expr"].as_str().unwrap());
        assert!(!of_panel.is_empty(), "{expression}");
        shown.extend(of_panel);
    }
    let alerts = read("docs/operations/alerts.yaml");
    for name in shown.iter().copied().chain(names(&alerts)) {
        assert!(served.contains(name), "{name} is no figure of ours");
    }
    for figure in FIGURES {
        let told = shown.iter().any(|name| name.starts_with(figure.name));
        assert!(told, "the dashboard does not show {}", figure.name);
    }
}

#[test]
fn every_alert_has_its_section() {
    let (alerts, runbook) = (read("docs/operations/alerts.yaml"), read("docs/operations/runbook.md"));
    let rules: Vec<&str> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let sections = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    // What is done without an alarm has a title of several words.
    let sections: Vec<&str> = sections.filter(|title| !title.contains(' ')).collect();
    assert_eq!(rules, sections);
    for rule in rules {
        let link = format!("runbook: docs/operations/runbook.md#{}", rule.to_lowercase());
        assert!(alerts.contains(&link), "{link}");
    }
}

#[tokio::test]
async fn the_business_is_counted_as_it_is_booked() {
    let app = TestApp::spawn().await;
    let figure = async |line: &str| {
        let text = app.get("/metrics").await.text().await.unwrap();
        let value = text
            .lines()
            .find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse::<f64>().unwrap())
    };
    let refused = "carbon_trips_refused_total{rule=\"too_old\"}";
    let (trips, grams) = (
        "carbon_ledger_entries_total{figure=\"trip\"}",
        "carbon_ledger_micrograms_total{figure=\"quantified\"}",
    );
    // Other tests of this process count too.
    let before = [figure(trips).await, figure(grams).await, figure(refused).await];
    let now_s = crate::support::NOON_MS / 1_000;
    let posted = app.post("/v1/trips", &trip_at(now_s, 1)).await;
    let quantified: Value = posted.json().await.unwrap();
    let quantified: f64 = quantified["quantified"].as_str().unwrap().parse().unwrap();
    app.post("/v1/trips", &trip_at(now_s - 40 * 86_400, 2)).await;
    let after = [figure(trips).await, figure(grams).await, figure(refused).await];
    assert!(
        after[0] >= before[0] + 2.0 && after[2] >= before[2] + 1.0,
        "{before:?} {after:?}"
    );
    assert!(after[1] >= before[1] + quantified * 1e6 - 1.0, "{before:?} {after:?}");
    let text = app.get("/metrics").await.text().await.unwrap();
    for name in [
        "carbon_writer_queue_limit",
        "carbon_database_up",
        "carbon_pool_limit",
        "carbon_writer_commit_seconds",
    ] {
        assert!(
            text.contains(&format!("# HELP {name} ")),
            "{name} is not explained:\n{text}"
        );
    }
    // What has not happened is told as zero, or no alarm could rest on its growth.
    for line in [
        "carbon_dispatch_sweeps_total{outcome=\"failed\"}",
        "carbon_job_runs_total{job=\"settle-due\",outcome=\"done\"}",
        "carbon_writer_overloaded_total",
    ] {
        assert!(text.contains(&format!("\n{line} ")), "{line}");
    }
    assert!(
        text.contains("carbon_writer_commit_seconds_bucket{le=\"0.0005\"}"),
        "histograms are told as buckets"
    );
    app.stop().await;
}
