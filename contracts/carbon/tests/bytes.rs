//! Arbitrary bytes: nothing panics, and whatever is read is written as the same bytes.

use crate::support::{Chain, Rider, issuer, lot, named};
use carbon_contract::Hash;
use carbon_contract::contract::{init, invoke};
use carbon_contract::envelope::{Envelope, Order, Rebind};
use carbon_contract::record::{Binding, Credit, Done, Installation, Installed, Record, UsedSource};
use carbon_contract::signature::{PublicPoint, RiderSignature};
use carbon_contract::state::MemoryState;
use carbon_contract::transaction::{Kind, Lot, Output, Source, SourceKind, Transaction};
use proptest::collection::vec;
use proptest::prelude::*;

const METHODS: [&str; 9] = [
    "issue",
    "spend",
    "attest",
    "rebind",
    "installation",
    "credit",
    "source",
    "transaction",
    "binding",
];

fn same<R: Record>(bytes: &[u8]) {
    if let Ok(record) = R::decode(bytes) {
        assert_eq!(record.encode().unwrap(), bytes);
    }
}

/// Reads `bytes` as everything there is.
fn read_as_everything(bytes: &[u8]) {
    if let Ok(transaction) = Transaction::decode(bytes) {
        assert_eq!(transaction.encode().unwrap(), bytes);
    }
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert_eq!(envelope.encode().unwrap(), bytes);
    }
    if let Ok(installation) = Installation::decode(bytes) {
        assert_eq!(installation.encode().unwrap(), bytes);
    }
    same::<Installed>(bytes);
    same::<Credit>(bytes);
    same::<UsedSource>(bytes);
    same::<Done>(bytes);
    same::<Binding>(bytes);
    let mut chain = Chain::installed();
    for caller in [issuer(), Rider::new("ann").caller()] {
        for method in METHODS {
            let _judged = invoke(&mut chain.0, &caller, method, bytes);
        }
        let _judged = init(&mut MemoryState::default(), &caller, bytes);
    }
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::new)
}

fn any_lot() -> impl Strategy<Value = Lot> {
    (".{0,8}", 1_u8..=2, any::<u16>(), any::<u16>()).prop_map(|(programme, gas, vintage, expiry)| Lot {
        programme,
        gas,
        vintage,
        expiry,
    })
}

fn output() -> impl Strategy<Value = Output> {
    (hash(), any_lot(), any::<i64>()).prop_map(|(owner, lot, amount_ug)| Output { owner, lot, amount_ug })
}

fn source() -> impl Strategy<Value = Source> {
    let kind = prop_oneof![Just(SourceKind::Trip), Just(SourceKind::Opening)];
    (kind, hash(), any_lot(), any::<i64>()).prop_map(|(kind, key, lot, amount_ug)| Source {
        kind,
        key,
        lot,
        amount_ug,
    })
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let head = (prop::sample::select(Kind::ALL.to_vec()), hash(), any::<i64>());
    let lists = (vec(hash(), 0..4), vec(output(), 0..4), vec(source(), 0..4));
    (head, lists, prop::option::of(hash()), ".{0,16}").prop_map(|(head, lists, subject, reason)| {
        let (mut inputs, outputs, mut sources) = lists;
        inputs.sort_unstable();
        inputs.dedup();
        sources.sort_by_key(|source| source.key);
        Transaction {
            kind: head.0,
            orderer: head.1,
            booked_ms: head.2,
            inputs,
            outputs,
            sources,
            subject,
            reason,
        }
    })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let order = (vec(any::<u8>(), 0..64), vec(any::<u8>(), 65), vec(any::<u8>(), 64));
    let order = order.prop_map(|(transaction, point, signature)| Order {
        transaction,
        point: PublicPoint::new(point.try_into().unwrap()),
        signature: RiderSignature::new(signature.try_into().unwrap()),
    });
    prop_oneof![
        vec(order, 0..4).prop_map(Envelope::Issue),
        vec(any::<u8>(), 0..64).prop_map(Envelope::Spend),
        vec(any::<u8>(), 0..64).prop_map(Envelope::Attest),
        (hash(), any::<u32>(), hash()).prop_map(|(address, number, key_id)| {
            Envelope::Rebind(Rebind {
                address,
                number,
                key_id,
            })
        }),
    ]
}

/// Valid documents, to be damaged.
fn documents() -> [Vec<u8>; 4] {
    let ann = Rider::new("ann");
    let issue = ann.issue("ride", &lot(2026), 5);
    let retire = ann.spend(Kind::Retire, &[named("a"), named("b")], &[ann.output(&lot(2026), 1)]);
    [
        issue.encode().unwrap(),
        Envelope::Issue(vec![ann.order(&issue)]).encode().unwrap(),
        Envelope::Spend(retire.encode().unwrap()).encode().unwrap(),
        crate::support::installation().encode().unwrap(),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..300)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn bytes_that_begin_well(head in vec(0_u8..4, 1..6), bytes in vec(any::<u8>(), 0..300)) {
        read_as_everything(&[&[1], head.as_slice(), &bytes].concat());
    }

    #[test]
    fn damaged_documents(which in 0_usize..4, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = documents()[which].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_as_everything(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        read_as_everything(&bytes);
    }

    #[test]
    fn transactions_come_back(transaction in transaction()) {
        let bytes = transaction.encode().unwrap();
        prop_assert_eq!(Transaction::decode(&bytes), Ok(transaction));
    }

    #[test]
    fn envelopes_come_back(envelope in envelope()) {
        let bytes = envelope.encode().unwrap();
        prop_assert_eq!(Envelope::decode(&bytes), Ok(envelope));
    }
}
