//! `Collect`: claims become credits. One `issue` names every trip as a source and makes one credit a lot.

use super::book::{Booking, Effect, Moved};
use super::command::{Collect, KeyedAnswer, Rejection, Wanted};
use super::due::{is_open, settle};
use super::entry::{Entry, EntryKind, Figure, Posting};
use super::idempotency::{self, Answer, Skip};
use super::ids::Hash;
use super::transaction::{Kind, Lot, MOST_OUTPUTS, MOST_SOURCES, Output, Source, SourceKind, Transaction};
use super::trip::{TripRecord, gas_code};
use super::view::{AccountKey, Claim, View};
use crate::methodology::Gas;
use crate::methodology::programme::Programme;
use crate::methodology::units::{Amount, Day};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Claims that one collection takes at most.
pub const MOST_CLAIMS: usize = 256;

/// Turns claims into credits, or answers again what was answered under the key.
pub fn collect(view: &mut View, command: &Collect) -> Result<KeyedAnswer, Rejection> {
    if let Some(answered) = idempotency::replay(view, &command.keyed)? {
        return Ok(answered);
    }
    let key = (command.user, command.programme.id().to_owned());
    settle(view, &key, &command.meta)?;
    let mut gathered = Gathered::default();
    let mut more = false;
    let mut skipped = Vec::new();
    match &command.wanted {
        Wanted::All => {
            let now_ms = view.booked_ms;
            let open: Vec<Claim> = view
                .claims_of(&key)
                .filter(|claim| is_open(claim, now_ms))
                .cloned()
                .collect();
            for claim in &open {
                more |= !gathered.add(view, claim, &command.programme)?;
            }
        }
        Wanted::Trips(trip_keys) => {
            for trip_key in trip_keys {
                let found = find(view, &key, trip_key, &gathered);
                skipped.push(found.as_ref().err().copied());
                if let Ok(claim) = found {
                    more |= !gathered.add(view, &claim, &command.programme)?;
                }
            }
        }
    }
    let by = (command.meta.client.as_str(), command.meta.request_id.as_str());
    let collected = u16::try_from(gathered.claims.len()).map_err(|_| Rejection::TooLong)?;
    let issue = issue(view, &key, gathered, by)?;
    let answer = Arc::new(Answer::Collect {
        content_id: issue.as_ref().and_then(|issue| issue.entry.reference),
        collected,
        skipped,
        more,
    });
    let answered = Booking {
        account: None,
        entry: idempotency::entry(&command.keyed, by, &key.1, &answer)?,
        effect: Effect::Answer(command.keyed, Arc::clone(&answer)),
    };
    let seq = view.book(issue.into_iter().chain([answered]).collect())?;
    Ok(KeyedAnswer {
        answer,
        seq,
        replayed: false,
    })
}

/// The open claim of a trip, or why there is none.
fn find(view: &View, key: &AccountKey, trip_key: &Hash, gathered: &Gathered) -> Result<Claim, Skip> {
    let stored = view.stored.get(&(key.0, *trip_key)).ok_or(Skip::NotFound)?;
    let span = stored.record.claim.filter(|_| stored.record.programme == key.1);
    let span = span.ok_or(Skip::NotFound)?;
    if stored.issued_by.is_some() || gathered.seqs.contains(&stored.seq) {
        return Err(Skip::AlreadyCollected);
    }
    if span.closes_at_ms.is_some_and(|at_ms| at_ms <= view.booked_ms) {
        return Err(Skip::Lapsed);
    }
    if view.booked_ms < span.opens_at_ms {
        return Err(Skip::NotOpen);
    }
    Ok(Claim {
        user: key.0,
        trip: stored.clone(),
    })
}

/// Claims that fit into one issue, with what they add up to.
#[derive(Default)]
pub(super) struct Gathered {
    claims: Vec<Claim>,
    seqs: BTreeSet<i64>,
    sources: Vec<Source>,
    lots: BTreeMap<Vec<u8>, (Lot, Amount)>,
    expiry: Option<u16>,
}

impl Gathered {
    /// Adds a claim; `false` if the issue is full.
    pub(super) fn add(&mut self, view: &View, claim: &Claim, programme: &Programme) -> Result<bool, Rejection> {
        let expiry = match self.expiry {
            Some(expiry) => expiry,
            None => view
                .ground
                .expiry_month(view.booked_ms, programme.credits().valid_months)
                .ok_or(Rejection::AmountOverflow)?,
        };
        let parts = parts_of(&claim.trip.record, expiry)?;
        let new_lots = parts.keys().filter(|bytes| !self.lots.contains_key(*bytes)).count();
        if self.claims.len() >= MOST_CLAIMS
            || self.sources.len().saturating_add(parts.len()) > MOST_SOURCES
            || self.lots.len().saturating_add(new_lots) > MOST_OUTPUTS
        {
            return Ok(false);
        }
        self.expiry = Some(expiry);
        let source_key = view.ground.source_secret.source_key(&claim.trip.record.trip_key);
        for (bytes, (lot, amount)) in parts {
            self.sources.push(Source {
                kind: SourceKind::Trip,
                key: source_key,
                lot: lot.clone(),
                amount_ug: amount.micrograms(),
            });
            let (_, sum) = self.lots.entry(bytes).or_insert((lot, Amount::ZERO));
            *sum = sum.checked_add(amount).ok_or(Rejection::AmountOverflow)?;
        }
        self.seqs.insert(claim.trip.seq);
        self.claims.push(claim.clone());
        Ok(true)
    }
}

/// What a trip earned, by lot; keyed by the lot's bytes, in whose order sources and outputs stand.
pub fn parts_of(record: &TripRecord, expiry: u16) -> Result<BTreeMap<Vec<u8>, (Lot, Amount)>, Rejection> {
    let year = record.day.year().and_then(|year| u16::try_from(year).ok());
    let vintage = year.ok_or(Rejection::AmountOverflow)?;
    let mut parts = BTreeMap::new();
    for leg in &record.legs {
        let amount = leg.amount().ok_or(Rejection::AmountOverflow)?;
        if amount == Amount::ZERO {
            continue;
        }
        let lot = Lot {
            programme: record.programme.clone(),
            gas: gas_code(leg.methodology.gas),
            vintage,
            expiry,
        };
        let (_, sum) = parts.entry(lot.bytes()?).or_insert((lot, Amount::ZERO));
        *sum = sum.checked_add(amount).ok_or(Rejection::AmountOverflow)?;
    }
    Ok(parts)
}

/// The booking that turns what was gathered into credits; `None` for nothing.
pub(super) fn issue(
    view: &View,
    key: &AccountKey,
    mut gathered: Gathered,
    (actor, request_id): (&str, &str),
) -> Result<Option<Booking>, Rejection> {
    let Some(account) = view.accounts.get(key).filter(|_| !gathered.claims.is_empty()) else {
        return Ok(None);
    };
    // Those of one trip stand in the order of their lots already.
    gathered.sources.sort_by_key(|source| source.key);
    let outputs: Vec<Output> = gathered
        .lots
        .into_values()
        .map(|(lot, amount)| Output {
            owner: account.address,
            lot,
            amount_ug: amount.micrograms(),
        })
        .collect();
    let owners = vec![key.0; outputs.len()];
    let transaction = Transaction {
        kind: Kind::Issue,
        orderer: account.address,
        booked_ms: view.booked_ms,
        inputs: Vec::new(),
        outputs,
        sources: gathered.sources,
        subject: None,
        reason: String::new(),
    };
    let mut moved = Moved::new(transaction, owners)?;
    moved.collects = gathered.seqs.into_iter().collect();
    let records = gathered.claims.iter().map(|claim| claim.trip.record.as_ref());
    let (postings, amount) = collected_postings(records).ok_or(Rejection::AmountOverflow)?;
    let entry = Entry {
        kind: EntryKind::Collected,
        address: account.address,
        actor: actor.to_owned(),
        request_id: request_id.to_owned(),
        reference: Some(moved.content_id),
        programme: key.1.clone(),
        lot: None,
        amount,
        postings,
        digest: moved.content_id,
    };
    Ok(Some(Booking {
        account: Some(key.clone()),
        entry,
        effect: Effect::Transact(moved),
    }))
}

/// The postings of a collection of these trips, and their sum; `None` if one would leave the range of 64 bits.
pub fn collected_postings<'r>(records: impl Iterator<Item = &'r TripRecord>) -> Option<(Vec<Posting>, Amount)> {
    /// Day, mode, methodology, code of the gas.
    type Place = (Day, String, String, u8);
    let mut sums: BTreeMap<Place, (Gas, i64, Amount)> = BTreeMap::new();
    let mut total = Amount::ZERO;
    for posting in records.flat_map(|record| record.claimed_postings(Figure::Collected)) {
        let place = (posting.day, posting.mode, posting.methodology, gas_code(posting.gas));
        let (_, count, sum) = sums.entry(place).or_insert((posting.gas, 0, Amount::ZERO));
        *count = count.checked_add(1)?;
        *sum = sum.checked_add(posting.amount)?;
        total = total.checked_add(posting.amount)?;
    }
    let of = |figure| {
        sums.iter()
            .map(move |((day, mode, methodology, _), (gas, count, amount))| Posting {
                figure,
                day: *day,
                mode: mode.clone(),
                methodology: methodology.clone(),
                gas: *gas,
                count: *count,
                amount: *amount,
            })
    };
    Some((of(Figure::Collected).chain(of(Figure::Issued)).collect(), total))
}
