//! `TestChain`: an embedded chain on a scratch file with a clock that stands still, an issuer, and riders who sign.

use super::certificates::{TestAuthority, point};
use crate::support::NOON_MS;
use carbon_contract::Hash;
use carbon_contract::codec::digest;
use carbon_contract::envelope::{Envelope, Order, Rebind};
use carbon_contract::record::{Identity, Installation};
use carbon_contract::signature::{PublicPoint, RiderSignature};
use carbon_contract::transaction::{Kind, Lot, Output, Source, SourceKind, Transaction, content_id, credit_hash};
use carbon_gateway::chain::embedded::verify::{ChainFinding, Listener, Replayed, Seen, replay};
use carbon_gateway::chain::embedded::{
    Authority, ChainFile, EmbeddedChain, FaultPlan, FileError, Genesis, Settings, Surroundings,
};
use carbon_gateway::chain::{Accepted, ChainClient, ChainError, Committed, Found, Payload, Request};
use carbon_gateway::clock::{Clock, ManualClock};
use carbon_gateway::lifecycle::Lifecycle;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use std::path::Path;
use std::time::Duration;

pub(crate) const OURS: &str = "carbon.example";
pub(crate) const WINDOW_MS: i64 = 600_000;
pub(crate) const YEAR_MS: i64 = 365 * 86_400_000;
/// Certificates are valid for a year from an hour before noon.
pub(crate) const VALID_MS: (i64, i64) = (NOON_MS - 3_600_000, NOON_MS + YEAR_MS);

/// 32 bytes that stand for a word.
pub(crate) fn named(word: &str) -> Hash {
    digest("test", |e| e.text(word))
}

pub(crate) fn key(word: &str) -> SigningKey {
    SigningKey::from_slice(named(&format!("key of {word}")).as_bytes()).unwrap()
}

pub(crate) fn authority() -> TestAuthority {
    TestAuthority::new(key("authority"), OURS, (NOON_MS - YEAR_MS, NOON_MS + 9 * YEAR_MS))
}

/// Somebody with a key, an address and a certificate.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) address: Hash,
    pub(crate) key: SigningKey,
    pub(crate) certificate: Vec<u8>,
}

impl Person {
    pub(crate) fn new(word: &str) -> Self {
        let (key, authority) = (key(word), authority());
        Self {
            address: named(word),
            certificate: authority.certify(&key, authority.wish(&key, VALID_MS)),
            key,
        }
    }

    pub(crate) fn point(&self) -> PublicPoint {
        PublicPoint::new(point(&self.key).try_into().unwrap())
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            organisation: OURS.to_owned(),
            key_id: self.point().key_id(),
        }
    }

    /// A payload, signed and sent under the person's certificate.
    pub(crate) fn signed(&self, payload: &Payload) -> Request {
        let payload = payload.encode().unwrap();
        let signature: Signature = self.key.sign(&payload);
        Request {
            payload,
            certificate: self.certificate.clone(),
            signature: signature.normalize_s().to_bytes().into(),
        }
    }

    fn transaction(&self, kind: Kind) -> Transaction {
        Transaction {
            kind,
            orderer: self.address,
            booked_ms: NOON_MS,
            inputs: Vec::new(),
            outputs: Vec::new(),
            sources: Vec::new(),
            subject: None,
            reason: String::new(),
        }
    }

    /// An issue of one source.
    pub(crate) fn issue(&self, source: &str, amount_ug: i64) -> Transaction {
        let source = Source {
            kind: SourceKind::Trip,
            key: named(source),
            lot: lot(),
            amount_ug,
        };
        Transaction {
            outputs: vec![pays(self, amount_ug)],
            sources: vec![source],
            ..self.transaction(Kind::Issue)
        }
    }

    /// A transfer of one credit to somebody.
    pub(crate) fn transfer(&self, credit: Hash, to: &Self, amount_ug: i64) -> Transaction {
        Transaction {
            inputs: vec![credit],
            outputs: vec![pays(to, amount_ug)],
            ..self.transaction(Kind::Transfer)
        }
    }

    pub(crate) fn order(&self, transaction: &Transaction) -> Order {
        let bytes = transaction.encode().unwrap();
        let signature: Signature = self.key.sign_prehash(content_id(&bytes).as_bytes()).unwrap();
        Order {
            transaction: bytes,
            point: self.point(),
            signature: RiderSignature::new(signature.normalize_s().to_bytes().into()),
        }
    }
}

pub(crate) fn lot() -> Lot {
    Lot {
        programme: "demo".to_owned(),
        gas: 2,
        vintage: 2026,
        expiry: 707,
    }
}

fn pays(to: &Person, amount_ug: i64) -> Output {
    Output {
        owner: to.address,
        lot: lot(),
        amount_ug,
    }
}

/// The first credit that a transaction makes.
pub(crate) fn made(transaction: &Transaction) -> Hash {
    credit_hash(&content_id(&transaction.encode().unwrap()), 0)
}

pub(crate) fn issue_of(rider: &Person, transaction: &Transaction) -> Envelope {
    Envelope::Issue(vec![rider.order(transaction)])
}

pub(crate) fn spend_of(transaction: &Transaction) -> Envelope {
    Envelope::Spend(transaction.encode().unwrap())
}

pub(crate) fn bind(person: &Person) -> Envelope {
    Envelope::Rebind(Rebind {
        address: person.address,
        number: 1,
        key_id: person.point().key_id(),
    })
}

/// A payload at noon under an id that stands for a word.
pub(crate) fn payload(word: &str, envelope: &Envelope) -> Payload {
    Payload {
        chain_id: "test".to_owned(),
        tx_id: named(word),
        timestamp_ms: NOON_MS,
        expires_ms: NOON_MS + WINDOW_MS,
        contract: "carbon".to_owned(),
        method: envelope.method().to_owned(),
        argument: envelope.encode().unwrap(),
        limit: 0,
    }
}

pub(crate) fn genesis() -> Genesis {
    let issuer = Person::new("issuer").identity();
    Genesis {
        chain_id: "test".to_owned(),
        created_ms: NOON_MS - 1_000,
        window_ms: WINDOW_MS,
        authorities: vec![Authority {
            organisation: OURS.to_owned(),
            certificate: authority().der,
        }],
        contract: "carbon".to_owned(),
        installer: issuer.clone(),
        installation: Installation {
            issuer,
            riders: OURS.to_owned(),
        },
    }
}

pub(crate) fn settings(folder: &Path) -> Settings {
    Settings {
        durable: false,
        block_delay: Duration::ZERO,
        ..Settings::new(folder.join("chain.db"))
    }
}

/// A running chain.
pub(crate) struct TestChain {
    pub(crate) chain: EmbeddedChain,
    pub(crate) client: ChainClient,
    pub(crate) clock: ManualClock,
    pub(crate) issuer: Person,
    lifecycle: Lifecycle,
    folder: tempfile::TempDir,
}

impl TestChain {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), change).await.unwrap()
    }

    pub(crate) async fn in_folder(
        folder: tempfile::TempDir,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Self, FileError> {
        let mut settings = settings(folder.path());
        change(&mut settings);
        let clock = ManualClock::new(NOON_MS);
        let lifecycle = Lifecycle::new(Duration::from_secs(10));
        let chain = open(settings, clock.clock(), &lifecycle).await?;
        Ok(Self {
            client: ChainClient::Embedded(chain.clone()),
            chain,
            clock,
            issuer: Person::new("issuer"),
            lifecycle,
            folder,
        })
    }

    pub(crate) async fn submit(&self, person: &Person, payload: &Payload) -> Result<Accepted, ChainError> {
        self.client.submit(person.signed(payload)).await
    }

    /// Sends, and waits for the block.
    pub(crate) async fn commit(&self, person: &Person, payload: &Payload) -> Committed {
        self.submit(person, payload).await.unwrap();
        self.committed(&payload.tx_id).await
    }

    pub(crate) async fn committed(&self, tx_id: &Hash) -> Committed {
        match self.settled(tx_id).await {
            Found::Committed(committed) => *committed,
            other => panic!("{tx_id} is {other:?}"),
        }
    }

    /// Where an id is once it waits no more.
    pub(crate) async fn settled(&self, tx_id: &Hash) -> Found {
        for _ in 0..2_000 {
            match self.client.find(tx_id).await.unwrap() {
                Found::Pending => tokio::time::sleep(Duration::from_millis(5)).await,
                found => return found,
            }
        }
        panic!("{tx_id} waits for ever")
    }

    /// A credit in somebody's hands.
    pub(crate) async fn credit(&self, rider: &Person, word: &str, amount_ug: i64) -> Hash {
        let issue = rider.issue(word, amount_ug);
        let payload = payload(&format!("issue of {word}"), &issue_of(rider, &issue));
        let committed = self.commit(&self.issuer, &payload).await;
        committed.confirms(&payload.encode().unwrap()).unwrap();
        made(&issue)
    }

    /// Stops in good order and replays.
    pub(crate) async fn verified(self) -> Replayed {
        let (folder, _) = self.stop().await;
        let (findings, replayed) = judge(folder.path()).await.unwrap();
        assert!(findings.is_empty(), "{findings:#?}");
        replayed
    }

    pub(crate) async fn stop(self) -> (tempfile::TempDir, ManualClock) {
        self.lifecycle.stop();
        self.lifecycle.wait().await;
        (self.folder, self.clock)
    }
}

pub(crate) async fn open(settings: Settings, clock: Clock, lifecycle: &Lifecycle) -> Result<EmbeddedChain, FileError> {
    let surroundings = Surroundings {
        clock,
        lifecycle,
        faults: FaultPlan::None,
        held: None,
    };
    EmbeddedChain::start(settings, genesis(), surroundings).await
}

/// Hears a replay.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) findings: Vec<ChainFinding>,
    pub(crate) seen: Vec<(Hash, bool)>,
}

impl Listener for Heard {
    fn found(&mut self, finding: ChainFinding) {
        self.findings.push(finding);
    }

    fn saw(&mut self, seen: Seen<'_>) {
        self.seen.push((seen.tx_id, seen.succeeded));
    }
}

/// Replays the chain in a folder.
pub(crate) async fn judge(folder: &Path) -> Result<(Vec<ChainFinding>, Replayed), FileError> {
    let file = ChainFile {
        file: folder.join("chain.db"),
        durable: false,
    };
    let mut snapshot = file.snapshot().await?;
    let mut heard = Heard::default();
    let replayed = replay(&mut snapshot, Some(&genesis()), &mut heard).await?;
    if heard.findings.is_empty() {
        assert_eq!(u64::try_from(heard.seen.len()).unwrap(), replayed.transactions);
        let failed = heard.seen.iter().filter(|(_, succeeded)| !succeeded).count();
        assert_eq!(u64::try_from(failed).unwrap(), replayed.failed);
    }
    Ok((heard.findings, replayed))
}

/// A clock that stands at noon.
pub(crate) fn noon_clock() -> Clock {
    ManualClock::new(NOON_MS).clock()
}
