//! What the accounts of a programme add up to in a shard: what was quantified waits, was collected, has lapsed or was cut;
//! what was collected was issued; what was issued is there, or has expired. The daily totals say the same.

use super::findings::{BALANCE, Findings, at};
use crate::ledger::account::Figures;
use crate::ledger::entry::Figure;
use crate::ledger::ids::ShardId;
use crate::store::audit::TotalRow;
use std::collections::BTreeMap;

/// Σ over the accounts of a programme, and Σ over its totals by figure.
#[derive(Default)]
struct Balance {
    available: i128,
    waiting: i128,
    by_accounts: BTreeMap<Figure, i128>,
    by_totals: BTreeMap<Figure, i128>,
}

/// The balances of a shard, by programme.
#[derive(Default)]
pub(super) struct Balances(BTreeMap<String, Balance>);

impl Balances {
    /// An account's figures as stored: that each is the fold of its entries is another check.
    pub(super) fn add_account(&mut self, programme: &str, figures: &Figures) {
        let balance = self.0.entry(programme.to_owned()).or_default();
        add(&mut balance.available, figures.available.micrograms());
        add(&mut balance.waiting, figures.waiting.micrograms());
        let kept = [
            (Figure::Quantified, figures.quantified),
            (Figure::Capped, figures.capped),
            (Figure::Collected, figures.collected),
            (Figure::Lapsed, figures.lapsed),
            (Figure::Issued, figures.issued),
            (Figure::Spent, figures.spent),
            (Figure::Expired, figures.expired),
        ];
        for (figure, amount) in kept {
            add(balance.by_accounts.entry(figure).or_default(), amount.micrograms());
        }
    }

    /// Every row of the shard.
    pub(super) fn add_totals(&mut self, totals: &[TotalRow]) {
        for row in totals {
            let [programme, _, figure, ..] = &row.words;
            if let Some(figure) = Figure::parse(figure) {
                let balance = self.0.entry(programme.clone()).or_default();
                add(balance.by_totals.entry(figure).or_default(), row.amount_ug);
            }
        }
    }

    /// Holds every sum against the others.
    pub(super) fn check(&self, shard: ShardId, findings: &mut Findings) {
        for (programme, balance) in &self.0 {
            findings.checked(BALANCE, 1);
            let of = |figure| balance.by_accounts.get(&figure).copied().unwrap_or_default();
            let became = [
                balance.waiting,
                of(Figure::Collected),
                of(Figure::Lapsed),
                of(Figure::Capped),
            ];
            if of(Figure::Quantified) != became.iter().sum::<i128>() {
                let [waiting, collected, lapsed, capped] = became;
                let what = format!(
                    "quantified {} is not waiting {waiting}, collected {collected}, lapsed {lapsed} and capped {capped}",
                    of(Figure::Quantified)
                );
                findings.add(BALANCE, at(shard, "account", programme), what);
            }
            if of(Figure::Collected) != of(Figure::Issued) {
                let what = format!(
                    "collected {} is not issued {}",
                    of(Figure::Collected),
                    of(Figure::Issued)
                );
                findings.add(BALANCE, at(shard, "account", programme), what);
            }
            // What a rider spends the sink of the same shard holds.
            let left = of(Figure::Issued).saturating_sub(of(Figure::Expired));
            if balance.available != left {
                let what = format!(
                    "available {} is not what was issued and has not expired, {left}",
                    balance.available
                );
                findings.add(BALANCE, at(shard, "account", programme), what);
            }
            balance.check_totals((shard, programme), findings);
        }
    }
}

impl Balance {
    fn check_totals(&self, (shard, programme): (ShardId, &str), findings: &mut Findings) {
        for figure in Figure::ALL {
            let due = match figure {
                Figure::Trip | Figure::Refused => 0, // they are counted, and have no grams
                Figure::Received => self.by_accounts.get(&Figure::Spent).copied().unwrap_or_default(),
                _ => self.by_accounts.get(&figure).copied().unwrap_or_default(),
            };
            let total = self.by_totals.get(&figure).copied().unwrap_or_default();
            if total != due {
                let what = format!("{} adds up to {total}, the accounts say {due}", figure.as_str());
                findings.add(BALANCE, at(shard, "daily_total", programme), what);
            }
        }
    }
}

fn add(sum: &mut i128, more: i64) {
    *sum = sum.saturating_add(i128::from(more));
}
