//! The operator's command: what is refused goes again, in the data folder itself and in a running gateway.

use super::{all_is_well, issue, plan, redeem, until};
use crate::database;
use crate::support::TestApp;
use carbon_gateway::chain::embedded::{Fault, FaultPlan};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

fn redrive(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carbon-gateway"));
    command
        .args(["redrive", "--json", "--data"])
        .arg(data)
        .args(arguments)
        .envs(database::settings(data));
    command.env("CARBON_GATEWAY__LOG__LEVEL", "off").output().unwrap()
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A gateway with a refused issue and a redemption that waits for it.
async fn refused() -> (TestApp, String) {
    let app = TestApp::spawn().await;
    plan(&app, FaultPlan::script([Some(Fault::Refuse)]));
    let refused = issue(&app, 17, 0).await;
    until(&app, &refused, "refused").await;
    redeem(&app, 17, "r-1", "10").await;
    (app, refused)
}

#[tokio::test]
async fn in_the_data_folder() {
    let (app, refused) = refused().await;
    let busy = redrive(app.data_dir(), &[&refused]);
    assert_eq!(busy.status.code(), Some(2), "a gateway has the folder: {busy:?}");
    let (folder, _) = app.stop().await;
    let unknown = format!("tx_17_{}", "0".repeat(64));
    for wrong in ["tx_17", &unknown] {
        assert_eq!(redrive(folder.path(), &[wrong]).status.code(), Some(2), "{wrong}");
    }
    let done = redrive(folder.path(), &["--all"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let one = json!({"transaction_id": refused, "status": "confirmed", "reason": null});
    assert_eq!(told(&done), json!({"transactions": [one]}));
    let again = redrive(folder.path(), &["--all"]);
    assert_eq!(told(&again), json!({"transactions": []}));
    all_is_well(folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_running_gateway() {
    let (app, refused) = refused().await;
    let key_file = app.data_dir().join("operator-key");
    std::fs::write(&key_file, &app.key).unwrap();
    let to = ["--to", &app.base, "--key-file", key_file.to_str().unwrap()];
    let done = redrive(app.data_dir(), &[&to[..], &["--all"]].concat());
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!(told(&done)["transactions"][0]["transaction_id"], refused);
    until(&app, &refused, "confirmed").await;
    let late = redrive(app.data_dir(), &[&to[..], &[&refused]].concat());
    assert_eq!(told(&late)["transactions"][0]["status"], "not_redrivable");
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}

/// A revoked certificate costs its owner a key, a certificate and a `rebind`, never a credit.
#[tokio::test]
async fn a_rider_whose_certificate_is_revoked_gets_another_key() {
    let app = TestApp::spawn().await;
    until(&app, &issue(&app, 17, 0).await, "confirmed").await;
    until(&app, &redeem(&app, 17, "r-1", "10").await, "confirmed").await;
    let keys = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carbon-gateway"));
        command.args(["keys", "certificates"]).args(arguments);
        command
            .arg("--data")
            .arg(app.data_dir())
            .envs(database::settings(app.data_dir()))
            .env("CARBON_GATEWAY__LOG__LEVEL", "off");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let of_the_rider = || -> Vec<Value> {
        let lines = keys(&["list", "--json"]);
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["owner"] == "17").collect()
    };
    let before = of_the_rider();
    assert_eq!(before.len(), 1, "{before:?}");
    keys(&["revoke", before[0]["serial"].as_str().unwrap()]);

    let spend = redeem(&app, 17, "r-2", "10").await;
    let later = issue(&app, 17, 1).await;
    let both = redeem(&app, 17, "r-3", "60").await;
    for reference in [&spend, &later, &both] {
        until(&app, reference, "confirmed").await;
    }
    let after = of_the_rider();
    let valid: Vec<&Value> = after.iter().filter(|line| line["revoked_ms"].is_null()).collect();
    assert_eq!((after.len(), valid.len()), (2, 1), "{after:?}");
    assert_ne!(valid[0]["key_id"], before[0]["key_id"]);
    let (folder, _) = app.stop().await;
    all_is_well(folder.path()).await;
}
