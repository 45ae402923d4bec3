//! The habits of a real chain: an accept reply proves nothing, both codes count, events of failed transactions stay, replies get
//! lost, pools are lost and full, a chain goes away. Whatever happens, an id is committed once or is dead.

use super::support::{Person, TestChain, WINDOW_MS, issue_of, judge, lot, named, payload, spend_of};
use crate::support::NOON_MS;
use carbon_contract::record::{Binding, Credit, Done, Installed, UsedSource};
use carbon_contract::transaction::{Kind, content_id};
use carbon_gateway::chain::embedded::{Fault, FaultPlan};
use carbon_gateway::chain::{ChainError, Found, NotConfirmed, Order, Payload, RetryClass, Transient, TxResult};
use std::time::Duration;

#[tokio::test]
async fn what_is_built_for_an_order_is_taken_and_read_back() {
    let chain = TestChain::start().await;
    let mut heights = chain.client.heights();
    let rider = Person::new("rider");
    let issue = rider.issue("trip", 9);
    let envelope = issue_of(&rider, &issue).encode().unwrap();
    let order = Order {
        tx_id: named("order"),
        envelope: &envelope,
        now_ms: NOON_MS,
    };
    let unsigned = chain.client.unsigned(&order).unwrap();
    assert_eq!(
        unsigned,
        chain.client.unsigned(&order).unwrap(),
        "equal orders, equal bytes"
    );
    assert_eq!(unsigned.expires_ms, NOON_MS + WINDOW_MS);
    let built = Payload::decode(&unsigned.payload).unwrap();
    let committed = chain.commit(&chain.issuer, &built).await;
    committed.confirms(&unsigned.payload).unwrap();
    heights.changed().await.unwrap();
    assert_eq!((committed.height, chain.client.height().await.unwrap()), (1, 1));
    assert_eq!(committed.result.event.as_ref().unwrap().topic, "issue");

    let block = chain.client.block(1).await.unwrap().unwrap();
    assert_eq!(block.transactions, std::slice::from_ref(&committed));
    assert_eq!(chain.client.block(2).await.unwrap(), None);
    let id = content_id(&issue.encode().unwrap());
    let done: Option<Done> = chain.client.read(&id).await.unwrap();
    assert_eq!(done.unwrap().kind, Kind::Issue);
    let credit: Option<Credit> = chain.client.read(&super::support::made(&issue)).await.unwrap();
    assert_eq!(credit.unwrap().amount_ug, 9);
    let source: Option<UsedSource> = chain.client.read(&named("trip")).await.unwrap();
    assert_eq!(source.unwrap().issued_by, id);
    let binding: Option<Binding> = chain.client.read(&rider.address).await.unwrap();
    assert_eq!(binding.unwrap().identity, rider.identity());
    let nobody: Option<Binding> = chain.client.read(&named("nobody")).await.unwrap();
    assert_eq!(nobody, None);
    let installed: Option<Installed> = chain.client.read(&Installed::NAME).await.unwrap();
    assert_eq!(installed.unwrap().installation.issuer, chain.issuer.identity());
    assert!(chain.client.query("issue", &envelope).await.is_err(), "no query");

    let proved = chain.chain.prove(&order.tx_id).await.unwrap().unwrap();
    assert!(proved.proof.holds(&block.hash, &proved.request, &proved.result));
    assert!(!proved.proof.holds(&block.hash, &proved.result, &proved.request));
    assert_eq!(chain.verified().await.transactions, 1);
}

#[tokio::test]
async fn a_good_code_of_the_chain_is_not_enough() {
    let chain = TestChain::start().await;
    let rider = Person::new("rider");
    let issue = rider.issue("trip", 9);
    let mut limited = payload("limited", &issue_of(&rider, &issue));
    limited.limit = 3; // it writes four keys
    let committed = chain.commit(&chain.issuer, &limited).await;
    let TxResult {
        code,
        contract_code,
        event,
        ..
    } = &committed.result;
    assert_eq!((*code, *contract_code), (0, 4));
    assert_eq!(event.as_ref().unwrap().topic, "issue", "what was emitted stays");
    assert!(matches!(
        committed.confirms(&limited.encode().unwrap()),
        Err(NotConfirmed::Failed { .. })
    ));
    let source: Option<UsedSource> = chain.client.read(&named("trip")).await.unwrap();
    assert_eq!(source, None, "nothing was written");
    // The id is used up; the same order under a new one is done.
    assert!(chain.submit(&chain.issuer, &limited).await.is_err());
    limited.limit = 4;
    limited.tx_id = named("unlimited");
    chain
        .commit(&chain.issuer, &limited)
        .await
        .confirms(&limited.encode().unwrap())
        .unwrap();
    let replayed = chain.verified().await;
    assert_eq!((replayed.failed, replayed.unspent), (1, 1));
}

#[tokio::test]
async fn faults_come_as_they_are_ordered() {
    let chain = TestChain::start().await;
    let rider = Person::new("rider");
    let faults = [
        Fault::Refuse,
        Fault::Full,
        Fault::LoseRequest,
        Fault::Forget,
        Fault::LoseReply,
        Fault::Delay(Duration::from_millis(20)),
        Fault::Away(2),
    ];
    chain.chain.plan(FaultPlan::script(faults.map(Some)));
    let mut told = Vec::new();
    let mut committed = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        let word = format!("trip {number}");
        let payload = payload(&word, &issue_of(&rider, &rider.issue(&word, 1)));
        told.push(match chain.submit(&chain.issuer, &payload).await {
            Ok(_) => "ok",
            Err(error) => match error.class() {
                RetryClass::Permanent => "permanent",
                RetryClass::Transient => "transient",
                RetryClass::OutcomeUnknown => "unknown",
            },
        });
        if matches!(fault, Fault::Away(_)) {
            for _ in 0..2 {
                let away = chain.client.find(&payload.tx_id).await.unwrap_err();
                assert!(matches!(away, ChainError::Transient(Transient::Away)));
            }
        }
        committed.push(matches!(chain.settled(&payload.tx_id).await, Found::Committed(_)));
        // The same bytes again are always right.
        chain.chain.plan(FaultPlan::None);
        let _again = chain.submit(&chain.issuer, &payload).await;
        chain.committed(&payload.tx_id).await;
        chain
            .chain
            .plan(FaultPlan::script(faults.map(Some).into_iter().skip(number + 1)));
    }
    assert_eq!(
        told,
        ["permanent", "transient", "unknown", "ok", "unknown", "ok", "transient"]
    );
    assert_eq!(committed, [false, false, false, false, true, true, false]);
    assert_eq!(chain.verified().await.unspent_ug.get(&lot()), Some(&7));
}

#[tokio::test]
async fn whatever_a_seed_brings_every_order_is_done_once() {
    for seed in 0..6 {
        let chain = TestChain::start().await;
        let rider = Person::new("rider");
        chain.chain.plan(FaultPlan::Seeded { seed, percent: 60 });
        for number in 0..30 {
            let word = format!("trip {number}");
            let payload = payload(&word, &issue_of(&rider, &rider.issue(&word, 1)));
            let bytes = payload.encode().unwrap();
            let mut tries = 0;
            loop {
                tries += 1;
                assert!(tries < 500);
                match chain.client.find(&payload.tx_id).await {
                    Ok(Found::Committed(committed)) => break committed.confirms(&bytes).unwrap(),
                    Ok(Found::Pending) | Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                    Ok(Found::Absent { .. }) => drop(chain.submit(&chain.issuer, &payload).await),
                }
            }
        }
        let replayed = chain.verified().await;
        assert_eq!((replayed.transactions, replayed.unspent), (30, 30), "seed {seed}");
    }
}

#[tokio::test]
async fn a_child_before_its_parent_fails_when_a_block_is_reversed() {
    let chain = TestChain::start_with(|settings| settings.block_delay = Duration::from_millis(300)).await;
    let (rider, friend) = (Person::new("rider"), Person::new("friend"));
    chain.credit(&rider, "first trip", 1).await;
    let issue = rider.issue("trip", 5);
    let parent = payload("parent", &issue_of(&rider, &issue));
    let child = payload(
        "child",
        &spend_of(&rider.transfer(super::support::made(&issue), &friend, 5)),
    );
    chain.chain.plan(FaultPlan::script([Some(Fault::Reorder)]));
    chain.submit(&chain.issuer, &parent).await.unwrap();
    chain.submit(&rider, &child).await.unwrap();
    assert_eq!(chain.committed(&parent.tx_id).await.index, 1);
    let failed = chain.committed(&child.tx_id).await;
    assert!(failed.result.message.starts_with("unknown_credit"), "{failed:?}");
    assert_eq!(chain.verified().await.failed, 1);
}

#[tokio::test]
async fn a_full_pool_says_so_and_recovers() {
    let chain = TestChain::start_with(|settings| {
        settings.most_waiting = 3;
        settings.block_delay = Duration::from_millis(500);
    })
    .await;
    let rider = Person::new("rider");
    let payloads: Vec<Payload> = (0..4)
        .map(|n| {
            payload(
                &format!("trip {n}"),
                &issue_of(&rider, &rider.issue(&format!("trip {n}"), 1)),
            )
        })
        .collect();
    for payload in &payloads[..3] {
        chain.submit(&chain.issuer, payload).await.unwrap();
    }
    let full = chain.submit(&chain.issuer, &payloads[3]).await.unwrap_err();
    assert!(matches!(full, ChainError::Transient(Transient::PoolFull)));
    chain.submit(&chain.issuer, &payloads[0]).await.unwrap();
    for payload in &payloads[..3] {
        chain.committed(&payload.tx_id).await;
    }
    chain.commit(&chain.issuer, &payloads[3]).await;
    assert_eq!(chain.verified().await.transactions, 4);
}

#[tokio::test]
async fn blocks_are_bounded_and_keep_the_order() {
    let chain = TestChain::start_with(|settings| {
        settings.most_in_block = 4;
        settings.block_delay = Duration::from_millis(300);
    })
    .await;
    let rider = Person::new("rider");
    let words: Vec<String> = (0..10).map(|n| format!("trip {n}")).collect();
    for word in &words {
        let payload = payload(word, &issue_of(&rider, &rider.issue(word, 1)));
        chain.submit(&chain.issuer, &payload).await.unwrap();
    }
    let mut places = Vec::new();
    for word in &words {
        let committed = chain.committed(&named(word)).await;
        places.push((committed.height, committed.index));
    }
    let expected: Vec<(u64, u32)> = (0..10_u32).map(|n| (u64::from(n / 4) + 1, n % 4)).collect();
    assert_eq!(places, expected);
    for word in &words {
        let block = chain
            .client
            .block(chain.committed(&named(word)).await.height)
            .await
            .unwrap()
            .unwrap();
        let proved = chain.chain.prove(&named(word)).await.unwrap().unwrap();
        assert!(proved.proof.holds(&block.hash, &proved.request, &proved.result));
    }
    chain.verified().await;
}

#[tokio::test]
async fn what_waits_too_long_is_dropped_and_then_is_dead() {
    let chain = TestChain::start_with(|settings| settings.block_delay = Duration::from_millis(300)).await;
    let rider = Person::new("rider");
    let waits = payload("waits", &issue_of(&rider, &rider.issue("trip", 1)));
    chain.submit(&chain.issuer, &waits).await.unwrap();
    chain.clock.set(waits.expires_ms + 1);
    assert_eq!(
        chain.settled(&waits.tx_id).await,
        Found::Absent {
            chain_ms: waits.expires_ms + 1
        }
    );
    // The chain's time never goes back, so what is dead stays dead.
    chain.clock.set(NOON_MS);
    assert_eq!(
        chain.submit(&chain.issuer, &waits).await.unwrap_err().class(),
        RetryClass::OutcomeUnknown
    );
    let (folder, _) = chain.stop().await;
    assert_eq!(judge(folder.path()).await.unwrap().1.tip.height, 0);
}
