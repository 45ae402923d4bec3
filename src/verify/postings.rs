//! The postings that entries must have (formats.md 4), written apart from the ledger's own booking.

use super::claims::Waiting;
use crate::ledger::entry::{Figure, Posting};
use crate::ledger::trip::{gas_code, gas_from_code};
use crate::methodology::Gas;
use crate::methodology::units::{Amount, Day};
use std::collections::BTreeMap;

/// Day, mode, methodology, gas.
type Place<'a> = (i32, &'a str, &'a str, u8);

/// A claim leg by leg, in order.
pub(super) fn of_legs(figure: Figure, claim: &Waiting) -> Vec<Posting> {
    let of_leg = |leg: &super::claims::Earned| Posting {
        figure,
        day: claim.day,
        mode: leg.mode.clone(),
        methodology: leg.methodology.clone(),
        gas: leg.gas,
        count: 1,
        amount: Amount::from_micrograms(leg.amount_ug),
    };
    claim.legs.iter().map(of_leg).collect()
}

/// Claims that were collected together: `collected`, then the same as `issued`; `None` beyond 64 bits.
pub(super) fn of_collection(claims: &[Waiting]) -> Option<Vec<Posting>> {
    let mut sums: BTreeMap<Place<'_>, (Gas, i64, i128)> = BTreeMap::new();
    for claim in claims {
        for leg in &claim.legs {
            let key = (
                claim.day.epoch_days(),
                leg.mode.as_str(),
                leg.methodology.as_str(),
                gas_code(leg.gas),
            );
            let (_, count, sum) = sums.entry(key).or_insert((leg.gas, 0, 0));
            *count = count.checked_add(1)?;
            *sum = sum.checked_add(i128::from(leg.amount_ug))?;
        }
    }
    let mut postings = Vec::new();
    for figure in [Figure::Collected, Figure::Issued] {
        for ((day, mode, methodology, _), (gas, count, sum)) in &sums {
            postings.push(Posting {
                figure,
                day: Day::from_epoch_days(*day),
                mode: (*mode).to_owned(),
                methodology: (*methodology).to_owned(),
                gas: *gas,
                count: *count,
                amount: Amount::from_micrograms(i64::try_from(*sum).ok()?),
            });
        }
    }
    Some(postings)
}

/// What no trip is behind: one posting a gas, ascending; `None` beyond 64 bits, or for a gas that nobody knows.
pub(super) fn of_gases(figure: Figure, day: Day, parts: impl Iterator<Item = (u8, i64)>) -> Option<Vec<Posting>> {
    let mut sums: BTreeMap<u8, i128> = BTreeMap::new();
    for (gas, amount_ug) in parts {
        let sum = sums.entry(gas).or_insert(0);
        *sum = sum.checked_add(i128::from(amount_ug))?;
    }
    let posting = |(gas, sum): (u8, i128)| {
        Some(Posting {
            figure,
            day,
            mode: String::new(),
            methodology: String::new(),
            gas: gas_from_code(gas).ok()?,
            count: 1,
            amount: Amount::from_micrograms(i64::try_from(sum).ok()?),
        })
    };
    sums.into_iter().map(posting).collect()
}
