//! Signing keys and certificates of a finished deployment, made by the signer on a folder whose gateway has stopped.

use crate::database::file_of;
use crate::support::NOON_MS;
use carbon_gateway::app::signing::signer;
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::Loaded;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::identity::signer::Sender;
use carbon_gateway::ledger::ids::{Hash, ShardId, UserId};
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::deployment;
use sqlx::Connection as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const DAY: Duration = Duration::from_hours(24);

/// Riders of three shards and a sink. One certificate is revoked and its key replaced; one key is replaced before it certified
/// anything; one certificate and the issuer's are renewed; one rider has keys alone.
pub(super) async fn keys(folder: &Path) {
    let location = file_of(folder);
    let mut connection = location.connect().await.unwrap();
    let founded = deployment::find(&mut connection).await.unwrap().unwrap();
    connection.close().await.unwrap();
    let kek = Arc::new(Kek::load(&folder.join("keys/kek"), founded.kek_id).unwrap());
    let clock = ManualClock::new(NOON_MS);
    let config = Loaded::read(None, Vec::new()).unwrap().config;
    let readers = Homes::one(location.clone()).readers(1).await.unwrap();
    let (signer, writers) = signer(
        (&Homes::one(location.clone()), readers),
        kek,
        clock.clock(),
        &config.keys,
    )
    .unwrap();
    let mut writing = JoinSet::new();
    for writer in writers {
        writing.spawn(writer.run());
    }

    let rider = |id| UserId::new(id).unwrap();
    let content = Hash::new([1; 32]);
    let first = signer.identify(Sender::User(rider(3))).await.unwrap();
    let lost = signer.identify(Sender::User(rider(34))).await.unwrap();
    assert!(signer.revoke(lost.certificate.serial).await.unwrap());
    signer.replace_key(rider(34), lost.certificate.key_id).await.unwrap();
    signer.identify(Sender::User(rider(34))).await.unwrap();
    let sink = UserId::system(ShardId::new(29).unwrap());
    signer.identify(Sender::User(sink)).await.unwrap();
    let replaced = signer.sign_content(rider(10), content).await.unwrap().key_id;
    signer.replace_key(rider(10), replaced).await.unwrap();
    clock.advance(DAY * 1_700);
    let renewed = signer.identify(Sender::User(rider(3))).await.unwrap();
    assert_ne!(first.certificate.serial, renewed.certificate.serial);
    signer.identify(Sender::Issuer).await.unwrap();

    drop(signer);
    writing.join_next().await.unwrap().unwrap();
    // The readers may still be closing, and close without what the others would bring into the file.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("ledger.db"));
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(busy, 0);
    connection.close().await.unwrap();
}
