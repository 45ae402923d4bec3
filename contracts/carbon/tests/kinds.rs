//! What each kind may do, who may order it, and what answers and events say.

use crate::support::{Chain, Rider, code, issuer, lot, made, named, source_of};
use carbon_contract::Hash;
use carbon_contract::codec::{Decoder, Encoder};
use carbon_contract::contract::{Fate, Outcome};
use carbon_contract::envelope::Envelope;
use carbon_contract::record::{Credit, Record as _};
use carbon_contract::transaction::{Kind, Lot, NEVER, Output, Transaction, content_id};

/// Ann with three credits: two of 2025 (5 and 7), one of 2026 (9).
fn with_ann() -> (Chain, Rider, [Hash; 3]) {
    let mut chain = Chain::installed();
    let ann = Rider::new("ann");
    let issues = [("a", 2025, 5), ("b", 2025, 7), ("c", 2026, 9)];
    let issues = issues.map(|(source, vintage, amount)| ann.issue(source, &lot(vintage), amount));
    let orders: Vec<_> = issues.iter().map(|issue| (&ann, issue)).collect();
    chain.issue(&orders).unwrap();
    (chain, ann, issues.map(|issue| made(&issue, 0)))
}

fn fates(outcome: &Outcome) -> Vec<(Hash, u8)> {
    let mut d = Decoder::document(&outcome.answer).unwrap();
    let fates = d.list(|d| Ok((d.hash()?, d.u8()?))).unwrap();
    d.finish().unwrap();
    fates
}

fn id(transaction: &Transaction) -> Hash {
    content_id(&transaction.encode().unwrap())
}

#[test]
fn an_issue_has_sources_and_one_output_a_lot_for_its_orderer() {
    let ann = Rider::new("ann");
    let (early, late) = (lot(2025), lot(2026));
    let good = Transaction {
        outputs: vec![ann.output(&early, 3), ann.output(&late, 4)],
        // One trip may bring credits of two lots: its legs may count different gases.
        sources: vec![source_of("a", &early, 3), source_of("a", &late, 4)],
        ..ann.transaction(Kind::Issue)
    };
    let bad = [
        Transaction {
            outputs: vec![ann.output(&late, 4), ann.output(&early, 3)],
            ..good.clone()
        },
        Transaction {
            outputs: vec![ann.output(&early, 1), ann.output(&early, 2), ann.output(&late, 4)],
            ..good.clone()
        },
        Transaction {
            outputs: vec![Rider::new("eve").output(&early, 3), ann.output(&late, 4)],
            ..good.clone()
        },
        Transaction {
            inputs: vec![named("x")],
            ..good.clone()
        },
        Transaction {
            subject: Some(named("x")),
            ..good.clone()
        },
        ann.transaction(Kind::Issue),
    ];
    let mut chain = Chain::installed();
    for bad in bad {
        assert_eq!(code(chain.issue(&[(&ann, &bad)])), "shape", "{bad:?}");
    }
    assert_eq!(code(chain.issue(&[(&ann, &good)])), "done");
}

#[test]
fn a_redemption_pays_one_payee_and_gives_change_at_the_end() {
    let (chain, ann, credits) = with_ann();
    let (sink, eve) = (Rider::new("sink"), Rider::new("eve"));
    let (early, late) = (lot(2025), lot(2026));
    let redeem = |inputs: &[Hash], outputs: &[Output]| {
        let spend = ann.spend(Kind::Redeem, inputs, outputs);
        code(chain.clone().spend(&ann, &spend))
    };
    let paid = [sink.output(&early, 12), sink.output(&late, 8)];
    let with_change = |change: Output| [paid[0].clone(), paid[1].clone(), change];
    assert_eq!(redeem(&credits, &with_change(ann.output(&late, 1))), "done");
    assert_eq!(
        redeem(&credits, &[sink.output(&early, 12), sink.output(&late, 9)]),
        "done"
    );
    assert_eq!(redeem(&credits, &paid), "unbalanced");
    let change_first = [ann.output(&late, 1), paid[0].clone(), paid[1].clone()];
    assert_eq!(redeem(&credits, &change_first), "shape");
    let change_of_another_lot = [sink.output(&late, 9), sink.output(&early, 1), ann.output(&late, 1)];
    assert_eq!(redeem(&credits, &change_of_another_lot), "shape");
    assert_eq!(redeem(&credits, &with_change(eve.output(&late, 1))), "shape");
    assert_eq!(
        redeem(&credits[2..], &[sink.output(&late, 4), sink.output(&late, 5)]),
        "shape"
    );
    assert_eq!(redeem(&credits[2..], &[ann.output(&late, 9)]), "shape");
    assert_eq!(redeem(&credits[2..], &[]), "shape");
    assert_eq!(redeem(&[], &[sink.output(&late, 9)]), "shape");
}

#[test]
fn a_transfer_and_a_deduction_reach_somebody_else() {
    let (chain, ann, credits) = with_ann();
    let bob = Rider::new("bob");
    for kind in [Kind::Transfer, Kind::Deduct] {
        let good = ann.spend(
            kind,
            &credits[2..],
            &[bob.output(&lot(2026), 4), ann.output(&lot(2026), 5)],
        );
        assert_eq!(code(chain.clone().spend(&ann, &good)), "done");
        let to_oneself = ann.spend(kind, &credits[2..], &[ann.output(&lot(2026), 9)]);
        assert_eq!(code(chain.clone().spend(&ann, &to_oneself)), "shape");
        let nobody = ann.spend(kind, &credits[2..], &[]);
        assert_eq!(code(chain.clone().spend(&ann, &nobody)), "shape");
    }
}

#[test]
fn a_merge_makes_one_of_several_of_a_lot() {
    let (chain, ann, credits) = with_ann();
    let early = lot(2025);
    let merge = |inputs: &[Hash], outputs: &[Output]| {
        let spend = ann.spend(Kind::Merge, inputs, outputs);
        code(chain.clone().spend(&ann, &spend))
    };
    assert_eq!(merge(&credits[..2], &[ann.output(&early, 12)]), "done");
    assert_eq!(merge(&credits[..2], &[ann.output(&early, 13)]), "unbalanced");
    assert_eq!(merge(&credits[..1], &[ann.output(&early, 5)]), "shape");
    assert_eq!(
        merge(&credits[..2], &[ann.output(&early, 6), ann.output(&early, 6)]),
        "shape"
    );
    assert_eq!(merge(&credits[..2], &[Rider::new("eve").output(&early, 12)]), "shape");
    assert_eq!(merge(&credits, &[ann.output(&early, 12)]), "shape");
}

#[test]
fn retiring_ends_credits_and_may_give_change() {
    let (chain, ann, credits) = with_ann();
    let (early, late) = (lot(2025), lot(2026));
    let retire = |outputs: &[Output]| {
        let spend = ann.spend(Kind::Retire, &credits, outputs);
        code(chain.clone().spend(&ann, &spend))
    };
    assert_eq!(retire(&[]), "done");
    assert_eq!(retire(&[ann.output(&late, 8), ann.output(&early, 11)]), "done");
    assert_eq!(
        retire(&[ann.output(&late, 9)]),
        "unbalanced",
        "nothing of the lot would end"
    );
    assert_eq!(retire(&[ann.output(&lot(2024), 1)]), "unbalanced");
    assert_eq!(retire(&[ann.output(&late, 1), ann.output(&late, 1)]), "shape");
    assert_eq!(retire(&[Rider::new("eve").output(&late, 1)]), "shape");
}

#[test]
fn expiring_ends_one_lot_that_expires() {
    let (mut chain, ann, credits) = with_ann();
    let expire = |inputs: &[Hash], outputs: &[Output]| ann.spend(Kind::Expire, inputs, outputs);
    assert_eq!(code(chain.clone().spend(&ann, &expire(&credits[..2], &[]))), "done");
    assert_eq!(code(chain.clone().spend(&ann, &expire(&credits, &[]))), "shape");
    let change = expire(&credits[2..], &[ann.output(&lot(2026), 1)]);
    assert_eq!(code(chain.clone().spend(&ann, &change)), "shape");
    let lasting = Lot {
        expiry: NEVER,
        ..lot(2026)
    };
    let issue = ann.issue("for ever", &lasting, 1);
    chain.issue(&[(&ann, &issue)]).unwrap();
    assert_eq!(code(chain.spend(&ann, &expire(&[made(&issue, 0)], &[]))), "shape");
}

#[test]
fn a_sink_merges_once_the_issuer_has_bound_it() {
    let (mut chain, ann, credits) = with_ann();
    let sink = Rider::new("sink");
    let pay = |credit: Hash, amount| ann.spend(Kind::Redeem, &[credit], &[sink.output(&lot(2025), amount)]);
    let paid = [pay(credits[0], 5), pay(credits[1], 7)];
    for payment in &paid {
        chain.spend(&ann, payment).unwrap();
    }
    let inputs = [made(&paid[0], 0), made(&paid[1], 0)];
    let merge = sink.spend(Kind::Merge, &inputs, &[sink.output(&lot(2025), 12)]);
    assert_eq!(code(chain.spend(&sink, &merge)), "unbound");
    chain.rebind(sink.address, 1, &sink).unwrap();
    assert_eq!(code(chain.spend(&sink, &merge)), "done");
    let expire = sink.spend(Kind::Expire, &[made(&merge, 0)], &[]);
    assert_eq!(code(chain.spend(&ann, &expire)), "wrong_key");
    assert_eq!(code(chain.spend(&sink, &expire)), "done");
}

#[test]
fn reversals_are_not_offered() {
    let (mut chain, ann, credits) = with_ann();
    let reverse = ann.spend(Kind::Reverse, &credits[2..], &[]);
    assert_eq!(code(chain.spend(&ann, &reverse)), "not_offered");
}

#[test]
fn only_the_issuer_anchors_and_attests() {
    let (mut chain, ann, _) = with_ann();
    for kind in [Kind::Anchor, Kind::Attest] {
        let statement = Transaction {
            subject: Some(named("a Merkle root")),
            ..Rider::new("system").transaction(kind)
        };
        let envelope = Envelope::Attest(statement.encode().unwrap());
        assert_eq!(code(chain.send(&ann.caller(), &envelope)), "not_issuer");
        let first = chain.send(&issuer(), &envelope).unwrap();
        assert_eq!(fates(&first), [(id(&statement), Fate::Done.code())]);
        let again = chain.send(&issuer(), &envelope).unwrap();
        assert_eq!(
            (fates(&again), again.event),
            (vec![(id(&statement), Fate::Repeat.code())], None)
        );
        let bare = Transaction {
            subject: None,
            ..statement.clone()
        };
        let moving = Transaction {
            outputs: vec![ann.output(&lot(2026), 1)],
            ..statement
        };
        for bad in [bare, moving] {
            let envelope = Envelope::Attest(bad.encode().unwrap());
            assert_eq!(code(chain.send(&issuer(), &envelope)), "shape");
        }
    }
}

#[test]
fn a_repeat_succeeds_and_changes_nothing() {
    let mut chain = Chain::installed();
    let ann = Rider::new("ann");
    let (old, new) = (ann.issue("a", &lot(2026), 1), ann.issue("b", &lot(2026), 2));
    chain.issue(&[(&ann, &old)]).unwrap();
    let mixed = chain.issue(&[(&ann, &old), (&ann, &new)]).unwrap();
    assert_eq!(
        fates(&mixed),
        [(id(&old), Fate::Repeat.code()), (id(&new), Fate::Done.code())]
    );
    let mut only_new = Encoder::document();
    only_new.list([id(&new)].iter(), Encoder::hash);
    let event = mixed.event.unwrap();
    assert_eq!((event.topic, event.data), ("issue", only_new.finish().unwrap()));
    let retire = ann.spend(Kind::Retire, &[made(&old, 0)], &[]);
    chain.spend(&ann, &retire).unwrap();
    chain.rebind(ann.address, 2, &Rider::new("new key")).unwrap();
    let before = chain.0.clone();
    let late = chain.spend(&ann, &retire).unwrap();
    assert_eq!(
        (fates(&late), late.event),
        (vec![(id(&retire), Fate::Repeat.code())], None)
    );
    let late = chain.issue(&[(&ann, &new)]).unwrap();
    assert_eq!(
        (fates(&late), late.event),
        (vec![(id(&new), Fate::Repeat.code())], None)
    );
    assert_eq!(chain.0, before);
    let consumed = chain.credit(&made(&old, 0)).unwrap();
    assert_eq!(consumed.consumed_by, Some(id(&retire)));
}

#[test]
fn limits_are_kept() {
    let (mut chain, ann, credits) = with_ann();
    let long = |programme: &str| Lot {
        programme: programme.to_owned(),
        ..lot(2026)
    };
    for programme in [String::new(), "p".repeat(65)] {
        let issue = ann.issue("ride", &long(&programme), 1);
        assert_eq!(code(chain.issue(&[(&ann, &issue)])), "limit");
    }
    let chatty = Transaction {
        reason: "r".repeat(513),
        ..ann.spend(Kind::Retire, &credits, &[])
    };
    assert_eq!(code(chain.spend(&ann, &chatty)), "limit");
    let sources = |from: usize, count: usize| {
        let mut sources: Vec<_> = (from..from + count)
            .map(|n| source_of(&format!("source {n}"), &lot(2026), 1))
            .collect();
        sources.sort_by_key(|source| source.key);
        Transaction {
            outputs: vec![ann.output(&lot(2026), i64::try_from(count).unwrap())],
            sources,
            ..ann.transaction(Kind::Issue)
        }
    };
    assert_eq!(
        code(chain.issue(&[(&ann, &sources(0, 200)), (&ann, &sources(200, 57))])),
        "source_count"
    );
    assert_eq!(
        code(chain.issue(&[(&ann, &sources(0, 200)), (&ann, &sources(200, 56))])),
        "done"
    );
}

#[test]
fn anybody_may_ask_what_is_kept() {
    let (mut chain, ann, credits) = with_ann();
    let stranger = crate::support::caller("elsewhere.example", named("stranger"));
    let answer = chain.call(&stranger, "credit", credits[2].as_bytes()).unwrap().answer;
    assert_eq!(answer[0], 1);
    assert_eq!(
        Credit::decode(&answer[1..]).unwrap(),
        chain.credit(&credits[2]).unwrap()
    );
    for (method, name) in [
        ("credit", named("x")),
        ("source", named("x")),
        ("transaction", named("x")),
        ("binding", named("x")),
    ] {
        assert_eq!(chain.call(&stranger, method, name.as_bytes()).unwrap().answer, [0]);
    }
    assert_eq!(
        chain.call(&stranger, "binding", ann.address.as_bytes()).unwrap().answer[0],
        1
    );
    assert_eq!(
        chain.call(&stranger, "source", named("a").as_bytes()).unwrap().answer[0],
        1
    );
    assert_eq!(chain.call(&stranger, "installation", &[]).unwrap().answer[0], 1);
    assert_eq!(code(chain.call(&stranger, "credit", &[0; 31])), "not_canonical");
    assert_eq!(code(chain.call(&stranger, "credit", &[0; 33])), "not_canonical");
}
