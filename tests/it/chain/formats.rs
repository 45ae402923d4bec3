//! The bytes of docs/formats.md, section 10, agree with contracts/vectors/chain.json, which another implementation made.

use carbon_contract::Hash;
use carbon_contract::record::{Identity, Installation};
use carbon_contract::signature::PublicPoint;
use carbon_gateway::chain::embedded::block::{Header, block_hash, leaf, writes_digest};
use carbon_gateway::chain::embedded::genesis::genesis_digest;
use carbon_gateway::chain::embedded::{Authority, Genesis, merkle, revocation};
use carbon_gateway::chain::{Payload, Request, TxEvent, TxResult};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn vectors() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/contracts/vectors/chain.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

fn hash(value: &Value) -> Hash {
    Hash::parse(value.as_str().unwrap()).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn number<T: std::str::FromStr>(value: &Value) -> T {
    let digits = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    digits.parse().ok().unwrap()
}

fn each(value: &Value, check: impl Fn(&Value)) {
    let list = value.as_array().unwrap();
    assert!(!list.is_empty());
    list.iter().for_each(check);
}

#[test]
fn payloads_requests_and_their_signatures() {
    let vectors = vectors();
    each(&vectors["payloads"], |vector| {
        let fields = &vector["fields"];
        let payload = Payload {
            chain_id: text(&fields["chain_id"]),
            tx_id: hash(&fields["tx_id"]),
            timestamp_ms: number(&fields["timestamp_ms"]),
            expires_ms: number(&fields["expires_ms"]),
            contract: text(&fields["contract"]),
            method: text(&fields["method"]),
            argument: bytes(&fields["argument"]),
            limit: number(&fields["limit"]),
        };
        let expected = bytes(&vector["bytes"]);
        assert_eq!(payload.encode().unwrap(), expected);
        assert_eq!(Payload::decode(&expected).unwrap(), payload);
        assert_eq!(Sha256::digest(&expected).to_vec(), bytes(&vector["message_digest"]));
    });
    each(&vectors["requests"], |vector| {
        let request = Request {
            payload: bytes(&vector["payload"]),
            certificate: bytes(&vector["certificate"]),
            signature: bytes(&vector["signature"]).try_into().unwrap(),
        };
        let expected = bytes(&vector["bytes"]);
        assert_eq!(request.encode().unwrap(), expected);
        assert_eq!(Request::decode(&expected).unwrap(), request);
        let point = PublicPoint::new(bytes(&vector["public_point"]).try_into().unwrap());
        let key = VerifyingKey::from_sec1_bytes(point.as_bytes()).unwrap();
        let signature = Signature::from_slice(&request.signature).unwrap();
        assert_eq!(signature.normalize_s(), signature);
        key.verify(&request.payload, &signature).unwrap();
    });
}

#[test]
fn results_writes_and_leaves() {
    let vectors = vectors();
    each(&vectors["results"], |vector| {
        let fields = &vector["fields"];
        let event = fields["event"].as_object().map(|event| TxEvent {
            topic: text(&event["topic"]),
            data: bytes(&event["data"]),
        });
        let result = TxResult {
            code: number(&fields["code"]),
            contract_code: number(&fields["contract_code"]),
            answer: bytes(&fields["answer"]),
            message: text(&fields["message"]),
            event,
            writes: hash(&fields["writes"]),
        };
        let expected = bytes(&vector["bytes"]);
        assert_eq!(result.encode().unwrap(), expected);
        assert_eq!(TxResult::decode(&expected).unwrap(), result);
    });
    each(&vectors["writes"], |vector| {
        let writes = vector["writes"].as_array().unwrap().iter();
        let writes = writes.map(|write| (bytes(&write["key"]).try_into().unwrap(), bytes(&write["value"])));
        assert_eq!(writes_digest(&writes.collect()), hash(&vector["digest"]));
    });
    each(&vectors["leaves"], |vector| {
        let made = leaf(&bytes(&vector["request"]), &bytes(&vector["result"]));
        assert_eq!(made, hash(&vector["leaf"]));
    });
}

#[test]
fn trees_headers_and_genesis() {
    let vectors = vectors();
    each(&vectors["trees"], |vector| {
        let leaves = hashes(&vector["leaves"]);
        assert_eq!(merkle::root(&leaves), Some(hash(&vector["root"])));
        for (index, path) in vector["paths"].as_array().unwrap().iter().enumerate() {
            assert_eq!(merkle::path(&leaves, index), Some(hashes(path)));
        }
    });
    each(&vectors["headers"], |vector| {
        let fields = &vector["fields"];
        let header = Header {
            chain_id: text(&fields["chain_id"]),
            height: number(&fields["height"]),
            at_ms: number(&fields["at_ms"]),
            previous: hash(&fields["previous"]),
            count: number(&fields["count"]),
            root: hash(&fields["root"]),
        };
        let expected = bytes(&vector["bytes"]);
        assert_eq!(header.encode().unwrap(), expected);
        assert_eq!(Header::decode(&expected).unwrap(), header);
        assert_eq!(block_hash(&expected), hash(&vector["hash"]));
    });
    let identity = |value: &Value| Identity {
        organisation: text(&value["organisation"]),
        key_id: hash(&value["key_id"]),
    };
    each(&vectors["genesis"], |vector| {
        let fields = &vector["fields"];
        let authorities = fields["authorities"].as_array().unwrap().iter();
        let genesis = Genesis {
            chain_id: text(&fields["chain_id"]),
            created_ms: number(&fields["created_ms"]),
            window_ms: number(&fields["window_ms"]),
            authorities: authorities
                .map(|authority| Authority {
                    organisation: text(&authority["organisation"]),
                    certificate: bytes(&authority["certificate"]),
                })
                .collect(),
            contract: text(&fields["contract"]),
            installer: identity(&fields["installer"]),
            installation: Installation {
                issuer: identity(&fields["issuer"]),
                riders: text(&fields["riders"]),
            },
        };
        let expected = bytes(&vector["bytes"]);
        assert_eq!(genesis.encode().unwrap(), expected);
        assert_eq!(Genesis::decode(&expected).unwrap(), genesis);
        assert_eq!(genesis_digest(&expected), hash(&vector["digest"]));
    });
    let certificates = hashes(&vectors["revocation"]["certificates"]).into_iter().collect();
    assert_eq!(
        revocation(&certificates).unwrap(),
        bytes(&vectors["revocation"]["bytes"])
    );
}

#[test]
fn what_is_not_canonical_is_refused() {
    each(&vectors()["invalid"], |vector| {
        let bytes = bytes(&vector["bytes"]);
        let refused = match vector["what"].as_str().unwrap() {
            "payload" => Payload::decode(&bytes).is_err(),
            "request" => Request::decode(&bytes).is_err(),
            "result" => TxResult::decode(&bytes).is_err(),
            "header" => Header::decode(&bytes).is_err(),
            "genesis" => Genesis::decode(&bytes).is_err(),
            other => panic!("{other}"),
        };
        assert!(refused, "{vector}");
    });
}
