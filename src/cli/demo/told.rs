//! What the demo was told: every answer, held against the plan at once, and summed up.

use crate::api::problem::Code;
use crate::demo::trips::Trip;
use crate::demo::wallets::{Ask, Order};
use crate::demo::{Outcome, Sums};
use crate::methodology::rules::Rule;
use crate::methodology::units::Amount;
use serde_json::Value;
use std::collections::BTreeMap;

/// All answers so far.
#[derive(Default)]
pub(super) struct Told {
    /// Counts and sums of them.
    pub(super) sums: Sums,
    /// What was not as planned.
    pub(super) wrong: Vec<String>,
    /// What the gateway said when it refused by a rule or turned away, the first time for each rule and code.
    pub(super) words: BTreeMap<&'static str, String>,
    /// The calling system that the key belongs to.
    pub(super) client: String,
    /// A credit of each rider whose history is worth telling: of change first, then of any other.
    credits: BTreeMap<(bool, i64), String>,
}

/// What an answer says, and in which words.
pub(super) struct Said {
    outcome: Outcome,
    words: Option<String>,
}

impl Said {
    /// Reads the answer to a trip or an order; `None` if it is none of ours.
    pub(super) fn of(status: u16, replayed: bool, body: &Value) -> Option<Self> {
        let words = |value: &Value| value["detail"].as_str().map(str::to_owned);
        let refusal = &body["refusal"];
        if !(200..300).contains(&status) {
            let code = body["code"].as_str()?;
            let code = Code::ALL.iter().find(|known| known.as_str() == code)?;
            return Some(Self {
                outcome: Outcome::Problem(code.as_str()),
                words: words(body),
            });
        }
        if let (Some(rule), false) = (refusal["rule"].as_str(), replayed) {
            let rule = Rule::ALL.into_iter().find(|known| known.as_str() == rule)?;
            return Some(Self {
                outcome: Outcome::Refused(rule),
                words: words(refusal),
            });
        }
        let amount = Amount::parse_grams(body["amount"].as_str()?).ok()?;
        Some(Self {
            outcome: if replayed {
                Outcome::Again(amount)
            } else {
                Outcome::Done(amount)
            },
            words: None,
        })
    }
}

impl Told {
    /// The answer to a trip.
    pub(super) fn trip(&mut self, trip: &Trip, said: Said, body: &Value) {
        if let Some(client) = body["client"].as_str() {
            client.clone_into(&mut self.client);
        }
        self.sums.trip(trip.user, said.outcome);
        self.compare(
            &format!("trip {} of user {}", trip.trip_id, trip.user),
            trip.outcome,
            said,
        );
    }

    /// The answer to an order.
    pub(super) fn order(&mut self, order: &Order, said: Said, body: &Value) {
        if matches!(said.outcome, Outcome::Done(_)) {
            let is_change = matches!(order.ask, Ask::Redeem { .. });
            let credit = if is_change {
                &body["change"]
            } else {
                &body["credits"][0]
            };
            if let Some(credit) = credit["credit_id"].as_str() {
                self.credits.insert((!is_change, order.user), credit.to_owned());
            }
        }
        self.sums.order(order.user, &order.ask, said.outcome);
        self.compare(
            &format!("order {} of user {}", order.key, order.user),
            order.outcome,
            said,
        );
    }

    fn compare(&mut self, what: &str, planned: Outcome, said: Said) {
        if planned != said.outcome {
            self.wrong
                .push(format!("{what}: planned was {planned}, the answer is {}", said.outcome));
        }
        if let (Outcome::Refused(_) | Outcome::Problem(_), Some(words)) = (said.outcome, said.words) {
            let name = match said.outcome {
                Outcome::Refused(rule) => rule.as_str(),
                Outcome::Problem(code) => code,
                Outcome::Done(_) | Outcome::Again(_) => return,
            };
            self.words.entry(name).or_insert(words);
        }
    }

    /// A credit whose history is worth telling.
    pub(super) fn credit(&self) -> Option<&str> {
        self.credits.values().next().map(String::as_str)
    }
}
