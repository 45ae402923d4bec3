//! The naive model: which credits pay, by the words of the design.

use super::lists::Credit;
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::ledger::transaction::Lot;
use std::collections::BTreeMap;

/// Oldest first.
pub(super) fn age(credit: &Credit) -> (usize, i64, Hash) {
    (credit.age, credit.expires_ms().unwrap_or(i64::MAX), credit.hash)
}

/// Soonest expiry first.
fn end(credit: &Credit) -> (i64, usize, Hash) {
    (credit.expires_ms().unwrap_or(i64::MAX), credit.age, credit.hash)
}

pub(super) fn by_lot(mut credits: Vec<Credit>) -> BTreeMap<Lot, Vec<Credit>> {
    credits.sort_by_key(age);
    let mut lots: BTreeMap<Lot, Vec<Credit>> = BTreeMap::new();
    for credit in credits {
        lots.entry(credit.lot.clone()).or_default().push(credit);
    }
    lots
}

/// The credits that pay, in the order in which they are used up; nothing if 32 of them are too few.
pub(super) fn choose(mine: &[Credit], amount: i64, notice_ms: i64) -> Option<(&'static str, Vec<Credit>)> {
    let mut credits = mine.to_vec();
    credits.sort_by_key(end);
    if let Some(exact) = credits.iter().find(|credit| credit.amount == amount) {
        return Some(("exact", vec![exact.clone()]));
    }
    let soon = |credit: &&Credit| credit.expires_ms().is_some_and(|at_ms| at_ms < notice_ms);
    let expiring: Vec<Credit> = credits.iter().filter(soon).cloned().collect();
    if let Some(chosen) = first_that_cover(&expiring, amount) {
        return Some(("expiring", chosen));
    }
    let covering = credits.iter().filter(|credit| credit.amount > amount);
    if let Some(smallest) = covering.min_by_key(|credit| (credit.amount, end(credit))) {
        return Some(("cover", vec![smallest.clone()]));
    }
    credits.sort_by_key(age);
    first_that_cover(&credits, amount).map(|chosen| ("oldest", chosen))
}

fn first_that_cover(credits: &[Credit], amount: i64) -> Option<Vec<Credit>> {
    let enough = (1..=credits.len().min(32)).find(|count| {
        let sum: i64 = credits[..*count].iter().map(|credit| credit.amount).sum();
        sum >= amount
    })?;
    Some(credits[..enough].to_vec())
}
