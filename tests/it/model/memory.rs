//! The pure core alone: a view of each shard that holds everything and is never flushed.

use super::lists::{Model, Owner, Said};
use super::orders::{Asked, Order, series};
use super::sums::{Sums, assert_conserved};
use super::translate::{command, said};
use super::{PROGRAMMES, START_MS, ground};
use carbon_gateway::ledger::apply::apply;
use carbon_gateway::ledger::ids::ShardId;
use carbon_gateway::ledger::view::View;
use proptest::prelude::*;
use std::collections::BTreeMap;

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_memory(orders in series(120)) {
        let mut memory = Memory::new();
        for order in &orders {
            memory.step(order);
        }
    }
}

/// Both sides.
pub(super) struct Memory {
    pub(super) model: Model,
    views: BTreeMap<ShardId, View>,
    number: u32,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            model: Model::new(usize::MAX),
            views: BTreeMap::new(),
            number: 0,
        }
    }

    /// Carries out an order on both sides; they must say the same and look the same.
    pub(super) fn step(&mut self, order: &Order) -> Option<Said> {
        let asked = self.model.resolve(order)?;
        self.number += 1;
        let (answer, entries) = self.apply(&asked);
        let expected = self.model.answer(&asked, self.number);
        assert_eq!(answer, expected, "{asked:?}");
        let replayed = matches!(
            answer,
            Said::Trip(_, true) | Said::Collected { replayed: true, .. } | Said::Redeemed { replayed: true, .. }
        );
        assert!(!replayed || entries == 0, "a replay changes nothing");
        let seen = self.sums();
        assert_eq!(seen, self.model.sums(), "after {asked:?}");
        assert_conserved(&seen);
        for view in self.views.values() {
            for account in view.accounts.values() {
                self.model
                    .assert_waits(owner(account.user.value(), &account.programme), account.due);
            }
        }
        Some(answer)
    }

    fn apply(&mut self, asked: &Asked) -> (Said, usize) {
        let (command, now_ms) = (command(asked, self.number), self.model.now_ms);
        let booked_day = |now_ms| ground().booked_day(now_ms).unwrap();
        let view = self
            .views
            .entry(command.shard())
            .or_insert_with(|| View::new(command.shard(), 0, (START_MS, booked_day(START_MS)), ground()));
        (view.booked_ms, view.booked_day) = (now_ms, booked_day(now_ms));
        let before = view.changes.entries.len();
        let outcome = apply(view, &command);
        (said(outcome), view.changes.entries.len() - before)
    }

    fn sums(&self) -> BTreeMap<Owner, Sums> {
        let accounts = self
            .views
            .values()
            .flat_map(|view| view.accounts.iter().map(move |at| (view, at)));
        accounts
            .map(|(view, (key, account))| {
                let sums = Sums::said(&account.figures, account.unspent_count, &view.credits_of(key));
                (owner(key.0.value(), &key.1), sums)
            })
            .collect()
    }
}

/// An account by the place of its programme.
pub(super) fn owner(user: i64, programme: &str) -> Owner {
    let place = PROGRAMMES.iter().position(|known| known.id() == programme);
    (user, place.unwrap())
}
