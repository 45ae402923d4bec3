//! What operators rest on: every figure that is counted is described, and alerts, dashboard and runbook speak of figures that are there.

use crate::process::Served;
use crate::support::{now_s, trip_at};
use carbon_gateway::methodology::units::Amount;
use carbon_gateway::telemetry::{FIGURES, Kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

/// The lines of `/metrics`. A process of its own is asked: in this one other tests count too.
async fn told(served: &Served) -> String {
    let answer = served.client.get(format!("{}/metrics", served.base)).send().await;
    answer.unwrap().text().await.unwrap()
}

/// The value of a figure with its labels, as it is told.
fn value<'t>(text: &'t str, figure: &str) -> &'t str {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(figure)?.strip_prefix(' '));
    value.unwrap_or("nothing")
}

/// Waits until a sweep tells how many transactions are stored and can leave, wait for their parents, and have left.
async fn backlog_until(served: &Served, expected: [&str; 3]) {
    let begun = Instant::now();
    loop {
        let text = told(served).await;
        let found = ["stored", "waiting_for_parents", "submitted"]
            .map(|status| value(&text, &format!("carbon_dispatch_backlog{{status=\"{status}\"}}")));
        if found == expected {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "{found:?} and not {expected:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn post(served: &Served, path: &str, body: &Value) -> Value {
    let request = served.client.post(format!("{}{path}", served.base));
    let request = request.bearer_auth(&served.key).header("Idempotency-Key", path);
    let answer = request.json(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn the_business_is_counted_as_it_is_booked() {
    let data = tempfile::tempdir().unwrap();
    // A block waits longer for company than one sweep for the next: what is on its way can be seen there.
    let served = Served::start_with(data.path(), &[("CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS", "10000")]).await;
    let text = told(&served).await;
    // What has not happened is told as zero, or no alarm could rest on its growth.
    for line in [
        "carbon_dispatch_sweeps_total{outcome=\"failed\"}",
        "carbon_job_runs_total{job=\"settle-due\",outcome=\"failed\"}",
        "carbon_writer_overloaded_total",
        "carbon_writer_batches_failed_total",
        "carbon_writer_batches_again_total",
        "carbon_writer_rides_read_total",
    ] {
        assert_eq!(value(&text, line), "0", "{line}");
    }
    let sent = trip_at(now_s(), 1);
    let trip = post(&served, "/v1/trips", &sent).await;
    assert_eq!(value(&told(&served).await, "carbon_writer_rides_read_total"), "0");
    let again = served.client.post(format!("{}/v1/trips", served.base));
    let again = again.bearer_auth(&served.key).json(&sent).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 200);
    assert_eq!(value(&told(&served).await, "carbon_writer_rides_read_total"), "1");
    post(&served, "/v1/trips", &trip_at(now_s() - 40 * 86_400, 2)).await;
    let all = json!({"programme": "demo", "all": true});
    post(&served, "/v1/users/1000001/claims/collect", &all).await;
    let order = json!({"user_id": "1000001", "programme": "demo", "amount": "150", "reference": "order-1"});
    post(&served, "/v1/redemptions", &order).await;
    // The issue is on its way, and what spends it waits for it.
    backlog_until(&served, ["0", "1", "1"]).await;
    backlog_until(&served, ["0", "0", "0"]).await;
    let text = told(&served).await;
    let grams = Amount::parse_grams(trip["quantified"].as_str().unwrap()).unwrap();
    let grams = grams.micrograms().to_string();
    for (figure, count, amount) in [
        ("trip", "2", "0"),
        ("refused", "1", "0"),
        ("quantified", "1", &grams),
        ("collected", "1", &grams),
        ("issued", "1", &grams),
        ("spent", "1", "150000000"),
        ("received", "1", "150000000"),
    ] {
        let of = |family: &str| value(&text, &format!("{family}{{figure=\"{figure}\"}}"));
        let found = (of("carbon_ledger_entries_total"), of("carbon_ledger_micrograms_total"));
        assert_eq!(found, (count, amount), "{figure}");
    }
    assert_eq!(value(&text, "carbon_trips_refused_total{rule=\"too_old\"}"), "1");
    assert_eq!(value(&text, "carbon_dispatch_envelopes_total{fate=\"confirmed\"}"), "2");
    a_batch_is_told_in_parts(&text);
    assert_eq!(served.terminate(), Some(0));
}

/// Nothing is at work: every batch is told whole, and its parts are no more than the whole.
fn a_batch_is_told_in_parts(text: &str) {
    for name in ["carbon_writer_queue_limit", "carbon_database_up", "carbon_pool_limit"] {
        assert!(
            text.contains(&format!("# HELP {name} ")),
            "{name} is not explained:\n{text}"
        );
    }
    let [whole, lock, commit] = [
        "carbon_writer_commit_seconds",
        "carbon_writer_lock_seconds",
        "carbon_database_commit_seconds",
    ]
    .map(|name| {
        assert!(
            text.contains(&format!("\n{name}_bucket{{le=\"0.0005\"}} ")),
            "{name} is not told as buckets"
        );
        let of = |part: &str| value(text, &format!("{name}_{part}")).parse::<f64>().unwrap();
        (of("count"), of("sum"))
    });
    assert!(whole.0 >= 4.0 && lock.0 >= whole.0, "{whole:?} {lock:?}");
    assert!(commit.0 >= 4.0 && commit.0 <= lock.0, "{commit:?} {lock:?}");
    assert!(
        lock.1 > 0.0 && commit.1 > 0.0 && lock.1 + commit.1 <= whole.1,
        "{whole:?} {lock:?} {commit:?}"
    );
}
