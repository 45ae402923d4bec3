//! Random histories of valid and invalid orders against a naive model that knows each rule in one line: contract and model must
//! agree on every order, and after each history no gram is missing and none is there twice.

use crate::support::{Chain, Rider, lot, made, named};
use carbon_contract::Hash;
use carbon_contract::record::{Credit, Record as _};
use carbon_contract::state::Room;
use carbon_contract::transaction::{Kind, Lot, Output, Transaction};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RIDERS: [&str; 3] = ["ann", "bob", "cid"];
const VINTAGES: [u16; 2] = [2025, 2026];

#[derive(Clone, Debug)]
enum Step {
    Issue {
        who: usize,
        key: usize,
        source: u8,
        vintage: usize,
        amount: i64,
        inflate: i64,
    },
    Spend {
        who: usize,
        key: usize,
        kind: Kind,
        picks: Vec<usize>,
        to: usize,
        off: i64,
        /// Whether the order is made to fit its rule before it is sent.
        sensible: bool,
    },
    Repeat(usize),
    Rebind {
        who: usize,
        key: usize,
        number: u32,
    },
}

struct Owned {
    hash: Hash,
    owner: usize,
    vintage: usize,
    amount: i64,
    spent: bool,
}

#[derive(Default)]
struct Model {
    credits: Vec<Owned>,
    sources: BTreeSet<u8>,
    bound: BTreeMap<usize, (u32, usize)>,
    issued: BTreeMap<usize, i64>,
    ended: BTreeMap<usize, i64>,
    sent: Vec<(Rider, Transaction)>,
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = vec![
        Kind::Redeem,
        Kind::Transfer,
        Kind::Deduct,
        Kind::Retire,
        Kind::Expire,
        Kind::Merge,
    ];
    // Mostly the right key, mostly exact: or else hardly any order would pass.
    let mostly_zero = || prop_oneof![8 => Just(0_i64), 1 => Just(1), 1 => Just(-1)];
    let issue = (0_usize..3, 0_usize..8, 0_u8..48, 0_usize..2, 1_i64..50, mostly_zero());
    let spend = (
        (0_usize..3, 0_usize..12, prop::sample::select(kinds)),
        (prop::collection::vec(0_usize..24, 1..4), 0_usize..3),
        (
            prop_oneof![5 => Just(0_i64), 1 => -3_i64..4],
            prop_oneof![5 => Just(true), 1 => Just(false)],
        ),
    );
    prop_oneof![
        4 => issue.prop_map(|(who, key, source, vintage, amount, inflate)| Step::Issue { who, key, source, vintage, amount, inflate }),
        8 => spend.prop_map(|((who, key, kind), (picks, to), (off, sensible))| {
            Step::Spend { who, key, kind, picks, to, off, sensible }
        }),
        2 => (0_usize..16).prop_map(Step::Repeat),
        1 => (0_usize..3, 0_usize..3, 1_u32..4).prop_map(|(who, key, number)| Step::Rebind { who, key, number }),
    ]
}

/// Rider `who` under one of three keys; above, under the key that the address is bound to.
fn rider(model: &Model, who: usize, key: usize) -> (Rider, usize) {
    let key = if key < 3 {
        key
    } else {
        model.bound.get(&who).map_or(who, |(_, key)| *key)
    };
    (Rider::new(RIDERS[who]).with_key_of(&Rider::new(RIDERS[key])), key)
}

fn sum_by_vintage(inputs: &[&Owned]) -> BTreeMap<usize, i64> {
    let mut sums = BTreeMap::new();
    for owned in inputs {
        *sums.entry(owned.vintage).or_default() += owned.amount;
    }
    sums
}

/// Whether a spend of these inputs, that gives `off` more than it takes of every lot to rider `to`, keeps the rule of its kind.
fn keeps_its_rule(kind: Kind, inputs: &[&Owned], (from, to): (usize, usize), off: i64) -> bool {
    let sums = sum_by_vintage(inputs);
    let positive = sums.values().all(|sum| sum + off > 0);
    match kind {
        Kind::Redeem | Kind::Transfer | Kind::Deduct => off == 0 && from != to,
        Kind::Merge => off == 0 && from == to && sums.len() == 1 && inputs.len() > 1,
        Kind::Retire => off < 0 && positive && from == to,
        Kind::Expire => sums.len() == 1,
        _ => false,
    }
}

impl Model {
    fn issue(&mut self, chain: &mut Chain, step: &Step) -> Result<(), TestCaseError> {
        let &Step::Issue {
            who,
            key,
            source,
            vintage,
            amount,
            inflate,
        } = step
        else {
            return Ok(());
        };
        let (rider, key) = rider(self, who, key);
        let lot = lot(VINTAGES[vintage]);
        let mut issue = rider.issue(&format!("source {source}"), &lot, amount);
        issue.outputs = vec![rider.output(&lot, amount + inflate)];
        let fits = self.bound.get(&who).is_none_or(|(_, bound)| *bound == key);
        let known = self.sent.iter().any(|(_, sent)| *sent == issue);
        let expected = inflate == 0 && (known || (fits && !self.sources.contains(&source)));
        let outcome = chain.issue(&[(&rider, &issue)]);
        prop_assert_eq!(outcome.is_ok(), expected, "{:?}: {:?}", step, outcome);
        if expected && !known {
            self.bound.entry(who).or_insert((1, key));
            self.sources.insert(source);
            *self.issued.entry(vintage).or_default() += amount;
            self.make(&rider, &issue);
        }
        Ok(())
    }

    /// Picks among the rider's own unspent credits, and makes payee and sums such that the kind's rule is likely kept.
    fn sensible(
        &self,
        kind: Kind,
        who: usize,
        picks: &[usize],
        (to, off): (usize, i64),
    ) -> (BTreeSet<usize>, usize, i64) {
        let own = |at: &usize| self.credits[*at].owner == who && !self.credits[*at].spent;
        let own: Vec<usize> = (0..self.credits.len()).filter(own).collect();
        let picks = picks
            .iter()
            .filter(|_| !own.is_empty())
            .map(|pick| own[pick % own.len()]);
        let mut picks: BTreeSet<usize> = picks.collect();
        if matches!(kind, Kind::Merge | Kind::Expire)
            && let Some(vintage) = picks.first().map(|first| self.credits[*first].vintage)
        {
            picks.extend(own.iter().filter(|_| kind == Kind::Merge).take(8));
            picks.retain(|pick| self.credits[*pick].vintage == vintage);
        }
        match kind {
            Kind::Merge => (picks, who, off),
            Kind::Retire => (picks, who, if off == 0 { -1 } else { off }),
            _ if to == who => (picks, (who + 1) % 3, off),
            _ => (picks, to, off),
        }
    }

    fn spend(&mut self, chain: &mut Chain, step: &Step) -> Result<(), TestCaseError> {
        let Step::Spend {
            who,
            key,
            kind,
            picks,
            to,
            off,
            sensible,
        } = step
        else {
            return Ok(());
        };
        let (rider, key) = rider(self, *who, *key);
        let (picks, to, off) = if *sensible {
            self.sensible(*kind, *who, picks, (*to, *off))
        } else {
            let there = picks.iter().copied().filter(|pick| *pick < self.credits.len());
            (there.collect(), *to, *off)
        };
        let inputs: Vec<&Owned> = picks.iter().map(|pick| &self.credits[*pick]).collect();
        let sums = sum_by_vintage(&inputs);
        let payee = Rider::new(RIDERS[to]);
        let output = |(vintage, sum): (&usize, &i64)| payee.output(&lot(VINTAGES[*vintage]), sum + off);
        let outputs: Vec<Output> = if *kind == Kind::Expire {
            Vec::new()
        } else {
            sums.iter().map(output).collect()
        };
        let hashes: Vec<Hash> = inputs.iter().map(|owned| owned.hash).collect();
        let spend = rider.spend(*kind, &hashes, &outputs);
        let known = self.sent.iter().any(|(_, sent)| *sent == spend);
        let free = inputs.iter().all(|owned| !owned.spent && owned.owner == *who);
        let bound = self.bound.get(who).is_some_and(|(_, bound)| *bound == key);
        let rule = keeps_its_rule(*kind, &inputs, (*who, to), off);
        let expected = known || (bound && free && !inputs.is_empty() && rule);
        let outcome = chain.spend(&rider, &spend);
        prop_assert_eq!(outcome.is_ok(), expected, "{:?}: {:?}", step, outcome);
        if expected && !known {
            for (vintage, sum) in &sums {
                let kept: i64 = outputs
                    .iter()
                    .filter(|o| o.lot.vintage == VINTAGES[*vintage])
                    .map(|o| o.amount_ug)
                    .sum();
                *self.ended.entry(*vintage).or_default() += sum - kept;
            }
            for pick in picks {
                self.credits[pick].spent = true;
            }
            self.make(&rider, &spend);
        }
        Ok(())
    }

    fn make(&mut self, rider: &Rider, transaction: &Transaction) {
        for (index, output) in (0_u16..).zip(&transaction.outputs) {
            self.credits.push(Owned {
                hash: made(transaction, index),
                owner: RIDERS.iter().position(|word| named(word) == output.owner).unwrap(),
                vintage: VINTAGES
                    .iter()
                    .position(|vintage| *vintage == output.lot.vintage)
                    .unwrap(),
                amount: output.amount_ug,
                spent: false,
            });
        }
        self.sent.push((rider.clone(), transaction.clone()));
    }

    fn repeat(&self, chain: &mut Chain, which: usize) -> Result<(), TestCaseError> {
        let Some((rider, sent)) = self.sent.get(which) else {
            return Ok(());
        };
        let before = chain.0.clone();
        let outcome = match sent.kind {
            Kind::Issue => chain.issue(&[(rider, sent)]),
            _ => chain.spend(rider, sent),
        };
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        prop_assert_eq!(&before, &chain.0);
        Ok(())
    }

    fn rebind(&mut self, chain: &mut Chain, (who, key, number): (usize, usize, u32)) -> Result<(), TestCaseError> {
        let present = self.bound.get(&who).copied().unwrap_or((0, usize::MAX));
        let expected = number == present.0 + 1 || (number, key) == present;
        let outcome = chain.rebind(named(RIDERS[who]), number, &Rider::new(RIDERS[key]));
        prop_assert_eq!(outcome.is_ok(), expected, "{:?}", outcome);
        if expected {
            self.bound.insert(who, (number, key));
        }
        Ok(())
    }

    /// The state itself is read, credit by credit.
    fn agrees(&self, chain: &Chain) -> Result<(), TestCaseError> {
        let stored = chain.0.iter().filter(|(key, _)| key.room == Room::Credit);
        let stored: BTreeMap<Hash, Credit> = stored
            .map(|(key, bytes)| (key.name, Credit::decode(bytes).unwrap()))
            .collect();
        prop_assert_eq!(stored.len(), self.credits.len());
        let mut unspent: BTreeMap<&Lot, i64> = BTreeMap::new();
        for owned in &self.credits {
            let credit = &stored[&owned.hash];
            let expected = (named(RIDERS[owned.owner]), owned.amount, owned.spent);
            prop_assert_eq!((credit.owner, credit.amount_ug, credit.consumed_by.is_some()), expected);
        }
        for credit in stored.values().filter(|credit| credit.consumed_by.is_none()) {
            *unspent.entry(&credit.lot).or_default() += credit.amount_ug;
        }
        for (vintage, year) in VINTAGES.iter().enumerate() {
            let of = |sums: &BTreeMap<usize, i64>| sums.get(&vintage).copied().unwrap_or_default();
            let there = unspent.get(&lot(*year)).copied().unwrap_or_default();
            prop_assert_eq!(there, of(&self.issued) - of(&self.ended), "lot of {}", year);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn contract_and_model_agree(steps in prop::collection::vec(step(), 1..60)) {
        let mut chain = Chain::installed();
        let mut model = Model::default();
        for step in &steps {
            match step {
                Step::Issue { .. } => model.issue(&mut chain, step)?,
                Step::Spend { .. } => model.spend(&mut chain, step)?,
                Step::Repeat(which) => model.repeat(&mut chain, *which)?,
                Step::Rebind { who, key, number } => model.rebind(&mut chain, (*who, *key, *number))?,
            }
        }
        model.agrees(&chain)?;
    }
}
