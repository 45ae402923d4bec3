//! Interruptions: whatever ends an import in the middle, running it again leaves exactly what an undisturbed one leaves.

use super::made::{self, as_texts, assert_summary};
use super::refused::new_key;
use super::{assert_verified, import, imported, run, stored};
use crate::process::{Served, command};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

fn signal(child: &std::process::Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

/// A data folder whose gateway knows the made-up town's programme, and the folder of the files.
fn town(made: &made::Made) -> (tempfile::TempDir, tempfile::TempDir, Vec<PathBuf>) {
    let (files, data) = (made::folder(made), tempfile::tempdir().unwrap());
    let rides = vec![files.path().join("rides.csv")];
    let nothing = files.path().join("nothing.csv");
    std::fs::write(&nothing, "\n\nnr;kind;card;from;to;start;end;note\n").unwrap();
    let summary = imported(data.path(), &as_texts(&made::arguments(files.path())), &[nothing]);
    assert_eq!(summary["read"], json!(0));
    (files, data, rides)
}

/// The arguments that import over HTTP.
fn over_http(files: &Path, served: &Served, data: &Path) -> Vec<String> {
    let key = files.join("key");
    std::fs::write(&key, new_key(data, "town-app", "trips:write") + "\n").unwrap();
    let mut all = made::arguments(files);
    "town".clone_into(&mut all[3]);
    all.extend([
        "--to".into(),
        served.base.clone(),
        "--key-file".into(),
        key.to_str().unwrap().into(),
    ]);
    all
}

#[tokio::test]
async fn a_killed_import_is_finished_by_running_it_again() {
    let made = made::made(11, 6_000, 90);
    let files = made::folder(&made);
    let (data, rides) = (files.path().join("data"), [files.path().join("rides.csv")]);
    let arguments = made::arguments(files.path());
    let arguments = as_texts(&arguments);
    let mut killed = 0;
    for round in 0..5_u64 {
        let mut command = import(&data, &arguments, &rides);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(150 + 110 * round)).await;
        signal(&child, "-KILL");
        killed += u32::from(child.wait().unwrap().code().is_none());
    }
    assert!(killed > 0, "every import ended before it was killed");
    let last = imported(&data, &arguments, &rides);
    assert_eq!(last["read"], made.summary["read"]);
    assert_eq!(last["conflicts"], made.summary["conflicts"]);
    assert_eq!(stored::lines(&stored::trips(&data).await), made.lines);
    assert_verified(&data);
}

#[tokio::test]
async fn a_signal_ends_an_import_in_good_order() {
    let made = made::made(12, 12_000, 90);
    let files = made::folder(&made);
    let (data, rides) = (files.path().join("data"), [files.path().join("rides.csv")]);
    let arguments = made::arguments(files.path());
    let arguments = as_texts(&arguments);
    let mut command = import(&data, &arguments, &rides);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("run it again") && stderr.contains("stopped on request"),
        "{stderr}"
    );
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stored_now = stored::trips(&data).await.len();
    assert_eq!(summary["created"], json!(stored_now));
    assert!(stored_now < made.lines.len());
    imported(&data, &arguments, &rides);
    assert_eq!(stored::lines(&stored::trips(&data).await), made.lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_at_once_over_http_store_every_trip_once() {
    let made = made::made(13, 2_500, 90);
    let (files, data, rides) = town(&made);
    let served = Served::start(data.path(), None).await;
    let arguments = over_http(files.path(), &served, data.path());
    let both = [0, 1].map(|_| {
        let mut command = import(&files.path().join("unused"), &as_texts(&arguments), &rides);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let summaries = both.map(|child| {
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    });
    let sum = |key: &str| {
        summaries
            .iter()
            .map(|summary| summary[key].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(json!(sum("created")), made.summary["created"]);
    assert_eq!(sum("conflicts"), 2 * made.summary["conflicts"].as_u64().unwrap());
    assert_eq!(summaries[0]["malformed"], made.summary["malformed"]);
    assert_eq!(served.terminate(), Some(0));
    assert_eq!(stored::lines(&stored::trips(data.path()).await), made.lines);
    assert!(
        !files.path().join("unused").exists(),
        "over HTTP no data folder is touched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_away_for_a_while_is_waited_for() {
    let made = made::made(14, 4_000, 90);
    let (files, data, rides) = town(&made);
    let served = Served::start(data.path(), None).await;
    let arguments = over_http(files.path(), &served, data.path());
    let base = served.base.clone();
    let mut command = import(&files.path().join("unused"), &as_texts(&arguments), &rides);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    served.kill();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let again = Served::start_at(&base, data.path(), &[]).await;
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["read"], made.summary["read"]);
    assert_eq!(again.terminate(), Some(0));
    assert_eq!(stored::lines(&stored::trips(data.path()).await), made.lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_queue_turns_trips_away_and_changes_nothing() {
    let made = made::made(15, 1_500, 40);
    let (files, data, rides) = town(&made);
    let served = Served::start_with(data.path(), &[("CARBON_GATEWAY__WRITER__QUEUE", "20")]).await;
    let arguments = over_http(files.path(), &served, data.path());
    let summary = imported(&files.path().join("unused"), &as_texts(&arguments), &rides);
    assert_summary(&summary, &made.summary);
    assert_eq!(served.terminate(), Some(0));
    assert_eq!(stored::lines(&stored::trips(data.path()).await), made.lines);
}

#[tokio::test]
async fn a_file_that_breaks_off_is_told_and_what_came_before_is_stored() {
    let made = made::made(16, 1_500, 40);
    let files = made::folder(&made);
    let whole = files.path().join("rides.csv");
    let status = Command::new("gzip").arg("-k").arg(&whole).status().unwrap();
    assert!(status.success());
    let packed = files.path().join("rides.csv.gz");
    let bytes = std::fs::read(&packed).unwrap();
    std::fs::write(&packed, &bytes[..bytes.len() / 2]).unwrap();
    let data = files.path().join("data");
    let arguments = made::arguments(files.path());
    let ended = run(import(&data, &as_texts(&arguments), &[packed]));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("rides.csv.gz cannot be read after line"),
        "{}",
        ended.stderr
    );
    assert!(ended.summary()["created"].as_u64().unwrap() > 0);
    imported(&data, &as_texts(&arguments), &[whole]);
    assert_eq!(stored::lines(&stored::trips(&data).await), made.lines);
    let (code, stdout, _) = command(&data, &["verify"]);
    assert_eq!(code, Some(0), "{stdout}");
}
