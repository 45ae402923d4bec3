//! Holds what the gateway says at the end against what it answered during the morning: the day's totals and every balance.

use super::PlayError;
use super::caller::Caller;
use super::play::PROGRAMME;
use crate::demo::Sums;
use crate::demo::sums::Purse;
use crate::methodology::units::Amount;
use serde_json::{Value, json};

/// Balances that one request asks for.
const AT_ONCE: usize = 100;

/// The day's totals.
pub(super) async fn totals(caller: &Caller) -> Result<Value, PlayError> {
    let report = caller.get(&format!("/v1/reports/totals?programme={PROGRAMME}")).await?;
    Ok(report["totals"].clone())
}

/// What of the totals is not the sum of the answers.
pub(super) fn differing_totals(totals: &Value, sums: &Sums) -> Vec<String> {
    let expected = [
        ("trips", json!(sums.trips)),
        ("refused", json!(sums.refusals())),
        ("quantified", json!(sums.quantified)),
        ("capped", json!(Amount::ZERO)),
        ("waiting", json!(sums.waiting())),
        ("collected", json!(sums.collected)),
        ("issued", json!(sums.collected)),
        ("spent", json!(sums.spent)),
        ("lapsed", json!(Amount::ZERO)),
    ];
    let differing = expected.into_iter().filter(|(name, sum)| totals[*name] != *sum);
    let told = |(name, sum): (&str, Value)| {
        let total = &totals[name];
        format!("totals, {name}: the answers add up to {sum}, the report says {total}")
    };
    differing.map(told).collect()
}

/// What of the balances is not what the answers gave and took; everything must have arrived on the chain.
pub(super) async fn differing_balances(caller: &Caller, sums: &Sums) -> Result<Vec<String>, PlayError> {
    let purses: Vec<(&i64, &Purse)> = sums.purses.iter().collect();
    let mut wrong = Vec::new();
    for some in purses.chunks(AT_ONCE) {
        let ids: Vec<String> = some.iter().map(|(user, _)| user.to_string()).collect();
        let list = caller.get(&format!("/v1/balances?ids={}", ids.join(","))).await?;
        for ((user, purse), balance) in some.iter().zip(items(&list["items"])) {
            let of_demo = items(&balance["programmes"]).find(|one| one["programme"] == PROGRAMME);
            let of_demo = of_demo.unwrap_or(&Value::Null);
            let expected = [
                (&of_demo["available"], purse.available),
                (&of_demo["waiting"], purse.waiting),
                (&of_demo["lifetime"]["spent"], purse.spent),
                (&of_demo["settling"], Amount::ZERO),
            ];
            let names = ["available", "waiting", "spent", "settling"];
            for (name, (found, expected)) in std::iter::zip(names, expected) {
                if *found != json!(expected) {
                    wrong.push(format!(
                        "user {user}, {name}: the answers add up to {expected}, the balance says {found}"
                    ));
                }
            }
        }
        if list["items"].as_array().map_or(0, Vec::len) != some.len() {
            wrong.push(format!("of {} balances not all were answered", some.len()));
        }
    }
    Ok(wrong)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
