//! Bytes made by others: our own vectors, and keys and certificates of another tool.

use crate::support::shared_dir;
use carbon_gateway::identity::certificate::Certificate;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::identity::user_key::{PrivateKey, PublicPoint, Signature};
use carbon_gateway::identity::wrapping::Row;
use carbon_gateway::ledger::ids::{Hash, UserId};
use serde_json::Value;
use zeroize::Zeroizing;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    let digits = text(value, name);
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn array<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    bytes(value, name).try_into().unwrap()
}

fn private_key(value: &Value) -> PrivateKey {
    PrivateKey::new(&Zeroizing::new(array(value, "private_key"))).unwrap()
}

fn row<'a>(fields: &'a Value, key_id: &'a Hash) -> Row<'a> {
    let number = u32::try_from(fields["number"].as_u64().unwrap()).unwrap();
    let created_ms = text(fields, "created_ms").parse().unwrap();
    if fields["table"] == "user_key" {
        let user = UserId::from_stored(text(fields, "user_id").parse().unwrap());
        return Row::UserKey {
            user,
            number,
            key_id,
            created_ms,
        };
    }
    let name = text(fields, "name");
    Row::Authority {
        name,
        number,
        key_id,
        created_ms,
    }
}

#[test]
fn wrapped_signing_keys_agree() {
    let file: Value = serde_json::from_str(include_str!("../../../contracts/vectors/user_key.json")).unwrap();
    let (vectors, invalid) = (file["vectors"].as_array().unwrap(), file["invalid"].as_array().unwrap());
    for vector in vectors {
        let fields = &vector["fields"];
        let key = private_key(fields);
        assert_eq!(
            key.point().as_bytes().to_vec(),
            bytes(vector, "public_point"),
            "{}",
            vector["name"]
        );
        let key_id = Hash::new(array(vector, "key_id"));
        assert_eq!(key.point().key_id(), key_id);
        let kek = Kek::new(&array(fields, "kek"));
        let wrapped = key.wrap(&kek, array(fields, "nonce"), row(fields, &key_id)).unwrap();
        assert_eq!(wrapped, bytes(vector, "wrapped_key"), "{}", vector["name"]);
        let opened = PrivateKey::proved(&kek, &wrapped, row(fields, &key_id), &key_id).unwrap();
        assert_eq!(opened.point(), key.point());
        for wrong in invalid.iter().filter(|wrong| wrong["of"] == vector["name"]) {
            let opened = PrivateKey::proved(&kek, &bytes(wrong, "bytes"), row(fields, &key_id), &key_id);
            assert!(opened.is_err(), "{}", wrong["name"]);
        }
    }
    assert!(vectors.len() >= 5 && invalid.len() >= 10);
}

#[test]
fn signatures_of_content_ids_agree() {
    let file: Value = serde_json::from_str(include_str!("../../../contracts/vectors/transaction.json")).unwrap();
    let mut compared = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let made = &vector["signature"];
        if made.is_null() {
            continue;
        }
        let key = private_key(made);
        let content_id = Hash::new(array(vector, "digest"));
        let point = PublicPoint::parse(&bytes(made, "public_point")).unwrap();
        assert_eq!(key.point(), point);
        assert_eq!(point.key_id(), Hash::new(array(made, "key_id")));
        let signature = key.sign_content(&content_id);
        assert_eq!(
            signature.as_bytes().to_vec(),
            bytes(made, "signature"),
            "{}",
            vector["name"]
        );
        let theirs = Signature::new(array(made, "signature"));
        point.verify_content(&content_id, &theirs).unwrap();
        compared += 1;
    }
    assert!(compared >= 5, "{compared}");
}

/// SEC1 of a P-256 key: the scalar stands at a fixed place.
fn sec1(pem: &str) -> PrivateKey {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let scalar: [u8; 32] = pem.contents[7..39].try_into().unwrap();
    PrivateKey::new(&Zeroizing::new(scalar)).unwrap()
}

#[test]
fn key_ids_are_those_of_chainmaker_and_its_certificates_are_not_ours() {
    let Some(shared) = shared_dir("key_ids_are_those_of_chainmaker_and_its_certificates_are_not_ours") else {
        return;
    };
    let file = std::fs::read_to_string(shared.join("vectors/chainmaker/identities.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let signers = file["sign"].as_object().unwrap();
    for (name, signer) in signers {
        let key = sec1(text(signer, "private_key_sec1_pem"));
        assert_eq!(key.point().key_id().to_string(), text(signer, "ski_hex"), "{name}");
        let pem = text(signer, "certificate_pem");
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        assert!(Certificate::parse(&pem.contents).is_err(), "{name}");
    }
    assert!(signers.len() > 4);
}
