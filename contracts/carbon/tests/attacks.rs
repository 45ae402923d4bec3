//! What must never pass. Each attack is refused under its own code word and changes nothing.

use crate::support::{Chain, ISSUERS, RIDERS, Rider, caller, code, installation, issuer, lot, made, named, source_of};
use carbon_contract::contract::{Caller, init, upgrade};
use carbon_contract::envelope::{Envelope, Order, Rebind};
use carbon_contract::record::{Installed, Record as _};
use carbon_contract::signature::{PublicPoint, RiderSignature, SignatureError};
use carbon_contract::state::MemoryState;
use carbon_contract::transaction::{Kind, Output, Transaction};

const GRAM: i64 = 1_000_000;

/// A chain on which Ann owns one credit of ten grams.
fn with_ann() -> (Chain, Rider, Transaction) {
    let mut chain = Chain::installed();
    let ann = Rider::new("ann");
    let issue = ann.issue("ride 1", &lot(2026), 10 * GRAM);
    chain.issue(&[(&ann, &issue)]).unwrap();
    (chain, ann, issue)
}

fn issue_of(rider: &Rider) -> Envelope {
    Envelope::Issue(vec![rider.order(&rider.issue("ride 9", &lot(2026), GRAM))])
}

#[test]
fn a_rider_issues() {
    let (mut chain, ann, _) = with_ann();
    assert_eq!(code(chain.send(&ann.caller(), &issue_of(&ann))), "not_issuer");
}

#[test]
fn a_stranger_issues() {
    let (mut chain, ann, _) = with_ann();
    let envelope = issue_of(&ann);
    // Any organisation can certify a key of its own under the issuer's key id.
    let forged = caller("elsewhere.example", issuer().identity.key_id);
    assert_eq!(code(chain.send(&forged, &envelope)), "not_issuer");
    let colleague = caller(ISSUERS, named("somebody else at the issuer's"));
    assert_eq!(code(chain.send(&colleague, &envelope)), "not_issuer");
    let installer = caller(ISSUERS, named("installer"));
    assert_eq!(code(chain.send(&installer, &envelope)), "not_issuer");
}

#[test]
fn the_issuer_is_called_through_another_contract() {
    let (mut chain, ann, issue) = with_ann();
    let through = |caller: Caller| Caller {
        through_contract: true,
        ..caller
    };
    assert_eq!(
        code(chain.send(&through(issuer()), &issue_of(&ann))),
        "through_contract"
    );
    let retire = ann.spend(Kind::Retire, &[made(&issue, 0)], &[]);
    let envelope = Envelope::Spend(retire.encode().unwrap());
    assert_eq!(code(chain.send(&through(ann.caller()), &envelope)), "through_contract");
}

/// The contract takes the issuer's word; whoever reads the chain sees that no rider has ordered it.
#[test]
fn the_issuer_makes_up_an_order() {
    let (ann, eve) = (Rider::new("ann"), Rider::new("eve"));
    let order = ann.order(&ann.issue("ride 1", &lot(2026), GRAM));
    assert_eq!(order.verify(), Ok(()));
    let unsigned = Order {
        signature: RiderSignature::new([1; 64]),
        ..order.clone()
    };
    let borrowed = Order {
        signature: ann.order(&ann.issue("ride 2", &lot(2026), GRAM)).signature,
        ..order.clone()
    };
    let other_key = Order {
        point: eve.point(),
        ..order.clone()
    };
    for forged in [unsigned, borrowed, other_key] {
        assert_eq!(forged.verify(), Err(SignatureError::Mismatch));
    }
    let no_key = Order {
        point: PublicPoint::new([4; 65]),
        ..order
    };
    let sent = Chain::installed().send(&issuer(), &Envelope::Issue(vec![no_key]));
    assert_eq!(code(sent), "bad_point");
}

#[test]
fn an_issue_for_a_bound_address_is_signed_by_another_key() {
    let (mut chain, ann, _) = with_ann();
    let thief = ann.with_key_of(&Rider::new("eve"));
    let issue = thief.issue("ride 2", &lot(2026), GRAM);
    assert_eq!(code(chain.issue(&[(&thief, &issue)])), "wrong_key");
}

#[test]
fn somebody_elses_credit_is_spent() {
    let (mut chain, ann, issue) = with_ann();
    let eve = Rider::new("eve");
    chain.issue(&[(&eve, &eve.issue("ride 2", &lot(2026), GRAM))]).unwrap();
    let stolen = made(&issue, 0);
    let own_order = eve.spend(
        Kind::Transfer,
        &[stolen],
        &[Rider::new("bob").output(&lot(2026), 10 * GRAM)],
    );
    assert_eq!(code(chain.spend(&eve, &own_order)), "not_owner");
    let in_anns_name = ann.spend(Kind::Transfer, &[stolen], &[eve.output(&lot(2026), 10 * GRAM)]);
    assert_eq!(code(chain.spend(&eve, &in_anns_name)), "wrong_key");
    let envelope = Envelope::Spend(in_anns_name.encode().unwrap());
    let namesake = caller("elsewhere.example", ann.point().key_id());
    assert_eq!(
        code(chain.send(&namesake, &envelope)),
        "wrong_key",
        "an organisation's word for its own riders only"
    );
    assert_eq!(
        code(chain.send(&issuer(), &envelope)),
        "wrong_key",
        "the issuer spends for nobody"
    );
}

#[test]
fn the_first_spend_of_an_unbound_address_is_taken_by_a_first_comer() {
    let (mut chain, ann, issue) = with_ann();
    let (bob, eve) = (Rider::new("bob"), Rider::new("eve"));
    let gift = ann.spend(Kind::Transfer, &[made(&issue, 0)], &[bob.output(&lot(2026), 10 * GRAM)]);
    chain.spend(&ann, &gift).unwrap();
    let take = bob.spend(Kind::Retire, &[made(&gift, 0)], &[]);
    assert_eq!(code(chain.spend(&bob.with_key_of(&eve), &take)), "unbound");
    assert_eq!(
        code(chain.spend(&bob, &take)),
        "unbound",
        "not even the rider, before the issuer has bound the address"
    );
    chain.rebind(bob.address, 1, &bob).unwrap();
    assert_eq!(code(chain.spend(&bob.with_key_of(&eve), &take)), "wrong_key");
    assert_eq!(code(chain.spend(&bob, &take)), "done");
}

#[test]
fn a_credit_is_spent_twice_in_one_transaction() {
    let (chain, ann, issue) = with_ann();
    let hash = made(&issue, 0);
    let twice = ann.spend(Kind::Retire, &[hash, hash], &[]);
    let envelope = Envelope::Spend(twice.encode().unwrap());
    assert_eq!(
        code(chain.clone().send(&ann.caller(), &envelope)),
        "transaction_not_canonical"
    );
}

/// Two transactions of one block run one after the other on one state; two blocks are no different for the contract.
#[test]
fn a_credit_is_spent_twice_in_one_block_or_in_two() {
    let (mut chain, ann, issue) = with_ann();
    let hash = made(&issue, 0);
    let first = ann.spend(Kind::Retire, &[hash], &[]);
    chain.spend(&ann, &first).unwrap();
    let next_block = Chain(chain.0.clone());
    for mut chain in [chain, next_block] {
        let second = ann.spend(
            Kind::Transfer,
            &[hash],
            &[Rider::new("bob").output(&lot(2026), 10 * GRAM)],
        );
        assert_eq!(code(chain.spend(&ann, &second)), "spent_credit");
    }
}

#[test]
fn a_credit_is_spent_that_does_not_exist() {
    let (mut chain, ann, _) = with_ann();
    let spend = ann.spend(Kind::Retire, &[named("nothing")], &[]);
    assert_eq!(code(chain.spend(&ann, &spend)), "unknown_credit");
}

#[test]
fn sums_do_not_balance_per_lot() {
    let (mut chain, ann, issue) = with_ann();
    let bob = Rider::new("bob");
    let pay = |outputs: &[Output]| ann.spend(Kind::Transfer, &[made(&issue, 0)], outputs);
    let more = pay(&[bob.output(&lot(2026), 10 * GRAM + 1)]);
    let less = pay(&[bob.output(&lot(2026), 10 * GRAM - 1)]);
    let other_lot = pay(&[bob.output(&lot(2025), 10 * GRAM)]);
    let wraps = pay(&[
        bob.output(&lot(2026), i64::MAX),
        bob.output(&lot(2026), i64::MAX),
        bob.output(&lot(2026), 10 * GRAM + 2),
    ]);
    for bad in [more, less, other_lot, wraps] {
        assert_eq!(code(chain.spend(&ann, &bad)), "unbalanced");
    }
    let mut inflated = ann.issue("ride 2", &lot(2026), GRAM);
    inflated.outputs = vec![ann.output(&lot(2026), GRAM + 1)];
    assert_eq!(code(chain.issue(&[(&ann, &inflated)])), "unbalanced");
    inflated.outputs = vec![ann.output(&lot(2025), GRAM)];
    assert_eq!(code(chain.issue(&[(&ann, &inflated)])), "unbalanced");
}

#[test]
fn negative_amounts_balance_a_theft() {
    let (mut chain, ann, issue) = with_ann();
    let bob = Rider::new("bob");
    let outputs = [bob.output(&lot(2026), 11 * GRAM), bob.output(&lot(2026), -GRAM)];
    let spend = ann.spend(Kind::Transfer, &[made(&issue, 0)], &outputs);
    assert_eq!(code(chain.spend(&ann, &spend)), "output_amount");
    let mut issue = ann.issue("ride 2", &lot(2026), GRAM);
    issue.sources = vec![
        source_of("ride 2", &lot(2026), 2 * GRAM),
        source_of("ride 3", &lot(2026), -GRAM),
    ];
    issue.sources.sort_by_key(|source| source.key);
    assert_eq!(code(chain.issue(&[(&ann, &issue)])), "source_amount");
}

#[test]
fn a_source_is_issued_twice() {
    let (mut chain, ann, _) = with_ann();
    let again = ann.issue("ride 1", &lot(2026), 5 * GRAM);
    assert_eq!(code(chain.issue(&[(&ann, &again)])), "source_used");
    let other_lot = ann.issue("ride 1", &lot(2025), GRAM);
    assert_eq!(
        code(chain.issue(&[(&ann, &other_lot)])),
        "source_used",
        "a source is used up as a whole"
    );
    let bob = Rider::new("bob");
    let of_another = bob.issue("ride 1", &lot(2026), GRAM);
    assert_eq!(code(chain.issue(&[(&bob, &of_another)])), "source_used");
}

#[test]
fn a_source_is_issued_twice_in_one_envelope_or_transaction() {
    let mut chain = Chain::installed();
    let (ann, bob) = (Rider::new("ann"), Rider::new("bob"));
    let (one, two) = (ann.issue("ride", &lot(2026), GRAM), bob.issue("ride", &lot(2026), GRAM));
    let error = chain.issue(&[(&ann, &one), (&bob, &two)]).unwrap_err();
    assert!(error.to_string().starts_with("source_used: transaction 1: "), "{error}");
    let mut twice = ann.issue("ride", &lot(2026), GRAM);
    twice.sources.push(twice.sources[0].clone());
    twice.outputs = vec![ann.output(&lot(2026), 2 * GRAM)];
    assert_eq!(code(chain.issue(&[(&ann, &twice)])), "transaction_not_canonical");
}

#[test]
fn a_transaction_stands_in_an_envelope_twice() {
    let mut chain = Chain::installed();
    let ann = Rider::new("ann");
    let issue = ann.issue("ride", &lot(2026), GRAM);
    assert_eq!(
        code(chain.issue(&[(&ann, &issue), (&ann, &issue)])),
        "repeated_transaction"
    );
}

#[test]
fn a_rider_rebinds() {
    let (mut chain, ann, _) = with_ann();
    let rebind = Envelope::Rebind(Rebind {
        address: ann.address,
        number: 2,
        key_id: Rider::new("eve").point().key_id(),
    });
    assert_eq!(code(chain.send(&Rider::new("eve").caller(), &rebind)), "not_issuer");
    assert_eq!(
        code(chain.send(&ann.caller(), &rebind)),
        "not_issuer",
        "not even the owner"
    );
}

#[test]
fn an_old_rebind_comes_late() {
    let (mut chain, ann, issue) = with_ann();
    let (second, third) = (Rider::new("second key"), Rider::new("third key"));
    chain.rebind(ann.address, 2, &second).unwrap();
    chain.rebind(ann.address, 3, &third).unwrap();
    assert_eq!(code(chain.rebind(ann.address, 2, &second)), "binding_number");
    assert_eq!(code(chain.rebind(ann.address, 3, &third)), "done", "a repeat");
    assert_eq!(code(chain.rebind(ann.address, 3, &second)), "binding_number");
    assert_eq!(code(chain.rebind(ann.address, 5, &second)), "binding_number");
    let retire = ann.spend(Kind::Retire, &[made(&issue, 0)], &[]);
    assert_eq!(code(chain.spend(&ann, &retire)), "wrong_key", "the lost key");
    assert_eq!(code(chain.spend(&ann.with_key_of(&second), &retire)), "wrong_key");
    assert_eq!(code(chain.spend(&ann.with_key_of(&third), &retire)), "done");
}

#[test]
fn init_runs_a_second_time() {
    let mut chain = Chain::installed();
    let before = chain.0.clone();
    let mut mine = installation();
    mine.issuer = Rider::new("eve").caller().identity;
    let callers = [
        Rider::new("eve").caller(),
        issuer(),
        caller(ISSUERS, named("installer")),
    ];
    for caller in callers {
        let outcome = init(&mut chain.0, &caller, &mine.encode().unwrap());
        assert_eq!(code(outcome), "already_installed");
    }
    upgrade(&mut chain.0).unwrap();
    assert_eq!(chain.0, before, "neither changes anything");
}

#[test]
fn old_code_meets_a_newer_state() {
    let (mut chain, ann, issue) = with_ann();
    let mut installed = Installed::load(&chain.0, &Installed::NAME).unwrap().unwrap();
    installed.schema += 1;
    installed.save(&mut chain.0, &Installed::NAME).unwrap();
    let retire = ann.spend(Kind::Retire, &[made(&issue, 0)], &[]);
    assert_eq!(code(chain.spend(&ann, &retire)), "schema");
    assert_eq!(code(upgrade(&mut chain.0)), "schema");
}

#[test]
fn nothing_works_before_the_installation() {
    let mut chain = Chain(MemoryState::default());
    let ann = Rider::new("ann");
    assert_eq!(code(chain.send(&issuer(), &issue_of(&ann))), "not_installed");
    assert_eq!(code(upgrade(&mut chain.0)), "not_installed");
    let nobody = caller("", named("nobody"));
    assert_eq!(
        code(init(&mut chain.0, &nobody, &installation().encode().unwrap())),
        "bad_installation"
    );
    let mut bytes = installation().encode().unwrap();
    bytes.push(0);
    assert_eq!(code(init(&mut chain.0, &issuer(), &bytes)), "not_canonical");
}

#[test]
fn bytes_are_not_canonical() {
    let (mut chain, ann, issue) = with_ann();
    let retire = ann.spend(Kind::Retire, &[made(&issue, 0)], &[]);
    let mut bytes = retire.encode().unwrap();
    bytes.push(0);
    let within = Envelope::Spend(bytes);
    assert_eq!(code(chain.send(&ann.caller(), &within)), "transaction_not_canonical");
    let mut around = Envelope::Spend(retire.encode().unwrap()).encode().unwrap();
    around.push(0);
    assert_eq!(code(chain.call(&ann.caller(), "spend", &around)), "not_canonical");
    assert_eq!(code(chain.call(&ann.caller(), "spend", &[])), "not_canonical");
    let mut two = ann.spend(Kind::Retire, &[named("a"), named("b")], &[]);
    two.inputs.reverse();
    let unsorted = Envelope::Spend(two.encode().unwrap());
    assert_eq!(code(chain.send(&ann.caller(), &unsorted)), "transaction_not_canonical");
}

#[test]
fn an_envelope_is_brought_to_another_method() {
    let (mut chain, ann, issue) = with_ann();
    let envelope = issue_of(&ann).encode().unwrap();
    assert_eq!(code(chain.call(&ann.caller(), "spend", &envelope)), "wrong_method");
    assert_eq!(code(chain.call(&issuer(), "mint", &envelope)), "unknown_method");
    for method in ["init", "init_contract", "upgrade", ""] {
        assert_eq!(code(chain.call(&issuer(), method, &envelope)), "unknown_method");
    }
    let again = Envelope::Spend(issue.encode().unwrap());
    assert_eq!(
        code(chain.send(&ann.caller(), &again)),
        "wrong_kind",
        "an issue as a spend, known or not"
    );
    let retire = ann.order(&ann.spend(Kind::Retire, &[made(&issue, 0)], &[]));
    assert_eq!(
        code(chain.send(&issuer(), &Envelope::Issue(vec![retire]))),
        "wrong_kind"
    );
}

#[test]
fn one_bad_order_refuses_the_whole_envelope_and_is_named() {
    let (mut chain, ann, _) = with_ann();
    let bob = Rider::new("bob");
    let good = bob.issue("ride 2", &lot(2026), GRAM);
    let bad = ann.issue("ride 1", &lot(2026), GRAM);
    let error = chain.issue(&[(&bob, &good), (&ann, &bad)]).unwrap_err();
    assert!(
        error.to_string().starts_with("source_used: transaction 1: source "),
        "{error}"
    );
    assert_eq!(chain.credit(&made(&good, 0)), None);
    assert_eq!(chain.binding(&bob.address), None);
    assert_eq!(chain.binding(&ann.address).unwrap().identity.organisation, RIDERS);
}
