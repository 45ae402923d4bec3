//! What a second implementation, written from `docs/formats.md` alone, made of the same values.

use crate::support::{Chain, Rider, caller, code, issuer};
use carbon_contract::Hash;
use carbon_contract::envelope::{Envelope, Order, Rebind, chain_tx_id, envelope_digest};
use carbon_contract::record::{Binding, Credit, Done, Identity, Installation, Installed, Record as _, UsedSource};
use carbon_contract::signature::{PublicPoint, RiderSignature};
use carbon_contract::state::{Key, Room};
use carbon_contract::transaction::{Kind, Lot, Output, Source, SourceKind, Transaction, content_id, credit_hash};
use serde_json::Value;

const TRANSACTIONS: &str = include_str!("../../vectors/transaction.json");
const ENVELOPES: &str = include_str!("../../vectors/envelope.json");
const CONTRACT: &str = include_str!("../../vectors/contract.json");

fn list(file: &str, name: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    let list = file[name].as_array().unwrap().clone();
    assert!(!list.is_empty());
    list
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    let text = text(value, name);
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn array<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    bytes(value, name).try_into().unwrap()
}

fn hash(value: &Value, name: &str) -> Hash {
    Hash::new(array(value, name))
}

fn number<T: TryFrom<u64>>(value: &Value, name: &str) -> T {
    T::try_from(value[name].as_u64().unwrap()).ok().unwrap()
}

fn amount(value: &Value) -> i64 {
    text(value, "amount_ug").parse().unwrap()
}

fn lot(value: &Value) -> Lot {
    Lot {
        programme: text(value, "programme").to_owned(),
        gas: number(value, "gas"),
        vintage: number(value, "vintage_year"),
        expiry: number(value, "expiry_month"),
    }
}

fn items<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(read).collect()
}

fn transaction(fields: &Value) -> Transaction {
    Transaction {
        kind: Kind::from_code(number(fields, "kind")).unwrap(),
        orderer: hash(fields, "orderer"),
        booked_ms: text(fields, "booked_ms").parse().unwrap(),
        inputs: items(&fields["inputs"], |input| Hash::parse(input.as_str().unwrap()).unwrap()),
        outputs: items(&fields["outputs"], |output| Output {
            owner: hash(output, "owner"),
            lot: lot(&output["lot"]),
            amount_ug: amount(output),
        }),
        sources: items(&fields["sources"], |source| Source {
            kind: if source["kind"] == 1 {
                SourceKind::Trip
            } else {
                SourceKind::Opening
            },
            key: hash(source, "source_key"),
            lot: lot(&source["lot"]),
            amount_ug: amount(source),
        }),
        subject: (!fields["subject"].is_null()).then(|| hash(fields, "subject")),
        reason: text(fields, "reason").to_owned(),
    }
}

fn envelope(fields: &Value) -> Envelope {
    match number(fields, "kind") {
        1_u8 => Envelope::Issue(items(&fields["transactions"], |order| Order {
            transaction: bytes(order, "transaction"),
            point: PublicPoint::new(array(order, "public_point")),
            signature: RiderSignature::new(array(order, "signature")),
        })),
        2 => Envelope::Spend(bytes(fields, "transaction")),
        3 => Envelope::Attest(bytes(fields, "transaction")),
        _ => Envelope::Rebind(Rebind {
            address: hash(fields, "address"),
            number: number(fields, "number"),
            key_id: hash(fields, "key_id"),
        }),
    }
}

fn identity(value: &Value) -> Identity {
    Identity {
        organisation: text(value, "organisation").to_owned(),
        key_id: hash(value, "key_id"),
    }
}

fn installation(value: &Value) -> Installation {
    Installation {
        issuer: identity(&value["issuer"]),
        riders: text(value, "riders").to_owned(),
    }
}

/// As the chain would have it: issues signed by a rider's key, everything else under the right sender.
fn judge(document: &[u8]) -> &'static str {
    let mut chain = Chain::installed();
    let Ok(transaction) = Transaction::decode(document) else {
        return code(chain.send(&issuer(), &Envelope::Spend(document.to_vec())));
    };
    match transaction.kind {
        Kind::Issue => code(chain.issue(&[(&Rider::new("ann"), &transaction)])),
        Kind::Anchor | Kind::Attest => code(chain.send(&issuer(), &Envelope::Attest(document.to_vec()))),
        _ => code(chain.send(&Rider::new("ann").caller(), &Envelope::Spend(document.to_vec()))),
    }
}

#[test]
fn transactions() {
    for vector in list(TRANSACTIONS, "vectors") {
        let (name, document) = (text(&vector, "name"), bytes(&vector, "bytes"));
        let fields = transaction(&vector["fields"]);
        assert_eq!(fields.encode().unwrap(), document, "{name}");
        assert_eq!(Transaction::decode(&document), Ok(fields), "{name}");
        let id = content_id(&document);
        assert_eq!(id, hash(&vector, "digest"), "{name}");
        for (index, expected) in (0_u16..).zip(vector["credit_hashes"].as_array().unwrap()) {
            assert_eq!(
                credit_hash(&id, index).to_string(),
                expected.as_str().unwrap(),
                "{name}"
            );
        }
        let signature = &vector["signature"];
        let point = PublicPoint::new(array(signature, "public_point"));
        assert_eq!(point.key_id(), hash(signature, "key_id"), "{name}");
        let signature = RiderSignature::new(array(signature, "signature"));
        assert_eq!(point.verify(&id, &signature), Ok(()), "{name}");
    }
}

#[test]
fn transactions_that_are_refused() {
    for vector in list(TRANSACTIONS, "invalid") {
        let (name, document) = (text(&vector, "name"), bytes(&vector, "bytes"));
        let decoded = Transaction::decode(&document);
        if vector["rule"] == "decoding" {
            assert!(decoded.is_err(), "{name}");
            continue;
        }
        let decoded = decoded.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(decoded.encode().unwrap(), document, "{name}");
        let expected = match name {
            "output of 0" | "output of -1" => "output_amount",
            "257 sources" => "source_count",
            "source of 0" => "source_amount",
            "issue with a subject" | "issue to somebody else" | "issue without sources" => "shape",
            "issue out of nothing" => "unbalanced",
            // Who sends it is asked before the credits are loaded; the shape would refuse it next.
            "transfer with sources" => "unbound",
            _ => "limit",
        };
        assert_eq!(judge(&document), expected, "{name}");
    }
}

#[test]
fn envelopes() {
    for vector in list(ENVELOPES, "vectors") {
        let (name, document) = (text(&vector, "name"), bytes(&vector, "bytes"));
        let fields = envelope(&vector["fields"]);
        assert_eq!(fields.encode().unwrap(), document, "{name}");
        assert_eq!(Envelope::decode(&document), Ok(fields), "{name}");
        let digest = envelope_digest(&document);
        assert_eq!(digest, hash(&vector, "digest"), "{name}");
        for attempt in vector["chain_tx_ids"].as_array().unwrap() {
            let id = chain_tx_id(&array(&vector, "chain_secret"), &digest, number(attempt, "attempt"));
            assert_eq!(id, hash(attempt, "chain_tx_id"), "{name}");
        }
    }
}

#[test]
fn envelopes_that_are_refused() {
    for vector in list(ENVELOPES, "invalid") {
        let (name, document) = (text(&vector, "name"), bytes(&vector, "bytes"));
        let decoded = Envelope::decode(&document);
        if vector["rule"] == "decoding" {
            assert!(decoded.is_err(), "{name}");
            continue;
        }
        let decoded = decoded.unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = match name {
            "issue of none" | "issue of 33" => "order_count",
            "257 sources in all" => "source_count",
            "issue, two: the same twice" => "repeated_transaction",
            "rebind to number 0" => "binding_number",
            _ if name.starts_with("transaction ") => "transaction_not_canonical",
            _ if name.starts_with("public point ") => "bad_point",
            _ => {
                // The contract takes the issuer's word for it, whoever reads the chain does not.
                let Envelope::Issue(orders) = &decoded else {
                    panic!("{name}: not an issue")
                };
                assert!(orders.iter().any(|order| order.verify().is_err()), "{name}");
                continue;
            }
        };
        assert_eq!(code(Chain::installed().send(&issuer(), &decoded)), expected, "{name}");
    }
}

/// The issues of the vectors are good on a fresh chain, and so is the first spend of what they make.
#[test]
fn envelopes_that_are_done() {
    let vectors = list(ENVELOPES, "vectors");
    let named = |name: &str| {
        let vector = vectors.iter().find(|vector| vector["name"] == name).unwrap();
        Envelope::decode(&bytes(vector, "bytes")).unwrap()
    };
    let mut chain = Chain::installed();
    let two = named("issue, two");
    assert_eq!(code(chain.send(&issuer(), &two)), "done");
    assert_eq!(code(chain.send(&issuer(), &named("issue, one"))), "done", "a repeat");
    let Envelope::Issue(orders) = &two else {
        panic!("not an issue")
    };
    let rider = caller(crate::support::RIDERS, orders[0].point.key_id());
    assert_eq!(code(chain.send(&rider, &named("spend"))), "done");
    assert_eq!(code(chain.send(&issuer(), &named("attest"))), "done");
    assert_eq!(code(chain.send(&issuer(), &named("rebind, the second key"))), "done");
    let first = named("rebind, the first key of an address that only received");
    assert_eq!(code(chain.send(&issuer(), &first)), "done");
}

#[test]
fn what_the_contract_keeps() {
    for vector in list(CONTRACT, "vectors") {
        let (name, what) = (text(&vector, "name"), text(&vector, "what"));
        let fields = &vector["fields"];
        let (encoded, room) = match what {
            "argument" => {
                let argument = installation(fields).encode().unwrap();
                assert_eq!(Installation::decode(&argument), Ok(installation(fields)));
                (argument, None)
            }
            "installation" => {
                let installed = Installed {
                    schema: number(fields, "schema"),
                    installation: installation(&fields["installation"]),
                    installer: identity(&fields["installer"]),
                };
                (installed.encode().unwrap(), Some(Room::Installation))
            }
            "credit" => {
                let credit = Credit {
                    owner: hash(fields, "owner"),
                    lot: lot(&fields["lot"]),
                    amount_ug: amount(fields),
                    consumed_by: (!fields["consumed_by"].is_null()).then(|| hash(fields, "consumed_by")),
                };
                (credit.encode().unwrap(), Some(Room::Credit))
            }
            "source" => {
                let issued_by = hash(fields, "issued_by");
                (UsedSource { issued_by }.encode().unwrap(), Some(Room::Source))
            }
            "transaction" => {
                let kind = Kind::from_code(number(fields, "kind")).unwrap();
                (Done { kind }.encode().unwrap(), Some(Room::Transaction))
            }
            "binding" => {
                let binding = Binding {
                    identity: identity(&fields["identity"]),
                    number: number(fields, "number"),
                };
                (binding.encode().unwrap(), Some(Room::Binding))
            }
            _ => continue,
        };
        assert_eq!(encoded, bytes(&vector, "bytes"), "{name}");
        if let Some(room) = room {
            let key: [u8; 33] = array(&vector, "key");
            let key_of = Key::new(room, Hash::from_slice(&key[1..]).unwrap());
            assert_eq!(key_of.to_bytes(), key, "{name}");
            assert_eq!(key_of.to_string(), text(&vector, "text"), "{name}");
        }
    }
}

#[test]
fn what_the_contract_answers() {
    let mut chain = Chain::installed();
    let vectors = list(ENVELOPES, "vectors");
    let envelope = |name: &str| Envelope::decode(&bytes(vectors.iter().find(|v| v["name"] == name).unwrap(), "bytes"));
    chain.send(&issuer(), &envelope("issue, one").unwrap()).unwrap();
    let issued = chain.send(&issuer(), &envelope("issue, two").unwrap()).unwrap();
    let bound = chain
        .send(&issuer(), &envelope("rebind, the second key").unwrap())
        .unwrap();
    let contract = list(CONTRACT, "vectors");
    let expected = |what: &str| bytes(contract.iter().find(|v| v["what"] == what).unwrap(), "bytes");
    assert_eq!(issued.answer, expected("answer"));
    assert_eq!(issued.event.unwrap().data, expected("event"));
    assert_eq!(bound.answer, expected("answer of rebind"));
    assert_eq!(bound.event.unwrap().data, expected("event of rebind"));
}
