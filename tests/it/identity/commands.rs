//! `keys init`, `keys rotate` and `keys certificates` by the real executable; the change of the key-encryption key cut short; what
//! another tool says of our certificates.

use super::Founded;
use crate::process::command;
use crate::support::{NOON_MS, TestApp, skipping, trip_at};
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::identity::signer::Sender;
use carbon_gateway::ledger::ids::{Hash, UserId};
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::deployment;
use carbon_gateway::store::keys::{self, RotateError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_makes_everything_once_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = command(folder.path(), &["keys", "init", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let made: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(made["organisation"], "carbon-gateway");
    assert_eq!(made["issuer_key_id"].as_str().unwrap().len(), 64);
    assert_eq!(mode(&folder.path().join("keys/kek")), 0o600);
    let (code, _, stderr) = command(folder.path(), &["keys", "init"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("has its keys already"), "{stderr}");
    let (code, stdout, _) = command(folder.path(), &["keys", "certificates", "list"]);
    assert_eq!((code, stdout.lines().count()), (Some(0), 2), "{stdout}");
    assert!(stdout.contains(" valid "), "{stdout}");
}

#[tokio::test]
async fn a_folder_whose_key_is_gone_does_not_start_and_says_which_key() {
    let founded = Founded::new().await;
    let expected = founded.kek.id().to_string();
    std::fs::write(founded.path().join("keys/kek"), format!("{}\n", "0".repeat(64))).unwrap();
    let (code, _, stderr) = command(founded.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains(&expected), "{stderr}");
}

#[tokio::test]
async fn users_with_keys_and_no_authority_are_no_empty_folder() {
    let founded = Founded::new().await;
    let signer = founded.signer().await;
    signer
        .sign_content(UserId::new(1).unwrap(), Hash::new([1; 32]))
        .await
        .unwrap();
    assert_eq!(founded.tamper("DELETE FROM authority").await, 2);
    let (code, _, stderr) = command(founded.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("missing"), "{stderr}");
}

#[tokio::test]
async fn rotate_wraps_everything_and_the_gateway_goes_on() {
    let app = TestApp::spawn().await;
    for n in 0..5 {
        let answer = app.post("/v1/trips", &trip_at(NOON_MS / 1_000, n)).await;
        assert_eq!(answer.status().as_u16(), 201);
    }
    let (code, _, stderr) = command(app.data_dir(), &["keys", "rotate", "--to", "unused"]);
    assert_eq!(code, Some(2), "a running gateway holds the lock");
    assert!(stderr.contains("another gateway"), "{stderr}");
    let (folder, _) = app.stop().await;
    let next = folder.path().join("next-kek");
    let old = std::fs::read(folder.path().join("keys/kek")).unwrap();
    let arguments = ["keys", "rotate", "--json", "--to", next.to_str().unwrap()];
    let (code, stdout, stderr) = command(folder.path(), &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let told: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    // Five riders, authority, issuer, source secret, chain secret.
    assert_eq!((&told["wrapped"], &told["proved"]), (&9.into(), &9.into()), "{stdout}");
    for file in [&next, &folder.path().join("keys/kek")] {
        assert_eq!(mode(file), 0o600);
        assert_ne!(std::fs::read(file).unwrap(), old);
    }
    let (code, stdout, stderr) = command(folder.path(), &["verify", "--json"]);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    // Run again: nothing is left to do. With the old key put back, the start names the one expected.
    let (code, stdout, _) = command(folder.path(), &arguments);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("\"wrapped\":0"), "{stdout}");
    std::fs::write(folder.path().join("keys/kek"), old).unwrap();
    let (code, _, stderr) = command(folder.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains(told["kek_id"].as_str().unwrap()), "{stderr}");
    // Which the command mends too: a kill between the commit and the file.
    let (code, ..) = command(folder.path(), &arguments);
    assert_eq!(code, Some(0));
    let (code, ..) = command(folder.path(), &["verify"]);
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_change_cut_short_anywhere_is_finished_by_the_next_run() {
    let founded = Founded::new().await;
    let signer = founded.signer().await;
    for id in 0..1_200 {
        signer
            .sign_content(UserId::new(id).unwrap(), Hash::new([1; 32]))
            .await
            .unwrap();
    }
    let (next, other) = (Kek::new(&[8; 32]), Kek::new(&[9; 32]));
    let kek = founded.kek.as_ref();
    let rotate = async |to: &Kek, pieces| {
        let mut connections = Homes::one(founded.connect().await);
        let result = keys::rotate(&mut connections, (kek, to), rand::random, NOON_MS, pieces).await;
        connections.close().await.unwrap();
        result
    };
    let mut runs = 0;
    let last = loop {
        match rotate(&next, 1 + runs).await {
            Err(RotateError::Stopped) => runs += 1,
            other => break other.unwrap(),
        }
        // Half-way, no gateway starts, and no other key may come in between.
        let (code, _, stderr) = command(founded.path(), &["serve"]);
        assert_eq!(code, Some(2));
        assert!(stderr.contains(&next.id().to_string()), "{stderr}");
        assert!(matches!(rotate(&other, 9).await, Err(RotateError::Underway(id)) if id == next.id()));
    };
    assert!(runs >= 3, "{runs}");
    assert_eq!(last.proved, 1_204);
    let mut connection = founded.connect().await;
    assert_eq!(keys::change_underway(&mut connection).await.unwrap(), None);
    let found = deployment::find(&mut connection).await.unwrap().unwrap();
    assert_eq!(found.kek_id, next.id());
    next.unwrap_source(&found.source_secret, &found.deployment.id).unwrap();
    assert!(kek.unwrap_source(&found.source_secret, &found.deployment.id).is_err());
    next.unwrap_chain(&found.chain_secret, &found.deployment.id).unwrap();
    assert!(kek.unwrap_chain(&found.chain_secret, &found.deployment.id).is_err());
}

#[tokio::test]
async fn one_broken_row_stops_the_change_and_is_named() {
    let founded = Founded::new().await;
    let signer = founded.signer().await;
    for id in [1, 2] {
        signer
            .sign_content(UserId::new(id).unwrap(), Hash::new([1; 32]))
            .await
            .unwrap();
    }
    let broken = "UPDATE user_key SET created_ms = 0 WHERE user_id = 2";
    assert_eq!(founded.tamper(broken).await, 1);
    let next = Kek::new(&[8; 32]);
    let mut connections = Homes::one(founded.connect().await);
    let pair = (founded.kek.as_ref(), &next);
    let refused = keys::rotate(&mut connections, pair, rand::random, NOON_MS, usize::MAX).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("user_key") && refused.contains("UserId(2)"),
        "{refused}"
    );
}

#[tokio::test]
async fn certificates_are_listed_and_revoked_beside_a_signer() {
    let founded = Founded::new().await;
    let signer = founded.signer().await;
    let sender = Sender::User(UserId::new(42).unwrap());
    let serial = signer.identify(sender).await.unwrap().certificate.serial.to_string();
    let (_, stdout, _) = command(founded.path(), &["keys", "certificates", "list", "--json"]);
    assert!(
        stdout.contains(&format!("\"owner\":\"42\",\"revoked_ms\":null,\"serial\":\"{serial}\""))
            || stdout.contains(&serial)
    );
    let (code, _, stderr) = command(founded.path(), &["keys", "certificates", "revoke", &serial]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(signer.identify(sender).await.is_err());
    let (code, ..) = command(founded.path(), &["keys", "certificates", "revoke", &serial]);
    assert_eq!(code, Some(2));
    let (_, stdout, _) = command(founded.path(), &["keys", "certificates", "list"]);
    assert!(stdout.contains("revoked"), "{stdout}");
}

/// A DER file, and the words of a tool that is not ours.
fn openssl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("openssl").args(arguments).output().ok()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Some(text(output.stdout) + &text(output.stderr))
}

#[tokio::test]
async fn openssl_reads_the_profile_and_verifies_the_chain() {
    if openssl(&["version"]).is_none() {
        skipping("openssl_reads_the_profile_and_verifies_the_chain", "no openssl");
        return;
    }
    let founded = Founded::new().await;
    let signer = founded.signer().await;
    let issuer = signer.identify(Sender::Issuer).await.unwrap().certificate;
    let rider = Sender::User(UserId::new(42).unwrap());
    let rider = signer.identify(rider).await.unwrap().certificate;
    let mut connection = founded.connect().await;
    let rows = keys::authorities(&mut connection).await.unwrap();
    let file = |name: &str| founded.path().join(name).to_str().unwrap().to_owned();
    for (name, der) in [
        ("ca", &rows[0].certificate),
        ("issuer", &issuer.der),
        ("rider", &rider.der),
    ] {
        std::fs::write(file(name), der).unwrap();
        let (from, to) = (file(name), file(&format!("{name}.pem")));
        openssl(&["x509", "-inform", "DER", "-in", &from, "-out", &to]).unwrap();
    }
    let at = (NOON_MS / 1_000).to_string();
    for (name, role) in [("issuer", "issuer"), ("rider", "rider")] {
        let (ca, leaf) = (file("ca.pem"), file(&format!("{name}.pem")));
        let arguments = ["verify", "-x509_strict", "-attime", &at, "-CAfile", &ca, &leaf];
        let told = openssl(&arguments).unwrap();
        assert!(told.contains(": OK"), "{told}");
        let told = openssl(&["x509", "-in", &leaf, "-noout", "-text"]).unwrap();
        let key_id = if name == "rider" { rider.key_id } else { issuer.key_id };
        let subject = format!("Subject: O = carbon-gateway, OU = client, OU = {role}, CN = {key_id}");
        for line in [
            subject.as_str(),
            "Issuer: O = carbon-gateway, OU = root-cert, CN = ca.carbon-gateway",
            "Signature Algorithm: ecdsa-with-SHA256",
            "ASN1 OID: prime256v1",
            "Digital Signature, Non Repudiation",
            "CA:FALSE",
        ] {
            assert!(told.contains(line), "{line}\n{told}");
        }
        let colons: Vec<String> = key_id
            .to_string()
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect();
        assert!(told.contains(&colons.join(":")), "{told}");
        assert!(!told.contains("Key Agreement"), "{told}");
    }
    let told = openssl(&["x509", "-in", &file("ca.pem"), "-noout", "-text"]).unwrap();
    for line in [
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
        "X509v3 Basic Constraints: critical",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
}
