//! What a test sends to a gateway's chain by itself, under the keys of its data folder.

use crate::support::{NOON_MS, TestApp};
use carbon_contract::codec::digest;
use carbon_contract::envelope::{Envelope, Order, Rebind};
use carbon_contract::signature::{PublicPoint, RiderSignature};
use carbon_contract::transaction::{Kind, Lot, Output, Source, SourceKind, Transaction, content_id};
use carbon_gateway::app::signing::signer;
use carbon_gateway::chain::{ChainClient, Found, Payload, Request};
use carbon_gateway::config::Loaded;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::identity::signer::{Sender, Signer};
use carbon_gateway::ledger::ids::{Hash, UserId};
use carbon_gateway::store::deployment;
use carbon_gateway::store::keys::Keys;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The keys of a folder, beside its gateway.
pub(crate) struct Sending {
    pub(crate) signer: Signer<Keys>,
    chain: ChainClient,
    writing: JoinSet<()>,
}

/// 32 bytes that stand for a word.
pub(crate) fn named(word: &str) -> Hash {
    digest("test", |e| e.text(word))
}

/// Points an address that stands for a word at its first key: no credit and no transaction of the ledger is concerned.
pub(crate) fn binding(word: &str) -> Envelope {
    Envelope::Rebind(Rebind {
        address: named(word),
        number: 1,
        key_id: named(word),
    })
}

impl Sending {
    pub(crate) async fn beside(app: &TestApp) -> Self {
        let (folder, clock) = (app.data_dir(), &app.clock);
        let mut connection = app.locations.main().connect().await.unwrap();
        let founded = deployment::find(&mut connection).await.unwrap().unwrap();
        connection.close().await.unwrap();
        let kek = Arc::new(Kek::load(&folder.join("keys/kek"), founded.kek_id).unwrap());
        let config = Loaded::read(None, Vec::new()).unwrap().config;
        let readers = app.locations.readers(1).await.unwrap();
        let (signer, writers) = signer((&app.locations, readers), kek, clock.clock(), &config.keys).unwrap();
        let mut writing = JoinSet::new();
        for writer in writers {
            writing.spawn(writer.run());
        }
        Self {
            signer,
            chain: app.chain.clone(),
            writing,
        }
    }

    /// An issue of one source that a rider orders, at an address that stands for the source.
    pub(crate) async fn issue(&self, user: i64, source: &str, amount_ug: i64) -> Envelope {
        let (user, address) = (UserId::new(user).unwrap(), named(source));
        let lot = Lot {
            programme: "demo".to_owned(),
            gas: 2,
            vintage: 2026,
            expiry: 707,
        };
        let source = Source {
            kind: SourceKind::Trip,
            key: named(source),
            lot: lot.clone(),
            amount_ug,
        };
        let output = Output {
            owner: address,
            lot,
            amount_ug,
        };
        let transaction = Transaction {
            kind: Kind::Issue,
            orderer: address,
            booked_ms: NOON_MS,
            inputs: Vec::new(),
            outputs: vec![output],
            sources: vec![source],
            subject: None,
            reason: String::new(),
        };
        let transaction = transaction.encode().unwrap();
        let signed = self.signer.sign_content(user, content_id(&transaction)).await.unwrap();
        Envelope::Issue(vec![Order {
            transaction,
            point: PublicPoint::new(*signed.point.as_bytes()),
            signature: RiderSignature::new(*signed.signature.as_bytes()),
        }])
    }

    /// Sends an envelope as the issuer, under an id that stands for a word.
    pub(crate) async fn send(&self, word: &str, envelope: &Envelope, now_ms: i64) -> Hash {
        let payload = Payload {
            chain_id: self.chain.chain_id().to_owned(),
            tx_id: named(word),
            timestamp_ms: now_ms,
            expires_ms: now_ms + 60_000,
            contract: self.chain.contract().to_owned(),
            method: envelope.method().to_owned(),
            argument: envelope.encode().unwrap(),
            limit: 0,
        };
        let identity = self.signer.identify(Sender::Issuer).await.unwrap();
        let bytes = payload.encode().unwrap();
        let signature = self.signer.sign_payload(&identity, bytes.clone()).await.unwrap();
        let request = Request {
            payload: bytes,
            certificate: identity.certificate.der.clone(),
            signature: *signature.as_bytes(),
        };
        self.chain.submit(request).await.unwrap().tx_id
    }

    /// Sends, and waits for the block; answers its height.
    pub(crate) async fn commit(&self, word: &str, envelope: &Envelope, now_ms: i64) -> u64 {
        let tx_id = self.send(word, envelope, now_ms).await;
        loop {
            let found = self.chain.find(&tx_id).await.unwrap();
            assert!(!matches!(found, Found::Absent { .. }), "{word} was dropped");
            if let Found::Committed(found) = found {
                return found.height;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets go of everything.
    pub(crate) async fn close(mut self) {
        drop(self.signer);
        self.writing.join_next().await.unwrap().unwrap();
    }
}
