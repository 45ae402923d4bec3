//! Every attack is refused: at the door where the sender proves nothing, by the contract where the order is no good.

use super::certificates::{TestAuthority, Wish};
use super::support::{
    OURS, Person, TestChain, VALID_MS, WINDOW_MS, YEAR_MS, authority, bind, issue_of, judge, key, lot, made, named,
    payload, spend_of,
};
use crate::support::NOON_MS;
use carbon_contract::envelope::{Envelope, Order};
use carbon_contract::record::{Credit, Installation};
use carbon_contract::transaction::Transaction;
use carbon_gateway::chain::embedded::{CERTIFICATES, MemberError, certificate_name, revocation};
use carbon_gateway::chain::{ChainError, Found, NotConfirmed, Permanent, RetryClass, Unknown};
use p256::ecdsa::Signature;
use rcgen::KeyUsagePurpose;
use std::collections::BTreeSet;

fn permanent(error: &ChainError) -> &Permanent {
    assert_eq!(error.class(), RetryClass::Permanent);
    match error {
        ChainError::Permanent(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// What the door says to a spend of this sender.
async fn refused(chain: &TestChain, sender: &Person) -> MemberError {
    let spend = sender.transfer(named("some credit"), &chain.issuer, 1);
    let error = chain
        .submit(sender, &payload("attack", &spend_of(&spend)))
        .await
        .unwrap_err();
    match permanent(&error) {
        Permanent::Member(reason) => *reason,
        other => panic!("{other:?}"),
    }
}

fn with(change: impl FnOnce(&mut Wish)) -> Person {
    let (authority, mut rider) = (authority(), Person::new("rider"));
    let mut wish = authority.wish(&rider.key, VALID_MS);
    change(&mut wish);
    rider.certificate = authority.certify(&rider.key, wish);
    rider
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused() {
    let chain = TestChain::start().await;
    let rider = Person::new("rider");

    // Another authority, under its own name and under the name of ours.
    for name in ["evil.example", OURS] {
        let other = TestAuthority::new(key("other authority"), name, (NOON_MS - YEAR_MS, NOON_MS + YEAR_MS));
        let mut sender = rider.clone();
        let wish = Wish {
            organisation: OURS.to_owned(),
            ..other.wish(&rider.key, VALID_MS)
        };
        sender.certificate = other.certify(&rider.key, wish);
        assert_eq!(refused(&chain, &sender).await, MemberError::Foreign);
        sender.certificate = other.der;
        assert_eq!(refused(&chain, &sender).await, MemberError::Foreign);
    }
    // Our authority, but the name of another organisation.
    let sender = with(|wish| "evil.example".clone_into(&mut wish.organisation));
    assert_eq!(refused(&chain, &sender).await, MemberError::Foreign);

    let sender = with(|wish| wish.to_ms = NOON_MS - 1_000);
    assert_eq!(refused(&chain, &sender).await, MemberError::Expired);
    let sender = with(|wish| wish.from_ms = NOON_MS + 1_000);
    assert_eq!(refused(&chain, &sender).await, MemberError::NotYet);

    for unit in [None, Some("consensus"), Some("root-cert"), Some("clients")] {
        let sender = with(|wish| wish.unit = unit);
        assert_eq!(refused(&chain, &sender).await, MemberError::Role, "{unit:?}");
    }
    let sender = with(|wish| wish.is_ca = true);
    assert_eq!(refused(&chain, &sender).await, MemberError::Role);
    let sender = with(|wish| wish.usages = vec![KeyUsagePurpose::KeyAgreement]);
    assert!(matches!(refused(&chain, &sender).await, MemberError::Profile(_)));

    // The key id of somebody else, and of nobody.
    for key_id in [Person::new("issuer").point().key_id().as_bytes().to_vec(), vec![7; 20]] {
        let sender = with(|wish| wish.key_id = key_id);
        assert_eq!(refused(&chain, &sender).await, MemberError::KeyId);
    }

    let mut sender = rider.clone();
    sender.certificate.push(0);
    assert!(matches!(refused(&chain, &sender).await, MemberError::Profile(_)));
    sender.certificate = Vec::new();
    assert!(matches!(refused(&chain, &sender).await, MemberError::Profile(_)));
    for at in 0..rider.certificate.len() {
        sender.certificate.clone_from(&rider.certificate);
        sender.certificate[at] ^= 1 << (at % 8);
        let spend = sender.transfer(named("some credit"), &chain.issuer, 1);
        let answer = chain.submit(&sender, &payload("attack", &spend_of(&spend))).await;
        assert!(
            answer.is_err_and(|error| error.class() == RetryClass::Permanent),
            "byte {at}"
        );
    }
    assert_eq!(chain.verified().await.transactions, 0);
}

#[tokio::test]
async fn a_remembered_certificate_expires_all_the_same() {
    let chain = TestChain::start().await;
    let rider = with(|wish| wish.to_ms = NOON_MS + 60_000);
    let credit = chain.credit(&rider, "trip", 5).await;
    let spend = rider.transfer(credit, &Person::new("friend"), 5);
    chain.clock.set(NOON_MS + 61_000);
    assert_eq!(refused(&chain, &rider).await, MemberError::Expired);
    let error = chain
        .submit(&rider, &payload("late", &spend_of(&spend)))
        .await
        .unwrap_err();
    assert!(matches!(permanent(&error), Permanent::Member(MemberError::Expired)));
}

/// The same certificate, r and −s for r and s.
fn other_spelling(der: &[u8]) -> Vec<u8> {
    let (_, read) = x509_parser::parse_x509_certificate(der).unwrap();
    let signature: &[u8] = read.signature_value.data.as_ref();
    let (r, s) = Signature::from_der(signature).unwrap().split_scalars();
    let other = Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap().to_der();
    let other = other.as_bytes();
    let kept = &der[4..der.len() - signature.len() - 2];
    let length = u8::try_from(other.len() + 1).unwrap();
    let content = [kept, &[length, 0], other].concat();
    let size = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82], size.as_slice(), &content].concat()
}

#[tokio::test]
async fn a_revoked_certificate_sends_no_more() {
    let chain = TestChain::start().await;
    let rider = Person::new("rider");
    let credit = chain.credit(&rider, "trip", 5).await;
    let certificate = certificate_name(&rider.certificate).unwrap();
    let spend = spend_of(&rider.transfer(credit, &Person::new("friend"), 5));
    let mut order = payload("revocation", &spend);
    CERTIFICATES.clone_into(&mut order.contract);
    "revoke".clone_into(&mut order.method);
    order.argument = revocation(&BTreeSet::from([certificate])).unwrap();

    // Not by a rider, not even of the own certificate.
    let mut own = order.clone();
    own.tx_id = named("a rider's revocation");
    let refusal = chain.commit(&rider, &own).await;
    assert!(refusal.result.message.starts_with("not_issuer"), "{:?}", refusal.result);

    let done = chain.commit(&chain.issuer, &order).await;
    done.confirms(&order.encode().unwrap()).unwrap();
    let error = chain.submit(&rider, &payload("after", &spend)).await.unwrap_err();
    assert_eq!(*permanent(&error), Permanent::Revoked(certificate));

    // Nor under the other spelling of the authority's signature.
    let mut respelled = rider.clone();
    respelled.certificate = other_spelling(&rider.certificate);
    let error = chain.submit(&respelled, &payload("after", &spend)).await.unwrap_err();
    assert_eq!(*permanent(&error), Permanent::Revoked(certificate));

    // After a restart too.
    let (folder, _) = chain.stop().await;
    let chain = TestChain::in_folder(folder, |_| ()).await.unwrap();
    let error = chain.submit(&rider, &payload("after", &spend)).await.unwrap_err();
    assert_eq!(*permanent(&error), Permanent::Revoked(certificate));
    assert_eq!(chain.verified().await.failed, 1);
}

#[tokio::test]
async fn signatures_payloads_and_times_are_checked_at_the_door() {
    let chain = TestChain::start().await;
    let (rider, other) = (Person::new("rider"), Person::new("other"));
    let spend = spend_of(&rider.transfer(named("some credit"), &other, 1));
    let good = payload("good", &spend);
    let request = rider.signed(&good);

    let mut forged = request.clone();
    forged.signature = other.signed(&good).signature;
    let mut high = request.clone();
    let (r, s) = Signature::from_slice(&request.signature).unwrap().split_scalars();
    high.signature = Signature::from_scalars(r.to_bytes(), (-s).to_bytes())
        .unwrap()
        .to_bytes()
        .into();
    let mut changed = request.clone();
    changed.payload = payload("other id", &spend).encode().unwrap();
    let mut zero = request.clone();
    zero.signature = [0; 64];
    for bad in [forged, high, changed, zero] {
        let error = chain.client.submit(bad).await.unwrap_err();
        assert_eq!(*permanent(&error), Permanent::Signature);
    }

    let refusal = async |change: &dyn Fn(&mut carbon_gateway::chain::Payload)| {
        let mut payload = good.clone();
        change(&mut payload);
        chain.submit(&rider, &payload).await.unwrap_err()
    };
    let error = refusal(&|payload| "main".clone_into(&mut payload.chain_id)).await;
    assert_eq!(*permanent(&error), Permanent::OtherChain("main".to_owned()));
    let error = refusal(&|payload| payload.expires_ms = payload.timestamp_ms).await;
    assert_eq!(*permanent(&error), Permanent::Lifetime(0));
    let error = refusal(&|payload| payload.expires_ms += 1).await;
    assert_eq!(*permanent(&error), Permanent::Lifetime(i128::from(WINDOW_MS) + 1));
    let error = refusal(&|payload| (payload.timestamp_ms, payload.expires_ms) = (i64::MIN, i64::MAX)).await;
    assert!(matches!(permanent(&error), Permanent::Lifetime(_)));
    let error = refusal(&|payload| payload.argument = vec![0; 2 << 20]).await;
    assert!(matches!(permanent(&error), Permanent::TooLarge(_)));
    for shift in [-WINDOW_MS - 1, WINDOW_MS + 1] {
        let error = refusal(&|payload| {
            payload.timestamp_ms += shift;
            payload.expires_ms += shift;
        })
        .await;
        assert_eq!(
            error.class(),
            RetryClass::OutcomeUnknown,
            "it may have been committed in time"
        );
        assert!(matches!(
            error,
            ChainError::OutcomeUnknown(Unknown::OutsideWindow { .. })
        ));
    }
    let mut longer = request;
    longer.payload.push(0);
    let error = chain.client.submit(longer).await.unwrap_err();
    assert!(matches!(permanent(&error), Permanent::NotCanonical(_)));
}

/// The code word with which the contract fails a call.
async fn fails(chain: &TestChain, person: &Person, word: &str, envelope: &Envelope) -> String {
    let payload = payload(word, envelope);
    let committed = chain.commit(person, &payload).await;
    match committed.confirms(&payload.encode().unwrap()) {
        Err(NotConfirmed::Failed { message, .. }) => message.split(':').next().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_spends_twice_or_what_is_not_theirs() {
    let chain = TestChain::start_with(|settings| settings.block_delay = std::time::Duration::from_millis(300)).await;
    let (rider, friend, thief) = (Person::new("rider"), Person::new("friend"), Person::new("thief"));
    let credit = chain.credit(&rider, "trip", 5).await;
    chain.commit(&chain.issuer, &payload("bind", &bind(&thief))).await;

    // In one transaction: a name that stands twice is not canonical.
    let mut twice = rider.transfer(credit, &friend, 10);
    let bytes = twice.encode().unwrap();
    twice.inputs = vec![credit, credit];
    let doubled = [
        &bytes[..42],
        &[0, 2],
        credit.as_bytes().as_slice(),
        credit.as_bytes().as_slice(),
        &bytes[76..],
    ]
    .concat();
    assert_eq!(bytes[42..44], [0, 1], "the count of inputs");
    let attack = Envelope::Spend(doubled);
    assert_eq!(
        fails(&chain, &rider, "in one", &attack).await,
        "transaction_not_canonical"
    );

    // Of another owner.
    let stolen = thief.transfer(credit, &thief, 5);
    let stolen = Transaction {
        outputs: vec![rider.issue("x", 5).outputs[0].clone()],
        ..stolen
    };
    assert_eq!(fails(&chain, &thief, "stolen", &spend_of(&stolen)).await, "not_owner");
    let ordered = rider.transfer(credit, &thief, 5);
    assert_eq!(
        fails(&chain, &thief, "sent for", &spend_of(&ordered)).await,
        "wrong_key"
    );

    // In one block: the first wins.
    let first = payload("first", &spend_of(&rider.transfer(credit, &friend, 5)));
    let second = payload("second", &spend_of(&rider.transfer(credit, &thief, 5)));
    chain.submit(&rider, &first).await.unwrap();
    chain.submit(&rider, &second).await.unwrap();
    let (one, two) = (
        chain.committed(&first.tx_id).await,
        chain.committed(&second.tx_id).await,
    );
    assert_eq!((one.height, one.index + 1), (two.height, two.index), "one block");
    one.confirms(&first.encode().unwrap()).unwrap();
    assert!(two.result.message.starts_with("spent_credit"), "{:?}", two.result);
    assert_eq!((two.result.code, two.result.contract_code), (4, 1));

    // In two blocks.
    let third = spend_of(&rider.transfer(credit, &rider, 5));
    let third_code = fails(&chain, &rider, "third", &third).await;
    assert_eq!(third_code, "spent_credit");
    // The same order once more under a new id changes nothing and is no failure.
    let again = payload("again", &spend_of(&rider.transfer(credit, &friend, 5)));
    chain
        .commit(&rider, &again)
        .await
        .confirms(&again.encode().unwrap())
        .unwrap();

    let stored: Credit = chain.client.read(&credit).await.unwrap().unwrap();
    assert!(stored.consumed_by.is_some());
    let replayed = chain.verified().await;
    assert_eq!(replayed.unspent_ug.get(&lot()), Some(&5));
}

#[tokio::test]
async fn nobody_mints_but_the_issuer_and_no_source_twice() {
    let chain = TestChain::start().await;
    let rider = Person::new("rider");
    let issue = rider.issue("trip", 7);
    let envelope = issue_of(&rider, &issue);
    assert_eq!(fails(&chain, &rider, "by a rider", &envelope).await, "not_issuer");
    let committed = chain.commit(&chain.issuer, &payload("by the issuer", &envelope)).await;
    assert_eq!((committed.result.code, committed.result.contract_code), (0, 0));
    let again = Transaction {
        reason: "again".to_owned(),
        ..issue.clone()
    };
    let again = issue_of(&rider, &again);
    assert_eq!(fails(&chain, &chain.issuer, "again", &again).await, "source_used");

    // The installation stands, whoever calls.
    let mut init = payload("init", &envelope);
    "init".clone_into(&mut init.method);
    init.argument = Installation {
        issuer: rider.identity(),
        riders: OURS.to_owned(),
    }
    .encode()
    .unwrap();
    let refusal = chain.commit(&rider, &init).await;
    assert!(refusal.result.message.starts_with("already_installed"));
    let mut upgrade = payload("upgrade", &envelope);
    "upgrade".clone_into(&mut upgrade.method);
    assert_eq!(chain.commit(&rider, &upgrade).await.result.code, 0, "harmless");
    let mut elsewhere = payload("elsewhere", &envelope);
    "carbon2".clone_into(&mut elsewhere.contract);
    assert_eq!(chain.commit(&chain.issuer, &elsewhere).await.result.code, 11);
    assert_eq!(chain.verified().await.unspent, 1);
    let _ = made(&issue);
}

#[tokio::test]
async fn another_payload_under_a_pending_id_is_told_ok_and_is_not_taken() {
    let chain = TestChain::start_with(|settings| settings.block_delay = std::time::Duration::from_millis(300)).await;
    let (rider, friend) = (Person::new("rider"), Person::new("friend"));
    let credit = chain.credit(&rider, "trip", 5).await;
    let first = payload("id", &spend_of(&rider.transfer(credit, &friend, 5)));
    let other = payload("id", &spend_of(&rider.transfer(credit, &rider, 5)));
    chain.submit(&rider, &first).await.unwrap();
    chain.submit(&rider, &other).await.unwrap();
    assert_eq!(chain.client.find(&first.tx_id).await.unwrap(), Found::Pending);
    let committed = chain.committed(&first.tx_id).await;
    committed.confirms(&first.encode().unwrap()).unwrap();
    assert_eq!(
        committed.confirms(&other.encode().unwrap()),
        Err(NotConfirmed::OtherPayload)
    );
    // Once committed the id is refused, and what became of it must be looked up.
    let error = chain.submit(&rider, &other).await.unwrap_err();
    assert!(matches!(error, ChainError::OutcomeUnknown(Unknown::AlreadyCommitted)));
    assert_eq!(chain.verified().await.transactions, 2);
}

/// The contract takes the issuer's word for what a rider has ordered. Whoever reads the chain does not.
#[tokio::test]
async fn an_issue_that_no_rider_has_signed_is_found_by_who_reads() {
    let chain = TestChain::start().await;
    let rider = Person::new("rider");
    let (issue, other) = (rider.issue("trip", 7), rider.issue("other trip", 7));
    let borrowed = Order {
        signature: rider.order(&other).signature,
        ..rider.order(&issue)
    };
    let envelope = Envelope::Issue(vec![rider.order(&other), borrowed]);
    let committed = chain.commit(&chain.issuer, &payload("borrowed", &envelope)).await;
    assert_eq!((committed.result.code, committed.result.contract_code), (0, 0));
    let (folder, _) = chain.stop().await;
    let (findings, _) = judge(folder.path()).await.unwrap();
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0].contains("its rider has not signed issue 1: "),
        "{findings:?}"
    );
}
