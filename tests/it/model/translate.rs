//! Orders as the ledger takes them, and its outcomes in the model's words.

use super::lists::{Model, Said};
use super::orders::{Asked, Sent, Wanted};
use super::trips::Verdict;
use super::{KEK, MODES, PROGRAMMES};
use carbon_gateway::ledger::command::{
    Collect, Command, Fresh, KeyedAnswer, Merge, Meta, NewAccount, Outcome, Redeem, Rejection, SettleDue, SubmitTrip,
    Wanted as Claims,
};
use carbon_gateway::ledger::encode::digest;
use carbon_gateway::ledger::evidence::{DataKey, Places};
use carbon_gateway::ledger::idempotency::{Answer, Keyed};
use carbon_gateway::ledger::ids::{Hash, Name, UserId, trip_key};
use carbon_gateway::methodology::units::Amount;
use carbon_gateway::methodology::{Distance, DistanceFrom, Leg, Trip};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn meta(number: u32) -> Meta {
    Meta {
        client: Name::parse("model").unwrap(),
        request_id: format!("r{number}"),
    }
}

fn trip_id(id: u32) -> Name {
    Name::parse(format!("T{id}")).unwrap()
}

/// The key of the trip of that name.
pub(super) fn key_of_trip(user: i64, id: u32) -> Hash {
    trip_key(&Name::parse("model").unwrap(), UserId::new(user).unwrap(), &trip_id(id))
}

/// The address of an account that an order opens.
pub(super) fn address(number: u32) -> Hash {
    digest("model/address", |e| e.u32(number))
}

fn account((user, programme): (UserId, usize), number: u32) -> NewAccount {
    let address = address(number);
    let data_key = DataKey::new(*address.as_bytes());
    let id = PROGRAMMES[programme].id();
    NewAccount {
        address,
        wrapped_key: KEK.wrap(&data_key, [7; 12], (user, id, &address)).unwrap(),
        data_key,
    }
}

/// The order as the ledger takes it; `number` tells one order's randomness from another's.
pub(super) fn command(asked: &Asked, number: u32) -> Command {
    let meta = meta(number);
    let of = |user: &i64| UserId::new(*user).unwrap();
    let keyed = |user: &i64, key: &u32| Keyed {
        key: digest("model/key", |e| {
            e.i64(*user);
            e.u32(*key);
        }),
        request: digest("model/request", |e| e.text(&format!("{asked:?}"))),
    };
    match asked {
        Asked::Trip(sent) => submit(sent, number),
        Asked::Collect(user, programme, wanted, key) => Command::Collect(Arc::new(Collect {
            meta,
            user: of(user),
            programme: Arc::clone(&PROGRAMMES[*programme]),
            wanted: match wanted {
                Wanted::All => Claims::All,
                Wanted::Named(ids) => Claims::Trips(ids.iter().map(|id| key_of_trip(*user, *id)).collect()),
            },
            keyed: keyed(user, key),
        })),
        Asked::Redeem(user, programme, amount, key) => {
            let sink = UserId::from_stored(Model::sink(*user, *programme).0);
            Command::Redeem(Arc::new(Redeem {
                meta,
                user: of(user),
                programme: Arc::clone(&PROGRAMMES[*programme]),
                amount: Amount::from_micrograms(*amount),
                reference: "model".to_owned(),
                keyed: keyed(user, key),
                sink: account((sink, *programme), number),
            }))
        }
        Asked::Merge(user, programme) => Command::Merge(Arc::new(Merge {
            meta,
            user: of(user),
            programme: PROGRAMMES[*programme].id().to_owned(),
        })),
        Asked::Settle(user) => {
            let by_id = PROGRAMMES
                .iter()
                .map(|programme| (programme.id().to_owned(), Arc::clone(programme)));
            Command::SettleDue(Arc::new(SettleDue {
                meta,
                user: of(user),
                programmes: Arc::new(by_id.collect()),
            }))
        }
    }
}

fn submit(sent: &Sent, number: u32) -> Command {
    let (meta, user) = (meta(number), UserId::new(sent.user).unwrap());
    let mut from = sent.start_s;
    let leg = |(mode, seconds, metres): &(usize, i64, u64)| {
        let started_s = from;
        from += seconds;
        Leg {
            mode: MODES[*mode].0.to_owned(),
            started_s,
            ended_s: from,
            distance: Some(Distance {
                metres: *metres,
                from: DistanceFrom::Given,
            }),
            energy_wh: None,
            events: None,
            region: None,
            grid_year: None,
            replace: BTreeMap::new(),
        }
    };
    let legs: Vec<Leg> = sent.legs.iter().map(leg).collect();
    let places = vec![Places::None; legs.len()];
    let trip = Trip {
        legs,
        has_evidence: false,
    };
    let programme = &PROGRAMMES[sent.programme];
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&number.to_be_bytes());
    Command::SubmitTrip(Arc::new(SubmitTrip {
        user,
        trip_key: key_of_trip(sent.user, sent.id),
        trip_id: trip_id(sent.id),
        assessment: programme.assess(&trip).unwrap(),
        programme: Arc::clone(programme),
        trip,
        proof: None,
        places,
        fresh: Fresh {
            account: account((user, sent.programme), number),
            nonce,
        },
        meta,
    }))
}

/// What the ledger says, in the model's words.
pub(super) fn said(outcome: Result<Outcome, Rejection>) -> Said {
    match outcome {
        Ok(Outcome::Trip(answer)) => {
            let record = &answer.trip.record;
            let verdict = match &record.refusal {
                Some(refusal) => Verdict::Refused(refusal.rule.as_str()),
                None => Verdict::Credited(record.legs.iter().map(|leg| leg.capped.micrograms()).collect()),
            };
            Said::Trip(verdict, answer.replayed)
        }
        Ok(Outcome::Answered(answer)) => said_under_key(&answer),
        Ok(Outcome::Settled(entries)) => Said::Settled(entries),
        Ok(Outcome::Recorded | Outcome::Activated(_)) => unreachable!("nothing was recorded or activated"),
        Err(Rejection::TripConflict { .. }) => Said::Rejected("conflict".to_owned()),
        Err(Rejection::IdempotencyConflict) => Said::Rejected("other request".to_owned()),
        Err(Rejection::Insufficient { available, missing }) => Said::Rejected(format!(
            "{} there, {} missing",
            available.micrograms(),
            missing.micrograms()
        )),
        Err(other) => Said::Rejected(format!("{other:?}")),
    }
}

fn said_under_key(answer: &KeyedAnswer) -> Said {
    let replayed = answer.replayed;
    match answer.answer.as_ref() {
        Answer::Collect {
            content_id,
            collected,
            skipped,
            more,
        } => Said::Collected {
            content_id: *content_id,
            collected: usize::from(*collected),
            skipped: skipped
                .iter()
                .map(|skip| skip.map_or("", |skip| skip.as_str()))
                .collect(),
            more: *more,
            replayed,
        },
        Answer::Redeem { content_id, choice } => Said::Redeemed {
            content_id: *content_id,
            choice: choice.as_str(),
            replayed,
        },
    }
}
