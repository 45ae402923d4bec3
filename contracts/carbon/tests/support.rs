//! A chain in memory with an issuer and riders who sign.

use carbon_contract::Hash;
use carbon_contract::codec::digest;
use carbon_contract::contract::{Caller, Outcome, init, invoke};
use carbon_contract::envelope::{Envelope, Order, Rebind};
use carbon_contract::record::{Binding, Credit, Identity, Installation, Record as _};
use carbon_contract::refusal::Error;
use carbon_contract::signature::{PublicPoint, RiderSignature};
use carbon_contract::state::MemoryState;
use carbon_contract::transaction::{Kind, Lot, Output, Source, SourceKind, Transaction, content_id, credit_hash};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};

pub(crate) const ISSUERS: &str = "carbon.example";
pub(crate) const RIDERS: &str = "riders.example";

/// 32 bytes that stand for a word.
pub(crate) fn named(word: &str) -> Hash {
    digest("test", |e| e.text(word))
}

/// A key and the address that it is to be bound to.
#[derive(Clone)]
pub(crate) struct Rider {
    pub(crate) address: Hash,
    key: SigningKey,
}

impl Rider {
    pub(crate) fn new(word: &str) -> Self {
        Self {
            address: named(word),
            key: SigningKey::from_slice(named(&format!("key of {word}")).as_bytes()).unwrap(),
        }
    }

    /// The same address under another key.
    pub(crate) fn with_key_of(&self, other: &Self) -> Self {
        Self {
            address: self.address,
            key: other.key.clone(),
        }
    }

    pub(crate) fn point(&self) -> PublicPoint {
        let point = self.key.verifying_key().to_sec1_point(false);
        PublicPoint::new(point.as_bytes().try_into().unwrap())
    }

    pub(crate) fn caller(&self) -> Caller {
        caller(RIDERS, self.point().key_id())
    }

    pub(crate) fn sign(&self, content_id: &Hash) -> RiderSignature {
        let signature: Signature = self.key.sign_prehash(content_id.as_bytes()).unwrap();
        RiderSignature::new(signature.normalize_s().to_bytes().into())
    }

    pub(crate) fn order(&self, transaction: &Transaction) -> Order {
        let bytes = transaction.encode().unwrap();
        Order {
            signature: self.sign(&content_id(&bytes)),
            point: self.point(),
            transaction: bytes,
        }
    }

    /// An issue of one source in one lot.
    pub(crate) fn issue(&self, source: &str, lot: &Lot, amount_ug: i64) -> Transaction {
        Transaction {
            outputs: vec![self.output(lot, amount_ug)],
            sources: vec![source_of(source, lot, amount_ug)],
            ..self.transaction(Kind::Issue)
        }
    }

    /// A spend of these credits into these outputs.
    pub(crate) fn spend(&self, kind: Kind, inputs: &[Hash], outputs: &[Output]) -> Transaction {
        let mut inputs = inputs.to_vec();
        inputs.sort_unstable();
        Transaction {
            inputs,
            outputs: outputs.to_vec(),
            ..self.transaction(kind)
        }
    }

    pub(crate) fn output(&self, lot: &Lot, amount_ug: i64) -> Output {
        Output {
            owner: self.address,
            lot: lot.clone(),
            amount_ug,
        }
    }

    pub(crate) fn transaction(&self, kind: Kind) -> Transaction {
        Transaction {
            kind,
            orderer: self.address,
            booked_ms: 1_773_651_600_000,
            inputs: Vec::new(),
            outputs: Vec::new(),
            sources: Vec::new(),
            subject: None,
            reason: String::new(),
        }
    }
}

pub(crate) fn source_of(word: &str, lot: &Lot, amount_ug: i64) -> Source {
    Source {
        kind: SourceKind::Trip,
        key: named(word),
        lot: lot.clone(),
        amount_ug,
    }
}

pub(crate) fn lot(vintage: u16) -> Lot {
    Lot {
        programme: "smart-mobility".to_owned(),
        gas: 2,
        vintage,
        expiry: 707,
    }
}

pub(crate) fn caller(organisation: &str, key_id: Hash) -> Caller {
    Caller {
        identity: Identity {
            organisation: organisation.to_owned(),
            key_id,
        },
        through_contract: false,
    }
}

pub(crate) fn issuer() -> Caller {
    caller(ISSUERS, named("issuer"))
}

/// Hash of an output of a transaction.
pub(crate) fn made(transaction: &Transaction, index: u16) -> Hash {
    credit_hash(&content_id(&transaction.encode().unwrap()), index)
}

/// A state with the contract installed.
#[derive(Clone)]
pub(crate) struct Chain(pub(crate) MemoryState);

impl Chain {
    pub(crate) fn installed() -> Self {
        let mut state = MemoryState::default();
        let argument = installation().encode().unwrap();
        init(&mut state, &caller(ISSUERS, named("installer")), &argument).unwrap();
        Self(state)
    }

    /// Sends an envelope; a refusal must have changed nothing.
    pub(crate) fn send(&mut self, caller: &Caller, envelope: &Envelope) -> Result<Outcome, Error> {
        self.call(caller, envelope.method(), &envelope.encode().unwrap())
    }

    pub(crate) fn call(&mut self, caller: &Caller, method: &str, argument: &[u8]) -> Result<Outcome, Error> {
        let before = self.0.clone();
        let outcome = invoke(&mut self.0, caller, method, argument);
        if outcome.is_err() {
            assert_eq!(self.0, before, "a refused call changed the state");
        }
        outcome
    }

    pub(crate) fn issue(&mut self, orders: &[(&Rider, &Transaction)]) -> Result<Outcome, Error> {
        let orders = orders.iter().map(|(rider, transaction)| rider.order(transaction));
        self.send(&issuer(), &Envelope::Issue(orders.collect()))
    }

    pub(crate) fn spend(&mut self, rider: &Rider, transaction: &Transaction) -> Result<Outcome, Error> {
        self.send(&rider.caller(), &Envelope::Spend(transaction.encode().unwrap()))
    }

    pub(crate) fn rebind(&mut self, address: Hash, number: u32, to: &Rider) -> Result<Outcome, Error> {
        let rebind = Rebind {
            address,
            number,
            key_id: to.point().key_id(),
        };
        self.send(&issuer(), &Envelope::Rebind(rebind))
    }

    pub(crate) fn credit(&self, hash: &Hash) -> Option<Credit> {
        Credit::load(&self.0, hash).unwrap()
    }

    pub(crate) fn binding(&self, address: &Hash) -> Option<Binding> {
        Binding::load(&self.0, address).unwrap()
    }
}

pub(crate) fn installation() -> Installation {
    Installation {
        issuer: issuer().identity,
        riders: RIDERS.to_owned(),
    }
}

/// The code word of a refusal.
pub(crate) fn code(outcome: Result<Outcome, Error>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(error) => error.refusal().map_or("state", |refusal| refusal.code()),
    }
}
