//! The proof of a credit: a stranger who has it, docs/formats.md and the authority's certificate checks it, and no byte of it may
//! be another.

mod bytes;
mod walk;

use super::access::key;
use super::{get, problem};
use crate::dispatch::{issue, keyed, plan, redeem, until};
use crate::support::{TestApp, embedded};
use bytes::{bytes, digest};
use carbon_gateway::chain::embedded::{Fault, FaultPlan};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use walk::check;

/// A change of a proof, by where it was made.
type Forgery = (String, Value);

/// The certificate that everybody is to trust, as the operator has it.
fn authority(app: &TestApp) -> Vec<u8> {
    let chain = embedded(&app.chain);
    chain.genesis().authorities[0].certificate.clone()
}

async fn proof(app: &TestApp, credit: &Value) -> Value {
    let path = format!("/v1/credits/{}/proof", credit["credit_id"].as_str().unwrap());
    let (status, proof) = get(app, &path).await;
    assert_eq!(status, 200, "{proof}");
    proof
}

fn hex(bytes: &[u8]) -> Value {
    Value::from(
        bytes
            .iter()
            .fold(String::new(), |digits, byte| digits + &format!("{byte:02x}")),
    )
}

#[tokio::test]
async fn every_credit_of_a_history_is_proved() {
    // Long enough for issues of several shards to share a block.
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS", "2000")]).await;
    let trusted = authority(&app);
    let mut references = Vec::new();
    for user in 17..22 {
        references.push(issue(&app, user, 0).await);
    }
    references.push(redeem(&app, 17, "r-1", "10").await);
    let (mut longest, mut proved) = (0, Vec::new());
    for reference in &references {
        let made = until(&app, reference, "confirmed").await;
        for credit in made["outputs"].as_array().unwrap() {
            let proof = proof(&app, credit).await;
            let told = check(&proof, &trusted).unwrap();
            let grams = format!("{}.{}", told.amount_ug / 1_000_000, told.amount_ug % 1_000_000);
            let grams = grams.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(
                (&json!(told.programme), &json!(grams)),
                (&credit["programme"], &credit["amount"])
            );
            assert_eq!(
                (&proof["chain"], &proof["transaction_id"]),
                (&made["chain"], &json!(reference))
            );
            assert_eq!(proof["rider"].is_null(), made["kind"] != "issue");
            longest = longest.max(proof["path"].as_array().unwrap().len());
            proved.push((credit["user_id"].clone(), told.owner));
        }
    }
    assert!(longest > 0, "some block has several transactions");
    // Five issues, then the sink's payment and the rider's change, at the address of the rider's issue.
    assert_eq!(proved.len(), 7);
    let owners = |user: Value| {
        proved
            .iter()
            .filter(move |(owner, _)| *owner == user)
            .map(|(_, owner)| owner)
    };
    assert_eq!(owners(json!("17")).count(), 2);
    assert!(owners(json!("17")).all(|owner| Some(owner) == owners(json!("17")).next()));
    assert_ne!(owners(Value::Null).next(), owners(json!("17")).next());
}

/// Every proof with one sign, number or element of it changed.
fn changed(proof: &Value) -> Vec<Forgery> {
    fn walk(root: &Value, pointer: &str, forgeries: &mut Vec<Forgery>) {
        let mut put = |value: Value| {
            let mut forged = root.clone();
            *forged.pointer_mut(pointer).unwrap() = value;
            forgeries.push((pointer.to_owned(), forged));
        };
        match root.pointer(pointer).unwrap() {
            Value::String(text) => {
                for (at, sign) in text.char_indices() {
                    let other = if sign == '0' { "1" } else { "0" };
                    put(json!(format!("{}{other}{}", &text[..at], &text[at + 1..])));
                }
                put(json!(text.to_uppercase() + "00"));
            }
            Value::Number(number) => put(json!(number.as_u64().unwrap() + 1)),
            Value::Null => put(json!({"point": "04", "signature": "00"})),
            Value::Array(items) => {
                let items = items.clone();
                put(json!([items.clone(), vec![json!("00".repeat(32))]].concat()));
                if !items.is_empty() {
                    put(json!(items[1..]));
                }
                for at in 0..items.len() {
                    walk(root, &format!("{pointer}/{at}"), forgeries);
                }
            }
            Value::Object(members) => {
                let names: Vec<String> = members.keys().cloned().collect();
                for name in names {
                    walk(root, &format!("{pointer}/{name}"), forgeries);
                }
            }
            Value::Bool(_) => {}
        }
    }
    let mut forgeries = Vec::new();
    walk(proof, "", &mut forgeries);
    forgeries
}

#[tokio::test]
async fn no_sign_of_a_proof_may_be_another() {
    let app = TestApp::spawn_with(&[("CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS", "2000")]).await;
    let trusted = authority(&app);
    let mut issues = Vec::new();
    for user in 17..22 {
        issues.push(issue(&app, user, 0).await);
    }
    let last = until(&app, &issues[4], "confirmed").await;
    let first = until(&app, &issues[0], "confirmed").await;
    let spent = until(&app, &redeem(&app, 17, "r-1", "10").await, "confirmed").await;
    for credit in [&last["outputs"][0], &first["outputs"][0], &spent["outputs"][1]] {
        let proof = proof(&app, credit).await;
        check(&proof, &trusted).unwrap();
        let forgeries = changed(&proof);
        assert!(forgeries.len() > 3_000, "{}", forgeries.len());
        for (place, forged) in forgeries {
            assert!(check(&forged, &trusted).is_err(), "{place}: {forged}");
        }
    }
}

/// Whoever changes a request can make a block around it, but no signature.
#[tokio::test]
async fn a_block_made_around_another_request_proves_nothing() {
    let app = TestApp::spawn().await;
    let trusted = authority(&app);
    let issued = until(&app, &issue(&app, 17, 0).await, "confirmed").await;
    let proof = proof(&app, &issued["outputs"][0]).await;
    let (request, result, header) = (
        bytes(&proof["request"]).unwrap(),
        bytes(&proof["result"]).unwrap(),
        bytes(&proof["header"]).unwrap(),
    );
    assert_eq!(proof["path"], json!([]));
    let payload = u32::from_be_bytes(request[1..5].try_into().unwrap()) as usize;
    let certificate = 5 + payload + 4..request.len() - 64;
    let around = |request: &[u8]| {
        let root = walk::leaf(request, &result);
        let header = [&header[..header.len() - 32], &root].concat();
        let mut forged = proof.clone();
        for (name, value) in [
            ("request", hex(request)),
            ("block_hash", hex(&walk::block_hash(&header))),
            ("header", hex(&header)),
        ] {
            forged[name] = value;
        }
        forged["certificates"][0] = hex(&request[certificate.clone()]);
        forged
    };
    check(&around(&request), &trusted).unwrap();
    for at in 0..request.len() {
        let mut other = request.clone();
        other[at] ^= 1;
        let fault = check(&around(&other), &trusted).err();
        assert!(fault.is_some(), "byte {at} of {}", request.len());
        if (5..5 + payload).contains(&at) {
            assert_eq!(fault, Some("the request's signature"), "byte {at}");
        }
    }
    // A rider's order, likewise, is nobody else's.
    let [point, signature] = ["point", "signature"].map(|name| bytes(&proof["rider"][name]).unwrap());
    let content_id = digest("carbon/transaction/1", &bytes(&proof["transaction"]).unwrap());
    walk::is_ordered(&point, &signature, &content_id).unwrap();
    walk::is_ordered(&point, &signature, &Sha256::digest(content_id).into()).unwrap_err();
    for at in 0..64 {
        let mut other = signature.clone();
        other[at] ^= 1;
        walk::is_ordered(&point, &other, &content_id).unwrap_err();
    }
}

#[tokio::test]
async fn another_authority_vouches_for_nothing() {
    let (app, other) = (TestApp::spawn().await, TestApp::spawn().await);
    let (trusted, foreign) = (authority(&app), authority(&other));
    let issued = until(&app, &issue(&app, 17, 0).await, "confirmed").await;
    let mut proof = proof(&app, &issued["outputs"][0]).await;
    check(&proof, &trusted).unwrap();
    assert_eq!(check(&proof, &foreign).unwrap_err(), "the authority's certificate");
    proof["certificates"][1] = hex(&foreign);
    assert_eq!(check(&proof, &foreign).unwrap_err(), "a certificate's signature");
}

#[tokio::test]
async fn what_is_not_confirmed_has_no_proof_yet() {
    let app = TestApp::spawn().await;
    plan(&app, FaultPlan::script([Some(Fault::Refuse)]));
    let reference = issue(&app, 17, 0).await;
    let refused = until(&app, &reference, "refused").await;
    let credit = refused["outputs"][0]["credit_id"].as_str().unwrap();
    let path = format!("/v1/credits/{credit}/proof");
    let told = problem(app.get(&path).await, "not_confirmed").await;
    assert_eq!(told["status"], 409);
    assert_eq!(told["detail"], "the transaction that made the credit is refused");
    keyed(
        &app,
        &format!("/v1/transactions/{reference}/redrive"),
        "any",
        &json!({}),
    )
    .await;
    until(&app, &reference, "confirmed").await;
    assert_eq!(get(&app, &path).await.0, 200);
    // The bare hash is as good.
    assert_eq!(get(&app, &format!("/v1/credits/{}/proof", &credit[6..])).await.0, 200);
}

#[tokio::test]
async fn who_may_not_read_the_credit_has_no_proof_of_it() {
    let app = TestApp::spawn().await;
    let issued = until(&app, &issue(&app, 17, 0).await, "confirmed").await;
    let path = format!(
        "/v1/credits/{}/proof",
        issued["outputs"][0]["credit_id"].as_str().unwrap()
    );
    for (rights, programmes) in [("reports:read", &[][..]), ("credits:read", &["other"])] {
        let (key, _) = key(&app, "reader", rights, programmes, None).await;
        let request = app.client.get(format!("{}{path}", app.base)).bearer_auth(&key);
        problem(request.send().await.unwrap(), "forbidden").await;
    }
    let unknown = format!("/v1/credits/{}/proof", "00".repeat(32));
    problem(app.get(&unknown).await, "not_found").await;
    problem(app.get("/v1/credits/x/proof").await, "invalid_field").await;
    problem(app.get(&format!("{path}?colour=green")).await, "unknown_field").await;
}
