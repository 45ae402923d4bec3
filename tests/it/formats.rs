//! The bytes of `docs/formats.md`: what a second implementation, written from that page alone, made of the same values must be
//! ours bit for bit, and what the page forbids must be refused.

use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::account::account_digest;
use carbon_gateway::ledger::activation::{Activation, ActivationKind};
use carbon_gateway::ledger::entry::{Entry, EntryKind};
use carbon_gateway::ledger::evidence::{DataKey, Evidence};
use carbon_gateway::ledger::idempotency::{Answer, Keyed, answer_digest, key_digest, redemption_id, request_digest};
use carbon_gateway::ledger::ids::{Hash, Name, ShardId, UserId, trip_key};
use carbon_gateway::ledger::page::{Deployment, Page};
use carbon_gateway::ledger::settle::{Word, receipt_digest};
use carbon_gateway::ledger::standing::{Place, Standing, Status};
use carbon_gateway::ledger::transaction::Kind;
use carbon_gateway::ledger::trip::{TripRecord, trip_digest};
use serde_json::Value;

fn vectors(text: &str) -> (Vec<Value>, Vec<Value>) {
    let file: Value = serde_json::from_str(text).unwrap();
    let list = |name: &str| file[name].as_array().unwrap().clone();
    (list("vectors"), list("invalid"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    unhex(text(value, name))
}

fn array<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    bytes(value, name).try_into().unwrap()
}

fn hash(value: &Value, name: &str) -> Hash {
    Hash::new(array(value, name))
}

fn number(value: &Value, name: &str) -> i64 {
    text(value, name).parse().unwrap()
}

#[test]
fn trip_keys_agree() {
    let (vectors, _) = vectors(include_str!("../../contracts/vectors/trip_key.json"));
    assert!(vectors.len() >= 5);
    for vector in &vectors {
        let fields = &vector["fields"];
        let name = |field| Name::parse(text(fields, field)).unwrap();
        let key = trip_key(
            &name("client"),
            UserId::from_stored(number(fields, "user_id")),
            &name("trip_id"),
        );
        assert_eq!(key, hash(vector, "digest"), "{}", vector["name"]);
    }
}

#[test]
fn account_digests_and_wrapped_keys_agree() {
    let (vectors, invalid) = vectors(include_str!("../../contracts/vectors/account.json"));
    for vector in &vectors {
        let fields = &vector["fields"];
        let (user, programme) = (
            UserId::from_stored(number(fields, "user_id")),
            text(fields, "programme"),
        );
        let (address, data_key) = (hash(fields, "address"), DataKey::new(array(fields, "data_key")));
        assert_eq!(
            account_digest(user, programme, &address, &data_key),
            hash(vector, "digest")
        );
        let kek = Kek::new(&array(fields, "kek"));
        assert_eq!(kek.id().to_string(), text(vector, "kek_id"));
        let wrapped = kek
            .wrap(&data_key, array(fields, "nonce"), (user, programme, &address))
            .unwrap();
        assert_eq!(wrapped, bytes(vector, "wrapped_data_key"));
        assert_eq!(
            kek.unwrap(&wrapped, (user, programme, &address)).unwrap().as_bytes(),
            data_key.as_bytes()
        );
        for wrong in invalid.iter().filter(|wrong| wrong["of"] == vector["name"]) {
            let opened = kek.unwrap(&bytes(wrong, "bytes"), (user, programme, &address));
            assert!(opened.is_err(), "{}", wrong["name"]);
        }
    }
    assert!(!invalid.is_empty());
}

#[test]
fn trips_agree() {
    let (vectors, invalid) = vectors(include_str!("../../contracts/vectors/trip.json"));
    for vector in &vectors {
        let fields = &vector["fields"];
        let record = TripRecord::decode(&bytes(vector, "bytes")).unwrap();
        assert_eq!(record.encode().unwrap(), bytes(vector, "bytes"), "{}", vector["name"]);
        assert_eq!(record.amount().unwrap().micrograms(), number(vector, "amount_ug"));
        assert_eq!(record.trip_key, hash(&fields["record"], "trip_key"));
        assert_eq!(record.booked_ms, number(&fields["record"], "booked_ms"));
        assert_eq!(record.legs.len(), fields["record"]["legs"].as_array().unwrap().len());
        for (leg, sent) in std::iter::zip(&record.legs, fields["record"]["legs"].as_array().unwrap()) {
            assert_eq!(leg.leg.mode, text(sent, "mode"));
            assert_eq!(leg.quantified.micrograms(), number(sent, "quantified_ug"));
            assert_eq!(leg.capped.micrograms(), number(sent, "capped_ug"));
            assert_eq!(leg.unfloored, text(sent, "unfloored"));
        }
        let evidence = Evidence::decode(&bytes(vector, "evidence_bytes")).unwrap();
        assert_eq!(evidence.encode().unwrap(), bytes(vector, "evidence_bytes"));
        assert_eq!(evidence.trip_id.as_str(), text(&fields["evidence"], "trip_id"));
        let key = DataKey::new(array(fields, "data_key"));
        let sealed = evidence.seal(&key, array(fields, "nonce"), &record.trip_key).unwrap();
        assert_eq!(sealed, bytes(vector, "sealed_evidence"));
        assert_eq!(Evidence::open(&sealed, &key, &record.trip_key).unwrap(), evidence);
        assert_eq!(trip_digest(&bytes(vector, "bytes"), &sealed), hash(vector, "digest"));
    }
    let key = DataKey::new(array(&vectors[0]["fields"], "data_key"));
    let trip = hash(&vectors[0]["fields"]["record"], "trip_key");
    for wrong in invalid.iter().filter(|wrong| wrong["rule"] == "decoding") {
        let bytes = bytes(wrong, "bytes");
        let refused = match text(wrong, "document") {
            "record" => TripRecord::decode(&bytes).is_err(),
            "evidence" => Evidence::decode(&bytes).is_err(),
            _ => Evidence::open(&bytes, &key, &trip).is_err(),
        };
        assert!(refused, "{} of {}", wrong["name"], wrong["document"]);
    }
}

#[test]
fn receipts_agree() {
    let (vectors, _) = vectors(include_str!("../../contracts/vectors/receipt.json"));
    let mut words = Vec::new();
    for vector in &vectors {
        let fields = &vector["fields"];
        let word = Word::ALL
            .into_iter()
            .find(|word| fields["word"] == word.code())
            .unwrap();
        let reason = text(fields, "reason").to_owned();
        let status = match word {
            Word::Confirmed => Status::Confirmed(Place {
                height: number(&fields["place"], "height"),
                index: number(&fields["place"], "index"),
                block_at_ms: number(&fields["place"], "block_at_ms"),
            }),
            Word::Refused => Status::Refused(reason),
            Word::Dead => Status::Dead(reason),
            Word::Redriven => Status::fresh(0),
        };
        let standing = Standing {
            seq: 1,
            content_id: hash(fields, "content_id"),
            user: UserId::from_stored(1),
            programme: "demo".to_owned(),
            kind: Kind::Issue,
            status,
            attempt: 1,
            pack: 32,
            chain_tx_id: Some(hash(fields, "chain_tx_id")),
            earlier: Vec::new(),
        };
        assert_eq!(
            receipt_digest(&standing, word),
            hash(vector, "digest"),
            "{}",
            vector["name"]
        );
        words.push(word);
    }
    assert_eq!(words, Word::ALL);
}

#[test]
fn entries_agree() {
    let (vectors, invalid) = vectors(include_str!("../../contracts/vectors/entry.json"));
    let mut kinds = std::collections::BTreeSet::new();
    for vector in &vectors {
        let fields = &vector["fields"];
        let entry = Entry::decode(&bytes(vector, "bytes")).unwrap();
        assert_eq!(entry.encode().unwrap(), bytes(vector, "bytes"));
        assert_eq!(fields["kind"], entry.kind.code());
        assert_eq!(entry.actor, text(fields, "actor"));
        assert_eq!(entry.amount.micrograms(), number(fields, "amount_ug"));
        assert_eq!(entry.lot.is_none(), fields["lot"].is_null());
        for (posting, said) in std::iter::zip(&entry.postings, fields["postings"].as_array().unwrap()) {
            assert_eq!(said["figure"], posting.figure.code());
            assert_eq!(said["day"], posting.day.epoch_days());
            assert_eq!(posting.mode, text(said, "mode"));
            assert_eq!(posting.amount.micrograms(), number(said, "amount_ug"));
        }
        kinds.insert(entry.kind);
    }
    assert_eq!(kinds.len(), EntryKind::ALL.len(), "every kind has a vector");
    for wrong in invalid.iter().filter(|wrong| wrong["rule"] == "decoding") {
        assert!(Entry::decode(&bytes(wrong, "bytes")).is_err(), "{}", wrong["name"]);
    }
}

#[test]
fn idempotency_digests_agree() {
    let (vectors, _) = vectors(include_str!("../../contracts/vectors/idempotency.json"));
    for vector in &vectors {
        let fields = &vector["fields"];
        let request = &fields["request"];
        let digest = request_digest(text(fields, "method"), text(fields, "path"), |e| {
            e.u8(u8::try_from(request["request"].as_u64().unwrap()).unwrap());
            if request["request"] == 1 {
                e.text(text(request, "programme"));
                e.opt(request["trips"].as_array(), |e, trips| {
                    e.list(trips.iter(), |e, trip| {
                        e.text(text(trip, "client"));
                        e.text(text(trip, "trip_id"));
                    });
                });
            } else {
                e.i64(number(request, "user_id"));
                e.text(text(request, "programme"));
                e.i64(number(request, "amount_ug"));
                e.text(text(request, "reference"));
            }
        });
        assert_eq!(digest.unwrap(), hash(vector, "digest"), "{}", vector["name"]);
    }
    assert!(vectors.len() >= 6);
}

#[test]
fn answers_and_their_keys_agree() {
    let (vectors, invalid) = vectors(include_str!("../../contracts/vectors/answer.json"));
    for vector in &vectors {
        let fields = &vector["fields"];
        if vector["digest_of"] == "key" {
            // A client of no characters is no name; its digest has nobody to ask for it.
            let Ok(client) = Name::parse(text(fields, "client")) else {
                continue;
            };
            let user = UserId::from_stored(number(fields, "user_id"));
            assert_eq!(
                key_digest(&client, user, text(fields, "idempotency_key")),
                hash(vector, "digest")
            );
            continue;
        }
        let document = bytes(vector, "bytes");
        let answer = Answer::decode(&document).unwrap();
        assert_eq!(answer.encode().unwrap(), document, "{}", vector["name"]);
        let keyed = Keyed {
            key: hash(fields, "key_digest"),
            request: hash(fields, "idempotency_digest"),
        };
        assert_eq!(
            answer_digest(&keyed, &document),
            hash(vector, "digest"),
            "{}",
            vector["name"]
        );
    }
    for wrong in &invalid {
        assert!(Answer::decode(&bytes(wrong, "bytes")).is_err(), "{}", wrong["name"]);
    }
}

#[test]
fn redemption_references_agree() {
    let (vectors, _) = vectors(include_str!("../../contracts/vectors/references.json"));
    let redemptions = vectors.iter().filter(|vector| vector["fields"]["kind"] == "rd");
    for vector in redemptions {
        let fields = &vector["fields"];
        let client = Name::parse(text(fields, "client")).unwrap();
        let user = UserId::from_stored(number(fields, "user_id"));
        assert_eq!(
            redemption_id(&client, user, text(fields, "idempotency_key")),
            hash(vector, "digest")
        );
    }
}

#[test]
fn activation_digests_agree() {
    let (vectors, _) = vectors(include_str!("../../contracts/vectors/activation.json"));
    for vector in &vectors {
        let fields = &vector["fields"];
        let activation = Activation {
            kind: ActivationKind::parse(text(fields, "kind")).unwrap(),
            id: text(fields, "id").to_owned(),
            version: text(fields, "version").to_owned(),
            confirmed_by: text(fields, "confirmed_by").to_owned(),
            bytes: bytes(fields, "bytes"),
        };
        assert_eq!(activation.digest(), hash(vector, "digest"), "{}", vector["name"]);
        let entry = activation.entry("r1");
        assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
    }
}

#[test]
fn pages_and_seals_agree() {
    let (vectors, invalid) = vectors(include_str!("../../contracts/vectors/page.json"));
    let mut previous = None;
    for vector in &vectors {
        let fields = &vector["fields"];
        let shard = ShardId::new(u8::try_from(fields["shard"].as_u64().unwrap()).unwrap()).unwrap();
        if vector["seal"] == "genesis" {
            let zone = text(fields, "ledger_zone").to_owned();
            let deployment = Deployment {
                id: array(fields, "deployment_id"),
                zone,
                created_ms: number(fields, "created_ms"),
            };
            assert_eq!(deployment.genesis_seal(shard), hash(vector, "digest"));
            previous = Some(hash(vector, "digest"));
            continue;
        }
        assert_eq!(previous, Some(hash(fields, "previous_seal")), "pages are linked");
        let page = Page {
            shard,
            seq_from: number(fields, "seq_from"),
            seq_to: number(fields, "seq_to"),
            at_ms: number(fields, "at_ms"),
            previous_seal: hash(fields, "previous_seal"),
            seal: hash(vector, "digest"),
            entries: bytes(vector, "bytes"),
        };
        assert_eq!(page.recomputed_seal(), page.seal, "{}", vector["name"]);
        previous = Some(page.seal);
        let entries = page.decode_entries().unwrap();
        let again = Page::seal(shard, page.seq_from, page.at_ms, page.previous_seal, &entries)
            .unwrap()
            .unwrap();
        assert_eq!(again, page);
    }
    for wrong in &invalid {
        let seal = Hash::new([0; 32]);
        let (shard, entries) = (ShardId::new(0).unwrap(), bytes(wrong, "bytes"));
        let page = Page {
            shard,
            seq_from: 1,
            seq_to: 1,
            at_ms: 0,
            previous_seal: seal,
            seal,
            entries,
        };
        assert!(page.decode_entries().is_err(), "{}", wrong["name"]);
    }
}
