//! A Java caller, whose client Maven generates from the OpenAPI document, is content with the real executable. The document must stay one that
//! a generator makes a working client of, and nothing else tells.

use crate::process::{Served, command};
use crate::support::skipping;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What `clients/java-smoke` prints when all is as expected.
const STEPS: [&str; 8] = [
    "booked: 400.14 g",
    "replayed: the same trip, counted once",
    "conflict: trip_conflict at /legs/0/distance_m",
    "collected: 400.14 g",
    "redeemed: 150 g, 250.14 g of change",
    "insufficient: 250.14 g available, 749.86 g missing",
    "invalid: invalid_field at /amount",
    "batch: one booked, one unknown_mode",
];

fn maven_is_missing() -> bool {
    let asked = Command::new("mvn").arg("--version").output();
    let missing = asked.is_err();
    if missing {
        skipping("the Java caller", "Maven is not installed");
    }
    missing
}

/// Generates, compiles and runs the caller; all that it makes lies in `scratch`.
fn play(scratch: &Path, served: &Served, document: &str) -> Output {
    let file = scratch.join("openapi.json");
    std::fs::write(&file, document).unwrap();
    let property = |name: &str, path: &Path| format!("-D{name}={}", path.display());
    Command::new("mvn")
        .args(["-q", "-B"])
        .arg(property("gateway.openapi", &file))
        .arg(property("buildDirectory", &scratch.join("built")))
        .args(["compile", "exec:java"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/java-smoke"))
        .env("GATEWAY_URL", &served.base)
        .env("GATEWAY_KEY", &served.key)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_generated_client_plays_a_riders_morning() {
    if maven_is_missing() {
        return;
    }
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = scratch.path().join("data");
    let served = Served::start(&data, None).await;
    let (code, document, complaint) = command(&data, &["openapi"]);
    assert_eq!(code, Some(0), "{complaint}");
    let output = play(scratch.path(), &served, &document);
    let (told, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(0), "{told}\n{complaint}");
    // Maven may put an escape sequence before the first line.
    let step_of = |line: &str| STEPS.into_iter().find(|step| line.ends_with(step));
    let steps: Vec<&str> = told.lines().filter_map(step_of).collect();
    assert_eq!(steps, STEPS, "{told}\n{complaint}");
}
