//! The signer over the store: first keys under races, certificates, their renewal and revocation, rows that do not fit.

use super::Founded;
use carbon_gateway::identity::certificate::{Certificate, Expected, Role};
use carbon_gateway::identity::rows::CA;
use carbon_gateway::identity::signer::{Sender, SignerError, Unfit};
use carbon_gateway::ledger::ids::{Hash, ShardId, UserId};
use carbon_gateway::store::keys;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn rider(id: i64) -> UserId {
    UserId::new(id).unwrap()
}

async fn ca(founded: &Founded) -> Certificate {
    let mut connection = founded.connect().await;
    let rows = keys::authorities(&mut connection).await.unwrap();
    let row = rows.iter().find(|row| row.name == CA).unwrap();
    Certificate::parse(&row.certificate).unwrap()
}

fn expected(role: Role, at_ms: i64) -> Expected<'static> {
    Expected {
        at_ms,
        role: Some(role),
        key_id: None,
        revoked_ms: &|_| None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_races_a_user_has_one_key_and_one_certificate() {
    const USERS: usize = 16;
    let founded = Founded::new().await;
    // Two processes, each with many tasks, all for the same few users.
    let signers = [founded.signer().await, founded.signer().await];
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 * USERS {
        let signer = Arc::clone(&signers[task % 2]);
        tasks.spawn(async move {
            let user = rider(i64::try_from(task / 2 % USERS).unwrap());
            let content = signer.sign_content(user, Hash::new([7; 32])).await.unwrap();
            content
                .point
                .verify_content(&Hash::new([7; 32]), &content.signature)
                .unwrap();
            assert_eq!(content.point.key_id(), content.key_id);
            let identity = signer.identify(Sender::User(user)).await.unwrap();
            assert_eq!(identity.certificate.key_id, content.key_id);
            (user, content.key_id, identity.certificate.serial)
        });
    }
    let seen: BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(seen.len(), USERS, "{seen:?}");
    assert_eq!(founded.count("SELECT COUNT(*) FROM user_key").await, 16);
    assert_eq!(founded.count("SELECT COUNT(*) FROM certificate").await, 16);
}

#[tokio::test]
async fn a_certificate_comes_with_the_first_sending_and_says_who_sends() {
    let founded = Founded::new().await;
    let signer = founded.signer().await;
    let sink = UserId::system(ShardId::new(4).unwrap());
    signer.sign_content(rider(42), Hash::new([1; 32])).await.unwrap();
    assert_eq!(founded.count("SELECT COUNT(*) FROM certificate").await, 0);
    let ca = ca(&founded).await;
    let now_ms = founded.clock.clock().now_ms();
    for (sender, role) in [
        (Sender::User(rider(42)), Role::Rider),
        (Sender::User(sink), Role::Sink),
        (Sender::Issuer, Role::Issuer),
    ] {
        let identity = signer.identify(sender).await.unwrap();
        identity.certificate.check(&ca, &expected(role, now_ms)).unwrap();
        assert_eq!(identity.certificate.organisation, "carbon-gateway");
        let signature = signer.sign_payload(&identity, b"payload".to_vec()).await.unwrap();
        identity
            .certificate
            .point
            .verify_message(b"payload", &signature)
            .unwrap();
    }
    assert_eq!(founded.count("SELECT COUNT(*) FROM certificate").await, 2);
    assert_eq!(
        founded
            .count("SELECT COUNT(*) FROM user_key WHERE shard = 4 AND user_id = -5")
            .await,
        1
    );
}

#[tokio::test]
async fn a_certificate_is_renewed_in_its_last_third() {
    for (sender, days, rows) in [
        (Sender::User(rider(1)), 30, "SELECT COUNT(*) FROM certificate"),
        (
            Sender::Issuer,
            60,
            "SELECT COUNT(*) FROM authority WHERE name = 'issuer'",
        ),
    ] {
        let founded = Founded::with(&[("RIDER_DAYS", "30"), ("ISSUER_DAYS", "60")]).await;
        let signer = founded.signer().await;
        let first = signer.identify(sender).await.unwrap().certificate;
        founded.clock.advance(DAY * days / 2);
        assert_eq!(signer.identify(sender).await.unwrap().certificate, first);
        founded.clock.advance(DAY * days / 4);
        let second = signer.identify(sender).await.unwrap().certificate;
        assert_eq!(second.key_id, first.key_id);
        assert_ne!(second.serial, first.serial);
        assert!(second.not_after_ms > first.not_after_ms);
        assert_eq!(signer.identify(sender).await.unwrap().certificate, second);
        assert_eq!(founded.count(rows).await, 2);
        let identity = signer.identify(sender).await.unwrap();
        signer.sign_payload(&identity, vec![1]).await.unwrap();
    }
}

#[tokio::test]
async fn a_revocation_counts_at_once_and_the_next_key_ends_it() {
    let founded = Founded::new().await;
    let (one, other) = (founded.signer().await, founded.signer().await);
    let sender = Sender::User(rider(7));
    let before = one.identify(sender).await.unwrap();
    assert!(other.revoke(before.certificate.serial).await.unwrap());
    assert!(!other.revoke(before.certificate.serial).await.unwrap());
    let refused = one.identify(sender).await.unwrap_err();
    assert!(
        matches!(refused, SignerError::Unfit(Unfit::Revoked { serial, .. }) if serial == before.certificate.serial)
    );

    let lost = before.certificate.key_id;
    let key_id = one.replace_key(rider(7), lost).await.unwrap();
    assert_eq!(
        other.replace_key(rider(7), lost).await.unwrap(),
        key_id,
        "once is enough"
    );
    assert_ne!(key_id, before.certificate.key_id);
    let after = one.identify(sender).await.unwrap();
    assert_eq!(after.certificate.key_id, key_id);
    assert!(matches!(
        one.sign_payload(&before, vec![1]).await.unwrap_err(),
        SignerError::Unfit(Unfit::KeyChanged)
    ));
    // The other process has not opened the user's key yet, so it meets the new one at once.
    assert_eq!(
        other.sign_content(rider(7), Hash::new([1; 32])).await.unwrap().key_id,
        key_id
    );

    let issuer = one.identify(Sender::Issuer).await.unwrap();
    assert!(one.revoke(issuer.certificate.serial).await.unwrap());
    assert!(one.identify(Sender::Issuer).await.is_err());
}

#[tokio::test]
async fn a_key_replaced_by_another_process_is_noticed_in_time() {
    let founded = Founded::with(&[("CACHE_S", "60")]).await;
    let (one, other) = (founded.signer().await, founded.signer().await);
    let id = Hash::new([1; 32]);
    let old = one.sign_content(rider(7), id).await.unwrap().key_id;
    let new = other.replace_key(rider(7), old).await.unwrap();
    assert_eq!(one.sign_content(rider(7), id).await.unwrap().key_id, old);
    founded.clock.advance(Duration::from_secs(61));
    assert_eq!(one.sign_content(rider(7), id).await.unwrap().key_id, new);
}

#[tokio::test]
async fn clear_keys_are_bounded() {
    let founded = Founded::with(&[("CACHED_KEYS", "8")]).await;
    let signer = founded.signer().await;
    for id in 0..40 {
        signer.sign_content(rider(id), Hash::new([1; 32])).await.unwrap();
        assert!(signer.open_keys() <= 8);
    }
    assert_eq!(founded.count("SELECT COUNT(*) FROM user_key").await, 40);
}

#[tokio::test]
async fn rows_that_were_moved_or_changed_do_not_open() {
    let founded = Founded::new().await;
    let first = founded.signer().await;
    for id in [60, 90, 120] {
        first.sign_content(rider(id), Hash::new([1; 32])).await.unwrap();
    }
    // MySQL reads the table that it writes only by way of rows put aside, hence the limit.
    let swap = "UPDATE user_key SET wrapped_key = (SELECT wrapped_key FROM (SELECT wrapped_key FROM user_key WHERE user_id = 90 LIMIT 1) AS b) \
                WHERE user_id = 60";
    let later = "UPDATE user_key SET created_ms = created_ms + 1 WHERE user_id = 90";
    let number = "UPDATE user_key SET number = 2 WHERE user_id = 120";
    for sql in [swap, later, number] {
        assert_eq!(founded.tamper(sql).await, 1);
    }
    let signer = founded.signer().await;
    for id in [60, 90, 120] {
        let refused = signer.sign_content(rider(id), Hash::new([1; 32])).await.unwrap_err();
        assert!(matches!(refused, SignerError::Unfit(Unfit::Key(_))), "{id}: {refused}");
    }
    // The issuer's key in the authority's place, and another key's certificate.
    let swap = "UPDATE authority SET certificate = (SELECT certificate FROM (SELECT certificate FROM authority WHERE name = 'ca' LIMIT 1) AS b) \
                WHERE name = 'issuer'";
    assert_eq!(founded.tamper(swap).await, 1);
    assert!(signer.identify(Sender::Issuer).await.is_err());
    let moved = "UPDATE authority SET wrapped_key = (SELECT wrapped_key FROM (SELECT wrapped_key FROM authority WHERE name = 'issuer' LIMIT 1) AS b) \
                 WHERE name = 'ca'";
    assert_eq!(founded.tamper(moved).await, 1);
    assert!(signer.identify(Sender::User(rider(200))).await.is_err());
}

#[tokio::test]
async fn callers_that_go_away_leave_nothing_half_done() {
    let founded = Founded::new().await;
    let signer = founded.signer().await;
    for id in 0..50_u64 {
        let user = rider(i64::try_from(id).unwrap());
        let work = signer.identify(Sender::User(user));
        let _cut_off = tokio::time::timeout(Duration::from_micros(id * 120), work).await;
    }
    for id in 0..50 {
        signer.identify(Sender::User(rider(id))).await.unwrap();
    }
    assert_eq!(founded.count("SELECT COUNT(*) FROM user_key").await, 50);
    assert_eq!(founded.count("SELECT COUNT(*) FROM certificate").await, 50);
}
